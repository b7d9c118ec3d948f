"""What runs in LAMMPS leave, and the exit code of each kind of failure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm

from aiida_nnpgen.data import PotentialData

STRIDE, STEPS = 10, 40
CONDITIONS = {"ensemble": "nvt", "temperature": 300.0, "timestep": 0.5, "steps": STEPS, "stride": STRIDE}


@pytest.fixture
def inputs(
    generate_structure: Callable[..., orm.StructureData], generate_potential: Callable[..., PotentialData]
) -> dict[str, orm.Data]:
    """Return the inputs of a run of five frames with a committee of two."""
    return {
        "structure": generate_structure(),
        "models__model_0": generate_potential(seed=0),
        "models__model_1": generate_potential(seed=1),
        "conditions": orm.Dict({"conditions": CONDITIONS | {"halt_deviation": 5.0}, "seed": 4}),
    }


@pytest.fixture
def write_run(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes log, dump and deviation of water in a box of 8 Å."""

    def write(
        deviation: list[float], temperature: list[float] | None = None, end: str = "Loop time of 1\n", atoms: int = 3
    ) -> Path:
        temperatures = temperature or [300.0] * len(deviation)
        log = ["   Step          Temp          PotEng         KinEng         TotEng         Press          Volume"]
        table, dump = ["#  step  max_devi_v  min_devi_v  avg_devi_v  max_devi_f  min_devi_f  avg_devi_f"], []
        for row, (value, kelvin) in enumerate(zip(deviation, temperatures, strict=True)):
            step = row * STRIDE
            log.append(f"{step} {kelvin} {-10 - row} 0.1 {-9.9 - row} 1.0 512.0")
            table.append(f"{step} {value / 9} 0 {value / 9} {value} {value / 2} {value / 2}")
            dump += [f"ITEM: TIMESTEP\n{step}\nITEM: NUMBER OF ATOMS\n{atoms if row else 3}"]
            dump += ["ITEM: BOX BOUNDS xy xz yz pp pp pp\n0 8 0\n0 8 0\n0 8 0"]
            dump += ["ITEM: ATOMS id xu yu zu f_model[1] f_model[2] f_model[3]"]
            dump += [f"{atom + 1} {row + 0.5} {atom} 1 {row} 0 0" for atom in range(atoms if row else 3)]
        (tmp_path / "log.lammps").write_text("\n".join(log) + "\n" + end)
        (tmp_path / "frames.lammpstrj").write_text("\n".join(dump) + "\n")
        (tmp_path / "model_devi.out").write_text("\n".join(table) + "\n")
        return tmp_path

    return write


def test_lammps_parser_keeps_every_frame_of_a_good_run(
    parse: Callable[..., Any], inputs: dict[str, orm.Data], write_run: Callable[..., Path]
) -> None:
    """Without a window all frames keep their coordinates, with the labels of the driving model."""
    parsed = parse("nnpgen.samplers.lammps", inputs, write_run([0.1, 0.2, 0.3, 0.4, 0.5]))
    assert parsed.status == 0
    assert parsed.outputs["report"]["end"] == "completed"
    trajectory = parsed.outputs["trajectory"]
    assert trajectory.get_stepids().tolist() == [0, 10, 20, 30, 40]
    assert trajectory.symbols == ["O", "H", "H"]
    np.testing.assert_allclose(trajectory.get_positions()[:, 2, 0], [0.5, 1.5, 2.5, 3.5, 4.5])
    np.testing.assert_allclose(trajectory.get_array("energies"), [-10, -11, -12, -13, -14])
    np.testing.assert_allclose(trajectory.get_array("forces")[:, 0, 0], range(5))
    np.testing.assert_allclose(parsed.outputs["deviation"].get_array("deviation"), [0.1, 0.2, 0.3, 0.4, 0.5])
    np.testing.assert_allclose(parsed.outputs["deviation"].get_array("temperature"), 300)


def test_lammps_parser_keeps_coordinates_inside_the_window_alone(
    parse: Callable[..., Any], inputs: dict[str, orm.Data], write_run: Callable[..., Path]
) -> None:
    """The deviation of every frame is kept, coordinates only of candidates."""
    window = {"window": orm.Dict({"lo": 0.2, "hi": 0.5})}
    parsed = parse("nnpgen.samplers.lammps", inputs | window, write_run([0.1, 0.2, 0.6, 0.4, 0.5]))
    assert parsed.status == 0
    assert parsed.outputs["trajectory"].get_stepids().tolist() == [10, 30]
    np.testing.assert_allclose(parsed.outputs["trajectory"].get_array("deviation"), [0.2, 0.4])
    assert len(parsed.outputs["deviation"].get_array("deviation")) == 5


def test_lammps_parser_makes_no_empty_trajectory(
    parse: Callable[..., Any], inputs: dict[str, orm.Data], write_run: Callable[..., Path]
) -> None:
    """A run that stays known is a success without coordinates."""
    window = {"window": orm.Dict({"lo": 0.2, "hi": 0.5})}
    parsed = parse("nnpgen.samplers.lammps", inputs | window, write_run([0.1] * 5))
    assert parsed.status == 0
    assert set(parsed.outputs) == {"deviation", "report"}


@pytest.mark.parametrize(
    ("run", "end", "good"),
    [
        ({"deviation": [0.1, 0.2, 0.3], "end": "ERROR: Lost atoms: original 3 current 2\n"}, "lost_atoms", 3),
        ({"deviation": [0.1, 0.2, np.nan, 0.2, 0.2]}, "not_finite", 2),
        ({"deviation": [0.1, 0.2, 0.0, 0.0, 0.0]}, "not_finite", 2),
        ({"deviation": [0.1, 0.2, 0.3, 7.0, 0.3]}, "unphysical", 3),
        ({"deviation": [0.1] * 5, "temperature": [300, 400, 33000, 300, 300]}, "unphysical", 2),
        ({"deviation": [0.1] * 5, "temperature": [300, 300, 300, 300, np.nan]}, "not_finite", 4),
        ({"deviation": [0.1] * 5, "atoms": 2}, "missing_atoms", 1),
        ({"deviation": [0.1, 0.2, 6.0], "end": "Hopeless by deviation at step 20\n"}, "halted", 2),
    ],
    ids=["lost", "nan", "zero", "large", "hot", "nan_temperature", "missing", "halted"],
)
def test_lammps_parser_keeps_the_good_part_of_an_unstable_run(
    parse: Callable[..., Any],
    inputs: dict[str, orm.Data],
    write_run: Callable[..., Path],
    run: dict[str, Any],
    end: str,
    good: int,
) -> None:
    """Each way to fail is told; what came before stays, with the time of failure."""
    parsed = parse("nnpgen.samplers.lammps", inputs, write_run(**run))
    assert parsed.status == 420
    report = parsed.outputs["report"].get_dict()
    assert (report["end"], report["n_frames"]) == (end, good)
    assert report["failure_time"] == good * STRIDE * 0.5
    assert report["message"] in parsed.message
    assert parsed.outputs["trajectory"].get_stepids().tolist() == [step * STRIDE for step in range(good)]
    assert len(parsed.outputs["deviation"].get_array("deviation")) == good


def test_lammps_parser_keeps_the_good_part_of_a_cut_run(
    parse: Callable[..., Any], inputs: dict[str, orm.Data], write_run: Callable[..., Path]
) -> None:
    """A run that was killed did not fail: it has no time of failure."""
    parsed = parse("nnpgen.samplers.lammps", inputs, write_run([0.1, 0.2], end=""))
    assert parsed.status == 400
    report = parsed.outputs["report"]
    assert (report["end"], report["n_frames"], report["failure_time"]) == ("interrupted", 2, None)
    assert parsed.outputs["trajectory"].get_stepids().tolist() == [0, 10]


@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_lammps_parser_refuses_a_deviation_without_a_number(
    parse: Callable[..., Any], inputs: dict[str, orm.Data], write_run: Callable[..., Path], value: float
) -> None:
    """A table of NaN or zeros is an error that names the sampler, not a run without candidates."""
    parsed = parse("nnpgen.samplers.lammps", inputs, write_run([value] * 5))
    assert parsed.status == 320
    assert "`lammps`" in parsed.message
    assert set(parsed.outputs) == {"report"}
    assert parsed.outputs["report"]["failure_time"] == 0


def test_lammps_parser_keeps_all_frames_of_a_lone_model(
    parse: Callable[..., Any], inputs: dict[str, orm.Data], write_run: Callable[..., Path]
) -> None:
    """Without a table nothing is outside the window, and the report says that nothing could stop the run."""
    del inputs["models__model_1"]
    window = {"window": orm.Dict({"lo": 0.2, "hi": 0.5})}
    parsed = parse("nnpgen.samplers.lammps", inputs | window, write_run([0.1, 0.2, 0.6, 0.4, 0.5]))
    assert parsed.status == 0
    assert len(parsed.outputs["trajectory"].get_stepids()) == 5
    for name in ("trajectory", "deviation"):
        assert "deviation" not in parsed.outputs[name].get_arraynames()
    assert "`halt_deviation` could not act" in parsed.outputs["report"]["message"]


@pytest.mark.parametrize("log", [None, "LAMMPS (2025)\nERROR: Unknown pair style (src/force.cpp:1)\n"])
def test_lammps_parser_refuses_what_never_started(
    parse: Callable[..., Any], inputs: dict[str, orm.Data], tmp_path: Path, log: str | None
) -> None:
    """Without a single frame there is nothing to attach."""
    if log:
        (tmp_path / "log.lammps").write_text(log)
    parsed = parse("nnpgen.samplers.lammps", inputs, tmp_path)
    assert parsed.status == 300
    assert parsed.outputs == {}

"""Input of jobs with CPMD."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiida import orm

from aiida_nnpgen.calculations.cpmd import CpmdCalculation
from aiida_nnpgen.dft.code import Effort
from aiida_nnpgen.dft.cpmd.code import CPMD

NUMBERS = {"H": 1, "O": 8, "C": 6}


def pseudo(element: str, number: int | None = None) -> orm.SinglefileData:
    """Return a file whose name CPMD could not read."""
    text = f"&ATOM\n Z = {number or NUMBERS[element]}\n&END\n"
    return orm.SinglefileData(io.BytesIO(text.encode()), filename=f"{element} of the family GTH {'x' * 40}.psp")


def conditions(**changes: Any) -> orm.Dict:
    """Return a plan of dynamics."""
    values = {"ensemble": "nvt", "temperature": 300.0, "timestep": 0.5, "steps": 40, "stride": 2}
    return orm.Dict({"structure": "a", "conditions": values | changes, "seed": 7})


@pytest.fixture
def inputs(
    python_code: orm.InstalledCode, generate_structure: Callable[..., orm.StructureData]
) -> Callable[..., dict[str, Any]]:
    """Return a factory of inputs."""

    def generate(**changes: Any) -> dict[str, Any]:
        values = {
            "code": python_code,
            "structure": generate_structure("HOH"),
            "method": orm.Dict(CPMD.method(Effort.BALANCED).to_dict()),
            "pseudopotentials": {element: pseudo(element) for element in "HO"},
        }
        return {key: value for key, value in (values | changes).items() if value is not None}

    return generate


def test_cpmd_copies_the_pseudopotentials_to_where_it_looks(
    prepare: Callable[..., Any], inputs: Callable[..., dict[str, Any]]
) -> None:
    """The files lie in the working directory under short names, which stand in the input."""
    values = inputs()
    job = prepare(CpmdCalculation, **values)
    text = (job.folder / "cpmd.inp").read_text()
    copied = {target: uuid for uuid, _, target in job.info.local_copy_list}
    assert copied == {f"{element}.psp": node.uuid for element, node in values["pseudopotentials"].items()}
    assert [line for line in text.splitlines() if line.startswith("*")] == ["*H.psp", "*O.psp"]
    assert "\n 0 2 1\n" in text
    assert "ALL DFT-D2" in text
    assert job.info.codes_info[0].cmdline_params == ["cpmd.inp"]
    assert "GEOMETRY" in job.info.retrieve_temporary_list


def test_cpmd_with_conditions_is_dynamics(prepare: Callable[..., Any], inputs: Callable[..., dict[str, Any]]) -> None:
    """Steps, stride, seed, thermostat and the time limit stand in the input."""
    options = {"max_wallclock_seconds": 1000}
    job = prepare(CpmdCalculation, **inputs(conditions=conditions()), metadata={"options": options})
    lines = [line.strip() for line in (job.folder / "cpmd.inp").read_text().splitlines()]
    assert "MOLECULAR DYNAMICS BO" in lines
    for keyword, value in (
        ("MAXSTEP", "40"),
        ("TRAJECTORY FORCES SAMPLE", "2"),
        ("PRNGSEED", "7"),
        ("NOSE IONS", "300.0 333.1797"),
        ("STORE", "20"),
        ("MAXITER", "100"),
        ("MAXRUNTIME", "950"),
    ):
        assert lines[lines.index(keyword) + 1] == value
    assert not any(line.startswith("RESTART") for line in lines)
    assert {"FTRAJECTORY", "ENERGIES", "STRESS", "LATEST"} < set(job.info.retrieve_temporary_list)


def test_cpmd_goes_on_without_the_old_trajectory(
    prepare: Callable[..., Any], inputs: Callable[..., dict[str, Any]], tmp_path: Path
) -> None:
    """Only restart files are copied, so that frames are in one run alone; the rest of the steps is done."""
    values = inputs(conditions=conditions(), steps_done=orm.Int(20))
    remote = orm.RemoteData(remote_path=str(tmp_path), computer=values["code"].computer)
    job = prepare(CpmdCalculation, **values, restart_folder=remote)
    lines = [line.strip() for line in (job.folder / "cpmd.inp").read_text().splitlines()]
    assert lines[lines.index("MAXSTEP") + 1] == "20"
    assert "RESTART WAVEFUNCTION COORDINATES VELOCITIES NOSEP ACCUMULATORS LATEST" in lines
    assert [name for _, _, name in job.info.remote_copy_list] == ["RESTART.1", "LATEST"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pseudopotentials": {"O": "O"}}, "no file for `H`"),
        ({"pseudopotentials": {"O": "O", "H": "C"}}, "Z = 6 .C."),
        ({"conditions": {"thermostat": "csvr"}}, "nose_hoover"),
        ({"conditions": {"ensemble": "npt", "pressure": 1.0}}, "nvt, not npt"),
        ({"conditions": {"steps": -1}}, "`steps`"),
        ({"conditions": {"colour": "red"}}, "colour"),
        ({"steps_done": 20, "conditions": {}}, "belong together"),
        ({"method": {"functional": "BLIP"}}, "did you mean `BLYP`"),
    ],
)
def test_cpmd_refuses_bad_inputs(
    prepare: Callable[..., Any], inputs: Callable[..., dict[str, Any]], changes: dict[str, Any], message: str
) -> None:
    """What cannot work is named before anything is launched."""
    makers: dict[str, Callable[[Any], Any]] = {
        "pseudopotentials": lambda files: {key: pseudo(key, NUMBERS[of]) for key, of in files.items()},
        "conditions": lambda values: conditions(**values),
        "steps_done": orm.Int,
        "method": lambda values: orm.Dict(CPMD.method(Effort.BALANCED, values).to_dict()),
    }
    with pytest.raises(ValueError, match=message):
        prepare(CpmdCalculation, **inputs(**{key: makers[key](value) for key, value in changes.items()}))


@pytest.mark.parametrize("done", [0, 40])
def test_cpmd_refuses_a_restart_from_nowhere(
    prepare: Callable[..., Any], inputs: Callable[..., dict[str, Any]], tmp_path: Path, done: int
) -> None:
    """A restart begins within the dynamics."""
    values = inputs(conditions=conditions(), steps_done=orm.Int(done))
    remote = orm.RemoteData(remote_path=str(tmp_path), computer=values["code"].computer)
    with pytest.raises(ValueError, match="`steps_done`"):
        prepare(CpmdCalculation, **values, restart_folder=remote)

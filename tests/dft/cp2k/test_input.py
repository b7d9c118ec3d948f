"""Inputs of CP2K, and what is refused before one is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aiida_nnpgen.common.dynamics import Conditions
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.common.types import Ensemble, Thermostat
from aiida_nnpgen.dft.code import Effort
from aiida_nnpgen.dft.cp2k.code import CP2K
from aiida_nnpgen.dft.cp2k.input import CELLS, FRAMES, INPUT, write_batch, write_md
from aiida_nnpgen.dft.label import LabelFailure
from aiida_nnpgen.dft.method import Method


@pytest.fixture
def frames() -> Frames:
    """Return two frames of one composition in skewed cells of different size."""
    cells = np.array([np.diag([4.0, 5.0, 6.0]), [[4.5, 0, 0], [0.5, 5.0, 0], [-0.3, 0.2, 6.5]]])
    positions = np.arange(18.0).reshape(2, 3, 3) / 7
    return Frames(numbers=np.array([1, 8, 1]), positions=positions, cells=cells)


def method(**changes: Any) -> Method:
    """Return the balanced method with changes."""
    return CP2K.method(Effort.BALANCED, changes)


def sections(text: str) -> dict[str, list[str]]:
    """Return the lines of each section by path, as CP2K would read them."""
    path: list[str] = []
    found: dict[str, list[str]] = {}
    for line in map(str.strip, text.splitlines()):
        if line.startswith("&END"):
            assert line.split()[1] == path.pop().split(":")[0]
        elif line.startswith("&"):
            path.append(line[1:].replace(" ", ":"))
            found.setdefault("/".join(path), [])
        else:
            found["/".join(path)].append(line)
    assert not path
    return found


def dft(frames: Frames, **changes: Any) -> dict[str, list[str]]:
    """Return the sections below DFT of a batch."""
    found = sections(write_batch(frames, method(**changes))[INPUT])
    return {key.removeprefix("FORCE_EVAL/DFT").strip("/"): lines for key, lines in found.items() if "/DFT" in key}


def test_write_batch_has_every_frame_with_its_cell(frames: Frames) -> None:
    """Frames and cells go into files of their own, with all digits; the first one sets the calculation up."""
    files = write_batch(frames, method(), walltime=100.9)
    xyz = [line.split() for line in files[FRAMES].splitlines()]
    assert [row[0] for row in xyz] == ["3", "i", "H", "O", "H"] * 2
    np.testing.assert_allclose(np.array([row[1:] for row in xyz[7:]], dtype=float), frames.positions[1], atol=1e-12)
    cells = [line.split() for line in files[CELLS].splitlines()[1:]]
    np.testing.assert_allclose(np.array([row[2:11] for row in cells], dtype=float), frames.cells.reshape(2, 9))
    text = sections(files[INPUT])
    assert "WALLTIME 100" in text["GLOBAL"]
    assert {"ENSEMBLE REFTRAJ", "STEPS 2"} <= set(text["MOTION/MD"])
    assert {"VARIABLE_VOLUME T", "EVAL_FORCES T", "LAST_SNAPSHOT 2"} <= set(text["MOTION/MD/REFTRAJ"])
    assert "EXTRAPOLATION USE_GUESS" in text["FORCE_EVAL/DFT/QS"]
    assert text["FORCE_EVAL/SUBSYS/KIND:O"] == ["POTENTIAL GTH-BLYP", "BASIS_SET DZVP-MOLOPT-SR-GTH"]


def test_protocols_are_what_was_published(frames: Frames) -> None:
    """BLYP with D3 at 400 Ry of the density, which are 100 Ry of the orbitals."""
    text = dft(frames)
    assert "CUTOFF 400.0" in text["MGRID"]
    assert "XC/XC_FUNCTIONAL:BLYP" in text
    assert {"TYPE DFTD3(BJ)", "REFERENCE_FUNCTIONAL BLYP"} <= set(text["XC/VDW_POTENTIAL/PAIR_POTENTIAL"])
    assert "EPS_SCF 1e-06" in text["SCF/OUTER_SCF"]
    for protocol in Effort:
        CP2K.check(CP2K.method(protocol))


def test_words_of_every_code_reach_the_input(frames: Frames) -> None:
    """Functional, dispersion, cutoff, charge and spin have no port without effect."""
    text = dft(frames, functional="pbe", dispersion="d2", cutoff=321.0, charge=-1, multiplicity=3)
    assert {"CHARGE -1", "MULTIPLICITY 3", "UKS T"} <= set(text[""])
    assert "XC/XC_FUNCTIONAL:PBE" in text
    assert {"TYPE DFTD2", "SCALING 0.75"} <= set(text["XC/VDW_POTENTIAL/PAIR_POTENTIAL"])
    assert "CUTOFF 321.0" in text["MGRID"]
    assert "XC/VDW_POTENTIAL" not in dft(frames, dispersion="none")
    assert "UKS T" not in dft(frames)[""]


def test_k_points_lie_around_gamma_and_switch_to_diagonalisation(frames: Frames) -> None:
    """One of each pair is written with its weight; orbital transformation has no k-points."""
    text = dft(frames, kpoints=(2, 3, 1))
    points = [line.split()[1:] for line in text["KPOINTS"] if line.startswith("KPOINT ")]
    assert points[0][:3] == ["0.0", "0.0", "0.0"]
    assert [int(point[3]) for point in points] == [1, 2, 1, 2]
    assert "SCF/DIAGONALIZATION" in text
    assert "SCF/OT" not in text
    assert "SCF/OUTER_SCF" not in text
    assert "KPOINTS" not in dft(frames, kpoints=(1, 1, 1))


def test_parameters_go_over_everything_else(frames: Frames) -> None:
    """In any case of letters, into sections and single elements; `false` takes a section away."""
    parameters = {
        "force_eval": {
            "Dft": {
                "mgrid": {"cutoff": 500},
                "XC": {"XC_GRID": False},
                "SCF": {"OUTER_SCF": None, "OT": {"STEPSIZE": 0.1}},
            },
            "SUBSYS": {"KIND": {"o": {"POTENTIAL": "GTH-BLYP-q6"}}},
        }
    }
    found = sections(write_batch(frames, method(parameters=parameters))[INPUT])
    assert "CUTOFF 500" in found["FORCE_EVAL/DFT/MGRID"]
    assert not [line for line in found["FORCE_EVAL/DFT/MGRID"] if "400" in line]
    assert "FORCE_EVAL/DFT/XC/XC_GRID" not in found
    assert "FORCE_EVAL/DFT/SCF/OUTER_SCF" not in found
    assert {"STEPSIZE 0.1", "MINIMIZER DIIS"} <= set(found["FORCE_EVAL/DFT/SCF/OT"])
    assert "POTENTIAL GTH-BLYP-q6" in found["FORCE_EVAL/SUBSYS/KIND:O"]
    assert "POTENTIAL GTH-BLYP" in found["FORCE_EVAL/SUBSYS/KIND:H"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"functional": "BLIP"}, "`BLIP` is none of BLYP"),
        ({"functional": "PBESOL", "dispersion": "d2"}, "D2 has no published scaling for `PBESOL`"),
        ({"functional": "LDA"}, "D3 has no parameters for `LDA`"),
        ({"parameters": {"MOTION": {"MD": {"STEPS": 5}}}}, "`MOTION` is not yours"),
        ({"parameters": {"GLOBAL": {"RUN_TYPE": "GEO_OPT"}}}, "`RUN_TYPE` belongs to the labeller"),
        ({"parameters": {"FORCE_EVAL": {"STRESS_TENSOR": "NONE"}}}, "`STRESS_TENSOR` is not yours"),
        ({"parameters": {"FORCE_EVAL": {"SUBSYS": {"CELL": {"ABC": "1 1 1"}}}}}, "`CELL` is not yours"),
        ({"parameters": {"FORCE_EVAL": {"DFT": {"QS": {"EXTRAPOLATION": "ASPC"}}}}}, "`EXTRAPOLATION` belongs"),
        ({"parameters": {"FORCE_EVAL": {"DFT": {"SCF": {"SCF_GUESS": "RESTART"}}}}}, "`RESTART` is no start"),
        ({"parameters": {"FORCE_EVAL": {"DFT": {"MGRD": {"CUTOFF": 1}}}}}, "did you mean `MGRID`"),
        ({"parameters": {"FORCE_EVAL": {"DFT": {"SCF": {"EPS_SFC": 1}}}}}, "did you mean `EPS_SCF`"),
        ({"parameters": {"FORCE_EVAL": {"SUBSYS": {"KIND": {"O": {"BASIS_SETT": "x"}}}}}}, "did you mean `BASIS_SET`"),
        ({"parameters": {"FORCE_EVAL": {"SUBSYS": {"KIND": {"Xx": {}}}}}}, "`Xx` is no element"),
        ({"parameters": {"FORCE_EVAL": {"SUBSYS": {"KIND": [{"_": "O"}]}}}}, "write a mapping"),
        ({"parameters": {"FORCE_EVAL": {"DFT": {"XC": {"XC_FUNCTIONAL": "PBE"}}}}}, "write `{_: PBE}`"),
        ({"parameters": {"FORCE_EVAL": {"DFT": {"MGRID": {"CUTOFF": "1\n&END"}}}}}, "is no value"),
        ({"parameters": {"FORCE_EVAL": {"DFT": {"SCF": {"SMEAR": {"_": True}}}}}}, "needs `ADDED_MOS`"),
    ],
)
def test_check_refuses(changes: dict[str, Any], message: str) -> None:
    """What CP2K cannot take, or the labeller must own, is named with its place."""
    with pytest.raises(InputError, match=message):
        CP2K.check(method(**changes))


def test_check_wants_a_functional() -> None:
    """Nothing is assumed."""
    with pytest.raises(InputError, match="`functional` is missing"):
        CP2K.check(Method())


def test_write_batch_wants_a_volume(frames: Frames) -> None:
    """A molecule without a cell is refused here, not by CP2K."""
    flat = Frames(numbers=frames.numbers, positions=frames.positions, cells=np.zeros((2, 3, 3)))
    with pytest.raises(InputError, match="a cell with a volume"):
        write_batch(flat, method())


@pytest.mark.parametrize(
    ("thermostat", "section", "line"),
    [
        (Thermostat.NOSE_HOOVER, "MOTION/MD/THERMOSTAT/NOSE", "TIMECON 25.0"),
        (Thermostat.CSVR, "MOTION/MD/THERMOSTAT/CSVR", "TIMECON 25.0"),
        (Thermostat.LANGEVIN, "MOTION/MD/LANGEVIN", "GAMMA 0.04"),
    ],
)
def test_write_md_drives_the_thermostat_with_its_damping(
    frames: Frames, thermostat: Thermostat, section: str, line: str
) -> None:
    """Each thermostat has the given time; the friction is its inverse."""
    conditions = Conditions(
        ensemble=Ensemble.NVT,
        temperature=330.0,
        timestep=0.4,
        steps=50,
        stride=5,
        thermostat=thermostat,
        thermostat_damping=25.0,
    )
    text = sections(write_md(frames[:1], method(), conditions, 2**40)[INPUT])
    assert line in text[section]
    assert {"TEMPERATURE 330.0", "TIMESTEP 0.4", "STEPS 50"} <= set(text["MOTION/MD"])
    assert text["MOTION/PRINT/FORCES/EACH"] == text["FORCE_EVAL/PRINT/STRESS_TENSOR:ON/EACH"] == ["MD 5"]
    [seed] = [int(line.split()[1]) for line in text["GLOBAL"] if line.startswith("SEED")]
    assert 0 < seed < 2**31


@pytest.mark.parametrize("changes", [{}, {"kpoints": (2, 1, 1)}])
@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_remedy_changes_the_solver_alone(frames: Frames, changes: dict[str, Any], attempt: int) -> None:
    """Another way to the same orbitals: criterion, basis and functional stay."""
    before = method(**changes)
    after = CP2K.remedy(before, LabelFailure.NOT_CONVERGED, attempt)
    assert after is not None
    CP2K.check(after)
    old, new = (sections(write_batch(frames, each)[INPUT]) for each in (before, after))
    assert old != new
    changed = {key for key in old.keys() | new.keys() if old.get(key) != new.get(key)}
    assert all(key.startswith("FORCE_EVAL/DFT/SCF") for key in changed)
    assert "EPS_SCF 1e-06" in new["FORCE_EVAL/DFT/SCF"]


def test_remedy_prevails_over_what_did_not_converge(frames: Frames) -> None:
    """What the user set about the solver, in any letters, is what failed; the rest of it stays."""
    own = {"force_eval": {"dft": {"scf": {"max_scf": 3, "OUTER_SCF": False, "ADDED_MOS": 2}}}}
    after = CP2K.remedy(method(parameters=own), LabelFailure.NOT_CONVERGED, 1)
    assert after is not None
    text = sections(write_batch(frames, after)[INPUT])
    assert {"MAX_SCF 30", "ADDED_MOS 2"} <= set(text["FORCE_EVAL/DFT/SCF"])
    assert "MAX_SCF 20" in text["FORCE_EVAL/DFT/SCF/OUTER_SCF"]


@pytest.mark.parametrize("reason", [LabelFailure.CALCULATOR, LabelFailure.NO_OUTPUT])
def test_remedy_has_none_for_other_reasons(reason: LabelFailure) -> None:
    """A stop or a damaged file would come again."""
    assert CP2K.remedy(method(), reason, 1) is None

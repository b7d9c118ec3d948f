"""The stand-in for VASP behind the labeller and behind dynamics, through aiida-vasp's work chain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase import Atoms
from ase.calculators.emt import EMT

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.data.lineage import label_process, label_processes
from aiida_nnpgen.workchains.aimd.vasp import VaspAimdWorkChain
from aiida_nnpgen.workchains.labellers.vasp import VaspLabellerWorkChain
from aiida_nnpgen.workchains.labelling import LabellingWorkChain

pytest.importorskip("aiida_vasp")
pytestmark = pytest.mark.xdist_group("vasp")

STEP, STRAIN = 0.002, 0.002
"""Displacement in Å and strain of the finite differences."""


def waters() -> Atoms:
    """Return two molecules, O H O H H H, in a triclinic cell; one atom lies outside of it."""
    cell = [[6.0, 0.0, 0.0], [0.8, 5.5, 0.0], [-0.5, 0.6, 5.8]]
    positions = [
        [0.1, 2.0, 2.0],
        [-0.85, 2.05, 2.0],
        [3.0, 4.5, 3.0],
        [0.4, 2.9, 2.2],
        [3.9, 4.6, 3.2],
        [2.7, 5.4, 3.0],
    ]
    return Atoms("OHOHHH", positions=positions, cell=cell, pbc=True)


def moved(change: float) -> Atoms:
    """Return the molecules with the last atom displaced along y."""
    atoms = waters()
    atoms.positions[5, 1] += change
    return atoms


def strained(change: float) -> Atoms:
    """Return the molecules strained along z and sheared in the plane of y and z."""
    strain = np.eye(3)
    strain[2, 2] += change
    strain[1, 2] = strain[2, 1] = change
    atoms = waters()
    atoms.set_cell(atoms.cell.array @ strain, scale_atoms=True)
    return atoms


def settings(**changes: Any) -> orm.Dict:
    """Return settings of a labelling."""
    values = {
        "labeller": "vasp",
        "protocol": "fast",
        "kpoints": [1, 1, 1],
        "batch_size": 10,
        "checks": {"max_force": 60.0, "max_net_force": 0.1},
        "min_yield": 0.0,
        "max_attempts": 3,
        "iteration": 0,
        "validation_fraction": 0.0,
        "seed": 1,
        "pseudopotentials": "given as nodes",
    }
    return orm.Dict(values | changes)


@pytest.fixture
def label(potcars: dict[str, orm.Data]) -> Callable[..., orm.WorkChainNode]:
    """Return a function that labels structures."""

    def run(code: orm.AbstractCode, images: list[Atoms], **changes: Any) -> orm.WorkChainNode:
        structures = {f"frame_{index:04d}": orm.StructureData(ase=atoms) for index, atoms in enumerate(images)}
        _, node = run_get_node(
            LabellingWorkChain,
            code=code,
            settings=settings(**changes),
            structures=structures,
            record=orm.Dict({key: {"reason": "test", "start": "water"} for key in structures}),
            pseudopotentials=potcars,
            options={"withmpi": False},
        )
        return node

    return run


def labels(node: orm.WorkChainNode) -> list[Frames]:
    """Return the label of every frame in the order of their keys."""
    assert node.is_finished_ok, node.exit_message
    shard = node.outputs.dataset
    rows = [part[[row]] for part in shard.get_frames() for row in range(len(part))]
    return [row for _, row in sorted(zip([origin.structure for origin in shard.origins], rows, strict=True))]


def calculations(node: orm.ProcessNode) -> list[orm.CalcJobNode]:
    """Return every job below a process, in the order of their launch."""
    jobs = [child for child in node.called_descendants if isinstance(child, orm.CalcJobNode)]
    return sorted(jobs, key=lambda job: job.pk)


@pytest.mark.slow
def test_four_frames_are_labelled(vasp_code: orm.InstalledCode, label: Callable[..., orm.WorkChainNode]) -> None:
    """Forces and stress are derivatives of the energy, whatever VASP reorders; each label names its job."""
    node = label(vasp_code, [moved(STEP), moved(-STEP), strained(STRAIN), strained(-STRAIN)])
    forward, backward, wide, narrow = labels(node)
    middle = waters()
    middle.calc = EMT()
    slope = (forward.energies[0] - backward.energies[0]) / (2 * STEP)
    mean = (forward.forces[0, 5, 1] + backward.forces[0, 5, 1]) / 2
    assert mean == pytest.approx(-slope, abs=2e-3)
    assert mean == pytest.approx(middle.get_forces()[5, 1], abs=2e-3)
    work = (wide.energies[0] - narrow.energies[0]) / (2 * STRAIN) / middle.get_volume()
    stress = (wide.stresses[0] + narrow.stresses[0]) / 2
    assert stress[2] + 2 * stress[3] == pytest.approx(work, abs=2e-4)
    assert abs(work) > 2e-3
    assert forward.numbers.tolist() == [8, 1, 8, 1, 1, 1]
    np.testing.assert_array_equal(forward.positions[0], moved(STEP).positions)
    jobs = {job.uuid for job in calculations(node)}
    sources = node.outputs.dataset.creator.base.links.get_incoming(orm.TrajectoryData).all_nodes()
    assert {label_process(source).uuid for source in sources} == jobs
    assert len(jobs) == 4


def test_radical_and_ion_have_their_own_charge_and_spin(
    vasp_code: orm.InstalledCode, label: Callable[..., orm.WorkChainNode]
) -> None:
    """Rules by composition; the number of electrons comes from the potentials."""
    hydronium = waters()[[0, 1, 3, 4]]
    rules = [{"match": {"formula": "OH"}, "multiplicity": 2}, {"match": {"formula": "H3O"}, "charge": 1}]
    node = label(vasp_code, [waters()[[1, 0]], hydronium], rules=rules, checks={"max_force": None})
    assert len(labels(node)) == 2
    found = {job.inputs.structure.get_formula(): job.inputs.parameters.get_dict() for job in calculations(node)}
    assert (found["HO"]["ispin"], found["HO"]["nupdown"]) == (2, 1)
    assert found["H3O"]["nelect"] == 8
    assert "nelect" not in found["HO"]


@pytest.mark.slow
def test_field_that_does_not_converge_gets_another_solver(
    vasp: Callable[..., orm.InstalledCode], label: Callable[..., orm.WorkChainNode]
) -> None:
    """Slower mixing and then all bands together; nothing else changes, and aiida-vasp does nothing by itself."""
    code = vasp(iterations={"fast": 999, "normal": 999, "all": 120})
    node = label(code, [waters()])
    assert len(labels(node)) == 1
    jobs = calculations(node)
    assert [job.exit_status for job in jobs] == [701, 701, 0]
    incars = [job.inputs.parameters.get_dict() for job in jobs]
    assert [incar["algo"].lower() for incar in incars] == ["fast", "normal", "all"]
    assert [incar["nelm"] for incar in incars] == [100, 200, 300]
    assert incars[1]["amix"] < 0.4
    solver = {"algo", "nelm", "amix", "bmix", "time"}
    rest = [{tag: value for tag, value in incar.items() if tag not in solver} for incar in incars]
    assert rest[0] == rest[1] == rest[2]


def test_frame_that_never_converges_is_given_up(
    vasp: Callable[..., orm.InstalledCode], label: Callable[..., orm.WorkChainNode]
) -> None:
    """With the reason and the last job."""
    node = label(vasp(iterations={"*": 999}), [waters()], max_attempts=2)
    assert node.exit_status == 453
    jobs = calculations(node)
    assert len(jobs) == 2
    failure = node.outputs.report["failures"]["frame_0000"]
    assert failure["reason"] == "not_converged"
    assert failure["process"] in {job.uuid for job in jobs}


def test_job_that_was_cut_is_tried_again(
    vasp: Callable[..., orm.InstalledCode], label: Callable[..., orm.WorkChainNode]
) -> None:
    """Killed once, then well."""
    node = label(vasp(kill={"1": 0}), [waters()])
    assert len(labels(node)) == 1
    assert [job.is_finished_ok for job in calculations(node)] == [False, True]


@pytest.mark.slow
def test_job_with_lost_files_is_tried_again_and_a_refusal_is_not(
    vasp: Callable[..., orm.InstalledCode], label: Callable[..., orm.WorkChainNode], tmp_path: Path
) -> None:
    """A cut vasprun.xml, a lost OUTCAR, and an error in a box."""
    node = label(vasp(cut={"1": "vasprun.xml"}, lose={"2": "OUTCAR"}), [waters()])
    assert len(labels(node)) == 1
    assert len(calculations(node)) == 3
    (tmp_path / "vasp_runs.txt").unlink()
    other = waters()  # what was labelled would come from the cache
    other.positions[0, 0] += 0.02
    node = label(vasp(error={"*": "Error reading item NCORE from file INCAR."}), [other])
    [job] = calculations(node)
    failure = node.outputs.report["failures"]["frame_0000"]
    assert (failure["reason"], failure["process"]) == ("calculator", job.uuid)
    assert "NCORE" in failure["detail"]


@pytest.fixture
def run_aimd(potcars: dict[str, orm.Data]) -> Callable[..., orm.WorkChainNode]:
    """Return a function that runs dynamics."""

    def run(code: orm.AbstractCode, thermostat: str = "nose_hoover", steps: int = 6) -> orm.WorkChainNode:
        values = {"ensemble": "nvt", "temperature": 500.0, "timestep": 0.5, "steps": steps, "stride": 2}
        values |= {"thermostat": thermostat, "thermostat_damping": 20.0}
        parameters = {"PREC": "Accurate", "EDIFF": 1e-6, "NELM": 40}
        method = {"functional": "PBE", "dispersion": "d3", "cutoff": 30.0, "parameters": parameters}
        _, node = run_get_node(
            VaspAimdWorkChain,
            code=code,
            structure=orm.StructureData(ase=waters()),
            conditions=orm.Dict({"structure": "water", "conditions": values, "seed": 11}),
            method=orm.Dict(method),
            pseudopotentials=potcars,
            options={"withmpi": False},
        )
        return node

    return run


def check_labels(node: orm.WorkChainNode) -> np.ndarray:
    """Check every frame against the stand-in's calculator, and return the positions."""
    trajectory = node.outputs.labels
    energies, forces, stresses = (trajectory.get_array(name) for name in ("energies", "forces", "stresses"))
    for row, positions in enumerate(trajectory.get_positions()):
        atoms = waters()
        atoms.positions = positions
        atoms.calc = EMT()
        assert energies[row] == pytest.approx(atoms.get_potential_energy(), abs=1e-5)
        np.testing.assert_allclose(forces[row], atoms.get_forces(), atol=1e-5)
        np.testing.assert_allclose(stresses[row], atoms.get_stress(), atol=1e-6)
    positions: np.ndarray = trajectory.get_positions()
    return positions


def test_dynamics_gives_labels(vasp_code: orm.InstalledCode, run_aimd: Callable[..., orm.WorkChainNode]) -> None:
    """Stochastic rescaling, whose period aiida-vasp does not know: it is in INCAR."""
    node = run_aimd(vasp_code, "csvr")
    assert node.is_finished_ok, node.exit_message
    assert node.outputs.labels.get_stepids().tolist() == [0, 2, 4, 6]
    assert node.outputs.labels.base.attributes.get("structure_link") == "structure"
    assert node.outputs.report["end"] == "completed"
    check_labels(node)
    [job] = calculations(node)
    written = job.base.repository.get_object_content("INCAR")
    assert "; CSVR_PERIOD = 40.0" in written
    assert "RANDOM_SEED = 11 0 0" in written


def test_dynamics_goes_on_where_it_was_cut(
    vasp: Callable[..., orm.InstalledCode], run_aimd: Callable[..., orm.WorkChainNode], tmp_path: Path
) -> None:
    """Killed after three configurations and after two more: velocities are kept, and nothing is lost or doubled."""
    node = run_aimd(vasp(kill={"1": 3, "2": 2}))
    assert node.is_finished_ok, node.exit_message
    first, second, third = calculations(node)
    assert [job.inputs.parameters["nsw"] for job in (first, second, third)] == [7, 4, 2]
    assert node.outputs.labels.get_stepids().tolist() == [0, 2, 4, 6]
    assert node.outputs.labels.get_array("run").tolist() == [0, 0, 1, 2]
    makers = [maker.uuid for maker in label_processes(node.outputs.labels)]
    assert makers == [first.uuid, first.uuid, second.uuid, third.uuid]
    cut = check_labels(node)
    (tmp_path / "vasp_runs.txt").unlink()
    whole = check_labels(run_aimd(vasp()))
    # The state of the thermostat begins anew in the stand-in.
    np.testing.assert_allclose(cut, whole, atol=5e-3)
    assert np.abs(whole[-1] - whole[0]).max() > 0.02


@pytest.mark.slow
def test_dynamics_that_does_not_get_anywhere_ends(
    vasp: Callable[..., orm.InstalledCode], run_aimd: Callable[..., orm.WorkChainNode]
) -> None:
    """What was computed is kept, and the reason said."""
    node = run_aimd(vasp(kill={"1": 3, "*": 0}))
    assert node.exit_status == 440
    assert len(calculations(node)) == 2
    assert node.outputs.labels.get_stepids().tolist() == [0, 2]
    assert node.outputs.report["end"] == "interrupted"


def test_unconverged_frame_of_dynamics_is_no_label(
    vasp: Callable[..., orm.InstalledCode], run_aimd: Callable[..., orm.WorkChainNode]
) -> None:
    """VASP, aiida-vasp's parser and its work chain are content with it."""
    node = run_aimd(vasp(unconverged={"1": [2, 3]}))
    [job] = calculations(node)
    assert job.is_finished_ok
    assert job.outputs.misc["run_status"]["contains_nelm_breach"]
    assert node.is_finished_ok, node.exit_message
    assert node.outputs.labels.get_stepids().tolist() == [0, 4, 6]
    assert node.outputs.report["n_left_out"] == 1
    check_labels(node)


def write_potcar(path: Path, element: str, name: str) -> None:
    """Write the head of a potential."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f" PAW_PBE {name} x{path.parent.name}\n 1.0\n parameters from PSCTR are:\n   VRHFIN ={element}: s\n"
    text += f"   LEXCH  = PE\n   TITEL  = PAW_PBE {name} x{path.parent.name}\n   POMASS = 1.0; ZVAL   =    1.000\n"
    path.write_text(text + "   ENMAX  =  400.0; ENMIN = 300.0 eV\nEND of PSCTR-controll parameters\n End of Dataset\n")


@pytest.fixture(scope="module")
def family(aiida_profile: object, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the label of an uploaded family with two potentials of oxygen."""
    from aiida_vasp.data.potcar import PotcarData

    folder = tmp_path_factory.mktemp("family")
    for element, name in (("H", "H"), ("O", "O"), ("O", "O_h")):
        write_potcar(folder / "set" / name / "POTCAR", element, name)
    PotcarData.upload_potcar_family(str(folder / "set"), "fake.64", "made up", stop_if_existing=False)
    return "fake.64"


def names(nodes: dict[str, orm.Data]) -> dict[str, str]:
    """Return the name of each potential."""
    return {element: node.full_name for element, node in nodes.items()}


def test_potentials_come_from_families_and_files(family: str, tmp_path: Path) -> None:
    """A family, a potential of it that is not named like the element, or a file."""
    load = VaspLabellerWorkChain.load_pseudopotentials
    assert names(load(family, "HO", tmp_path)) == {"H": "H", "O": "O"}
    write_potcar(tmp_path / "files" / "hydrogen.txt", "H", "H_h")
    mixed = load({"O": f"{family}:O_h", "H": "files/hydrogen.txt"}, "HO", tmp_path)
    assert names(mixed) == {"H": "H_h", "O": "O_h"}
    assert load(None, "HO", tmp_path) == {}
    again = load({"O": f"{family}:O_h", "H": "files/hydrogen.txt"}, "HO", tmp_path)
    assert {node.uuid for node in again.values()} == {node.uuid for node in mixed.values()}


def test_family_for_the_work_chain_holds_the_very_potentials(family: str, tmp_path: Path) -> None:
    """aiida-vasp finds them by label and name."""
    from aiida_vasp.data.potcar import PotcarData

    from aiida_nnpgen.workchains.labellers.potcars import family_of

    nodes = VaspLabellerWorkChain.load_pseudopotentials({"O": f"{family}:O_h", "H": f"{family}:H"}, "HO", tmp_path)
    label, mapping = family_of(nodes)
    assert family_of(nodes) == (label, mapping)
    found = PotcarData.get_potcars_dict(["H", "O"], label, mapping)
    assert {element: node.uuid for element, node in found.items()} == {
        element: node.uuid for element, node in nodes.items()
    }


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("absent", "there is no family `absent`"),
        ({"H": "fake.64:H"}, "nothing for `O`"),
        ({"H": "fake.64:H", "O": "fake.64:O_x"}, "`O_x` in family `fake.64`"),
        ({"H": "fake.64:H", "O": "fake.64:H"}, "`fake.64:H` is for `H`"),
        ({"H": "fake.64:H", "O": "no_such_file"}, "no_such_file"),
        ({"H": "fake.64:H", "O": "."}, "Is a directory"),
    ],
)
def test_wrong_potentials_are_refused(family: str, tmp_path: Path, wanted: Any, message: str) -> None:
    """Before anything is launched, naming the value."""
    with pytest.raises(InputError, match=f"reference.pseudopotentials.*{message}"):
        VaspLabellerWorkChain.load_pseudopotentials(wanted, "HO", tmp_path)


def runs(folder: Path) -> int:
    """Return how often the stand-in was started."""
    return len((folder / "vasp_runs.txt").read_text().splitlines())


def test_label_that_exists_is_not_computed_again(
    vasp_code: orm.InstalledCode, label: Callable[..., orm.WorkChainNode], tmp_path: Path
) -> None:
    """Another labelling takes the finished frame over, and computes the new one."""
    first = labels(label(vasp_code, [waters()]))
    again = labels(label(vasp_code, [waters(), moved(0.1)]))
    assert runs(tmp_path) == 2
    np.testing.assert_array_equal(first[0].forces, again[0].forces)


def test_job_that_failed_is_run_again(
    vasp: Callable[..., orm.InstalledCode], label: Callable[..., orm.WorkChainNode], tmp_path: Path
) -> None:
    """What was killed, or left no label, may have more luck next time."""
    code = vasp(kill={"1": 0}, lose={"2": "OUTCAR"})
    assert not label(code, [waters()], max_attempts=2).is_finished_ok
    assert len(labels(label(code, [waters()]))) == 1
    assert runs(tmp_path) == 3


def test_dynamics_that_is_finished_is_not_run_again(
    vasp_code: orm.InstalledCode, run_aimd: Callable[..., orm.WorkChainNode], tmp_path: Path
) -> None:
    """The frames come from the cache."""
    first, again = run_aimd(vasp_code), run_aimd(vasp_code)
    assert runs(tmp_path) == 1
    np.testing.assert_array_equal(check_labels(first), check_labels(again))

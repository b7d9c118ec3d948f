"""Real pw.x behind the labeller: right labels, and a reason for each that there is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase import Atoms

from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.data.lineage import CALCULATED
from aiida_nnpgen.data.trajectory import trajectory_to_frames
from aiida_nnpgen.workchains.initial_dataset import InitialDatasetWorkChain
from aiida_nnpgen.workchains.labelling import LabellingWorkChain

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("qe")]

STEP, STRAIN = 0.005, 0.002
"""Displacement in Å and strain of the finite differences."""


def water() -> Atoms:
    """Return a molecule in a small triclinic cell."""
    cell = [[4.5, 0.0, 0.0], [0.6, 4.2, 0.0], [-0.4, 0.5, 4.8]]
    return Atoms("HOH", positions=[[2.9, 2.05, 2.0], [2.0, 2.0, 2.0], [1.75, 2.9, 2.2]], cell=cell, pbc=True)


def hydrogens() -> Atoms:
    """Return four atoms with half-filled levels."""
    positions = [[0.0, 0.0, 0.0], [1.2, 0.0, 0.0], [0.0, 1.25, 0.0], [1.2, 1.2, 0.3]]
    return Atoms("H4", positions=positions, cell=3 * [4.0], pbc=True)


def moved(atoms: Atoms, index: int, change: float) -> Atoms:
    """Return a copy with one atom displaced along x."""
    copy = atoms.copy()
    copy.positions[index, 0] += change
    return copy


def strained(atoms: Atoms, change: float) -> Atoms:
    """Return a copy strained along z and sheared in the plane of y and z."""
    strain = np.eye(3)
    strain[2, 2] += change
    strain[1, 2] = strain[2, 1] = change
    copy = atoms.copy()
    copy.set_cell(copy.cell.array @ strain, scale_atoms=True)
    return copy


def settings(**changes: Any) -> dict[str, Any]:
    """Return settings of a cheap labelling."""
    values = {
        "labeller": "qe",
        "protocol": "fast",
        "functional": "PBE",
        "dispersion": "none",
        "cutoff": 25.0,
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
    return values | changes


@pytest.fixture
def label(
    pw_code: orm.InstalledCode, generate_upf: Callable[..., dict[str, orm.Data]]
) -> Callable[..., orm.WorkChainNode]:
    """Return a function that labels structures."""

    def run(
        images: list[Atoms],
        elements: str = "OH",
        options: tuple[dict[str, Any], ...] = (),
        code: orm.InstalledCode = pw_code,
        **changes: Any,
    ) -> orm.WorkChainNode:
        structures = {f"frame_{index:04d}": orm.StructureData(ase=atoms) for index, atoms in enumerate(images)}
        _, node = run_get_node(
            LabellingWorkChain,
            code=code,
            settings=orm.Dict(settings(**changes)),
            structures=structures,
            record=orm.Dict({key: {"reason": "test", "start": "water"} for key in structures}),
            pseudopotentials=generate_upf(elements),
            **dict(zip(("options", "larger_options"), options or ({"withmpi": False},), strict=False)),
        )
        return node

    return run


def wrapped(code: orm.InstalledCode, script: Path) -> orm.InstalledCode:
    """Return a script that runs a code, as a code."""
    return orm.InstalledCode(
        label=script.stem,
        computer=code.computer,
        filepath_executable=str(script),
        prepend_text=code.prepend_text,
        default_calc_job_plugin="quantumespresso.pw",
    ).store()


def labels(node: orm.WorkChainNode) -> list[Frames]:
    """Return the label of every frame in the order of their keys."""
    assert node.is_finished_ok, node.exit_message
    shard = node.outputs.dataset
    rows = [part[[row]] for part in shard.get_frames() for row in range(len(part))]
    return [row for _, row in sorted(zip([origin.structure for origin in shard.origins], rows, strict=True))]


def energy(frame: Frames) -> float:
    """Return the energy of one frame."""
    assert frame.energies is not None
    return float(frame.energies[0])


def calculations(node: orm.ProcessNode) -> list[orm.CalcJobNode]:
    """Return every job below a process, in the order of their launch."""
    jobs = [child for child in node.called_descendants if isinstance(child, orm.CalcJobNode)]
    return sorted(jobs, key=lambda job: job.pk)


def test_two_water_molecules_are_labelled(label: Callable[..., orm.WorkChainNode]) -> None:
    """With real wavefunctions, dispersion and one job each; the lineage names the job."""
    pair = water()
    other = pair.copy()
    other.positions += [0.3, 0.2, 3.0]
    pair.set_cell([4.5, 4.5, 6.5])
    node = label([pair + other, moved(pair + other, 1, 0.05)], dispersion="d3", cutoff=40.0)
    found = labels(node)
    assert len(found) == 2
    assert found[0].numbers.tolist() == [1, 8, 1, 1, 8, 1]
    assert energy(found[0]) != energy(found[1])
    jobs = {job.uuid: job for job in calculations(node)}
    assert len(jobs) == 2
    assert all(job.process_label == "PwCalculation" and job.is_finished_ok for job in jobs.values())
    shard = node.outputs.dataset
    sources = shard.creator.base.links.get_incoming(orm.TrajectoryData).all_nodes()
    used = [source.creator.inputs[CALCULATED].creator.uuid for source in sources]
    assert sorted(used) == sorted(jobs)
    for job in jobs.values():
        assert job.inputs.parameters["SYSTEM"]["vdw_corr"] == "dft-d3"
        assert "gamma" in job.base.repository.get_object_content("aiida.in")


def test_label_that_exists_is_not_computed_again(label: Callable[..., orm.WorkChainNode]) -> None:
    """Another labelling takes the finished frame over, and computes the new one."""
    label([water()])
    node = label([water(), moved(water(), 1, 0.03)])
    assert len(labels(node)) == 2
    assert [job.base.caching.is_created_from_cache for job in calculations(node)] == [True, False]


def test_label_is_the_derivative_of_its_energy(label: Callable[..., orm.WorkChainNode]) -> None:
    """One atom moved, and the cell strained and sheared, to either side: signs, units and order belong together."""
    images = [water()]
    images += [moved(water(), 0, sign * STEP) for sign in (1, -1)]
    images += [strained(water(), sign * STRAIN) for sign in (1, -1)]
    # The number of plane waves changes with the cell, the stress is for a fixed number: at 100 Ry that is the same.
    tight = {"ELECTRONS": {"conv_thr": 1e-9}}
    node = label(images, cutoff=100.0, functional="BLYP", dispersion="d3", parameters=tight)
    base, forward, backward, wide, narrow = labels(node)
    assert base.forces is not None
    assert base.stresses is not None
    slope = (energy(forward) - energy(backward)) / (2 * STEP)
    assert base.forces[0, 0, 0] == pytest.approx(-slope, abs=5e-3)
    assert abs(slope) > 2
    work = (energy(wide) - energy(narrow)) / (2 * STRAIN) / base.volumes[0]
    assert base.stresses[0, 2] + 2 * base.stresses[0, 3] == pytest.approx(work, abs=3e-4)
    assert abs(work) > 3e-3


def test_energy_with_smearing_is_the_one_that_forces_derive_from(label: Callable[..., orm.WorkChainNode]) -> None:
    """The free energy: without the entropy the slope would be another."""
    system = {"occupations": "smearing", "smearing": "gaussian", "degauss": 0.1, "nbnd": 10}
    images = [moved(hydrogens(), 1, change) for change in (0.0, STEP, -STEP)]
    parameters = {"SYSTEM": system, "ELECTRONS": {"conv_thr": 1e-9}}
    node = label(images, "H", cutoff=30.0, parameters=parameters)
    base, forward, backward = labels(node)
    assert base.forces is not None
    slope = (energy(forward) - energy(backward)) / (2 * STEP)
    assert base.forces[0, 1, 0] == pytest.approx(-slope, abs=3e-3)
    jobs = calculations(node)
    assert len(jobs) == 3
    entropies = [job.outputs.output_trajectory.get_array("energy_smearing")[-1] for job in jobs]
    assert max(abs(np.array(entropies))) > 0.1


def test_radical_and_ion_have_their_own_charge_and_spin(label: Callable[..., orm.WorkChainNode]) -> None:
    """A rule gives OH its doublet, another one OH3 its charge."""
    hydronium = water()
    hydronium += Atoms("H", positions=[[1.7, 1.6, 1.2]])
    rules = [
        {"match": {"formula": "OH"}, "multiplicity": 2},
        {"match": {"formula": "H3O"}, "charge": 1},
    ]
    node = label([water()[:2], hydronium], rules=rules)
    assert len(labels(node)) == 2
    found = {job.inputs.structure.get_formula(): job for job in calculations(node)}
    assert found["HO"].inputs.parameters["SYSTEM"]["tot_magnetization"] == 1
    assert found["HO"].outputs.output_parameters["total_magnetization"] == pytest.approx(1.0, abs=0.01)
    assert found["H3O"].outputs.output_parameters["number_of_electrons"] == 8


def test_frame_that_pw_refuses_has_its_words(label: Callable[..., orm.WorkChainNode]) -> None:
    """Coinciding atoms: one job, no second attempt, and what pw.x said."""
    crushed = water()
    crushed.positions[1] = crushed.positions[0]
    node = label([crushed])
    assert node.exit_status == 453
    [job] = calculations(node)
    failure = node.outputs.report["failures"]["frame_0000"]
    assert failure["reason"] == "calculator"
    assert "overlap" in failure["detail"]
    assert failure["process"] == job.uuid


def test_field_that_does_not_converge_gets_another_solver(label: Callable[..., orm.WorkChainNode]) -> None:
    """The handlers of the plugin give up; the frame comes again with other mixing and more iterations."""
    node = label([water()], parameters={"ELECTRONS": {"electron_maxstep": 1}})
    assert len(labels(node)) == 1
    jobs = calculations(node)
    assert [job.exit_status for job in jobs] == [410, 410, 410, 0]
    assert jobs[-1].inputs.parameters["ELECTRONS"]["electron_maxstep"] == 300
    assert jobs[-1].inputs.parameters["SYSTEM"] == jobs[0].inputs.parameters["SYSTEM"]


def test_job_out_of_time_is_recorded(label: Callable[..., orm.WorkChainNode]) -> None:
    """The plugin continues it as often as it may; after that the frame is given up, with the reason."""
    node = label([water()], cutoff=40.0, parameters={"CONTROL": {"max_seconds": 0.01}})
    assert node.exit_status == 453
    jobs = calculations(node)
    assert [job.exit_status for job in jobs] == [400] * 3
    failure = node.outputs.report["failures"]["frame_0000"]
    assert failure["reason"] == "out_of_limits"
    assert "walltime" in failure["detail"]


def test_job_out_of_time_gets_more_of_it(
    label: Callable[..., orm.WorkChainNode], pw_code: orm.InstalledCode, tmp_path: Path
) -> None:
    """Where there is more to be had, and with the input unchanged; a job of a second is made to end in less."""
    script = tmp_path / "hurried_pw.sh"
    limit = r"sed -i -E 's/max_seconds = .*d-01$/max_seconds = 0.01/' aiida.in"
    script.write_text(f"#!/bin/sh\n{limit}\nexec {pw_code.filepath_executable} $@\n")
    script.chmod(0o755)
    options = ({"withmpi": False, "max_wallclock_seconds": 1}, {"max_wallclock_seconds": 600})
    node = label([water()], options=options, max_attempts=2, code=wrapped(pw_code, script))
    assert len(labels(node)) == 1
    jobs = calculations(node)
    assert [job.exit_status for job in jobs] == [400, 400, 400, 0]
    assert [job.get_option("max_wallclock_seconds") for job in jobs] == [1, 1, 1, 600]


@pytest.fixture(scope="module")
def run_aimd(
    pw_code: orm.InstalledCode, generate_upf: Callable[..., dict[str, orm.Data]]
) -> Callable[..., orm.WorkChainNode]:
    """Return a function that makes a first dataset by dynamics."""

    def run(temperatures: list[float], code: orm.InstalledCode = pw_code, **electrons: Any) -> orm.WorkChainNode:
        aimd = {"temperatures": temperatures, "timestep": 0.5, "length": 4.0, "stride": 2, "skip": 0}
        aimd |= {"thermostat": "csvr", "thermostat_damping": 20.0}
        parameters = {"ELECTRONS": {"conv_thr": 1e-9, **electrons}}
        _, node = run_get_node(
            InitialDatasetWorkChain,
            code=code,
            settings=orm.Dict({"aimd": aimd, "perturb": None, "validation_fraction": 0.0, "seed": 5}),
            labelling=orm.Dict(settings(skip=0, parameters=parameters)),
            structures={"water": orm.StructureData(ase=water())},
            pseudopotentials=generate_upf(),
            options={"withmpi": False},
            max_concurrent=2,
        )
        return node

    return run


@pytest.fixture(scope="module")
def dynamics(run_aimd: Callable[..., orm.WorkChainNode]) -> orm.WorkChainNode:
    """Return a first dataset at two temperatures."""
    return run_aimd([300.0, 3000.0])


def runs(node: orm.WorkChainNode) -> list[orm.WorkChainNode]:
    """Return the dynamics runs, in the order of their temperatures."""
    found = [child for child in node.called if child.process_label == "QeAimdWorkChain"]
    return sorted(found, key=lambda child: child.inputs.conditions["conditions"]["temperature"])


def test_dynamics_gives_labels(dynamics: orm.WorkChainNode) -> None:
    """Two temperatures, the thermostat with its damping, and the job of every frame."""
    assert dynamics.is_finished_ok, dynamics.exit_message
    assert len(dynamics.outputs.datasets["aimd"]) == 10
    for run in runs(dynamics):
        assert run.outputs.labels.get_stepids().tolist() == [0, 2, 4, 6, 8]
        assert run.outputs.labels.base.attributes.get("structure_link") == "structure"
        assert run.outputs.report["end"] == "completed"
        first, second = calculations(run)
        assert run.outputs.labels.get_array("run").tolist() == [0, 1, 1, 1, 1]
        assert run.outputs.labels.creator.inputs.run_00.creator.uuid == first.uuid
        ions = second.inputs.parameters["IONS"]
        assert (ions["ion_temperature"], ions["nraise"]) == ("svr", 40)


def test_label_of_dynamics_is_that_of_a_single_point(
    dynamics: orm.WorkChainNode, label: Callable[..., orm.WorkChainNode]
) -> None:
    """The stress of a hot frame has no kinetic part of the ions, and positions belong to their forces."""
    frames = trajectory_to_frames(runs(dynamics)[1].outputs.labels)
    assert frames.energies is not None
    assert frames.forces is not None
    assert frames.stresses is not None
    np.testing.assert_allclose(frames.positions[0], water().positions, atol=1e-6)
    images = frames[[4]].without_labels().to_atoms()
    [alone] = labels(label(images, parameters={"ELECTRONS": {"conv_thr": 1e-9}}))
    assert alone.forces is not None
    assert alone.stresses is not None
    assert energy(alone) == pytest.approx(frames.energies[4], abs=1e-4)
    np.testing.assert_allclose(alone.forces[0], frames.forces[4], atol=3e-3)
    # The ions' own part would be 2K/3V: at 3000 K and this volume some 0.006 eV/Å³.
    np.testing.assert_allclose(alone.stresses[0], frames.stresses[4], atol=1e-4)


def test_dynamics_depends_on_its_seed_alone(
    dynamics: orm.WorkChainNode, run_aimd: Callable[..., orm.WorkChainNode]
) -> None:
    """The same conditions and seed once more give the same trajectory, without the cache."""
    for job in calculations(dynamics):
        job.base.caching.is_valid_cache = False
    first, [second] = runs(dynamics)[0], runs(run_aimd([300.0]))
    assert first.inputs.conditions["seed"] == second.inputs.conditions["seed"]
    one, other = (run.outputs.labels.get_positions() for run in (first, second))
    np.testing.assert_allclose(one, other, atol=1e-5)
    assert np.abs(one[-1] - one[0]).max() > 0.01


def test_dynamics_goes_on_where_it_ran_out_of_time(
    dynamics: orm.WorkChainNode,
    run_aimd: Callable[..., orm.WorkChainNode],
    pw_code: orm.InstalledCode,
    tmp_path: Path,
) -> None:
    """Jobs of three steps each, which say that their time is up, make the same first frames as one job."""
    finished = {"attributes.process_state": "finished"}
    for job in orm.QueryBuilder().append(orm.CalcJobNode, filters=finished).all(flat=True):
        job.base.caching.is_valid_cache = False
    script = tmp_path / "hasty_pw.sh"
    limit = r"sed -i -E 's/nstep = ([4-9]|[1-9][0-9]+)$/nstep = 3/' aiida.in"
    script.write_text(f"#!/bin/sh\n{limit}\n{pw_code.filepath_executable} $@\necho '   Maximum CPU time exceeded'\n")
    script.chmod(0o755)
    [run] = runs(run_aimd([300.0], code=wrapped(pw_code, script)))
    assert run.is_finished_ok, run.exit_message
    assert [job.exit_status for job in calculations(run)] == 4 * [400]
    whole = runs(dynamics)[0].outputs.labels
    assert run.outputs.labels.get_stepids().tolist() == whole.get_stepids().tolist()
    # The noise of the thermostat begins anew in every job.
    np.testing.assert_allclose(run.outputs.labels.get_positions()[:2], whole.get_positions()[:2], atol=1e-4)
    np.testing.assert_allclose(run.outputs.labels.get_positions(), whole.get_positions(), atol=0.02)


def test_dynamics_whose_field_does_not_converge_gets_another_solver(
    run_aimd: Callable[..., orm.WorkChainNode],
) -> None:
    """pw.x ends well there, with fewer frames; the run begins again with other mixing and more iterations."""
    [run] = runs(run_aimd([300.0], electron_maxstep=1))
    assert run.is_finished_ok, run.exit_message
    jobs = calculations(run)
    assert [job.exit_status for job in jobs] == [0, 0, 0]
    assert [job.inputs.parameters["ELECTRONS"]["electron_maxstep"] for job in jobs] == [1, 300, 300]
    assert len(run.outputs.labels.get_stepids()) == 5

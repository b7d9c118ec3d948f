"""Labels and dynamics with real CP2K, through the loop's own work chains."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase import Atoms
from ase.build import molecule

from aiida_nnpgen.calculations.functions import plan_methods
from aiida_nnpgen.data.trajectory import trajectory_to_frames
from aiida_nnpgen.workchains.aimd.cp2k import Cp2kAimdWorkChain
from aiida_nnpgen.workchains.labellers.cp2k import Cp2kLabellerWorkChain
from aiida_nnpgen.workchains.labelling import LabellingWorkChain

pytestmark = pytest.mark.slow

CHEAP: dict[str, Any] = {"functional": "PBE", "dispersion": "d3", "cutoff": 150, "kpoints": [1, 1, 1]}
"""Good enough to see that numbers belong together, and done in seconds."""


def waters(seed: int, count: int = 2) -> Atoms:
    """Return water molecules with mixed order of elements in a skewed cell, of another shape for each seed."""
    first, rng = molecule("H2O")[[1, 0, 2]], np.random.default_rng(seed)
    second = first.copy()
    second.rotate(70, "x")
    second.translate([0.3, 0.2, 2.9])
    atoms = (first + second)[[0, 1, 4, 2, 3, 5]] if count == 2 else first
    atoms.positions += 1.2 + rng.normal(0, 0.03, (len(atoms), 3))
    atoms.set_cell(np.diag([4.6, 4.8, 5.6]) + 0.1 * seed * np.array([[1, 0, 0], [1, 0, 0], [-1, 1, 0]]))
    atoms.pbc = True
    return atoms


def reference(**changes: Any) -> orm.Dict:
    """Return settings of a labelling phase."""
    values: dict[str, Any] = {
        "labeller": "cp2k",
        "protocol": "fast",
        **CHEAP,
        "batch_size": 5,
        "checks": {"max_force": None, "max_net_force": None},
        "min_yield": 0.5,
        "max_attempts": 3,
        "iteration": 0,
        "validation_fraction": 0.0,
        "seed": 1,
    }
    return orm.Dict(values | changes)


def jobs(node: orm.WorkChainNode) -> list[orm.CalcJobNode]:
    """Return the jobs of a labelling, in the order of their launch."""
    return sorted((job for job in node.called_descendants if isinstance(job, orm.CalcJobNode)), key=lambda job: job.pk)


def test_labelling_with_cp2k_gives_a_frame_that_did_not_converge_another_solver(cp2k_code: orm.InstalledCode) -> None:
    """Two of three frames converge in the few steps allowed, the third in the second job; each has its own label."""
    atoms = [waters(seed, count=1) for seed in range(3)]
    atoms[1].positions[0] += [1.2, 0.0, 0.9]
    structures = {f"frame_{index:04d}": orm.StructureData(ase=each) for index, each in enumerate(atoms)}
    record = orm.Dict({key: {"reason": "to see it"} for key in structures})
    few = {"FORCE_EVAL": {"DFT": {"SCF": {"MAX_SCF": 16, "OUTER_SCF": {"MAX_SCF": 0}}}}}
    _, node = run_get_node(
        LabellingWorkChain,
        code=cp2k_code,
        settings=reference(parameters=few),
        structures=structures,
        record=record,
    )
    assert node.is_finished_ok, node.exit_message
    first, second = jobs(node)
    assert (first.exit_status, second.exit_status) == (0, 0)
    assert {key: value["reason"] for key, value in first.outputs.failures.items()} == {"frame_0001": "not_converged"}
    assert list(second.inputs.structures) == ["frame_0001"]
    assert node.outputs.report["labelled"] == 3
    frames = trajectory_to_frames(first.outputs.labels)
    np.testing.assert_allclose(frames.positions[1], atoms[2].positions, atol=1e-9)
    origins = {origin.structure: origin.label for origin in node.outputs.dataset.origins}
    assert len(origins) == 3
    assert "not_converged" in (origins["structures__frame_0001"] or "")


def test_cp2k_forces_and_stress_are_derivatives_of_its_energy(cp2k_code: orm.InstalledCode) -> None:
    """One atom displaced and one cell strained, with every frame of one batch in its own cell and order."""
    atoms, step, strain = waters(1, count=1), 0.01, 0.004
    images = [atoms]
    for sign in (1, -1):
        moved = atoms.copy()
        moved.positions[1, 0] += sign * step
        images.append(moved)
    shapes = {0: (0, 0), 5: (0, 1), 3: (1, 2)}
    for i, j in shapes.values():
        for sign in (1, -1):
            deformation = np.eye(3)
            deformation[i, j] += sign * strain / 2
            deformation[j, i] += sign * strain / 2
            strained = atoms.copy()
            strained.set_cell(atoms.cell.array @ deformation, scale_atoms=True)
            images.append(strained)
    structures = {f"frame_{index:04d}": orm.StructureData(ase=each) for index, each in enumerate(images)}
    grid = {"FORCE_EVAL": {"DFT": {"XC": {"XC_GRID": False}, "QS": {"EPS_DEFAULT": 1e-12}, "SCF": {"EPS_SCF": 1e-7}}}}
    settings = reference(cutoff=400, functional="LDA", dispersion="none", batch_size=20, parameters=grid)
    _, node = run_get_node(Cp2kLabellerWorkChain, code=cp2k_code, settings=settings, structures=structures)
    assert node.is_finished_ok, node.exit_message
    frames = trajectory_to_frames(node.outputs.labels["batch_000_0"])
    assert len(frames) == len(images)
    energies = frames.energies
    assert frames.forces[0, 1, 0] == pytest.approx(-(energies[1] - energies[2]) / (2 * step), abs=0.01)
    for place, voigt in enumerate(shapes):
        slope = (energies[3 + 2 * place] - energies[4 + 2 * place]) / (2 * strain) / atoms.get_volume()
        assert frames.stresses[0, voigt] == pytest.approx(slope, abs=5e-4)
    assert np.abs(frames.stresses[0]).max() > 5e-3


def test_dynamics_with_cp2k_gives_labels_without_the_kinetic_part(cp2k_code: orm.InstalledCode) -> None:
    """Frames of a run, labelled once more as a batch, have the same energy, forces and stress."""
    conditions: dict[str, Any] = {
        "ensemble": "nvt",
        "temperature": 600.0,
        "timestep": 0.5,
        "steps": 6,
        "stride": 3,
        "thermostat": "csvr",
        "thermostat_damping": 20.0,
    }
    tight = {"FORCE_EVAL": {"DFT": {"SCF": {"EPS_SCF": 1e-7}}}}
    settings = reference(parameters=tight)
    start = orm.StructureData(ase=waters(2, count=1))
    method = plan(settings, start)
    _, node = run_get_node(
        Cp2kAimdWorkChain,
        code=cp2k_code,
        structure=start,
        conditions=orm.Dict({"structure": "water", "conditions": conditions, "seed": 11}),
        method=method,
    )
    assert node.is_finished_ok, node.exit_message
    assert node.outputs.report["end"] == "completed"
    run = trajectory_to_frames(node.outputs.labels)
    assert node.outputs.labels.get_stepids().tolist() == [0, 3, 6]
    structures = {f"frame_{row:04d}": orm.StructureData(ase=each) for row, each in enumerate(run.to_atoms())}
    _, again = run_get_node(Cp2kLabellerWorkChain, code=cp2k_code, settings=settings, structures=structures)
    single = trajectory_to_frames(again.outputs.labels["batch_000_0"])
    np.testing.assert_allclose(run.energies, single.energies, atol=1e-5)
    np.testing.assert_allclose(run.forces, single.forces, atol=2e-4)
    # The kinetic part at this temperature is 3 * k * 600 K / V, about 1e-3 eV/Å³.
    np.testing.assert_allclose(run.stresses, single.stresses, atol=3e-5)


def plan(settings: orm.Dict, structure: orm.StructureData) -> orm.Dict:
    """Return the level of theory of a structure."""
    return plan_methods(settings, frame_0000=structure)["methods"]["method_0"]

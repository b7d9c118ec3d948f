"""Labels from the folder of a CPMD run: one single point, or Born-Oppenheimer dynamics.

Everything comes back in the order of the structure, where the input tells it, else in the order of the files. What CPMD
prints twice is compared, so that a damaged file is noticed. Found by running CPMD 4.3: forces are forces wherever they
stand, also below ``GRADIENTS (-FORCES)``; the stress is a pressure; in a dynamics it contains the kinetic part of the
ions; a wavefunction that has not converged ends with exit status 0 and forces and stress of zero.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...common.exceptions import OutputError
from ...common.frames import Frames
from ...common.units import BOHR, DALTON, HARTREE, KBAR
from ...common.voigt import checked_voigt
from ..label import LabelFailure, RefusedLabelError
from ..text import read_text, table
from .checks import check_complete, check_equal, check_finite, check_motion, check_smooth, check_temperature
from .files import Records, read_energies, read_stresses, read_trajectory
from .log import NUMBER, CpmdLog
from .sources import CpmdSources, read_sources

__all__ = ["label_single_point", "read_md", "read_single_point", "salvage_md", "salvage_steps"]

_FORCE = HARTREE / BOHR


def read_single_point(folder: Path) -> Frames:
    """Read energy, forces and, if computed, stress of one structure.

    :param folder: with ``cpmd.out``, ``GEOMETRY`` and, for the order of the atoms, ``cpmd.inp``.
    :return: one frame in the order of the structure.
    :raises OutputError: if a file is missing, cut, damaged or of another kind of run.
    :raises RefusedLabelError: if the wavefunction is not converged, or forces are all zero or not finite.
    """
    return label_single_point(read_sources(folder))


def label_single_point(sources: CpmdSources) -> Frames:
    """Do as :func:`read_single_point` with files of any name.

    :raises OutputError: if a file is missing, cut, damaged or of another kind of run.
    :raises RefusedLabelError: if the wavefunction is not converged, or forces are all zero or not finite.
    """
    log = sources.log
    if not log.is_single_point:
        raise OutputError(f"`{log.name}` is not from a single point; its file GEOMETRY would not hold forces")
    if log.unconverged:
        message = "the wavefunction has not converged; forces and stress are zero. Allow more steps"
        raise RefusedLabelError(LabelFailure.NOT_CONVERGED, message)
    if not log.finished:
        raise OutputError(f"`{log.name}` has no closing line: the run was cut")
    log.check_gradient()
    rows = _geometry(sources.folder / "GEOMETRY", len(log.numbers))
    positions, forces = rows[:, :3], rows[:, 3:]
    check_equal(positions, log.positions, 1e-6, f"positions in GEOMETRY and `{log.name}`")
    _check_final(log, positions, forces)
    stress = None if log.stress is None else -checked_voigt(log.stress)[None] * KBAR
    return _frames(sources, positions[None], np.array([log.energy()]), forces[None], stress)


def read_md(folder: Path) -> Frames:
    """Read all frames of a Born-Oppenheimer dynamics that ended well, with its restarts.

    The convergence of steps before the last restart stands in no file that CPMD keeps: read each run in its own folder.

    :param folder: with ``cpmd.out``, ``FTRAJECTORY``, ``ENERGIES``, ``STRESS`` if computed, and ``cpmd.inp``.
    :return: frames by step; the stress is without the kinetic part of the ions.
    :raises OutputError: if a file is missing, cut, damaged or of another kind of run.
    :raises RefusedLabelError: if a wavefunction is not converged, or forces are all zero or not finite.
    """
    frames, problems = salvage_md(folder)
    if problems:
        raise problems[0]
    return frames


def salvage_md(folder: Path) -> tuple[Frames, list[OutputError]]:
    """Read the good frames of a dynamics that may have been cut, and what is wrong with the rest.

    :param folder: as for :func:`read_md`.
    :return: good frames, possibly none, and one error for each reason why frames are missing.
    :raises OutputError: if a file is missing, damaged or of another kind of run.
    :raises RefusedLabelError: if the numbers contradict each other.
    """
    frames, _, problems = salvage_steps(read_sources(folder))
    return frames, problems


def salvage_steps(
    sources: CpmdSources, *, needs_stress: bool = True
) -> tuple[Frames, NDArray[np.int64], list[OutputError]]:
    """Do as :func:`salvage_md` and return the time step of each good frame, too, (n_frames,).

    :param needs_stress: refuse a run whose stress was computed and not kept.
    :raises OutputError: if a file is missing, damaged or of another kind of run.
    :raises RefusedLabelError: if the numbers contradict each other.
    """
    folder, log = sources.folder, sources.log
    if not log.is_dynamics or (folder / "CELL").exists():
        raise OutputError(f"`{log.name}` is not from Born-Oppenheimer dynamics in a fixed cell: frames are no labels")
    motion = read_trajectory(folder / "FTRAJECTORY", len(log.numbers), 9)
    energies = read_energies(folder / "ENERGIES")
    records = {"FTRAJECTORY": motion, "ENERGIES": energies}
    stress = folder / "STRESS"
    is_kept = stress.is_file() and stress.stat().st_size > 0
    if is_kept or (needs_stress and (stress.exists() or log.stress is not None)):
        records["STRESS"] = read_stresses(stress)
    if (folder / "TRAJECTORY").exists():
        records["TRAJECTORY"] = read_trajectory(folder / "TRAJECTORY", len(log.numbers), 6)
    problems: list[OutputError] = []
    if not log.finished:
        problems.append(OutputError(f"`{log.name}` has no closing line: the run was cut"))
    problems += check_complete(records, max([*log.steps, *energies.values], default=0))
    problems += [
        RefusedLabelError(LabelFailure.NOT_CONVERGED, f"the wavefunction has not converged at step `{step}`")
        for step in log.unconverged
    ]
    good = [step for step in motion.values if step in energies.values and step not in log.unconverged]
    _check_md(log, records, good)
    return _md_frames(sources, records, good), np.array(good, dtype=np.int64), problems


def _md_frames(sources: CpmdSources, records: dict[str, Records], steps: list[int]) -> Frames:
    """Return the frames of the given steps, the kinetic part taken out of the stress."""
    rows = np.array([records["FTRAJECTORY"].values[step] for step in steps]).reshape(-1, len(sources.order), 9)
    energies = np.array([records["ENERGIES"].values[step][1] for step in steps])
    stress = None
    if "STRESS" in records:
        stress = np.full((len(steps), 6), np.nan)
        masses = sources.log.masses * DALTON * HARTREE / abs(np.linalg.det(sources.cell))
        for row, step in enumerate(steps):
            if step in records["STRESS"].values:
                kinetic = np.einsum("a,ai,aj->ij", masses, rows[row, :, 3:6], rows[row, :, 3:6])
                stress[row] = checked_voigt(kinetic - records["STRESS"].values[step] * KBAR)
    return _frames(sources, rows[..., :3], energies, rows[..., 6:], stress)


def _check_md(log: CpmdLog, records: dict[str, Records], steps: list[int]) -> None:
    """Compare all that is written twice, and the motion with the forces."""
    motion, energies = records["FTRAJECTORY"].values, records["ENERGIES"].values
    for step in steps:
        if step in log.steps:
            check_equal(
                energies[step][1], log.steps[step], 1e-5, f"energies of step {step} in ENERGIES and `{log.name}`"
            )
        if "TRAJECTORY" in records and step in records["TRAJECTORY"].values:
            pair = motion[step][:, :6], records["TRAJECTORY"].values[step]
            check_equal(*pair, 1e-13, f"step {step} in FTRAJECTORY and TRAJECTORY")
    if steps and log.finished and log.steps and steps[-1] == max(log.steps):
        _check_final(log, motion[steps[-1]][:, :3], motion[steps[-1]][:, 6:])
        if log.stress is not None and "STRESS" in records and steps[-1] in records["STRESS"].values:
            check_equal(records["STRESS"].values[steps[-1]], log.stress, 1e-5, f"stresses in STRESS and `{log.name}`")
    if "STRESS" in records:
        check_smooth(records["STRESS"].values)
    masses = log.masses * DALTON
    check_temperature({step: (energies[step][0], motion[step][:, 3:6]) for step in steps}, masses)
    timestep = re.search(rf"TIME STEP FOR IONS:\s+({NUMBER})", log.text)
    if timestep:
        frames, totals = {step: motion[step] for step in steps}, {step: float(energies[step][1]) for step in steps}
        check_motion(frames, totals, masses, float(timestep.group(1)), records["FTRAJECTORY"].breaks)
    if log.finished and not log.unconverged:
        log.check_gradient()


def _check_final(log: CpmdLog, positions: NDArray[np.float64], forces: NDArray[np.float64]) -> None:
    if log.final_positions is not None and log.final_forces is not None:
        check_equal(positions, log.final_positions, 6e-5, f"final positions in the files and `{log.name}`")
        tolerance = 6e-4 * np.abs(forces) + 1e-11
        check_equal(forces, log.final_forces, tolerance, f"final forces in the files and `{log.name}`")


def _frames(
    sources: CpmdSources,
    positions: NDArray[np.float64],
    energies: NDArray[np.float64],
    forces: NDArray[np.float64],
    stresses: NDArray[np.float64] | None,
) -> Frames:
    """Convert from atomic units (the stress is in eV/Å³ already) and go back to the order of the structure."""
    back = np.argsort(sources.order)
    check_finite(energies, forces, stresses)
    return Frames(
        numbers=sources.log.numbers[back],
        positions=positions[:, back] * BOHR,
        cells=np.repeat(sources.cell[None], len(positions), axis=0),
        energies=energies * HARTREE,
        forces=forces[:, back] * _FORCE,
        stresses=stresses,
    )


def _geometry(path: Path, n_atoms: int) -> NDArray[np.float64]:
    """Return positions and forces, (n_atoms, 6), from GEOMETRY."""
    rows = [line.split() for line in read_text(path).splitlines()]
    return table(rows, (n_atoms, 6), f"positions and forces of `{n_atoms}` atoms in `{path.name}`")

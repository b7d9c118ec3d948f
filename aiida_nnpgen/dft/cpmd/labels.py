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
from ..label import LabelFailure, RefusedLabelError
from .checks import (
    check_belongs,
    check_complete,
    check_equal,
    check_finite,
    check_motion,
    check_smooth,
    check_temperature,
)
from .files import Records, read_energies, read_stresses, read_trajectory
from .input import ORDER_MARK, read_order
from .log import NUMBER, CpmdLog, parse_log, read_text

__all__ = ["INPUT", "STDOUT", "read_md", "read_single_point", "salvage_md", "salvage_steps"]

INPUT = "cpmd.inp"
STDOUT = "cpmd.out"
_FORCE = HARTREE / BOHR
_VOIGT = ([0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1])


def read_single_point(folder: Path) -> Frames:
    """Read energy, forces and, if computed, stress of one structure.

    :param folder: with ``cpmd.out``, ``GEOMETRY`` and, for the order of the atoms, ``cpmd.inp``.
    :return: one frame in the order of the structure.
    :raises OutputError: if a file is missing, cut, damaged or of another kind of run.
    :raises RefusedLabelError: if the wavefunction is not converged, or forces are all zero or not finite.
    """
    log, cell, order = _read_log(folder)
    if not log.is_single_point:
        raise OutputError("`cpmd.out` is not from a single point; its file GEOMETRY would not hold forces")
    if log.unconverged:
        message = "the wavefunction has not converged; forces and stress are zero. Allow more steps"
        raise RefusedLabelError(LabelFailure.NOT_CONVERGED, message)
    if not log.finished:
        raise OutputError("`cpmd.out` has no closing line: the run was cut")
    log.check_gradient()
    rows = _geometry(folder / "GEOMETRY", len(log.numbers))
    positions, forces = rows[:, :3], rows[:, 3:]
    check_equal(positions, log.positions, 1e-6, "positions in GEOMETRY and `cpmd.out`")
    _check_final(log, positions, forces)
    stress = None if log.stress is None else -log.stress[None] * KBAR
    return _frames(log, cell, order, positions[None], np.array([log.energy()]), forces[None], stress)


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
    frames, _, problems = salvage_steps(folder)
    return frames, problems


def salvage_steps(folder: Path) -> tuple[Frames, NDArray[np.int64], list[OutputError]]:
    """Do as :func:`salvage_md` and return the time step of each good frame, too, (n_frames,).

    :raises OutputError: if a file is missing, damaged or of another kind of run.
    :raises RefusedLabelError: if the numbers contradict each other.
    """
    log, cell, order = _read_log(folder)
    if not log.is_dynamics or (folder / "CELL").exists():
        raise OutputError("`cpmd.out` is not from Born-Oppenheimer dynamics in a fixed cell: its frames are no labels")
    motion = read_trajectory(folder / "FTRAJECTORY", len(log.numbers), 9)
    energies = read_energies(folder / "ENERGIES")
    records = {"FTRAJECTORY": motion, "ENERGIES": energies}
    if (folder / "STRESS").exists() or log.stress is not None:
        records["STRESS"] = read_stresses(folder / "STRESS")
    if (folder / "TRAJECTORY").exists():
        records["TRAJECTORY"] = read_trajectory(folder / "TRAJECTORY", len(log.numbers), 6)
    problems: list[OutputError] = []
    if not log.finished:
        problems.append(OutputError("`cpmd.out` has no closing line: the run was cut"))
    problems += check_complete(records, max([*log.steps, *energies.values], default=0))
    problems += [
        RefusedLabelError(LabelFailure.NOT_CONVERGED, f"the wavefunction has not converged at step `{step}`")
        for step in log.unconverged
    ]
    good = [step for step in motion.values if step in energies.values and step not in log.unconverged]
    _check_md(log, records, good)
    return _md_frames(log, cell, order, records, good), np.array(good, dtype=np.int64), problems


def _md_frames(
    log: CpmdLog,
    cell: NDArray[np.float64],
    order: NDArray[np.int64],
    records: dict[str, Records],
    steps: list[int],
) -> Frames:
    """Return the frames of the given steps, the kinetic part taken out of the stress."""
    n_atoms = len(log.numbers)
    rows = np.array([records["FTRAJECTORY"].values[step] for step in steps]).reshape(-1, n_atoms, 9)
    energies = np.array([records["ENERGIES"].values[step][2] for step in steps])
    stress = None
    if "STRESS" in records:
        missing = np.full((3, 3), np.nan)
        pressure = [records["STRESS"].values.get(step, missing) for step in steps]
        kinetic = np.einsum("a,tai,taj->tij", log.masses * DALTON, rows[..., 3:6], rows[..., 3:6])
        kinetic *= HARTREE / abs(np.linalg.det(cell))
        stress = kinetic - np.array(pressure).reshape(-1, 3, 3) * KBAR
    return _frames(log, cell, order, rows[..., :3], energies, rows[..., 6:], stress)


def _check_md(log: CpmdLog, records: dict[str, Records], steps: list[int]) -> None:
    """Compare all that is written twice, and the motion with the forces."""
    motion, energies = records["FTRAJECTORY"].values, records["ENERGIES"].values
    for step in steps:
        if step in log.steps:
            check_equal(energies[step][2], log.steps[step], 1e-5, f"energies of step {step} in ENERGIES and `cpmd.out`")
        if "TRAJECTORY" in records and step in records["TRAJECTORY"].values:
            pair = motion[step][:, :6], records["TRAJECTORY"].values[step]
            check_equal(*pair, 1e-13, f"step {step} in FTRAJECTORY and TRAJECTORY")
    if steps and log.finished and log.steps and steps[-1] == max(log.steps):
        _check_final(log, motion[steps[-1]][:, :3], motion[steps[-1]][:, 6:])
        if log.stress is not None and "STRESS" in records and steps[-1] in records["STRESS"].values:
            check_equal(records["STRESS"].values[steps[-1]], log.stress, 1e-5, "stresses in STRESS and `cpmd.out`")
    if "STRESS" in records:
        check_smooth(records["STRESS"].values)
    masses = log.masses * DALTON
    check_temperature({step: (energies[step][1], motion[step][:, 3:6]) for step in steps}, masses)
    timestep = re.search(rf"TIME STEP FOR IONS:\s+({NUMBER})", log.text)
    if timestep:
        frames, totals = {step: motion[step] for step in steps}, {step: float(energies[step][2]) for step in steps}
        check_motion(frames, totals, masses, float(timestep.group(1)), records["FTRAJECTORY"].breaks)
    if log.finished and not log.unconverged:
        log.check_gradient()


def _check_final(log: CpmdLog, positions: NDArray[np.float64], forces: NDArray[np.float64]) -> None:
    if log.final_positions is not None and log.final_forces is not None:
        check_equal(positions, log.final_positions, 6e-5, "final positions in the files and `cpmd.out`")
        tolerance = 6e-4 * np.abs(forces) + 1e-11
        check_equal(forces, log.final_forces, tolerance, "final forces in the files and `cpmd.out`")


def _frames(
    log: CpmdLog,
    cell: NDArray[np.float64],
    order: NDArray[np.int64],
    positions: NDArray[np.float64],
    energies: NDArray[np.float64],
    forces: NDArray[np.float64],
    stresses: NDArray[np.float64] | None,
) -> Frames:
    """Convert from atomic units (the stress is in eV/Å³ already) and go back to the order of the structure."""
    back = np.argsort(order)
    check_finite(energies, forces, stresses)
    return Frames(
        numbers=log.numbers[back],
        positions=positions[:, back] * BOHR,
        cells=np.repeat(cell[None], len(positions), axis=0),
        energies=energies * HARTREE,
        forces=forces[:, back] * _FORCE,
        stresses=None if stresses is None else stresses[:, *_VOIGT],
    )


def _read_log(folder: Path) -> tuple[CpmdLog, NDArray[np.float64], NDArray[np.int64]]:
    """Return the standard output, the cell in Å and the order: index in the structure of each atom of the files."""
    log = parse_log(read_text(folder / STDOUT))
    n_atoms = len(log.numbers)
    if not (folder / INPUT).exists():
        if ORDER_MARK in log.text:
            raise OutputError(f"`{INPUT}` with the order of the atoms is missing")
        return log, log.lattice * BOHR, np.arange(n_atoms)
    text = read_text(folder / INPUT)
    check_belongs(text, n_atoms)
    if log.finished and log.stress is None and re.search(r"^\s*STRESS TENSOR", text, re.MULTILINE):
        raise OutputError(f"`{INPUT}` asks for the stress and `{STDOUT}` has none: the file is cut or damaged")
    order = read_order(text, n_atoms)
    if order is None:
        if ORDER_MARK in log.text:
            raise OutputError(f"`{INPUT}` has lost the order of the atoms: the file is damaged")
        order = np.arange(n_atoms)
    return log, _cell(text, log), order


def _cell(text: str, log: CpmdLog) -> NDArray[np.float64]:
    """Return the cell in Å: from the input, which has more digits, if it stands there as vectors."""
    match = re.search(r"^\s*CELL\s+VECTORS\s*\n((?:.*\n){3})", text, re.MULTILINE)
    words = match.group(1).split() if match else []
    if len(words) != 9 or not all(re.fullmatch(NUMBER, word) for word in words):
        return log.lattice * BOHR
    unit = 1.0 if re.search(r"^\s*ANGSTROM\b", text, re.MULTILINE) else BOHR
    cell = np.array(words, dtype=np.float64).reshape(3, 3) * unit
    check_equal(cell / BOHR, log.lattice, 1e-4, f"cells in `{INPUT}` and `{STDOUT}`")
    return cell


def _geometry(path: Path, n_atoms: int) -> NDArray[np.float64]:
    """Return positions and forces, (n_atoms, 6), from GEOMETRY."""
    rows = [line.split() for line in read_text(path).splitlines()]
    if len(rows) != n_atoms or any(len(row) != 6 or not all(re.fullmatch(NUMBER, w) for w in row) for row in rows):
        raise OutputError(f"`{path.name}` does not hold positions and forces of `{n_atoms}` atoms: cut or damaged")
    return np.array(rows, dtype=np.float64)

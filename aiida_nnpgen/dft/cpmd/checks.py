"""Comparisons that tell a damaged or mixed-up set of CPMD files from a good one. Atomic units."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...common.exceptions import OutputError
from ...common.units import HARTREE, KB
from ..label import LabelFailure, RefusedLabelError
from .files import Records

__all__ = ["check_complete", "check_equal", "check_finite", "check_motion", "check_smooth", "check_temperature"]

_LARGEST_FORCE = 10.0  # Ha/bohr
_LARGEST_STRESS = 10.0  # eV/Å³, 1600 GPa
_MOTION_TOLERANCE = 1e-4  # Ha/bohr and Ha; 13 atoms of a real run stay below 1e-5 and 3e-5
_BEND_TOLERANCE = 20.0  # kbar; 13 atoms of a real run stay below 1
_DOF_TOLERANCE = 0.01  # relative; real runs stay below 1e-4


def check_equal(first: ArrayLike, second: ArrayLike, tolerance: ArrayLike, what: str) -> None:
    """Compare two copies of the same numbers.

    :raises OutputError: if they differ by more than the tolerance.
    """
    difference = np.abs(np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64))
    if not np.all(difference <= np.asarray(tolerance) * (1 + 1e-9)):
        raise OutputError(f"{what} differ by up to `{np.max(difference):.3g}`: files are damaged or of different runs")


def check_finite(
    energies: NDArray[np.float64], forces: NDArray[np.float64], stresses: NDArray[np.float64] | None
) -> None:
    """Refuse what cannot be a label.

    :param energies: (n_frames,).
    :param forces: (n_frames, n_atoms, 3).
    :param stresses: eV/Å³, (n_frames, 6), rows of NaN where there is none, or None.
    :raises RefusedLabelError: if numbers are not finite, forces all zero, or anything beyond any sense.
    """
    if not (np.isfinite(energies).all() and np.isfinite(forces).all()):
        raise RefusedLabelError(LabelFailure.NOT_FINITE, "energies or forces are not finite")
    if forces.shape[1] > 1 and not forces.any(axis=(1, 2)).all():
        message = "all forces of a frame are zero: the wavefunction has not converged"
        raise RefusedLabelError(LabelFailure.ALL_ZERO, message)
    if np.abs(forces).max(initial=0) > _LARGEST_FORCE:
        message = f"a force of `{np.abs(forces).max():.3g}` Ha/bohr cannot be right"
        raise RefusedLabelError(LabelFailure.LARGE_FORCE, message)
    if stresses is not None and np.nanmax(np.abs(stresses), initial=0) > _LARGEST_STRESS:
        message = f"a stress of `{np.nanmax(np.abs(stresses)):.3g}` eV/Å³ cannot be right"
        raise RefusedLabelError(LabelFailure.LARGE_FORCE, message)


def check_complete(records: Mapping[str, Records], last: int) -> list[OutputError]:
    """Return what is missing at the ends of the files of a dynamics.

    :param records: by name of the file.
    :param last: last step that any file knows of.
    """
    problems = []
    first = min((next(iter(record.values)) for record in records.values() if record.values), default=0)
    for name, record in records.items():
        steps = np.array(list(record.values), dtype=np.int64)
        gaps = np.diff(steps)
        stride = int(gaps.min()) if len(gaps) else 1
        end = int(steps[-1]) if len(steps) else 0
        if record.cut or not len(steps) or end + stride <= last:
            problems.append(OutputError(f"`{name}` ends after step `{end}` of `{last}`: the file is cut"))
        elif (gaps != stride).any() or end > last or steps[0] >= first + stride:
            problems.append(OutputError(f"the steps of `{name}` leave gaps in `{first}` to `{last}`: damaged file"))
    energies = records["ENERGIES"].values
    missing = [step for step in records["FTRAJECTORY"].values if step not in energies]
    if missing:
        problems.append(OutputError(f"`ENERGIES` has no step `{missing[0]}`, which `FTRAJECTORY` has"))
    return problems


def check_temperature(frames: Mapping[int, tuple[float, NDArray[np.float64]]], masses: NDArray[np.float64]) -> None:
    """Compare the temperatures of ENERGIES with the velocities of FTRAJECTORY: 2K/kT is one number of freedoms.

    :param frames: temperature in K and velocities of each step.
    :param masses: electron masses, (n_atoms,).
    :raises OutputError: if energies and trajectory do not belong together.
    """
    kelvin = KB / HARTREE
    freedoms = {
        step: float((masses[:, None] * velocities**2).sum()) / (kelvin * temperature)
        for step, (temperature, velocities) in frames.items()
        if temperature > 10.0  # some kinds of run print one decimal
    }
    if not freedoms:
        return
    middle = float(np.median(list(freedoms.values())))
    for step, number in freedoms.items():
        if not abs(number / middle - 1) < _DOF_TOLERANCE or number > 3 * len(masses) * (1 + _DOF_TOLERANCE):
            raise OutputError(f"temperature and velocities of step `{step}` do not fit: ENERGIES is of another run")


def check_motion(
    frames: Mapping[int, NDArray[np.float64]],
    energies: Mapping[int, float],
    masses: NDArray[np.float64],
    timestep: float,
    breaks: frozenset[int],
) -> None:
    """Compare forces with the change of momentum, and with that of energy, where consecutive steps are there.

    Velocity Verlet with a thermostat: (p1 - p0)/dt = (f0 + f1)/2 - xi (p0 + p1)/2 with one xi. Where that holds for
    most steps (no constraints, no massive thermostat), a step at which it does not has a damaged force or velocity.
    The same goes for e1 - e0 = -(f0 + f1)/2 (r1 - r0).

    :param frames: positions, velocities and forces of each step, (n_atoms, 9).
    :param energies: Ha, of each step.
    :param masses: electron masses, (n_atoms,).
    :param timestep: atomic units.
    :param breaks: steps after which a restart began.
    :raises OutputError: if a step contradicts its neighbours.
    """
    momentum, work = {}, {}
    for step, now in frames.items():
        if step + 1 not in frames or step in breaks:
            continue
        following = frames[step + 1]
        force = (now[:, 6:] + following[:, 6:]) / 2
        before, after = masses[:, None] * now[:, 3:6], masses[:, None] * following[:, 3:6]
        excess, mean = (after - before) / timestep - force, (before + after) / 2
        friction = (excess * mean).sum() / max(float((mean**2).sum()), 1e-30)
        momentum[step] = float(np.abs(excess - friction * mean).max())
        work[step] = abs(energies[step + 1] - energies[step] + float((force * (following - now)[:, :3]).sum()))
    _refuse_outlier(momentum, "forces and velocities")
    _refuse_outlier(work, "forces and energies")


def check_smooth(stresses: Mapping[int, NDArray[np.float64]]) -> None:
    """Compare each stress with the mean of its neighbours, one step away.

    :param stresses: kbar, of each step, (3, 3).
    :raises OutputError: if one stands out.
    """
    bends = {
        step: float(np.abs(stresses[step - 1] - 2 * now + stresses[step + 1]).max())
        for step, now in stresses.items()
        if step - 1 in stresses and step + 1 in stresses
    }
    _refuse_outlier(bends, "stresses", _BEND_TOLERANCE)


def _refuse_outlier(residuals: Mapping[int, float], what: str, tolerance: float = _MOTION_TOLERANCE) -> None:
    """Raise if one residual stands out among small ones."""
    if not residuals:
        return
    # A damaged step spoils two intervals, so that in a short run the median would be spoilt itself.
    typical = float(np.quantile(list(residuals.values()), 0.25, method="lower"))
    worst = max(residuals, key=lambda step: residuals[step])
    if typical < tolerance and not residuals[worst] <= max(tolerance, 50 * typical):
        raise OutputError(f"{what} of steps `{worst}` and `{worst + 1}` do not fit: files are damaged")

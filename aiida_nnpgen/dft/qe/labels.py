"""What pw.x computed, as labels; plain arrays and the standard output in, frames out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from ase import Atoms
from numpy.typing import ArrayLike, NDArray

from ...common.exceptions import OutputError
from ...common.frames import Frames
from ...common.units import GPA
from ..label import LabelChecks, LabelFailure, LabelProblem, RefusedLabelError, check_label
from .log import PwLog, read_log

__all__ = ["REQUIRED", "PwPart", "read_part", "read_single_point"]

REQUIRED = ("energy", "forces", "stress")
"""Arrays without which there is no label."""

_NO_LIMITS = LabelChecks(max_force=None, max_net_force=None)
_SAME_PLACE = 1e-5  # Å; positions are printed with ten decimals, and the bohr has other digits in every program
_TOLERANCES = {"energy": 1e-6, "forces": 1e-6, "stress": 1e-3}  # eV, eV/Å, GPa; half the last digit is a tenth of these
_VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


@dataclass(frozen=True, kw_only=True)
class PwPart:
    """What one job of a dynamics gave.

    :ivar frames: good frames, in their order.
    :ivar problem: what is wrong with the frame after them; None: nothing.
    :ivar following: positions in Å from which the dynamics goes on, (n_atoms, 3).
    """

    frames: Frames
    problem: LabelProblem | None
    following: NDArray[np.float64]


def read_single_point(arrays: Mapping[str, NDArray[Any]], text: str, converged: bool | None, atoms: Atoms) -> Frames:
    """Return the label of one structure.

    :param arrays: ``energy`` in eV, ``forces`` in eV/Å and ``stress`` in GPa, pressure positive, each with the frame as
        first axis.
    :param text: the standard output, which must say the same.
    :param converged: what pw.x said about the self-consistent field; None: nothing.
    :param atoms: what was to be labelled.
    :return: one frame, with the structure's own positions and cell.
    :raises OutputError: if something is missing, or two sources differ.
    :raises RefusedLabelError: with the reason, if it is whole but no label.
    """
    if converged is False:
        raise RefusedLabelError(LabelFailure.NOT_CONVERGED, "the self-consistent field is not converged")
    if converged is None:
        raise OutputError("pw.x did not say whether the self-consistent field is converged: the output is cut")
    labels = _labels(arrays, read_log(text, len(atoms)), len(atoms))
    if len(labels[0]) != 1:
        raise OutputError(f"a single point has `{len(labels[0])}` frames with a label, not one")
    frame = _frames(atoms, atoms.positions[None], labels)
    problem = _problem(frame, 0)
    if problem is not None:
        raise RefusedLabelError(problem.reason, problem.detail)
    return frame


def read_part(
    arrays: Mapping[str, NDArray[Any]], text: str, atoms: Atoms, start: NDArray[np.float64] | None = None
) -> PwPart:
    """Return the frames of one job of a dynamics.

    pw.x itself stops where the self-consistent field does not converge, and leaves that configuration out. Its stress
    has no kinetic part of the ions: that is printed apart.

    :param arrays: as for :func:`read_single_point`, and ``positions`` and ``cells`` in Å.
    :param text: the standard output, which must say the same.
    :param atoms: where the dynamics started.
    :param start: positions from which this job goes on, (n_atoms, 3); None: those of the structure.
    :raises OutputError: if something is missing, or two sources differ.
    """
    log = read_log(text, len(atoms))
    labels = _labels(arrays, log, len(atoms))
    positions, cells = (np.asarray(arrays.get(name, ()), dtype=np.float64) for name in ("positions", "cells"))
    if (
        positions.shape != labels[1].shape
        or cells.shape != (len(positions), 3, 3)
        or len(log.positions) < len(positions)
    ):
        raise OutputError(f"positions have shape `{positions.shape}` and forces `{labels[1].shape}`")
    expected = np.concatenate([(atoms.positions if start is None else start)[None], log.positions])[: len(positions)]
    _check_equal(positions, expected, _SAME_PLACE, "positions")
    _check_equal(cells, np.broadcast_to(atoms.cell.array, cells.shape), _SAME_PLACE, "cells")
    frames = _frames(atoms, positions, labels)
    problems = {row: problem for row in range(len(frames)) if (problem := _problem(frames, row)) is not None}
    end = min(problems, default=len(frames))
    return PwPart(frames=frames[:end], problem=problems.get(end), following=log.positions[-1])


def _labels(arrays: Mapping[str, NDArray[Any]], log: PwLog, n_atoms: int) -> tuple[NDArray[np.float64], ...]:
    """Return energies, forces and stresses in our units and shapes."""
    for name in REQUIRED:
        if name not in arrays or not len(arrays[name]):
            raise OutputError(f"pw.x left no `{name}`: the output is cut")
    energies, forces, pressures = (np.asarray(arrays[name], np.float64) for name in REQUIRED)
    n_frames = energies.size
    if forces.shape != (n_frames, n_atoms, 3) or pressures.shape != (n_frames, 3, 3):
        shapes = f"energies `{n_frames}`, forces `{forces.shape}`, stress `{pressures.shape}`"
        raise RefusedLabelError(LabelFailure.WRONG_SIZE, f"{shapes} do not fit `{n_atoms}` atoms")
    for name, ours, printed in zip(
        REQUIRED, (energies, forces, pressures), (log.energies, log.forces, log.stresses), strict=True
    ):
        _check_equal(ours, printed, _TOLERANCES[name], name)
    stresses = np.stack([-GPA * (pressures[:, i, j] + pressures[:, j, i]) / 2 for i, j in _VOIGT], axis=1)
    return energies.reshape(n_frames), forces, stresses


def _check_equal(ours: NDArray[np.float64], theirs: ArrayLike, tolerance: float, what: str) -> None:
    """Compare two sources; what is not finite in the first one is judged later."""
    other = np.asarray(theirs, dtype=np.float64)
    if ours.shape != other.shape:
        raise OutputError(f"`{what}` has shape `{ours.shape}`, and `{other.shape}` elsewhere: the files do not match")
    good = np.isfinite(ours)
    difference = np.abs(ours[good] - other[good]).max(initial=0)
    if not difference <= tolerance:
        raise OutputError(f"two sources of `{what}` differ by `{difference:.3g}`: the files do not match")


def _frames(atoms: Atoms, positions: NDArray[np.float64], labels: tuple[NDArray[np.float64], ...]) -> Frames:
    energies, forces, stresses = labels
    cells = np.tile(atoms.cell.array, (len(positions), 1, 1))
    return Frames(
        numbers=atoms.numbers, positions=positions, cells=cells, energies=energies, forces=forces, stresses=stresses
    )


def _problem(frames: Frames, row: int) -> LabelProblem | None:
    """Return why a frame is no label; the limits of what is worth learning come later."""
    assert frames.energies is not None
    assert frames.forces is not None
    assert frames.stresses is not None
    # Six NaN would pass as `no stress`, which pw.x was told to compute.
    if not (np.isfinite(frames.positions[row]).all() and np.isfinite(frames.stresses[row]).all()):
        return LabelProblem(LabelFailure.NOT_FINITE, "positions or stress hold NaN or infinity")
    return check_label(
        float(frames.energies[row]), frames.forces[row], frames.stresses[row], frames.n_atoms, _NO_LIMITS
    )

"""Whether positions are those of a path without jumps: unwrapped, and from one run."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..common.exceptions import InputError
from .checks import check_finite

__all__ = ["check_continuous"]

_RARE = 8  # times the usual step; of a normal distribution one step in 1e7 is longer


def check_continuous(positions: ArrayLike, cells: ArrayLike | None = None) -> NDArray[np.float64]:
    """Return positions after a look for jumps that no particle makes.

    With cells, no step may be longer than half the box along any of its vectors. Without, what gives itself away is
    refused: steps that are rare by their length and longer than half of the space that particles fill, as of one that
    leaves a box on one side and enters on the other; and frames in which everything moves far, as between two runs.

    :param positions: Å, (n_frames, n_particles, 3).
    :param cells: Å, rows are the vectors, (3, 3) or (n_frames, 3, 3), or None.
    :raises InputError: if there is a jump, the shape is another, or a value is not finite.
    """
    paths = check_finite(positions, "positions")
    if paths.ndim != 3 or paths.shape[2] != 3:
        raise InputError(f"`positions` has shape {paths.shape}, expected (n_frames, n_particles, 3)")
    if len(paths) < 2:
        raise InputError("`positions` has one frame: nothing moves in it")
    steps = np.diff(paths, axis=0)
    if cells is not None:
        _check_against_box(steps, check_finite(cells, "cells"))
    else:
        _check_against_themselves(steps, paths)
    return paths


def _check_against_box(steps: NDArray[np.float64], cells: NDArray[np.float64]) -> None:
    if cells.shape not in ((3, 3), (len(steps) + 1, 3, 3)):
        raise InputError(f"`cells` has shape {cells.shape}, expected (3, 3) or (n_frames, 3, 3)")
    if not (np.abs(np.linalg.det(cells)) > 0).all():
        raise InputError("`cells` has a cell without a volume")
    inverse = np.linalg.inv(cells if cells.ndim == 2 else cells[1:])
    parts = np.abs(steps @ inverse)
    frame, particle, axis = np.unravel_index(int(parts.argmax()), parts.shape)
    if parts[frame, particle, axis] > 0.5:
        raise InputError(
            f"`positions` of particle {particle} jump by {parts[frame, particle, axis]:.2f} of the box between frames "
            f"{frame} and {frame + 1}: unwrap them, or take frames that are closer in time"
        )


def _check_against_themselves(steps: NDArray[np.float64], paths: NDArray[np.float64]) -> None:
    sizes = np.abs(steps)
    usual = np.median(sizes)
    extent = np.ptp(paths[0], axis=0)  # about the box, unless there are few particles or all start in one place
    extent = np.where(extent > _RARE * usual, extent, np.ptp(paths, axis=(0, 1)))
    jumps = (sizes > _RARE * usual) & (sizes > extent / 2)
    if jumps.any():
        frame, particle, axis = (int(index) for index in np.argwhere(jumps)[0])
        raise InputError(
            f"`positions` of particle {particle} jump by `{sizes[frame, particle, axis]:.3g}` Å between frames {frame} "
            f"and {frame + 1}, where the usual step is {usual:.2g} Å: unwrap them; with `cells` jumps are judged "
            "against the box"
        )
    together = np.median(sizes, axis=(1, 2))
    torn = together > _RARE * max(float(np.median(together)), np.finfo(float).tiny)
    if torn.any():
        frame = int(np.argmax(torn))
        raise InputError(
            f"all `positions` move by about `{together[frame]:.3g}` Å between frames {frame} and {frame + 1}, "
            f"elsewhere by {np.median(together):.2g} Å: give one run without gaps"
        )

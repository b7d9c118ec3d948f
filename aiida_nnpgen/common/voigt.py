"""Symmetric tensors as six numbers in ASE's order: xx yy zz yz xz xy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .exceptions import OutputError

__all__ = ["VOIGT", "checked_voigt", "from_voigt", "to_voigt"]

VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
"""Row and column of each component."""

_ROWS, _COLUMNS = (list(axis) for axis in zip(*VOIGT, strict=True))


def to_voigt(tensors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the symmetric part of tensors, (..., 3, 3), as six numbers each, (..., 6)."""
    symmetric: NDArray[np.float64] = (tensors + np.swapaxes(tensors, -1, -2)) / 2
    return symmetric[..., _ROWS, _COLUMNS]


def from_voigt(components: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the symmetric tensors, (..., 3, 3), of six numbers each, (..., 6)."""
    tensors = np.empty((*components.shape[:-1], 3, 3))
    tensors[..., _ROWS, _COLUMNS] = tensors[..., _COLUMNS, _ROWS] = components
    return tensors


def checked_voigt(tensor: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a tensor that a code printed, (3, 3), as six numbers.

    :raises OutputError: if it is not symmetric, as a stress is.
    """
    if not np.allclose(tensor, tensor.T, rtol=1e-3, atol=1e-3 * float(np.abs(tensor).max())):
        raise OutputError("the stress is not symmetric")
    return to_voigt(tensor)

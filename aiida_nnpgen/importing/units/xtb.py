"""Forces and stresses of a semi-empirical method, where one is installed, to measure those of a file by."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from ase import Atoms

from ...common.calculators import evaluate
from ...dft.reading import ReadFrame

__all__ = ["compare_with_xtb"]

_MAX_ATOMS = 60
_MAX_FRAMES = 3
_MIN_CORRELATION = 0.8
_LARGE_FORCE = 1.5  # eV/Å, rms: more than two methods differ by at the minimum of one of them


def compare_with_xtb(frames: Sequence[ReadFrame], length: float = 1.0) -> float | None:
    """Return the slope of the forces of a file against those of GFN1-xTB, about 1 for eV/Å.

    Where several frames have the same atoms, changes of the forces are compared: near a minimum two methods differ by
    more than the forces. None if tblite is not installed, cells are too large for a cheap check, or forces do not
    correlate.

    :param frames: labelled.
    :param length: factor that brings positions to Å.
    """
    try:
        from tblite.ase import TBLite
    except ImportError:
        return None
    small = [frame for frame in frames if len(frame.numbers) <= _MAX_ATOMS]
    if not small:
        return None
    ours, theirs = [], []
    for place in np.unique(np.linspace(0, len(small) - 1, _MAX_FRAMES).astype(int)):
        frame = small[place]
        atoms = Atoms(frame.numbers, positions=frame.positions * length, cell=frame.cell * length, pbc=True)
        try:
            forces = evaluate(atoms, TBLite(method="GFN1-xTB", verbosity=0)).forces
        except Exception:
            return None
        assert frame.forces is not None
        ours.append(forces.ravel())
        theirs.append(frame.forces.ravel())
    if len(ours) == _MAX_FRAMES and len({array.shape for array in ours}) == 1:
        ours = list(np.array(ours) - np.mean(ours, axis=0))
        theirs = list(np.array(theirs) - np.mean(theirs, axis=0))
    elif np.sqrt(np.mean(np.concatenate(ours) ** 2)) < _LARGE_FORCE:
        return None
    reference, given = np.concatenate(ours), np.concatenate(theirs)
    size = float(np.linalg.norm(reference) * np.linalg.norm(given))
    if size == 0 or abs(float(reference @ given)) < _MIN_CORRELATION * size:
        return None
    return float(np.sign(reference @ given) * np.linalg.norm(given) / np.linalg.norm(reference))

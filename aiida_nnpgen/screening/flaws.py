"""For what a candidate is dropped before it is placed on the map."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["CandidateFlaw"]


class CandidateFlaw(IntEnum):
    """Why a candidate is dropped; of several reasons the one that is found first counts."""

    NONE = 0  # sound: it is kept
    NOT_FINITE = 1  # a coordinate or cell vector is not a finite number, or the cell has no volume
    OVERLAP = 2  # two atoms lie on top of each other
    DISSOCIATED = 3  # a bond of the start structure is torn
    DETACHED = 4  # a molecule, or an atom by itself, is far from all others
    VACUUM = 5  # there is a large hole
    DENSITY = 6  # too dilute or too dense
    NO_START = 7  # torn bonds cannot be found: the dataset has no frame with the same atoms
    DUPLICATE_OF_DATASET = 8  # it is labelled already
    DUPLICATE_OF_CANDIDATE = 9  # an earlier candidate is the same
    NO_FEATURES = 10  # the model gives a feature that is not finite
    NO_QUANTITY = 11  # a quantity that is an axis is not defined for it, or not finite

    @property
    def label(self) -> str:
        """Return the flaw in lower case."""
        return self.name.lower()

"""Under which names a file of ASE holds its labels."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from .hints import LabelKeys

__all__ = ["FoundLabels", "NameCount", "find_labels", "quote"]

# What MACE, QUIP, NEP and others put before or behind a name for values of the reference method, the likeliest first.
_ORIGINS = ("", "ref", "dft", "qm", "castep", "vasp", "cp2k", "qe", "aims", "target", "true")
# By quantity, the likeliest first. ASE calls the energy that forces derive from free; `energy` may be extrapolated.
_WORDS = {
    "energy": ("free_energy", "energy", "total_energy", "totenergy"),
    "forces": ("forces", "force"),
    "stress": ("stress",),
    "virial": ("virial", "virials"),
}
_QUANTITIES = {word: quantity for quantity, words in _WORDS.items() for word in words}
_ANY_ORIGIN = "|".join(filter(None, _ORIGINS))
_NAME = re.compile(rf"(?:({_ANY_ORIGIN})_)?({'|'.join(_QUANTITIES)})(?:_({_ANY_ORIGIN}))?")
_OWN = {"energy", "free_energy", "forces", "stress"}
_SAME = 1e-3  # eV, eV/Å: more than files round


@dataclass(frozen=True)
class _Candidate:
    """A value whose name says that it may be a label."""

    name: str
    quantity: str
    origin: str
    word: str
    value: NDArray[np.float64]

    def likelihood(self, home: str) -> tuple[bool, int, int]:
        """Return a key to sort by: those of one origin belong together."""
        return self.origin != home, _ORIGINS.index(self.origin), list(_QUANTITIES).index(self.word)


@dataclass(frozen=True)
class FoundLabels:
    """The labels of one frame.

    :ivar values: by quantity: energy (), forces (n_atoms, 3), and either stress, (6,) or (3, 3), or virial, (3, 3).
    :ivar names: under which each was found.
    :ivar others: names that could stand for the same, with other values.
    :ivar suspects: names that look like labels but are none that is known.
    """

    values: Mapping[str, NDArray[np.float64]]
    names: tuple[str, ...]
    others: tuple[str, ...]
    suspects: tuple[str, ...]


@dataclass
class NameCount:
    """How often labels of a file were found under which names."""

    taken: Counter[tuple[str, ...]] = field(default_factory=Counter)
    others: Counter[tuple[str, ...]] = field(default_factory=Counter)

    def add(self, found: FoundLabels) -> None:
        """Count one frame."""
        if set(found.names) - _OWN:
            self.taken[found.names] += 1
        if found.others:
            self.others[found.others] += 1

    def notes(self) -> Iterator[str]:
        """Yield what is worth saying."""
        for names, count in self.taken.items():
            yield f"{count} frames: the labels are those named {quote(names)}"
        for names, count in self.others.items():
            yield f"{count} frames: {quote(names)} could be the label too, and differs: set `keys` to choose"


def quote(names: Sequence[str]) -> str:
    """Return names as they are written in a message."""
    return ", ".join(f"`{name}`" for name in names)


def find_labels(atoms: Atoms, keys: LabelKeys) -> FoundLabels:
    """Return the labels of one frame, from its calculator or from whatever else is stored with it.

    Energy and forces of one origin belong together: the likeliest origin that has both is taken.

    :param keys: names that the user gives, in place of the common ones.
    """
    everything = _everything(atoms)
    common = list(_common(everything, len(atoms)))
    origins = {quantity: {item.origin for item in common if item.quantity == quantity} for quantity in _WORDS}
    home = next((origin for origin in _ORIGINS if origin in origins["energy"] & origins["forces"]), "")
    chosen: list[_Candidate] = []
    others: list[str] = []
    for given, quantities in (
        ((keys.energy,), ("energy",)),
        ((keys.forces,), ("forces",)),
        ((keys.stress, keys.virial), ("stress", "virial")),
    ):
        if any(given):
            chosen += list(_given(everything, dict(zip(quantities, given, strict=True)), len(atoms)))[:1]
            continue
        options = sorted((item for item in common if item.quantity in quantities), key=lambda x: x.likelihood(home))
        chosen += options[:1]
        others += [item.name for item in options[1:] if _differ(options[0], item)]
    known = {item.name for item in (*common, *chosen)}
    suspects = [name for name in everything if re.search("energy|force", name.lower()) and name not in known]
    values = {item.quantity: item.value for item in chosen}
    return FoundLabels(values, tuple(item.name for item in chosen), tuple(others), tuple(suspects))


def _everything(atoms: Atoms) -> dict[str, object]:
    """Return all that is stored with a frame, by name; databases nest it."""
    info = {key: value for key, value in atoms.info.items() if isinstance(key, str)}
    nested = [value for key in ("data", "key_value_pairs") if isinstance(value := info.get(key), Mapping)]
    results = getattr(atoms.calc, "results", None) or {}
    found: dict[str, object] = {}
    for part in (*nested, info, atoms.arrays, results):
        found |= part
    return found


def _common(everything: Mapping[str, object], n_atoms: int) -> Iterator[_Candidate]:
    """Yield what has one of the common names, in any case of letters."""
    for name, value in everything.items():
        match = _NAME.fullmatch(name.lower().replace("-", "_"))
        if match is None:
            continue
        array = _shaped(value, _QUANTITIES[match[2]], n_atoms)
        if array is not None:
            yield _Candidate(name, _QUANTITIES[match[2]], match[1] or match[3] or "", match[2], array)


def _given(everything: Mapping[str, object], names: Mapping[str, str | None], n_atoms: int) -> Iterator[_Candidate]:
    """Yield what has a name that the user gave."""
    for quantity, name in names.items():
        array = _shaped(everything.get(name), quantity, n_atoms) if name else None
        if name and array is not None:
            yield _Candidate(name, quantity, "", quantity, array)


def _shaped(value: object, quantity: str, n_atoms: int) -> NDArray[np.float64] | None:
    """Return a value as numbers in the shape of a quantity; None if it is something else."""
    if value is None or isinstance(value, bool):
        return None
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    shapes: dict[str, list[tuple[int, ...]]]
    shapes = {"energy": [()], "forces": [(n_atoms, 3)], "stress": [(6,), (3, 3)], "virial": [(3, 3)]}
    fitting = [shape for shape in shapes[quantity] if int(np.prod(shape)) == array.size]
    return array.reshape(fitting[0]) if fitting else None


def _differ(first: _Candidate, second: _Candidate) -> bool:
    """Return whether two values for one label contradict each other; a free energy is another one by its nature."""
    if first.value.shape != second.value.shape or first.quantity != second.quantity:
        return False
    is_free = "free_energy" in (first.word, second.word) and first.origin == second.origin
    return not is_free and not np.allclose(first.value, second.value, atol=_SAME, equal_nan=True)

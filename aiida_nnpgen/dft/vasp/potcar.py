"""What the head of a POTCAR says."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ase.data import chemical_symbols

from ...common.exceptions import InputError

__all__ = ["Potcar", "read_potcar"]

_TITLE = re.compile(r"^\s*TITEL\s*=\s*(\S.*?)\s*$", re.MULTILINE)
_ELEMENT = re.compile(r"^\s*VRHFIN\s*=\s*([A-Za-z]{1,2})\s*:", re.MULTILINE)
_VALENCE = re.compile(r"\bZVAL\s*=\s*(\d+(?:\.\d*)?)")
_CUTOFF = re.compile(r"\bENMAX\s*=\s*(\d+(?:\.\d*)?)")


@dataclass(frozen=True, kw_only=True)
class Potcar:
    """One potential.

    :ivar symbol: name in the set, such as ``O_s``.
    :ivar element: that it stands for.
    :ivar valence: number of electrons of the neutral atom that are not in the core.
    :ivar cutoff: largest one that the potential is meant for, ENMAX in eV.
    """

    symbol: str
    element: str
    valence: float
    cutoff: float


def read_potcar(text: str) -> Potcar:
    """Return what a POTCAR with one potential says.

    :raises InputError: if it holds none, or more than one.
    """
    titles = _TITLE.findall(text)
    if len(titles) != 1:
        raise InputError(f"a POTCAR with one potential is needed, this file has `{len(titles)}`")
    element, valence, cutoff = (pattern.search(text) for pattern in (_ELEMENT, _VALENCE, _CUTOFF))
    words = titles[0].split()
    name = words[1] if len(words) > 1 else words[0]
    symbol = element.group(1).capitalize() if element else name.partition("_")[0]
    if symbol not in chemical_symbols[1:] or valence is None or cutoff is None:
        raise InputError(f"the POTCAR `{titles[0]}` has no VRHFIN, ZVAL or ENMAX")
    return Potcar(symbol=name, element=symbol, valence=float(valence.group(1)), cutoff=float(cutoff.group(1)))

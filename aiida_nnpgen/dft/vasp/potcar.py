"""What the head of a POTCAR says."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ase.data import chemical_symbols

from ...common.exceptions import InputError

__all__ = ["Potcar", "element_of", "read_potcar"]

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


def element_of(title: str) -> str | None:
    """Return the element in a title such as ``PAW_PBE Na_pv 19Sep2006``; None: there is none."""
    match = re.match(r"[A-Z][a-z]?(?![A-Za-z])", _name(title))
    return match.group() if match and match.group() in chemical_symbols[1:] else None


def read_potcar(text: str) -> Potcar:
    """Return what a POTCAR with one potential says.

    :raises InputError: if it holds none, or more than one.
    """
    titles = _TITLE.findall(text)
    if len(titles) != 1:
        raise InputError(f"a POTCAR with one potential is needed, this file has `{len(titles)}`")
    element, valence, cutoff = (pattern.search(text) for pattern in (_ELEMENT, _VALENCE, _CUTOFF))
    symbol = element.group(1).capitalize() if element else ""
    # Some files of VASP have half a symbol there: X for Xe, r for Zr.
    symbol = symbol if symbol in chemical_symbols[1:] else element_of(titles[0]) or ""
    if not symbol or valence is None or cutoff is None:
        raise InputError(f"the POTCAR `{titles[0]}` has no VRHFIN, ZVAL or ENMAX")
    valences, cutoffs = float(valence.group(1)), float(cutoff.group(1))
    return Potcar(symbol=_name(titles[0]), element=symbol, valence=valences, cutoff=cutoffs)


def _name(title: str) -> str:
    """Return the second word, or the only one: the name in the set."""
    return title.split()[:2][-1]

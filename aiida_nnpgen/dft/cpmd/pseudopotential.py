"""Pseudopotential files in the format of CPMD: whose they are, and the LMAX that they need."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ase.data import atomic_numbers, chemical_symbols

from ...common.exceptions import InputError
from .input import Pseudopotential

__all__ = ["check_options", "pseudopotential"]

_LMAX = "SPDF"
_ATOM = re.compile(r"^\s*&ATOM\b(.*?)^\s*&END", re.MULTILINE | re.DOTALL)
_NUMBER = re.compile(r"^\s*Z\s*=\s*(\d+)(?:\.\d*)?\s*$", re.MULTILINE)
# Behind the line GOEDECKER stands the number of angular momenta with projectors; LMAX is the local part above them.
_CHANNELS = re.compile(r"^\s*GOEDECKER\s*\n\s*(\d)\s+LMAX", re.MULTILINE)


def pseudopotential(element: str, text: str, options: Mapping[str, Any] | None = None) -> Pseudopotential:
    """Return how a file is used; in the working directory its name is ``<element>.psp``.

    LMAX of a GTH or HGH file is one above its projectors, as in all published inputs: S for hydrogen, P for carbon and
    oxygen. For other kinds of file it is S for hydrogen and helium, and P for the rest, unless the options say it.

    :param text: content of the file.
    :param options: ``lmax`` (S, P, D or F) and ``options`` (words behind the file name).
    :raises InputError: if the file is of another element or another code.
    """
    head = _ATOM.search(text)
    if head is None:
        raise InputError(f"the pseudopotential of `{element}` is no file of CPMD: it has no section `&ATOM`")
    number = _NUMBER.search(head.group(1))
    if number and int(number.group(1)) != atomic_numbers[element]:
        found = chemical_symbols[int(number.group(1))] if int(number.group(1)) < len(chemical_symbols) else "?"
        raise InputError(f"the pseudopotential of `{element}` is of another element: Z = {number.group(1)} ({found})")
    channels = _CHANNELS.search(text)
    if channels and int(channels.group(1)) < len(_LMAX):
        lmax = _LMAX[int(channels.group(1))]
    else:
        lmax = "S" if atomic_numbers[element] <= 2 else "P"
    given = options or {}
    return Pseudopotential(
        filename=f"{element}.psp", lmax=given.get("lmax", lmax), options=str(given.get("options", ""))
    )


def check_options(values: Any) -> None:
    """Check what ``parameters.PSEUDOPOTENTIALS`` says.

    :raises InputError: if an element, a key or a value is unknown.
    """
    if not isinstance(values, Mapping):
        raise InputError("`parameters.PSEUDOPOTENTIALS` must map elements to `lmax` and `options`")
    for element, options in values.items():
        place = f"parameters.PSEUDOPOTENTIALS.{element}"
        if element not in chemical_symbols[1:]:
            raise InputError(f"{place}: `{element}` is not an element")
        if not isinstance(options, Mapping) or set(options) - {"lmax", "options"}:
            raise InputError(f"{place}: give `lmax` and `options`, not `{options}`")
        words = options.get("options", "")
        if not isinstance(words, str) or not re.fullmatch(r"[A-Z0-9 =.\-]*", words):
            raise InputError(f"{place}.options: `{words}` are no words of CPMD, such as `KLEINMAN-BYLANDER`")
        Pseudopotential(filename=f"{element}.psp", lmax=options.get("lmax", "S"))

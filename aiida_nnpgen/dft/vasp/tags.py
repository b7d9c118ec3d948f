"""Tags of INCAR: which are the labeller's own, and which look misspelt."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from ase.data import chemical_symbols

from ...common.exceptions import InputError
from ..text import check_words

__all__ = ["check_tags", "is_per_element"]

_FORBIDDEN = ";=#!\\{}\"'"
"""What ends a tag, begins a comment, or joins lines."""
_NUMBER = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eEdD][-+]?\d+)?")
_INSTEAD = {
    "ICHARG": "a label is always self-consistent",
    "KGAMMA": "use `kpoints`",
    "KSPACING": "use `kpoints_spacing`",
    "NELECT": "use `charge`",
    "PSTRESS": "it would enter the energy",
}
_PREFIXES = {"ML_": "labels must not come from a force field", "LIBXC1_P": "", "LIBXC2_P": ""}


def check_tags(tags: Mapping[str, Any]) -> None:
    """Check the user's own words.

    VASP skips what it does not know, so every tag must be known here.

    :param tags: of INCAR, in capitals.
    :raises InputError: naming a tag that is misspelt, or that is not the user's.
    """
    check_words(tags, "parameters", forbidden=_FORBIDDEN)
    for tag, value in tags.items():
        if tag != tag.upper():
            raise InputError(f"`parameters.{tag}` must be in capitals: write `{tag.upper()}`")
        _check_name(tag)
        if is_per_element(tag):
            _check_elements(tag, value)
        elif isinstance(value, Mapping):
            raise InputError(f"`parameters.{tag}` must be a value, not `{dict(value)}`: VASP has no sections")
        else:
            _check_kind(tag, value)


def _check_kind(tag: str, value: Any) -> None:
    """Refuse a text where VASP wants a number, and a number where it wants a logical value."""
    if value is None:
        return
    is_switch = isinstance(value, bool) or str(value).strip(".").upper() in ("T", "F", "TRUE", "FALSE")
    if tag in _tags()["numbers"] and (isinstance(value, bool) or not _NUMBER.fullmatch(str(value))):
        raise InputError(f"`parameters.{tag}` must be a number, not `{value}`")
    if tag in _tags()["switches"] and not is_switch:
        raise InputError(f"`parameters.{tag}` must be true or false, not `{value}`")


def is_per_element(tag: str) -> bool:
    """Return whether VASP takes a value for each element, or for each atom."""
    return tag in _tags()["elements"]


@cache
def _tags() -> dict[str, frozenset[str]]:
    groups = yaml.safe_load((files(__package__) / "tags.yaml").read_text())
    return {name: frozenset(words.split()) for name, words in groups.items()}


def _check_name(tag: str) -> None:
    groups = _tags()
    prefix = next((start for start in _PREFIXES if tag.startswith(start)), None)
    if tag in groups["own"] or (prefix and _PREFIXES[prefix]):
        reason = _INSTEAD.get(tag) or (prefix and _PREFIXES[prefix]) or "the labeller sets it"
        raise InputError(f"`parameters.{tag}` is not for the user: {reason}")
    if prefix or tag in groups["known"] | groups["elements"]:
        return
    close = difflib.get_close_matches(tag, sorted(groups["known"] | groups["elements"]), n=1)
    hint = f"did you mean `{close[0]}`?" if close else "see the list of INCAR tags in the manual"
    raise InputError(f"`parameters.{tag}` is no tag of VASP: {hint}")


def _check_elements(tag: str, value: Any) -> None:
    if not isinstance(value, Mapping):
        raise InputError(f"`parameters.{tag}` must map elements to values, such as {{O: 1.0}}, not be `{value}`")
    for element, number in value.items():
        if element not in chemical_symbols[1:]:
            raise InputError(f"`parameters.{tag}`: `{element}` is not an element")
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise InputError(f"`parameters.{tag}.{element}` must be a number, not `{number}`")

"""The input of CP2K as a tree: sections are mappings, keywords are values, ``_`` is the parameter of a section.

A list repeats its keyword or section. ``KIND`` is a mapping from the name of the kind to its keywords.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from ase.data import chemical_symbols

from ...common.exceptions import InputError
from ..method import merge
from ..text import check_words

__all__ = ["Tree", "check_tree", "normalise", "overlay", "render"]

Tree = dict[str, Any]

_FORBIDDEN = "&@$#!\\"
"""Sections, directives, variables, comments and the mark of a line that goes on."""
_KIND = "FORCE_EVAL/SUBSYS/KIND"
_NEEDED = {"FORCE_EVAL", "GLOBAL", *(f"FORCE_EVAL/{name}" for name in ("DFT", "DFT/QS", "DFT/SCF", "DFT/XC", "SUBSYS"))}
"""Sections that cannot be taken away."""
_REPEATED = "FORCE_EVAL/DFT/XC/VDW_POTENTIAL/PAIR_POTENTIAL"
_ALLOWED = {
    "": ("FORCE_EVAL", "GLOBAL"),
    "FORCE_EVAL": ("DFT", "SUBSYS"),
    "FORCE_EVAL/SUBSYS": ("KIND",),
}
"""Sections in which the labeller leaves nothing else to the user."""
_OWNED = {
    "GLOBAL": {
        *("IOLEVEL", "OUTPUT_FILE_NAME", "PRINT", "PRINT_LEVEL", "PROGRAM", "PROGRAM_NAME", "PROJECT", "PROJECT_NAME"),
        *("RUN_TYPE", "SEED", "WALLTI", "WALLTIME"),
    },
    "FORCE_EVAL/DFT": {
        *("ALMO_SCF", "LS_SCF", "PRINT", "REAL_TIME_PROPAGATION", "RELAX_MULTIP", "RELAX_MULTIPLICITY"),
        *("RESTART_FILE_NAME", "WFN_RESTART_FILE_NAME"),
    },
    "FORCE_EVAL/DFT/QS": {
        *("ALMO_SCF", "EXTRAPOLATION", "EXTRAPOLATION_ORDER", "INTERPOLATION", "LS_SCF", "TRANSPORT"),
        "WF_INTERPOLATION",
    },
    "FORCE_EVAL/DFT/SCF": {"IGNORE_CONVERGENCE_FAILURE", "NOTCONV_STOPALL", "PRINT"},
}
"""What the labeller itself must set, or what its readers would not understand."""
_GUESSES = ("ATOMIC", "CORE", "MOPAC", "RANDOM", "SPARSE")


def normalise(values: Mapping[str, Any], path: str = "") -> Tree:
    """Return a tree with all names in capitals; CP2K does not distinguish, and two spellings of one name are one.

    :raises InputError: if a section that the labeller needs as a mapping is none, or a name or a value is none.
    """
    if not path:
        check_words(values, "parameters", forbidden=_FORBIDDEN)
    tree: Tree = {}
    for key, value in values.items():
        name = str(key).upper() if path != _KIND else _kind_name(str(key))
        place = f"{path}/{name}".strip("/")
        if place == _KIND and not isinstance(value, Mapping):
            raise InputError(f"parameters.{place}: write a mapping such as `{{O: {{BASIS_SET: ...}}}}`, not `{value}`")
        present = normalise(value, place) if isinstance(value, Mapping) else _plain(value, place)
        tree = merge(tree, {name: present})
    return tree


def _plain(value: Any, place: str) -> Any:
    if isinstance(value, list | tuple):
        return [normalise(item, place) if isinstance(item, Mapping) else _plain(item, place) for item in value]
    return value


def _kind_name(name: str) -> str:
    known: dict[str, str] = {symbol.upper(): symbol for symbol in chemical_symbols[1:]} | {"DEFAULT": "DEFAULT"}
    if name.upper() not in known:
        raise InputError(f"parameters.{_KIND}: `{name}` is no element; write one, or DEFAULT for all others")
    return known[name.upper()]


def overlay(base: Mapping[str, Any], override: Mapping[str, Any], path: str = "") -> Tree:
    """Return a tree with the second one put over the first one; ``false`` or null takes a section away."""
    merged = dict(base)
    for key, value in override.items():
        present, place = merged.get(key), f"{path}/{key}".strip("/")
        if isinstance(value, Mapping):
            merged[key] = overlay(present if isinstance(present, Mapping) else {}, value, place)
        elif value is None or (value is False and _is_known_section(path, key)):
            merged.pop(key, None)
        else:
            merged[key] = value
    return merged


def check_tree(tree: Mapping[str, Any], path: str = "") -> None:
    """Check what a user wants changed.

    :param tree: normalised.
    :raises InputError: if a key belongs to the labeller, or is almost a known one.
    """
    for key, value in tree.items():
        if key == "_":
            continue
        _check_key(path, key)
        if f"{path}/{key}" == "FORCE_EVAL/DFT/SCF/SCF_GUESS" and str(value).upper() not in _GUESSES:
            raise InputError(f"parameters.{path}/{key}: `{value}` is no start of every frame: use {' '.join(_GUESSES)}")
        place = f"{path}/{key}".strip("/")
        if not isinstance(value, Mapping) and (place in _NEEDED or path == _KIND):
            raise InputError(f"parameters.{place} is needed: write a mapping of its keywords, not `{value}`")
        if isinstance(value, list) and place in _known_names() and place != _REPEATED:
            raise InputError(f"parameters.{place} is one section: write a mapping, not a list")
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, Mapping) and item not in (None, False) and _is_known_section(path, key):
                raise InputError(f"parameters.{path}/{key} is a section: write `{{_: {item}}}` for its parameter")
            if isinstance(item, Mapping):
                check_tree(item, place)


def _check_key(path: str, key: str) -> None:
    place = f"{path}/{key}".strip("/")
    if path == _KIND:
        return
    allowed = _ALLOWED.get(path)
    names = _known_names().get(_KIND if path.startswith(f"{_KIND}/") else path or "/", frozenset())
    known = {name.removeprefix("&") for name in names}
    if key not in known and known:
        close = difflib.get_close_matches(key, sorted(known), n=1, cutoff=0.8)
        if close:
            raise InputError(f"parameters.{place}: CP2K knows no `{key}` there: did you mean `{close[0]}`?")
    if allowed is not None and key not in allowed:
        raise InputError(f"parameters.{place}: `{key}` is not yours to set, but {' and '.join(allowed)} are")
    if key in _OWNED.get(path, ()):
        raise InputError(f"parameters.{place}: `{key}` belongs to the labeller: leave it out")


@cache
def _known_names() -> dict[str, frozenset[str]]:
    text = (files(__package__) / "keywords.yaml").read_text()
    names = {path: frozenset(words.split()) for path, words in yaml.safe_load(text).items()}
    return names | {"/": frozenset({"&FORCE_EVAL", "&GLOBAL", "&MOTION"})}


def _is_known_section(path: str, key: str) -> bool:
    return f"&{key}" in _known_names().get(path or "/", frozenset())


def render(tree: Mapping[str, Any]) -> str:
    """Return the text of an input."""
    return "\n".join(_lines(tree, "")) + "\n"


def _lines(tree: Mapping[str, Any], indent: str, path: str = "") -> list[str]:
    lines: list[str] = []
    # Keywords stand before the sections, as in every input of CP2K.
    for key, value in sorted(tree.items(), key=lambda item: _is_section(item[1])):
        place = f"{path}/{key}".strip("/")
        if place == _KIND:
            value = [{"_": name} | keywords for name, keywords in value.items()]
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Mapping):
                lines.append(f"{indent}&{key} {_word(item.get('_', ''))}".rstrip())
                lines += _lines({name: each for name, each in item.items() if name != "_"}, indent + "  ", place)
                lines.append(f"{indent}&END {key}")
            else:
                lines.append(f"{indent}{key} {_word(item)}".rstrip() if key else f"{indent}{_word(item)}")
    return lines


def _is_section(value: Any) -> bool:
    return isinstance(value[0] if isinstance(value, list) and value else value, Mapping)


def _word(value: str | float) -> str:
    if isinstance(value, bool):
        return "T" if value else "F"
    return repr(value) if isinstance(value, float) else str(value)

"""What a user may say to CPMD in its own words, and what the labeller says itself."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from typing import Any

from ...common.exceptions import InputError
from ..text import check_words

__all__ = ["SECTIONS", "check_keywords", "lines_of"]

SECTIONS = ("CPMD", "DFT", "SYSTEM")
"""Sections that ``parameters`` may extend."""

_KEYWORD = re.compile(r"[A-Za-z0-9_.=-]+( [A-Za-z0-9_.=-]+)*")
# Keywords are named by the words that they begin with. CPMD skips what it does not know with no more than a note in its
# output; what changes the kind of run, the files or what the energy means is the labeller's.
_WORDS = {
    "CPMD": (
        "ALEXANDER MIXING, ALLTOALL, ANDERSON MIXING, BLOCKSIZE STATES, BROYDEN MIXING, CONVERGENCE ORBITALS, "
        "CP_GROUPS, DAVIDSON, DIIS MIXING, DISTRIBUTE FNL, DISTRIBUTED LINALG, EMASS, GSHELL, HAMILTONIAN CUTOFF, "
        "INITIALIZE WAVEFUNCTION, LANCZOS, MAXITER, MEMORY, NOGEOCHECK, ODIIS, ORTHOGONALIZATION, PCG, PROJECT, "
        "RANDOMIZE WAVEFUNCTION, REAL SPACE WFN, SPLINE, STEEPEST DESCENT ELECTRONS, STORE, TASKGROUPS"
    ),
    "DFT": "BECKE BETA, EXCHANGE CORRELATION TABLE, GC-CUTOFF, NEWCODE, OLDCODE, SMOOTH, USE_CP",
    "SYSTEM": "CONSTANT CUTOFF, DENSITY CUTOFF, DUAL, MESH, OCCUPATION, STATES, TESR",
}
_ALLOWED = {section: words.split(", ") for section, words in _WORDS.items()}
_EXACT = {"CONVERGENCE ORBITALS", "GC-CUTOFF", "MAXITER", "STORE"}
"""Keywords that have no options, and a place of their own in the input."""
_OWNED = {
    "CPMD": {
        "LOCAL SPIN DENSITY": "set `multiplicity`",
        "LSD": "set `multiplicity`",
        "MAXSTEP": "set `MAXITER`, which limits the iterations of each wavefunction",
        "NOSE": "set `thermostat` and `thermostat_damping`",
        "TEMPERATURE": "set `temperatures`",
        "TIMESTEP": "set `timestep`",
        "VDW": "set `dispersion`",
    },
    "DFT": {"FUNCTIONAL": "set `functional`"},
    "SYSTEM": {
        "CHARGE": "set `charge`",
        "CUTOFF": "set `cutoff`",
        "KPOINTS": "labels are computed at the Gamma point; make the cell larger",
        "MULTIPLICITY": "set `multiplicity`",
    },
}
_RESERVED = {
    "CPMD": (
        "ANNEALING BERENDSEN BICANONICAL CENTER CLASSTRESS CONVERGENCE DAMPING DEBUG ELF EXTERNAL EXTRAPOLATE FILEPATH "
        "FINITE FREE INTERFACE ISOLATED LANGEVIN LINEAR MAXCPUTIME MAXRUNTIME MIRROR MOLECULAR MOVIE OPTIMIZE "
        "PARRINELLO-RAHMAN PATH PRINT PRNGSEED PROPERTIES QMMM QUENCH RESCALE RESTART RESTFILE REVERSE STRESS "
        "STRUCTURE SUBTRACT SURFACE TEMPCONTROL TRAJECTORY TROTTER VIBRATIONAL WANNIER"
    ),
    "DFT": "ACM0 ACM1 ACM3 GRADIENT HARTREE HARTREE-FOCK LDA LR REFUNCT SCREENED SLATER WANNIER XC_DRIVER",
    "SYSTEM": "ANGSTROM BOHR CELL CLUSTER DUMMY ISOTROPIC POINT POISSON PRESSURE REFERENCE SCALE SYMMETRY",
}


def check_keywords(parameters: Mapping[str, Any]) -> None:
    """Check keywords and values of the sections that may be extended.

    :raises InputError: naming the keyword, and what to write instead.
    """
    own = {section: parameters.get(section) for section in SECTIONS}
    check_words(own, "parameters", forbidden="&", key=_KEYWORD)
    for section in SECTIONS:
        values = parameters.get(section, {})
        if not isinstance(values, Mapping):
            raise InputError(f"`parameters.{section}` must map keywords to their values, not `{values}`")
        for keyword, value in values.items():
            _check_keyword(section, str(keyword))
            _check_value(f"parameters.{section}.{keyword}", value)


def lines_of(values: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the lines of keywords: a value stands below its keyword, true is a keyword alone, false and none nothing.

    :param values: keywords of one section that passed :func:`check_keywords`.
    """
    lines: list[str] = []
    for keyword, value in values.items():
        if value is None or value is False:
            continue
        lines.append(keyword)
        if value is not True:
            words = value if isinstance(value, list | tuple) else [value]
            lines.append(f" {' '.join(map(str, words))}")
    return tuple(lines)


def _check_keyword(section: str, keyword: str) -> None:
    place = f"`{keyword}` in `parameters.{section}`"
    words = keyword.split()
    if keyword != keyword.upper() or not words or keyword != " ".join(words):
        raise InputError(f"{place} must be written as in an input: capitals, one blank between words")
    known = [known for known in _ALLOWED[section] if words[: len(known.split())] == known.split()]
    if known and (known[0] == keyword or known[0] not in _EXACT):
        return
    if known:
        raise InputError(f"{place} is unknown: write `{known[0]}`, which has no options")
    for owned, instead in _OWNED[section].items():
        if words[: len(owned.split())] == owned.split():
            raise InputError(f"{place} is not for the user: {instead}")
    if words[0] in _RESERVED[section].split():
        raise InputError(f"{place} is not for the user: the labeller decides it")
    close = difflib.get_close_matches(keyword, _ALLOWED[section], n=1, cutoff=0.6)
    hint = f"did you mean `{close[0]}`?" if close else f"choose from {', '.join(_ALLOWED[section])}"
    raise InputError(f"{place} is unknown: {hint}")


def _check_value(place: str, value: Any) -> None:
    items = value if isinstance(value, list | tuple) else [value]
    for item in items:
        good = item is None or isinstance(item, bool | int | str) or (isinstance(item, float) and math.isfinite(item))
        if not good:
            raise InputError(f"`{place}` must be a number, a text, a list of these, true or false, not `{value}`")

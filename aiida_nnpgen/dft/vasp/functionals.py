"""Functionals and dispersion corrections in the words of VASP."""

from __future__ import annotations

import difflib
from typing import Any

from ...common.exceptions import InputError
from ..dispersion import D2_SCALES
from ..method import Dispersion, Method

__all__ = ["DAMPINGS", "FUNCTIONALS", "check_functional", "functional_tags", "names_functional"]

FUNCTIONALS: dict[str, dict[str, Any]] = {
    "LDA": {"GGA": "CA"},
    "PBE": {"GGA": "PE"},
    "PBESOL": {"GGA": "PS"},
    "RPBE": {"GGA": "RP"},
    "REVPBE": {"GGA": "RE"},
    "AM05": {"GGA": "AM"},
    # VASP has the parts of B3LYP: LDA and Becke's correction to exchange, Lee, Yang and Parr for all of correlation.
    "BLYP": {"GGA": "B5", "ALDAX": 1.0, "AGGAX": 1.0, "AGGAC": 1.0, "ALDAC": 0.0},
    "B3LYP": {"LHFCALC": True, "GGA": "B3", "AEXX": 0.2, "AGGAX": 0.72, "AGGAC": 0.81, "ALDAC": 0.19},
    "PBE0": {"LHFCALC": True, "GGA": "PE"},
    "HSE06": {"LHFCALC": True, "GGA": "PE", "HFSCREEN": 0.2},
    "SCAN": {"METAGGA": "SCAN"},
    "R2SCAN": {"METAGGA": "R2SCAN"},
}
"""Tags of each; https://www.vasp.at/wiki/GGA, METAGGA, List_of_hybrid_functionals, ALDAC and AGGAC."""

DAMPINGS = {
    "PBE": (0.7875, 0.4289, 4.4407),
    "BLYP": (2.6996, 0.4298, 4.2359),
    "REVPBE": (2.3550, 0.5238, 3.5016),
    "B3LYP": (1.9889, 0.3981, 4.4211),
    "PBE0": (1.2177, 0.4145, 4.8593),
    "PBESOL": (2.9491, 0.4466, 6.1742),
    "RPBE": (0.8318, 0.1820, 4.0094),
    "HSE06": (2.310, 0.383, 5.685),
    "SCAN": (0.0, 0.5380, 5.4200),
    "R2SCAN": (0.78981345, 0.49484001, 5.73083694),
}
"""s8, a1 and a2 (bohr) of D3 with Becke-Johnson damping and without three-body term.

J. Comput. Chem. 32, 1456 (2011) and its web page; HSE06: J. Phys. Chem. C 118, 7615 (2014); SCAN: Phys. Rev. B 94,
115144 (2016); r2SCAN: J. Chem. Phys. 154, 061101 (2021). VASP by itself knows them for some of its functionals only.
"""

_OWN_NAMES = {"GGA", "METAGGA", "XC"}
_OTHER_NAMES = {"HSE": "HSE06", "PBEREV": "REVPBE", "PZ": "LDA"}


def names_functional(method: Method) -> bool:
    """Return whether the user's own tags say which functional it is."""
    return bool(_OWN_NAMES & set(method.parameters))


def functional_tags(method: Method) -> dict[str, Any]:
    """Return the tags of functional and dispersion."""
    name = (method.functional or "").upper()
    tags = {} if names_functional(method) else dict(FUNCTIONALS.get(name, {}))
    if method.dispersion is Dispersion.D2:
        return tags | {"IVDW": 10} | ({"VDW_S6": D2_SCALES[name]} if name in D2_SCALES else {})
    if method.dispersion is Dispersion.D3:
        values = zip(("VDW_S8", "VDW_A1", "VDW_A2"), DAMPINGS.get(name, ()), strict=False)
        return tags | {"IVDW": 12, **dict(values)}
    return tags


def check_functional(method: Method) -> None:
    """Check that VASP has the functional, and that there are parameters for the correction.

    :raises InputError: naming what there is.
    """
    if names_functional(method):
        needed = {Dispersion.D2: {"VDW_S6"}, Dispersion.D3: {"VDW_S8", "VDW_A1", "VDW_A2"}}
        missing = needed.get(method.dispersion, set()) - set(method.parameters)
        if missing:
            raise InputError(
                f"`dispersion: {method.dispersion.value}` with a functional in `parameters` needs its constants: "
                f"give {', '.join(f'`{tag}`' for tag in sorted(missing))}"
            )
        return
    if method.functional is None:
        raise InputError("`functional` is missing: it would depend on the POTCAR")
    name = method.functional.upper()
    if name not in FUNCTIONALS:
        close = [_OTHER_NAMES[name]] if name in _OTHER_NAMES else difflib.get_close_matches(name, FUNCTIONALS, n=1)
        hint = f"did you mean `{close[0]}`" if close else f"choose one of {', '.join(FUNCTIONALS)}"
        raise InputError(
            f"VASP has no functional `{method.functional}`: {hint}; others go into `parameters`, as `GGA` or `METAGGA`"
        )
    tables = {Dispersion.D2: set(D2_SCALES), Dispersion.D3: set(DAMPINGS)}
    known = [item for item in FUNCTIONALS if item in tables.get(method.dispersion, set(FUNCTIONALS))]
    if name not in known:
        raise InputError(
            f"`dispersion: {method.dispersion.value}` has no parameters for `{name}`: "
            f"use it with one of {', '.join(known)}"
        )

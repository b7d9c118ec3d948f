"""Quantum ESPRESSO as the reference method: what may be asked of pw.x."""

from __future__ import annotations

import difflib
from dataclasses import replace

from ...common.exceptions import InputError
from ...common.types import Thermostat
from ..code import DftCode
from ..dispersion import D2_SCALES
from ..label import LabelFailure
from ..method import Dispersion, Method, merge
from .keywords import check_keywords

__all__ = ["FUNCTIONALS", "QE", "QeCode"]

_NAMES = "LDA PZ PBE BLYP BP PW91 REVPBE RPBE PBESOL WC B3LYP PBE0 HSE"
FUNCTIONALS = tuple(_NAMES.split())
"""Names that pw.x 6.7 reads as what they say; others, such as BP86, it takes for parts of functionals in silence."""

_D3 = ("PBE", "BLYP", "BP", "REVPBE", "RPBE", "PBESOL", "B3LYP", "PBE0", "HSE")

_OTHER_NAMES = {"BP86": "BP", "PBEREV": "REVPBE", "HSE06": "HSE"}


class QeCode(DftCode):
    """Quantum ESPRESSO 6.7 and later."""

    NAME = "qe"
    # pw.x has no Nose-Hoover chain; its Langevin dynamics is overdamped, and Andersen's collisions are another thing.
    THERMOSTATS = frozenset({Thermostat.CSVR})
    PSEUDOPOTENTIALS = "pseudo.upf"

    def check(self, method: Method) -> None:
        """Check functional, dispersion, cutoff, and the spelling of every keyword in ``parameters``."""
        check_keywords(method.parameters)
        system = method.parameters.get("SYSTEM", {})
        if "input_dft" not in system:
            _check_functional(method)
        elif method.dispersion is Dispersion.D2 and "london_s6" not in system:
            raise InputError("`dispersion: d2` with `input_dft` needs the scale of that functional: give `london_s6`")
        if method.cutoff is None and "ecutwfc" not in system:
            raise InputError("`cutoff` is missing: give that of the orbitals in Ry")
        if system.get("occupations") == "smearing" and not {"smearing", "degauss"} <= set(system):
            raise InputError("`occupations: smearing` needs `smearing` and `degauss` in `parameters.SYSTEM`")
        if method.magmoms and method.multiplicity is None and system.get("occupations") != "smearing":
            raise InputError("`magmoms` with fixed occupations needs `multiplicity`; or take `kind: metal`")
        if method.magmoms and {"nspin", "starting_magnetization"} & {name.partition("(")[0] for name in system}:
            raise InputError("give `magmoms`, or `nspin` and `starting_magnetization` in `parameters`, not both")
        if str(system.get("occupations", "")).startswith("tetrahedra"):
            raise InputError("`occupations: tetrahedra` gives an energy that forces do not derive from: use `smearing`")

    def occupations(self, method: Method) -> str:
        """Return how levels are filled."""
        system = method.parameters.get("SYSTEM", {})
        is_fixed = system.get("occupations", "fixed") != "smearing"
        return "fixed" if is_fixed else f"{system.get('smearing')}, {system.get('degauss')} Ry"

    def remedy(self, method: Method, reason: LabelFailure, attempt: int) -> Method | None:
        """Return the method with slower mixing, then with another diagonalisation as well.

        What was cut short from outside is tried again as it was.
        """
        if reason is LabelFailure.NO_OUTPUT:
            return method
        if reason is not LabelFailure.NOT_CONVERGED or attempt > 2:
            return None
        electrons: dict[str, object] = {"mixing_beta": 0.3 / attempt, "mixing_ndim": 12, "electron_maxstep": 300}
        if attempt == 2:
            electrons |= {"mixing_mode": "local-TF", "diagonalization": "cg"}
        return replace(method, parameters=merge(method.parameters, {"ELECTRONS": electrons}))


QE = QeCode()


def _check_functional(method: Method) -> None:
    """Check that the functional is one of pw.x, and that the correction has parameters for it."""
    name = method.functional
    if name is None:
        if method.dispersion is Dispersion.D2:
            raise InputError("`dispersion: d2` needs `functional`, whose scale it takes")
        return
    if name.upper() not in FUNCTIONALS:
        close = [_OTHER_NAMES[name.upper()]] if name.upper() in _OTHER_NAMES else []
        close = close or difflib.get_close_matches(name.upper(), FUNCTIONALS, n=1)
        hint = f"did you mean `{close[0]}`" if close else f"choose one of {', '.join(FUNCTIONALS)}"
        raise InputError(f"pw.x has no functional `{name}`: {hint}; others go into `parameters.SYSTEM.input_dft`")
    known = {Dispersion.D2: tuple(D2_SCALES), Dispersion.D3: _D3}.get(method.dispersion, FUNCTIONALS)
    if name.upper() not in known:
        raise InputError(
            f"`dispersion: {method.dispersion.value}` has no parameters for `{name}`: "
            f"use it with one of {', '.join(known)}"
        )

"""What may be asked of an ASE calculator as the reference method."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import reduce
from typing import Any

from ...common.exceptions import InputError
from ...common.plugins import is_path
from ...common.types import Thermostat
from ..code import DftCode, Effort, Kind
from ..method import Dispersion, Method, merge
from .calculator import check_state

__all__ = ["ASE", "calculator_of"]


class AseCode(DftCode):
    """Any ASE calculator; its keywords say what the method is."""

    NAME = "ase"
    THERMOSTATS = frozenset(Thermostat)
    BATCHES = True
    IS_TOLD = False

    def method(self, protocol: Effort, *overrides: Mapping[str, Any], kind: Kind = Kind.MOLECULE) -> Method:
        """Return the method; a protocol speaks of its own calculator alone, and so does a kind."""
        named = [values for values in overrides if "calculator" in values.get("parameters", {})]
        return Method.from_dict(reduce(merge, overrides)) if named else super().method(protocol, *overrides, kind=kind)

    def no_kind(self, kind: Kind) -> str:
        """Return why there are none: tight binding here has no k-points."""
        return (
            f"the default, GFN-xTB, is for molecules: name a calculator for a {kind.value} in `parameters.calculator`"
        )

    def check(self, method: Method) -> None:
        """Check that there is a path, and that nothing is asked that only the keywords can say."""
        for name in ("functional", "cutoff", "kpoints", "kpoints_spacing", "magmoms"):
            if getattr(method, name) not in (None, {}):
                raise InputError(f"`{name}` is not for the labeller `ase`: use `parameters.keywords`")
        if method.dispersion is not Dispersion.NONE:
            raise InputError("`dispersion` is not for the labeller `ase`: choose a calculator that has it")
        unknown = set(method.parameters) - {"calculator", "keywords"}
        if unknown:
            raise InputError(f"parameters: unknown key `{min(unknown)}`: give `calculator` and `keywords`")
        path = method.parameters.get("calculator", "")
        if not isinstance(path, str) or not is_path(path):
            raise InputError(
                f"`parameters.calculator` must be an import path such as `tblite.ase:TBLite`, not `{path}`"
            )
        if not isinstance(method.parameters.get("keywords", {}), Mapping):
            raise InputError("`parameters.keywords` must be a mapping")
        _check_finite(method.parameters.get("keywords", {}), "parameters.keywords")

    def check_import(self, method: Method) -> None:
        """Check that the calculator knows charge and multiplicity where they are given."""
        check_state(method.parameters["calculator"], calculator_of(method)["keywords"])


ASE = AseCode()


def _check_finite(value: object, place: str) -> None:
    """Refuse NaN and infinity, which no node can hold."""
    if isinstance(value, float) and not math.isfinite(value):
        raise InputError(f"`{place}` must be finite, not `{value}`")
    items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, item in items:
        _check_finite(item, f"{place}.{key}")


def calculator_of(method: Method) -> dict[str, Any]:
    """Return import path and keywords of the calculator; charge and multiplicity are keywords where they are set."""
    state = {"charge": method.charge or None, "multiplicity": method.multiplicity}
    keywords = {key: value for key, value in state.items() if value is not None}
    return {"calculator": method.parameters["calculator"], "keywords": keywords | method.parameters.get("keywords", {})}

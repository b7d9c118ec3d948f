"""What the loop asks of a reference code before anything is launched."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import StrEnum
from functools import cache, reduce
from importlib.resources import files
from typing import Any, ClassVar, cast

import yaml
from numpy.typing import ArrayLike

from ..common.exceptions import InputError
from ..common.types import Thermostat
from .label import LabelFailure
from .method import Method, merge

__all__ = ["GAMMA_SPACING", "DftCode", "Effort", "Kind"]

GAMMA_SPACING = 0.7
"""Distance of k-points in 1/Å that is enough for molecules: cells with planes 9 Å apart need the Gamma point alone."""


class Effort(StrEnum):
    """How much is spent on a label: each code has a protocol for each."""

    FAST = "fast"  # to try things out
    BALANCED = "balanced"  # the published settings where the code has them
    STRINGENT = "stringent"  # to see what the other two neglect


class Kind(StrEnum):
    """What is computed: each protocol has a level of theory for each."""

    MOLECULE = "molecule"  # and liquids of molecules: fixed occupations, the Gamma point where the cell is large
    SOLID = "solid"  # with a gap: k-points
    METAL = "metal"  # or whatever may have no gap: more k-points, smeared occupations


@cache
def _protocols(package: str) -> Mapping[str, Any]:
    return cast("Mapping[str, Any]", yaml.safe_load((files(package) / "protocols.yaml").read_text()))


class DftCode(ABC):
    """One reference code; an instance is registered in the entry point group ``nnpgen.dft``.

    The package of its class holds ``protocols.yaml`` with the methods of its protocols, those
    of molecules; under ``kinds`` it says what solids and metals change, ``every`` for all protocols.

    :cvar NAME: name in the entry point group.
    :cvar THERMOSTATS: what its molecular dynamics can do.
    :cvar BATCHES: whether one job takes several frames.
    :cvar KPOINTS: whether it samples the Brillouin zone.
    :cvar IS_TOLD: whether functional, k-points and occupations are ours to say.
    :cvar PSEUDOPOTENTIALS: entry point of the data that hold a pseudopotential file, if the code needs any.
    """

    NAME: ClassVar[str]
    THERMOSTATS: ClassVar[frozenset[Thermostat]]
    BATCHES: ClassVar[bool] = False
    KPOINTS: ClassVar[bool] = True
    IS_TOLD: ClassVar[bool] = True
    PSEUDOPOTENTIALS: ClassVar[str | None] = None

    def method(self, protocol: Effort, *overrides: Mapping[str, Any], kind: Kind = Kind.MOLECULE) -> Method:
        """Return the method of a protocol with the user's words put over it, in their order.

        :raises InputError: if the code has no levels of theory for such systems.
        """
        table = _protocols(type(self).__module__.rpartition(".")[0])
        layers = [table[protocol]]
        if kind is not Kind.MOLECULE:
            if kind not in table.get("kinds", {}):
                raise InputError(f"`kind: {kind.value}`: {self.no_kind(kind)}")
            layers += [table["kinds"][kind].get(name, {}) for name in ("every", protocol)]
        return Method.from_dict(reduce(merge, [*layers, *overrides]))

    def no_kind(self, kind: Kind) -> str:
        """Return why there are no levels of theory for such systems, and what to do."""
        return f"`{self.NAME}` has protocols for molecules alone: choose another labeller for a {kind.value}"

    def occupations(self, method: Method) -> str:
        """Return how levels are filled, in a few words; ``fixed`` where they are full or empty."""
        return "fixed"

    def check_cell(self, method: Method, cell: ArrayLike) -> None:
        """Check that a starting structure is not too small for the k-points that the code has.

        :param cell: lattice vectors as rows in Å, (3, 3).
        :raises InputError: naming the mesh that the cell needs.
        """
        mesh = Method(kpoints_spacing=GAMMA_SPACING).mesh(cell)
        if not self.KPOINTS and method.kpoints is None and mesh != (1, 1, 1):
            raise InputError(
                f"the cell needs k-points (`{list(mesh)}`), and `{self.NAME}` has the Gamma point alone: "
                "make the cell larger, or say `kpoints: [1, 1, 1]` if you know that it is enough"
            )

    @abstractmethod
    def check(self, method: Method) -> None:
        """Check whatever can be known without a structure.

        :raises InputError: naming the value that the code cannot take, and what it can.
        """

    def check_import(self, method: Method) -> None:  # noqa: B027  (as a rule there is nothing to import)
        """Check what only the code behind an import path can tell; asked of the user's own configuration alone.

        :raises InputError: naming the value.
        """

    def check_thermostat(self, thermostat: Thermostat) -> None:
        """Check that dynamics with this code can control the temperature this way.

        :raises InputError: naming the thermostats that it has.
        """
        if thermostat not in self.THERMOSTATS:
            known = ", ".join(sorted(self.THERMOSTATS))
            raise InputError(f"`{self.NAME}` has no thermostat `{thermostat.value}`: choose one of {known}")

    def remedy(self, method: Method, reason: LabelFailure, attempt: int) -> Method | None:
        """Return a method that may succeed where the last one failed; None: give the frame up.

        Only how the solution is found may change, never which solution: labels of one dataset must agree. What was cut
        short is tried again as it was, and nobody asks here.

        :param method: as it was configured.
        :param reason: why the last attempt failed, ``not_converged`` or ``calculator``.
        :param attempt: how many attempts failed for this reason; the first retry is 1.
        """
        return None

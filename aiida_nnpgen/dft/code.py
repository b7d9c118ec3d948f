"""What the loop asks of a reference code before anything is launched."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import StrEnum
from functools import reduce
from importlib.resources import files
from typing import Any, ClassVar

import yaml

from ..common.exceptions import InputError
from ..common.types import Thermostat
from .label import LabelFailure
from .method import Method, merge

__all__ = ["DftCode", "Effort"]


class Effort(StrEnum):
    """How much is spent on a label: each code has a protocol for each."""

    FAST = "fast"  # to try things out
    BALANCED = "balanced"  # the published settings where the code has them
    STRINGENT = "stringent"  # to see what the other two neglect


class DftCode(ABC):
    """One reference code; an instance is registered in the entry point group ``nnpgen.dft``.

    The package of its class holds ``protocols.yaml`` with the methods of its protocols.

    :cvar NAME: name in the entry point group.
    :cvar THERMOSTATS: what its molecular dynamics can do.
    :cvar BATCHES: whether one job takes several frames.
    :cvar PSEUDOPOTENTIALS: entry point of the data that hold a pseudopotential file, if the code needs any.
    """

    NAME: ClassVar[str]
    THERMOSTATS: ClassVar[frozenset[Thermostat]]
    BATCHES: ClassVar[bool] = False
    PSEUDOPOTENTIALS: ClassVar[str | None] = None

    def method(self, protocol: Effort, *overrides: Mapping[str, Any]) -> Method:
        """Return the method of a protocol with the user's words put over it, in their order."""
        text = (files(type(self).__module__.rpartition(".")[0]) / "protocols.yaml").read_text()
        return Method.from_dict(reduce(merge, overrides, yaml.safe_load(text)[protocol]))

    @abstractmethod
    def check(self, method: Method) -> None:
        """Check whatever can be known without a structure.

        :raises InputError: naming the value that the code cannot take, and what it can.
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

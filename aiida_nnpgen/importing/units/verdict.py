"""What the numbers of a file say about its units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Verdict"]


@dataclass(frozen=True)
class Verdict:
    """What the numbers say.

    :ivar problem: one sentence, empty if nothing speaks against the units.
    :ivar units: what to set, keys of :class:`~.declared.FileUnits`; empty if no known unit fits.
    :ivar notes: what could not be judged.
    """

    problem: str = ""
    units: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __and__(self, other: Verdict) -> Verdict:
        """Return both verdicts as one; where one of them knows no unit that fits, none is named."""
        problems = [item for item in (self, other) if item.problem]
        is_solved = all(item.units for item in problems)
        return Verdict(
            "; ".join(item.problem for item in problems),
            {**self.units, **other.units} if is_solved else {},
            self.notes + other.notes,
        )

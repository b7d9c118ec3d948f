"""How forces enter a simulation code: what a model tells, and a sampler writes."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Interaction"]


@dataclass(frozen=True, kw_only=True)
class Interaction:
    """How a committee enters a LAMMPS input.

    :ivar commands: the ``pair_style`` and ``pair_coeff`` lines; they expect the model's elements as types 1, 2, ...
    :ivar deviation_file: table that the pair style writes, one row every ``stride`` steps, first column the step; None:
        the run itself measures no deviation.
    :ivar force_column: column of the largest force deviation in it, counted from 0, in eV/Å.
    """

    commands: tuple[str, ...]
    deviation_file: str | None = None
    force_column: int = 0

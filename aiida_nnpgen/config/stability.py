"""How stability is measured, and what is done where it is missing."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field, model_validator

from ..common.dynamics import Conditions
from ..common.exceptions import InputError
from ..common.types import Ensemble, PressureCoupling
from ..screening.settings import QuantitySettings, ScreeningSettings
from .fields import Name, Pressure, Section, Temperature, Time, count_steps
from .sampling import MAX_RUNS, DynamicsSettings, SamplingSettings
from .structures import chosen_keys

__all__ = ["MAX_APPENDED", "StabiliseSettings", "StabilitySettings", "axis_for"]

MAX_APPENDED = 20
"""Most iterations that one run may append by itself."""


class StabiliseSettings(Section):
    """Iterations that are appended to the schedule as long as too many probes fail."""

    share: float = Field(default=0.9, gt=0, le=1, description="of the probes that must hold until the target")
    max_iterations: int = Field(default=3, ge=1, le=MAX_APPENDED, description="that are appended at most")
    sampling: SamplingSettings | None = Field(
        default=None, description="of an appended iteration; that of the last one of the schedule if absent"
    )
    screening: ScreeningSettings | None = Field(
        default=None,
        description="likewise; what the diagnosis names becomes its third axis, in the place of `quantities`",
    )


class StabilitySettings(DynamicsSettings):
    """Probes: short, hot, independent dynamics with every member of the committee, after each training."""

    temperature: Temperature = Field(description="of all probes")
    target: Time = Field(description="how long dynamics has to hold")
    probes: int = Field(default=10, ge=2, le=MAX_RUNS, description="their number; one says little, ten say something")
    pressure: Pressure | None = Field(default=None, description="of probes in NPT; absent: NVT")
    coupling: PressureCoupling = PressureCoupling.ISO
    structures: list[Name] = Field(default_factory=list, description="names of starting structures; empty: all")
    stride: int = Field(default=10, ge=1, description="steps between two frames")
    torn_bond: float | None = Field(
        default=1.8, gt=0, description="multiple of the sum of covalent radii beyond which a bond has failed; null: any"
    )
    overlap: float | None = Field(
        default=0.5, gt=0, description="fraction of that sum below which two atoms have failed; null: any"
    )
    last_frames: int = Field(
        default=20, ge=1, description="good frames before a failure that are kept: for the diagnosis, and as candidates"
    )
    stabilise: StabiliseSettings | None = Field(default=None, description="absent: stability is measured alone")

    @model_validator(mode="after")
    def _check_conditions(self) -> StabilitySettings:
        self.conditions()
        return self

    @property
    def needed_share(self) -> float:
        """Return which share of the probes must hold; all of them where stability is measured alone."""
        return self.stabilise.share if self.stabilise else 1.0

    def conditions(self) -> Conditions:
        """Return the conditions of every probe.

        :raises InputError: if they do not go together.
        """
        steps = count_steps(self.target, self.timestep)
        if steps < self.stride:
            raise InputError(f"`target` ({self.target} fs) gives {steps} steps, fewer than the stride of {self.stride}")
        return Conditions(
            ensemble=Ensemble.NVT if self.pressure is None else Ensemble.NPT,
            temperature=self.temperature,
            pressure=self.pressure,
            coupling=self.coupling,
            timestep=self.timestep,
            steps=steps,
            stride=self.stride,
            **self.limits(),
        )

    def starts(self, structures: Sequence[str]) -> list[str]:
        """Return the keys of the structures from which probes start.

        :param structures: keys of all starting structures.
        :raises InputError: if a name fits none of them.
        """
        return chosen_keys(self.structures, structures)


def axis_for(pair: Sequence[str] | None, scope: str | None) -> tuple[QuantitySettings, ...]:
    """Return the third axis of a screening that is to fill a hole.

    :param pair: of elements whose distances left the range of the data; None: the volume did.
    :param scope: ``bond``, ``intra`` or ``inter``.
    """
    if pair is None:
        return (QuantitySettings(name="density"),)
    within = "inter" if scope == "inter" else "intra"
    return (QuantitySettings(name="min_distance", keywords={"pair": list(pair), "scope": within}),)

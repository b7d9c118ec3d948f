"""The reference method: how labels are made, and the first dataset."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from ..common.types import Ensemble, Thermostat
from ..dft.base import LabelChecks
from ..samplers.base import Conditions
from .fields import Length, Section, Temperature, Time

__all__ = ["AimdSettings", "InitialDatasetSettings", "PerturbSettings", "ReferenceSettings"]


class ReferenceSettings(Section):
    """The labeller and what counts as a label."""

    labeller: str = "ase"
    parameters: dict[str, Any] = Field(default_factory=dict, description="of the labeller; empty: its defaults")
    batch_size: int = Field(default=20, ge=1, le=80, description="frames per job")
    checks: LabelChecks = Field(default_factory=LabelChecks)
    min_yield: float = Field(default=0.5, ge=0, le=1, description="share of frames that must get a label")
    max_attempts: int = Field(default=3, ge=1, description="jobs per batch before its frames are given up")


class PerturbSettings(Section):
    """Random displacement of the starting structures."""

    count: int = Field(ge=1, le=80, description="frames per starting structure")
    amplitude: Length = 0.05
    strain: float = Field(default=0.0, ge=0, lt=0.5, description="amplitude of the random cell strain")


class AimdSettings(Section):
    """Molecular dynamics with the reference method, from every starting structure at every temperature."""

    temperatures: list[Temperature] = Field(min_length=1)
    timestep: Time = 0.5
    length: Time
    stride: int = Field(default=10, ge=1)
    skip: int = Field(default=0, ge=0, description="frames left out at the start of each run")
    thermostat: Thermostat = Thermostat.NOSE_HOOVER
    thermostat_damping: Time = 100.0

    @model_validator(mode="after")
    def _check_steps(self) -> AimdSettings:
        frames = round(self.length / self.timestep) // self.stride + 1
        if self.skip >= frames:
            raise ValueError(f"`skip` ({self.skip}) leaves nothing of {frames} frames")
        return self

    def conditions(self) -> list[Conditions]:
        """Return the conditions at each temperature."""
        return [
            Conditions(
                ensemble=Ensemble.NVT,
                temperature=temperature,
                timestep=self.timestep,
                steps=round(self.length / self.timestep),
                stride=self.stride,
                thermostat=self.thermostat,
                thermostat_damping=self.thermostat_damping,
            )
            for temperature in self.temperatures
        ]


class InitialDatasetSettings(Section):
    """How frames are made before there is a model."""

    perturb: PerturbSettings | None = None
    aimd: AimdSettings | None = None
    validation_fraction: float = Field(default=0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def _check_anything(self) -> InitialDatasetSettings:
        if self.perturb is None and self.aimd is None:
            raise ValueError("give `perturb`, `aimd` or both")
        return self

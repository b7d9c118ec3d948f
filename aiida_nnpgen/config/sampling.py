"""What molecular dynamics an iteration runs."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from pydantic import Field, model_validator

from ..common.dynamics import Conditions
from ..common.exceptions import InputError
from ..common.limits import MAX_LINKS
from ..common.types import Ensemble, PressureCoupling, Thermostat
from .fields import Force, Name, Pressure, Section, Temperature, Time, count_steps
from .structures import chosen_keys

__all__ = ["MAX_RUNS", "DynamicsSettings", "RunSettings", "SamplingSettings"]

MAX_RUNS = MAX_LINKS
"""Most runs of one iteration: each is an input link of the processes that screen."""


class RunSettings(Section):
    """Runs of one ensemble: every temperature, at every pressure or volume ratio, from every structure."""

    ensemble: Ensemble
    temperatures: list[Temperature] = Field(min_length=1)
    pressures: list[Pressure] = Field(default_factory=list, description="NPT only")
    coupling: PressureCoupling = PressureCoupling.ISO
    volume_ratios: list[float] = Field(default_factory=list, description="NEMD only: final over initial volume")
    length: Time
    timestep: Time | None = Field(default=None, description="that of the iteration if absent")
    stride: int | None = Field(default=None, ge=1, description="that of the iteration if absent")
    structures: list[Name] = Field(default_factory=list, description="names of starting structures; empty: all")
    replicas: int = Field(
        default=1, ge=1, le=MAX_RUNS, description="runs of each, which differ in their initial velocities"
    )

    @model_validator(mode="after")
    def _check_ensemble(self) -> RunSettings:
        for name, values, ensemble in (
            ("pressures", self.pressures, Ensemble.NPT),
            ("volume_ratios", self.volume_ratios, Ensemble.NEMD),
        ):
            if self.ensemble is ensemble and not values:
                raise ValueError(f"`{ensemble.value}` needs `{name}`")
            if self.ensemble is not ensemble and values:
                raise ValueError(f"`{name}` belongs to `{ensemble.value}`, not to `{self.ensemble.value}`")
        if self.timestep is not None and self.length < self.timestep:
            raise ValueError(f"`length` ({self.length} fs) is shorter than the time step ({self.timestep} fs)")
        return self


class DynamicsSettings(Section):
    """How molecular dynamics with a committee is run, and when it has failed."""

    sampler: Name = Field(default="lammps", description="tail of an entry point `nnpgen.samplers.<name>`")
    timestep: Time = Field(default=0.5, description="time step")
    stride: int = Field(default=20, ge=1, description="steps between two frames")
    thermostat: Thermostat = Thermostat.NOSE_HOOVER
    thermostat_damping: Time = Field(default=100.0, description="relaxation time of the thermostat")
    barostat_damping: Time = Field(default=1000.0, description="relaxation time of the barostat")
    halt_deviation: Force | None = Field(default=10.0, description="deviation at which a run is hopeless and stops")
    max_temperature: Temperature = Field(default=10_000.0, description="above it a run is unphysical and stops")
    volume_range: tuple[float, float] | None = Field(
        default=(0.25, 4.0), description="volume relative to the start, outside of which a run is unphysical; null: any"
    )
    length_range: tuple[float, float] | None = Field(
        default=(0.25, 4.0), description="the same for each width of the cell"
    )
    max_energy_change: float | None = Field(
        default=5.0,
        gt=0,
        description="eV/atom, how far the potential energy may lie above or below that of the start; null: any",
    )
    allow_lone_atoms: bool = Field(
        default=False, description="whether an atom may lose its last neighbour within the cutoff of the model"
    )
    torn_bond: float | None = Field(
        default=None,
        gt=0,
        description="multiple of the sum of covalent radii beyond which a bond of the start has failed; null: it may",
    )
    overlap: float | None = Field(
        default=None, gt=0, description="fraction of that sum below which two atoms have failed; null: they may"
    )

    def limits(self) -> dict[str, Any]:
        """Return what every run has in common, as fields of its conditions."""
        own = {field.name for field in fields(Conditions)} - {"timestep", "stride"}
        return {name: getattr(self, name) for name in DynamicsSettings.model_fields if name in own}


class SamplingSettings(DynamicsSettings):
    """Sampling of one iteration."""

    keep_trajectory: bool = Field(default=False, description="keep every good frame, not only the candidates")
    runs: list[RunSettings] = Field(min_length=1)

    @model_validator(mode="after")
    def _check_conditions(self) -> SamplingSettings:
        for index, run in enumerate(self.runs):
            try:
                self.conditions(run)
            except InputError as exception:
                raise ValueError(f"runs[{index}]: {exception}") from exception
        return self

    def conditions(self, run: RunSettings) -> list[Conditions]:
        """Return the conditions of each run that one entry of ``runs`` stands for, per starting structure."""
        timestep = run.timestep or self.timestep
        steps, stride = count_steps(run.length, timestep), run.stride or self.stride
        if steps < stride:
            raise InputError(f"`length` ({run.length} fs) gives {steps} steps, fewer than the stride of {stride}")
        pressures: list[float | None] = [*run.pressures] or [None]
        ratios: list[float | None] = [*run.volume_ratios] or [None]
        return [
            Conditions(
                ensemble=run.ensemble,
                temperature=temperature,
                pressure=pressure,
                volume_ratio=ratio,
                coupling=run.coupling,
                timestep=timestep,
                steps=steps,
                stride=stride,
                **self.limits(),
            )
            for temperature in run.temperatures
            for pressure in pressures
            for ratio in ratios
        ]

    def expand(self, structures: list[str]) -> list[tuple[str, Conditions]]:
        """Return every run of the iteration as the key of its starting structure and its conditions.

        :raises InputError: if a run names an unknown structure, or there are more than :data:`MAX_RUNS`.
        """
        expanded = []
        for index, run in enumerate(self.runs):
            try:
                keys = chosen_keys(run.structures, structures)
            except InputError as exception:
                raise InputError(f"runs[{index}].{exception}") from exception
            each = [conditions for conditions in self.conditions(run) for _ in range(run.replicas)]
            expanded += [(key, conditions) for key in keys for conditions in each]
        if len(expanded) > MAX_RUNS:
            raise InputError(f"runs: {len(expanded)} runs in one iteration, at most {MAX_RUNS}: split it into several")
        return expanded

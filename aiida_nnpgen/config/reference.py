"""The reference method: how labels are made, and the first dataset."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from ..common.dynamics import Conditions
from ..common.exceptions import InputError
from ..common.limits import MAX_LINKS
from ..common.types import Ensemble, Thermostat
from ..dft import registry
from ..dft.code import DftCode, Effort, Kind
from ..dft.label import LabelChecks
from ..dft.method import Method
from .existing import ExistingSettings
from .fields import Length, Section, Temperature, Time, count_steps
from .method import MethodRule, MethodSettings, StructureFacts

__all__ = ["AimdSettings", "InitialDatasetSettings", "PerturbSettings", "ReferenceSettings"]


class ReferenceSettings(MethodSettings):
    """The labeller, its level of theory, and what counts as a label."""

    labeller: str = "ase"
    protocol: Effort = Field(default=Effort.BALANCED, description="what the other keys change")
    kind: Kind = Field(default=Kind.MOLECULE, description="what is computed: k-points, smearing and functional follow")
    rules: list[MethodRule] = Field(default_factory=list, description="for some structures; later ones prevail")
    pseudopotentials: str | dict[str, str] | None = Field(
        default=None, description="label of a family in AiiDA, or a file per element"
    )
    batch_size: int = Field(default=20, ge=1, le=MAX_LINKS, description="frames per job, where the code takes several")
    checks: LabelChecks = Field(default_factory=LabelChecks)
    min_yield: float = Field(default=0.5, ge=0, le=1, description="share of frames that must get a label")
    max_attempts: int = Field(default=3, ge=1, description="jobs per batch before its frames are given up")

    @field_validator("labeller")
    @classmethod
    def _check_labeller(cls, value: str) -> str:
        registry.load(value)
        return value

    @property
    def code(self) -> DftCode:
        """Return what is known about the labeller's code."""
        return registry.load(self.labeller)

    @model_validator(mode="after")
    def _check_methods(self) -> ReferenceSettings:
        for place, values in [("", self), *((f"rules[{index}]: ", rule) for index, rule in enumerate(self.rules))]:
            try:
                overrides = [self.overrides()] if values is self else [self.overrides(), values.overrides()]
                self.code.check(self.code.method(self.protocol, *overrides, kind=self.kind))
            except InputError as exception:
                raise ValueError(f"{place}{exception}") from exception
        if self.code.PSEUDOPOTENTIALS and not self.pseudopotentials:
            raise ValueError(f"`{self.labeller}` needs `pseudopotentials`: a family in AiiDA, or a file per element")
        return self

    def method_of(self, structure: StructureFacts) -> Method:
        """Return the level of theory for one structure: the protocol, this section, then every rule that matches.

        A distance of k-points becomes the mesh of the cell: structures that share a job share it.

        :raises InputError: if the rules together make what the code cannot take.
        """
        matching = [rule.overrides() for rule in self.rules if rule.match.matches(structure)]
        method = self.code.method(self.protocol, self.overrides(), *matching, kind=self.kind)
        method = method.for_cell(structure.cell)
        self.code.check(method)
        return method

    def check_start(self, structure: StructureFacts) -> None:
        """Check that the code can compute a starting structure.

        :raises InputError: naming what it cannot take.
        """
        self.code.check_cell(self.method_of(structure), structure.cell)


class PerturbSettings(Section):
    """Random displacement of the starting structures."""

    count: int = Field(ge=1, le=MAX_LINKS, description="frames per starting structure")
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
        frames = count_steps(self.length, self.timestep) // self.stride + 1
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
                steps=count_steps(self.length, self.timestep),
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
    existing: list[ExistingSettings] = Field(default_factory=list, max_length=40, description="what is there already")
    validation_fraction: float = Field(default=0.1, ge=0, lt=1)

    @model_validator(mode="after")
    def _check_anything(self) -> InitialDatasetSettings:
        if self.perturb is None and self.aimd is None and not self.existing:
            raise ValueError("give at least one of `perturb`, `aimd` and `existing`")
        names = [source.name for source in self.existing]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two entries of `existing` are named `{name}`")
        return self

"""The whole configuration of an active learning run."""

from __future__ import annotations

from typing import Any

from pydantic import ConfigDict, Field, field_validator, model_validator

from ..common.exceptions import InputError
from ..common.types import Purpose
from ..screening.settings import ScreeningSettings
from .document import Location, describe_path
from .fields import Name, Section
from .reference import InitialDatasetSettings, ReferenceSettings
from .sampling import DynamicsSettings, SamplingSettings
from .stability import StabilitySettings
from .structures import StructureSource, check_names
from .training import TrainingSettings

__all__ = ["ActiveLearningConfig", "CodeSettings", "Iteration", "LoopSettings", "StopSettings"]


MAX_ITERATIONS = 1000
"""Most iterations of one run: each leaves some hundred nodes."""


class CodeSettings(Section):
    """A code that is set up in AiiDA, and the scheduler options of its jobs."""

    code: str = Field(description="label@computer, pk or UUID")
    options: dict[str, Any] = Field(default_factory=dict, description="as in metadata.options of a CalcJob")


class ReferenceCodeSettings(CodeSettings):
    """Code of the reference method."""

    larger_options: dict[str, Any] = Field(
        default_factory=dict, description="put over `options` where a label had too little time or memory"
    )


class SamplingCodes(Section):
    """Code of the sampler, or one per sampler under the sampler's name."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, CodeSettings] = Field(init=False)

    code: str | None = Field(default=None, description="label@computer, pk or UUID, for samplers without an own entry")
    options: dict[str, Any] = Field(default_factory=dict, description="as in metadata.options of a CalcJob")

    @model_validator(mode="after")
    def _check_options(self) -> SamplingCodes:
        if self.options and self.code is None:
            raise ValueError("`options` belong to a `code`: there is none beside them")
        return self

    def own(self, sampler: str) -> CodeSettings | None:
        """Return the entry of a sampler, if it has one."""
        return self.__pydantic_extra__.get(sampler)

    def shared(self) -> CodeSettings | None:
        """Return the code for samplers without an entry of their own, if there is one."""
        return None if self.code is None else CodeSettings(code=self.code, options=self.options)


class Codes(Section):
    """Which code does what."""

    training: CodeSettings
    sampling: SamplingCodes = Field(default_factory=lambda: SamplingCodes.model_validate({}))
    reference: ReferenceCodeSettings
    screening: CodeSettings | None = Field(default=None, description="that of training if absent")
    final: CodeSettings | None = Field(default=None, description="of the final committee; that of training if absent")


class Iteration(Section):
    """One entry of the schedule."""

    repeat: int = Field(default=1, ge=1, le=MAX_ITERATIONS)
    sampling: SamplingSettings
    screening: ScreeningSettings


class StopSettings(Section):
    """When to stop before the end of the schedule."""

    known_share: float = Field(gt=0, le=1, description="target share of frames inside the known region")
    iterations: int = Field(default=1, ge=1, description="iterations in a row that must reach it")


class LoopSettings(Section):
    """The science of a run: everything that changes its result, and nothing else."""

    seed: int = Field(ge=0)
    initial_dataset: InitialDatasetSettings
    test_set: InitialDatasetSettings | None = Field(default=None, description="held out; never trained on")
    reference: ReferenceSettings = Field(default_factory=ReferenceSettings)
    training: TrainingSettings = Field(default_factory=TrainingSettings)
    schedule: list[Iteration] = Field(min_length=1)
    stop: StopSettings | None = None
    final: TrainingSettings | None = Field(
        default=None, description="one more committee on all data, with settings of its own; null: none"
    )
    stability: StabilitySettings | None = Field(
        default=None, description="how long dynamics has to hold; null: unasked"
    )

    @field_validator("schedule")
    @classmethod
    def _check_length(cls, values: list[Iteration]) -> list[Iteration]:
        count = sum(entry.repeat for entry in values)
        if count > MAX_ITERATIONS:
            raise ValueError(f"`{count}` iterations: at most {MAX_ITERATIONS} in one run")
        return values

    @model_validator(mode="after")
    def _check_calibration(self) -> LoopSettings:
        for location, entry in self.entries():
            if entry.screening.window.mode == "auto" and not self.initial_dataset.validation_fraction:
                raise ValueError(
                    f"{describe_path((*location, 'screening', 'window', 'mode'))}: `auto` needs validation frames, "
                    "but initial_dataset.validation_fraction is `0`"
                )
        return self

    @model_validator(mode="after")
    def _check_final(self) -> LoopSettings:
        known, own = self.training.elements, self.final and self.final.elements
        if own is not None and (known is None or set(own) != set(known)):
            raise ValueError(f"final.elements: `{own}` are not those of training.elements, `{known}`")
        return self

    @model_validator(mode="after")
    def _check_thermostats(self) -> LoopSettings:
        for purpose in Purpose:
            settings = getattr(self, purpose)
            if settings is not None and settings.aimd is not None:
                try:
                    self.reference.code.check_thermostat(settings.aimd.thermostat)
                except InputError as exception:
                    raise ValueError(f"{purpose}.aimd.thermostat: {exception}") from exception
        return self

    def iterations(self) -> list[Iteration]:
        """Return the schedule with every repetition written out."""
        return [entry for entry in self.schedule for _ in range(entry.repeat)]

    def appended(self) -> Iteration | None:
        """Return the iteration that is appended where stability is missing; None if none ever is."""
        if self.stability is None or self.stability.stabilise is None:
            return None
        settings, last = self.stability.stabilise, self.schedule[-1]
        return Iteration(sampling=settings.sampling or last.sampling, screening=settings.screening or last.screening)

    @property
    def max_appended(self) -> int:
        """Return how many iterations may be appended."""
        settings = self.stability and self.stability.stabilise
        return settings.max_iterations if settings else 0

    def entries(self) -> list[tuple[Location, Iteration]]:
        """Return every kind of iteration, and its place in the configuration."""
        entries: list[tuple[Location, Iteration]] = [
            (("schedule", index), entry) for index, entry in enumerate(self.schedule)
        ]
        appended = self.appended()
        return [*entries, *([(("stability", "stabilise"), appended)] if appended else [])]

    def dynamics(self) -> list[tuple[Location, DynamicsSettings]]:
        """Return everything that runs dynamics with a committee, and its place in the configuration."""
        found: list[tuple[Location, DynamicsSettings]] = [
            ((*location, "sampling"), entry.sampling) for location, entry in self.entries()
        ]
        return [*found, *([(("stability",), self.stability)] if self.stability else [])]


class ActiveLearningConfig(LoopSettings):
    """One YAML file: the science, the structures, and where it runs."""

    name: Name = "active_learning"
    structures: list[StructureSource] = Field(min_length=1)
    codes: Codes
    max_concurrent: int = Field(default=2, ge=1)

    @model_validator(mode="after")
    def _check_names(self) -> ActiveLearningConfig:
        check_names([source.name for source in self.structures])
        return self

    def loop(self) -> LoopSettings:
        """Return the science alone."""
        return LoopSettings(**{name: getattr(self, name) for name in LoopSettings.model_fields})

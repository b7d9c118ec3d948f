"""The committee and how it is trained."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ase.data import atomic_numbers
from pydantic import Field, TypeAdapter, ValidationInfo, field_validator

from ..models import registry
from ..models.base import Backend
from .fields import Section

__all__ = ["TrainingSettings"]


class TrainingSettings(Section):
    """Training of one committee; ``parameters`` are those of the architecture."""

    architecture: str = "deepmd"
    committee: int = Field(default=4, ge=2, le=20, description="a deviation needs at least two models")
    warm_start: bool | None = Field(
        default=None,
        validate_default=True,
        description="from iteration 1 on, start from the previous model; if absent, where the architecture can",
    )
    elements: list[str] | None = Field(default=None, description="of the model; those of the structures if absent")
    parameters: dict[str, Any] = Field(default_factory=dict)
    max_attempts: int = Field(default=3, ge=1, description="jobs per model: restarts after an interruption counted in")

    @property
    def backend(self) -> Backend:
        """Return the architecture's back end."""
        return registry.load(self.architecture)

    @field_validator("architecture")
    @classmethod
    def _check_architecture(cls, value: str) -> str:
        registry.load(value)
        return value

    @field_validator("warm_start")
    @classmethod
    def _resolve_warm_start(cls, value: bool | None, info: ValidationInfo) -> bool | None:
        """Refuse what the architecture cannot do; the stored configuration then says what is done."""
        if "architecture" not in info.data:
            return value
        is_able = registry.load(info.data["architecture"]).abilities.warm_start
        if value and not is_able:
            raise ValueError(f"`{info.data['architecture']}` cannot start from an earlier model: say false")
        return is_able if value is None else value

    @field_validator("elements")
    @classmethod
    def _check_elements(cls, values: list[str] | None) -> list[str] | None:
        for element in values or []:
            if element not in atomic_numbers or element == "X":
                raise ValueError(f"`{element}` is not an element")
        if values is not None and len(set(values)) < len(values):
            raise ValueError(f"`{values}` names an element twice")
        return values

    @field_validator("parameters")
    @classmethod
    def _complete_parameters(cls, values: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
        """Check the parameters; the stored configuration then holds every value, defaults included."""
        if "architecture" not in info.data:
            return values
        settings_class: Any = registry.load(info.data["architecture"]).settings_class
        settings = TypeAdapter(settings_class).validate_python(values)
        # Lists in the place of tuples, as in JSON: what is stored validates to itself.
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(settings).items()}

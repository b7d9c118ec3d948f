"""What calculations that ask a whole committee have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida import orm
from aiida.engine import CalcJobProcessSpec

from ..common.exceptions import InputError
from ..data import PotentialData
from ..models import registry

__all__ = ["check_models", "committee_config", "define_committee", "validate_models"]


def validate_models(models: Mapping[str, PotentialData], _: Any) -> str | None:
    """Check that there is a committee, all of one architecture."""
    architectures = sorted({model.architecture for model in models.values()})
    if not architectures:
        return "`models` is empty: a committee is needed"
    if len(architectures) > 1:
        return f"`models` mixes architectures: {', '.join(architectures)}"
    return check_models(models)


def check_models(models: Mapping[str, PotentialData], _: Any = None) -> str | None:
    """Look into the files of each model; return what is wrong with the first that could do more than compute.

    It is the validator of every namespace with models, since those of an archive were never validated.
    """
    for key, model in models.items():
        try:
            model.check()
        except InputError as exception:
            return f"{key}: {exception}"
    return None


def validate_percentile(node: orm.Float, _: Any) -> str | None:
    """Check the percentile."""
    return None if 0 < node.value <= 100 else f"`percentile` must lie above 0 and not above 100, not `{node.value}`"


def define_committee(spec: CalcJobProcessSpec) -> None:
    """Declare the committee, and how its force deviation is taken over the atoms."""
    spec.input_namespace("models", valid_type=PotentialData, validator=validate_models, help="The committee.")
    spec.input(
        "percentile",
        valid_type=orm.Float,
        default=lambda: orm.Float(100.0),
        validator=validate_percentile,
        help="Percentile of the force deviations over the atoms of a frame; 100 is the maximum.",
    )


def committee_config(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the program is told about the committee."""
    keys = sorted(inputs["models"])
    return {
        "backend": registry.target(inputs["models"][keys[0]].architecture),
        "models": keys,
        "percentile": inputs["percentile"].value,
    }

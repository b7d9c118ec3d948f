"""What every sampler has: ports, exit codes, and what it can be asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from aiida import orm
from aiida.engine import CalcJob, CalcJobProcessSpec
from pydantic import TypeAdapter, ValidationError

from ...common.dynamics import Conditions
from ...common.exceptions import InputError
from ...config.load import describe_errors
from ...data import PotentialData
from ...data.deviations import sampler_name
from ...data.validators import validate_node, validate_nodes
from ...models.base import Backend
from ..base import define_exit_codes

__all__ = ["SamplerCalculation"]


class SamplerCalculation(CalcJob):
    """Sample one structure under given conditions by molecular dynamics with a committee; the first model drives.

    A subclass is the entry point ``nnpgen.samplers.<name>``. It declares ``code``, sets the defaults of its job, and
    writes its input; :class:`~aiida_nnpgen.parsers.samplers.base.SamplerParser` makes the nodes.
    """

    REQUIRED_ABILITY: str
    """What an architecture must be able to do, a field of :class:`~aiida_nnpgen.models.base.Abilities`."""

    @classmethod
    def define(cls, spec: CalcJobProcessSpec) -> None:
        super().define(spec)
        spec.input("structure", valid_type=orm.StructureData, help="Start of the run.")
        spec.input_namespace("models", valid_type=PotentialData, help="The committee.")
        spec.input(
            "conditions",
            valid_type=orm.Dict,
            validator=cls.validate_conditions,
            help="Conditions and seed, as the plan of the phase gives them.",
        )
        spec.input(
            "window",
            valid_type=orm.Dict,
            required=False,
            help="`lo` and `hi` (eV/Å): only frames with a deviation between them keep their coordinates. Absent: all.",
        )
        spec.input(
            "last_frames",
            valid_type=orm.Int,
            required=False,
            help="Of a run that fails, keep the start and so many frames before the failure; of others none.",
        )
        spec.inputs.validator = cls.validate_inputs
        spec.output("trajectory", valid_type=orm.TrajectoryData, required=False, help="Good frames that were kept.")
        spec.output(
            "deviation",
            valid_type=orm.ArrayData,
            help="Step and thermo of all good frames, and their committee deviation if the sampler measures it.",
        )
        spec.output("report", valid_type=orm.Dict, help="How the run ended, and when it failed.")
        define_exit_codes(
            spec, "ERROR_NO_FRAMES", "ERROR_NO_DEVIATION", "ERROR_INTERRUPTED", "ERROR_DISK_FULL", "ERROR_UNSTABLE"
        )

    @classmethod
    def check_conditions(cls, conditions: Conditions) -> None:
        """Refuse conditions that the sampler does not offer, before anything is launched; as a rule it offers all.

        :raises InputError: with the values that do not go together, and what to use.
        """

    @classmethod
    def check_code(cls, code: orm.AbstractCode, backend: Backend) -> None:
        """Refuse a code that cannot run an architecture's models, where that is quickly known; as a rule it is not.

        :raises InputError: with what the code lacks.
        """

    @classmethod
    def measures_deviation(cls, models: Mapping[str, PotentialData]) -> bool:
        """Return whether the sampler measures the deviation of a committee itself; if not, the screening does."""
        return len(models) > 1

    @classmethod
    def validate_conditions(cls, node: orm.Dict, _: Any) -> str | None:
        """Check the conditions and the seed."""
        values = node.get_dict()
        if not isinstance(values.get("seed"), int):
            return f"`conditions.seed` must be an integer, not `{values.get('seed')}`"
        given = values.get("conditions")
        unknown = sorted(set(given) - {field.name for field in fields(Conditions)}) if isinstance(given, dict) else []
        if unknown:
            return f"unknown key in `conditions.conditions`: `{'`, `'.join(unknown)}`"
        try:
            cls.check_conditions(TypeAdapter(Conditions).validate_python(given))
        except ValidationError as exception:
            return describe_errors(exception)
        except InputError as exception:
            return f"conditions: {exception}"
        return None

    @classmethod
    def validate_inputs(cls, inputs: Any, _: Any) -> str | None:
        """Check that the models can drive the sampler, agree with each other, and know every element."""
        models = inputs.get("models", {})
        if not models:
            return "`models` must hold at least one potential"
        if problem := validate_nodes(models, None) or validate_node(inputs.get("structure"), None):
            return problem
        for key, model in models.items():
            if not getattr(model.implementation.abilities, cls.REQUIRED_ABILITY):
                sampler = sampler_name(cls.build_process_type())
                return f"models.{key}: `{model.architecture}` cannot drive `{sampler}`"
        if len({(model.architecture, tuple(model.elements)) for model in models.values()}) > 1:
            return "the models of a committee must share architecture and elements"
        if "structure" in inputs:
            unknown = sorted(inputs["structure"].get_symbols_set() - set(next(iter(models.values())).elements))
            if unknown:
                return f"the structure holds {', '.join(unknown)}, which the model was not trained for"
        return None

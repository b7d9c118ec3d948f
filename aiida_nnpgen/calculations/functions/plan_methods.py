"""Decide at which level of theory each structure is computed."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import calcfunction

from ...config.method import StructureFacts
from ...config.reference import ReferenceSettings
from ...dft import registry
from ...dft.label import LabelFailure
from ...dft.method import Method

__all__ = ["change_method", "plan_methods"]


@calcfunction
def plan_methods(settings: orm.Dict, record: orm.Dict | None = None, **structures: orm.StructureData) -> dict[str, Any]:
    """Return each level of theory that is needed, once, and which structure has which.

    :param settings: those of labelling; labels depend on the method alone, and on nothing else in them.
    :param record: per structure key, the ``start`` that it comes from; without it a structure is its own start.
    :param structures: to be labelled.
    :return: ``methods``, and ``assignment`` from key of structure to key of method.
    """
    values = settings.get_dict()
    known = values.keys() & ReferenceSettings.model_fields
    reference = ReferenceSettings.model_validate({key: values[key] for key in known})
    starts = record.get_dict() if record else {}
    methods: list[dict[str, Any]] = []
    assignment = {}
    for key, structure in sorted(structures.items()):
        atoms = structure.get_ase()
        start = starts.get(key, {}).get("start", key)
        facts = StructureFacts(key=key, start=start, numbers=atoms.numbers, cell=atoms.cell.array)
        method = reference.method_of(facts).to_dict()
        if method not in methods:
            methods.append(method)
        assignment[key] = f"method_{methods.index(method)}"
    return {
        "methods": {f"method_{index}": orm.Dict(method) for index, method in enumerate(methods)},
        "assignment": orm.Dict(assignment),
    }


@calcfunction
def change_method(method: orm.Dict, code: orm.Str, reason: orm.Str, attempt: orm.Int) -> orm.Dict:
    """Return the method of the next attempt at frames that failed.

    :param method: as it was configured.
    :param code: name in the entry point group ``nnpgen.dft``.
    :param reason: why the frames failed, a value of :class:`~aiida_nnpgen.dft.label.LabelFailure`.
    """
    facts = registry.load(code.value)
    changed = facts.remedy(Method.from_dict(method.get_dict()), LabelFailure(reason.value), attempt.value)
    assert changed is not None, "a code that has no remedy is not asked"
    return orm.Dict(changed.to_dict())

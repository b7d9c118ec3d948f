"""Find the pseudopotentials that the user named."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from aiida import orm
from aiida.common.exceptions import MultipleObjectsError, NotExistent
from aiida.plugins import DataFactory

from ...common.exceptions import InputError

__all__ = ["load_pseudopotentials"]


def load_pseudopotentials(
    kind: str | None, wanted: str | dict[str, str] | None, elements: Collection[str], folder: Path
) -> dict[str, orm.Data]:
    """Return the pseudopotential of each element.

    :param kind: entry point of the data that hold one; None: the code needs none.
    :param wanted: label of a family, or a file per element.
    :param folder: where relative file names start.
    :raises InputError: if the family, a file or an element is missing.
    """
    if wanted is None or kind is None:
        return {}
    if isinstance(wanted, str):
        return _from_family(wanted, elements)
    missing = sorted(set(elements) - set(wanted))
    if missing:
        raise InputError(f"reference.pseudopotentials: no file for `{missing[0]}`")
    found = {}
    for element in sorted(elements):
        path = folder / wanted[element]
        try:
            found[element] = DataFactory(kind)(path.open("rb"), filename=path.name)
        except (OSError, ValueError) as exception:
            raise InputError(f"reference.pseudopotentials.{element}: `{path}`: {exception}") from exception
    return found


def _from_family(label: str, elements: Collection[str]) -> dict[str, orm.Data]:
    try:
        family = orm.load_group(label)
        pseudos: dict[str, orm.Data] = family.get_pseudos(elements=sorted(elements))
    except (NotExistent, MultipleObjectsError, ValueError) as exception:
        raise InputError(f"reference.pseudopotentials: `{label}`: {exception}") from exception
    except AttributeError:
        raise InputError(f"reference.pseudopotentials: group `{label}` is no family of pseudopotentials") from None
    return pseudos

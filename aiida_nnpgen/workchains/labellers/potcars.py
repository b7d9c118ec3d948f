"""Potentials of VASP: nodes of aiida-vasp, and the families by which its work chain wants them."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from aiida import orm
from aiida.common.exceptions import NotExistent
from aiida.plugins import DataFactory, GroupFactory

from ...common.exceptions import InputError
from ...dft.vasp.potcar import read_potcar

__all__ = ["family_of", "load_potcars"]

PLACE = "reference.pseudopotentials"


def load_potcars(wanted: str | dict[str, str] | None, elements: Collection[str], folder: Path) -> dict[str, orm.Data]:
    """Return the potential of each element.

    :param wanted: label of a family, of which the potentials named like the elements are taken; or for each element
        ``family:name``, such as ``PBE.64:O_h``, or a file.
    :param folder: where relative file names start.
    :raises InputError: if a family, a file or an element is missing, or a potential is for another element.
    """
    if wanted is None:
        return {}
    sources = {element: f"{wanted}:{element}" for element in elements} if isinstance(wanted, str) else wanted
    found = {}
    for element in sorted(elements):
        if element not in sources:
            raise InputError(f"{PLACE}: nothing for `{element}`: give a file, or `family:name`")
        family, _, name = sources[element].rpartition(":")
        if family and _family(family) is not None:
            found[element] = _from_family(family, name, element)
        elif isinstance(wanted, str):
            raise InputError(f"{PLACE}: there is no family `{wanted}`: see `aiida-vasp potcar listfamilies`")
        else:
            found[element] = _from_file(folder / sources[element], element)
    return found


def family_of(potcars: Mapping[str, orm.Data]) -> tuple[str, dict[str, str]]:
    """Return label of a family and name in it for each element, from which aiida-vasp finds these very potentials.

    The family is named after what is in it, and made if there is none: other families may lack one of the
    potentials, or have several of one name.

    :param potcars: by element.
    :raises InputError: if two of them have one name.
    """
    mapping = {element: str(node.full_name) for element, node in potcars.items()}
    for name in mapping.values():
        if list(mapping.values()).count(name) > 1:
            raise InputError(
                f"{PLACE}: two potentials are named `{name}`: upload them again, each in a folder of its own"
            )
    digest = hashlib.sha256("".join(sorted(node.uuid for node in potcars.values())).encode()).hexdigest()
    group, _ = GroupFactory("vasp.potcar").collection.get_or_create(label=f"nnpgen-potcars-{digest[:16]}")
    group.add_nodes(list(potcars.values()))
    return group.label, mapping


def _family(label: str) -> Any:
    return DataFactory("vasp.potcar").get_potcar_group(label)


def _from_family(label: str, name: str, element: str) -> orm.Data:
    try:
        [node] = DataFactory("vasp.potcar").get_potcars_dict([element], label, {element: name}).values()
    except (NotExistent, ValueError) as exception:
        raise InputError(f"{PLACE}.{element}: `{name}` in family `{label}`: {exception}") from exception
    _check_element(node.get_content(), element, f"{label}:{name}")
    return node


def _from_file(path: Path, element: str) -> orm.Data:
    """Return the node of a file; aiida-vasp takes the name of a potential from the folder in which it lies."""
    try:
        content = path.read_bytes()
    except OSError as exception:
        raise InputError(f"{PLACE}.{element}: `{path}`: {exception}") from exception
    symbol = _check_element(content, element, str(path))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "nnpgen" / symbol / "POTCAR"
        place.parent.mkdir(parents=True)
        place.write_bytes(content)
        node, _ = DataFactory("vasp.potcar").get_or_create_from_file(place)
    return node


def _check_element(content: bytes, element: str, source: str) -> str:
    """Return the symbol of a potential, after checking that it is the element's."""
    try:
        head = read_potcar(content.decode(errors="replace"))
    except InputError as exception:
        raise InputError(f"{PLACE}.{element}: `{source}`: {exception}") from exception
    if head.element != element:
        raise InputError(f"{PLACE}.{element}: `{source}` is for `{head.element}`")
    return head.symbol

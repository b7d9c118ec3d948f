"""A trained neural network potential."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from aiida import orm
from aiida.common.exceptions import ValidationError
from ase.data import atomic_numbers

from ..common.exceptions import InputError
from ..models import registry
from ..models.base import Backend
from .checks import look_once, refuse
from .repository import copy_files, file_names, unpacked

__all__ = ["PotentialData"]

_LONGEST_CUTOFF = 100.0  # Å
_TEXT = 100


class PotentialData(orm.Data):
    """The files of one model and what one asks of it.

    The files come from the job that trained it. They are data to the back end's own library; nothing in them is
    executed, unpickled or imported.
    """

    _REQUIRED = ("architecture", "version", "elements", "cutoff", "seed", "dtype")

    def __init__(
        self,
        files: Mapping[str, Path],
        *,
        architecture: str,
        version: str,
        elements: list[str],
        cutoff: float,
        seed: int,
        dtype: str,
        **kwargs: Any,
    ) -> None:
        """Create a model.

        :param files: name in the node, which may lie in subfolders, and path of each model file.
        :param architecture: name of the back end in the entry point group ``nnpgen.models``.
        :param version: version of the library that trained it.
        :param elements: chemical symbols in the order of the model's types.
        :param cutoff: Å.
        :param seed: seed of the training.
        :param dtype: floating point type of its parameters.
        :raises InputError: if there is no such back end, or a file is none of its models.
        """
        super().__init__(**kwargs)
        _check_files(registry.load(architecture), architecture, files)
        for name, path in sorted(files.items()):
            with path.open("rb") as handle:
                self.base.repository.put_object_from_filelike(handle, name)
        values = (architecture, version, elements, cutoff, seed, dtype)
        self.base.attributes.set_many(dict(zip(self._REQUIRED, values, strict=True)))

    def _validate(self) -> bool:
        try:
            self.check()
        except InputError as exception:
            raise ValidationError(str(exception)) from exception
        return bool(super()._validate())

    def check(self) -> None:
        """Check everything that the model says: a node from an archive was never validated.

        :raises InputError: naming the node, and the file or attribute that cannot be.
        """
        look_once(self, _check_model)

    @property
    def files(self) -> list[str]:
        """Return the names of the model files, with their subfolders.

        :raises InputError: if one would lie elsewhere.
        """
        return file_names(self)

    @property
    def architecture(self) -> str:
        """Return the name of the back end."""
        return str(self.base.attributes.get("architecture", None))

    @property
    def elements(self) -> list[str]:
        """Return the chemical symbols in the order of the model's types."""
        return list(self.base.attributes.get("elements"))

    @property
    def cutoff(self) -> float:
        """Return the cutoff in Å."""
        return float(self.base.attributes.get("cutoff"))

    @property
    def implementation(self) -> Backend:
        """Return the back end that can use the model."""
        return registry.load(self.architecture)

    @property
    def parent(self) -> PotentialData | None:
        """Return the model that the training started from, found through provenance."""
        creator = self.creator
        parent = creator.base.links.get_incoming(link_label_filter="parent").first() if creator else None
        return cast(PotentialData, parent.node) if parent else None

    def copy_to(self, folder: Path) -> None:
        """Write the model files into a folder, file by file.

        :raises InputError: if the model is not what it should be, or a file is there already.
        """
        self.check()
        copy_files(self, folder)


def _check_model(node: PotentialData) -> None:
    values = node.base.attributes.all
    missing = [name for name in node._REQUIRED if values.get(name) is None]
    if missing:
        raise refuse(node, f"a potential needs {', '.join(missing)}")
    for name, fits in _FACTS.items():
        if not fits(values[name]):
            raise refuse(node, f"`{name}` is `{ascii(values[name])[:_TEXT]}`")
    names = file_names(node)
    if not names:
        raise refuse(node, "a potential needs at least one file")
    try:
        backend = registry.load(values["architecture"])
        _check_files(backend, values["architecture"], names)
        with unpacked(node) as folder:
            backend.check_files(folder)
    except InputError as exception:
        raise refuse(node, str(exception)) from exception


def _check_files(backend: Backend, architecture: str, names: Iterable[str]) -> None:
    """Refuse files that the back end does not know, wherever they would lie."""
    for name in names:
        if name not in backend.model_files:
            known = ", ".join(sorted(backend.model_files))
            raise InputError(f"the file `{ascii(name)[1:-1]}` is none of a `{architecture}` model, which are {known}")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _TEXT and value.isprintable()


def _are_elements(value: object) -> bool:
    """Return whether a value is a list of chemical symbols: they become words of an input."""
    if not isinstance(value, list) or not value or not all(isinstance(symbol, str) for symbol in value):
        return False
    return len(set(value)) == len(value) and all(atomic_numbers.get(symbol, 0) > 0 for symbol in value)


def _is_cutoff(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return 0 < value <= _LONGEST_CUTOFF


_FACTS = {
    "architecture": _is_text,
    "version": _is_text,
    "elements": _are_elements,
    "cutoff": _is_cutoff,
    "seed": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "dtype": _is_text,
}

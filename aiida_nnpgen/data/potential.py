"""A trained neural network potential."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, cast

from aiida import orm
from aiida.common.exceptions import ValidationError

from ..common.exceptions import InputError
from ..models import registry
from ..models.base import Backend

__all__ = ["PotentialData"]

_CHECKED: set[tuple[str, str]] = set()
"""Architecture and content of models that passed, because each of many jobs asks for the same few."""


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
        :raises InputError: if a name leads out of the node.
        """
        super().__init__(**kwargs)
        _check_inside(files)
        for name, path in sorted(files.items()):
            with path.open("rb") as handle:
                self.base.repository.put_object_from_filelike(handle, name)
        values = (architecture, version, elements, cutoff, seed, dtype)
        self.base.attributes.set_many(dict(zip(self._REQUIRED, values, strict=True)))

    def _validate(self) -> bool:
        missing = [name for name in self._REQUIRED if self.base.attributes.get(name, None) is None]
        if missing:
            raise ValidationError(f"a potential needs {', '.join(missing)}")
        if not self.files:
            raise ValidationError("a potential needs at least one file")
        try:
            self.check()
        except InputError as exception:
            raise ValidationError(str(exception)) from exception
        return bool(super()._validate())

    @property
    def files(self) -> list[str]:
        """Return the names of the model files, with their subfolders."""
        return sorted(str(root / name) for root, _, names in self.base.repository.walk() for name in names)

    @property
    def architecture(self) -> str:
        """Return the name of the back end."""
        return str(self.base.attributes.get("architecture"))

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

    def check(self) -> None:
        """Refuse files that could do more than be computed with, by the rules of the back end.

        A node that was imported was never validated.

        :raises InputError: with the file, and what in it has no place there.
        """
        content = (self.architecture, self.base.repository.hash())
        if content in _CHECKED:
            return
        _check_inside(self.files)
        with TemporaryDirectory() as folder:
            for name in self.files:
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                with self.base.repository.open(name, "rb") as source, path.open("wb") as target:
                    shutil.copyfileobj(source, target)
            self.implementation.check_files(Path(folder))
        _CHECKED.add(content)

    def copy_to(self, folder: Path) -> None:
        """Write the model files into a folder.

        :raises InputError: if one would land beside it, or could do more than be computed with; an archive that was
            imported may hold such files.
        """
        _check_inside(self.files)
        self.check()
        self.base.repository.copy_tree(folder.resolve())


def _check_inside(names: Iterable[str]) -> None:
    """Refuse names of files that lie outside of the folder of the model."""
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise InputError(f"the model file `{name}` lies outside of the model's folder: do not use this model")

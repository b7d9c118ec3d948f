"""The files that make up a DeepPot-SE model, and the one that describes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from ...common.exceptions import InputError

__all__ = ["FILENAME_DESCRIPTION", "FILENAME_MODEL", "MODEL_FILES", "PREFIX_WEIGHTS", "WEIGHT_ENDS", "Description"]

FILENAME_MODEL = "model.pb"
FILENAME_DESCRIPTION = "model.json"
PREFIX_WEIGHTS = "weights"
WEIGHT_ENDS = ("index", "data-00000-of-00001")
MODEL_FILES = (FILENAME_MODEL, FILENAME_DESCRIPTION, *(f"{PREFIX_WEIGHTS}.{end}" for end in WEIGHT_ENDS))

_BACKEND = "deepmd"
_MAX_BYTES = 2**20


@dataclass(frozen=True, kw_only=True)
class Description:
    """What ``model.json`` says.

    :ivar version: of DeePMD-kit.
    :ivar elements: chemical symbols in the order of the types.
    :ivar steps: optimisation steps since the parent, or since the beginning.
    :ivar seed: of the training.
    :ivar model: shape of the nets, cutoff, numbers of neighbours and precision, in DeePMD's words.
    """

    version: str
    elements: tuple[str, ...]
    steps: int
    seed: int
    model: Mapping[str, object]

    def write(self, folder: Path) -> None:
        """Write ``model.json`` into a folder."""
        document = {"backend": _BACKEND, **asdict(self)}
        (folder / FILENAME_DESCRIPTION).write_text(json.dumps(document, indent=1, sort_keys=True))

    @classmethod
    def read(cls, folder: Path) -> Description:
        """Read ``model.json`` in a folder.

        :raises InputError: if it is missing or belongs to another kind of model.
        """
        path = folder / FILENAME_DESCRIPTION
        if not path.is_file():
            raise InputError(f"`{folder}` holds no `{path.name}`: it is no DeepPot-SE model of this package")
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(f"`{path.name}` is larger than {_MAX_BYTES >> 20} MiB: it describes no model")
        try:
            document = json.loads(path.read_text())
            if document.pop("backend") != _BACKEND:
                raise KeyError("backend")
            return cls(**{**document, "elements": tuple(document["elements"])})
        # All that broken text, other values and other keys come to.
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as exception:
            raise InputError(f"`{path.name}` does not describe a `{_BACKEND}` model: {exception!r:.200}") from exception

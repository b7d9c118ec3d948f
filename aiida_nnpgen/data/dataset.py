"""A shard: labelled frames that were collected together, stored once and never changed."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from aiida import orm
from aiida.common.exceptions import ValidationError
from numpy.typing import ArrayLike, NDArray

from ..common.exceptions import InputError
from ..common.frames import Frames
from ..common.types import Split
from .checks import look_once
from .dataset_files import ROWS, Origin, check_contents, check_rows, read_arrays, read_origins

__all__ = ["DatasetData", "Origin"]

_ATOM_ARRAYS = ("positions", "forces")
_FRAME_ARRAYS = ("cells", "energies", "stresses")


class DatasetData(orm.Data):
    """Labelled frames of one or several compositions.

    Rows are ordered by composition, in the order of the frames given. Arrays lie under constant file names, so that
    equal content has an equal hash.
    """

    ROWS = ROWS

    def __init__(self, frames: Sequence[Frames], split: ArrayLike, origins: Sequence[Origin], **kwargs: Any) -> None:
        """Create a shard.

        :param frames: labelled frames, one entry per composition (eV, Å, eV/Å, eV/Å³; see :class:`Frames`).
        :param split: per row, a :class:`Split`, (n_frames,).
        :param origins: per row, where it comes from.
        :raises InputError: if there are no frames, a label is missing or not finite, or lengths differ.
        """
        super().__init__(**kwargs)
        rows = np.asarray(split, dtype=np.int8)
        total = sum(len(part) for part in frames)
        _check(frames, total, rows, origins)
        stresses = [part.stresses if part.stresses is not None else np.full((len(part), 6), np.nan) for part in frames]
        self._put("system_shapes", np.array([(part.n_atoms, len(part)) for part in frames], dtype=np.int64))
        self._put("numbers", np.concatenate([part.numbers for part in frames]).astype(np.uint8))
        for name in _ATOM_ARRAYS:
            self._put(name, np.concatenate([getattr(part, name).reshape(-1, 3) for part in frames]))
        self._put("cells", np.concatenate([part.cells for part in frames]))
        self._put("energies", np.concatenate([np.asarray(part.energies) for part in frames]))
        self._put("stresses", np.concatenate(stresses))
        self._put("split", rows)
        table = {key: [getattr(origin, key) for origin in origins] for key in Origin.__dataclass_fields__}
        content = json.dumps(table, separators=(",", ":")).encode()
        self.base.repository.put_object_from_filelike(io.BytesIO(content), self.ROWS)
        self.base.attributes.set_many(
            {
                "n_frames": total,
                "n_train": int(np.count_nonzero(rows == Split.TRAIN)),
                "elements": sorted({symbol for part in frames for symbol in part.symbols}),
            }
        )

    def _put(self, name: str, array: NDArray[Any]) -> None:
        buffer = io.BytesIO()
        np.save(buffer, np.ascontiguousarray(array), allow_pickle=False)
        buffer.seek(0)
        self.base.repository.put_object_from_filelike(buffer, f"{name}.npy")

    def _validate(self) -> bool:
        if "n_frames" not in self.base.attributes.all:
            raise ValidationError("a dataset needs frames: give them when it is created")
        try:
            self.check()
        except InputError as exception:
            raise ValidationError(str(exception)) from exception
        return bool(super()._validate())

    def check(self) -> None:
        """Check everything that the dataset says: a node from an archive was never validated.

        :raises InputError: naming the node, and the array or attribute that cannot be.
        """
        look_once(self, check_contents)

    def __len__(self) -> int:
        return int(self.base.attributes.get("n_frames"))

    @property
    def elements(self) -> list[str]:
        """Return the chemical symbols that occur, sorted."""
        return list(self.base.attributes.get("elements"))

    @property
    def split(self) -> NDArray[np.int8]:
        """Return the :class:`Split` of each row, (n_frames,)."""
        look_once(self, check_rows)
        return read_arrays(self, "split")["split"]

    @property
    def origins(self) -> list[Origin]:
        """Return where each row comes from."""
        look_once(self, check_rows)
        return read_origins(self, len(self))

    def get_frames(self, split: Split | None = None) -> list[Frames]:
        """Return the frames, one entry per composition; rows without stress have NaN there.

        :param split: only the rows of this split; compositions without one are left out.
        :raises InputError: if the node is not what it says.
        """
        self.check()
        arrays = read_arrays(self)
        mask = np.ones(len(self), dtype=bool) if split is None else arrays["split"] == split
        return [part[chosen] for part, chosen in _parts(arrays, mask) if chosen.any()]


def _parts(arrays: dict[str, NDArray[Any]], mask: NDArray[np.bool_]) -> Iterator[tuple[Frames, NDArray[np.bool_]]]:
    """Yield the frames of each composition, and their part of a mask."""
    numbers, atom, row, kind = arrays["numbers"], 0, 0, 0
    for n_atoms, n_frames in arrays["system_shapes"].tolist():
        end = atom + n_atoms * n_frames
        content = {name: arrays[name][atom:end].reshape(n_frames, n_atoms, 3) for name in _ATOM_ARRAYS}
        content |= {name: arrays[name][row : row + n_frames] for name in _FRAME_ARRAYS}
        yield Frames(numbers=numbers[kind : kind + n_atoms], **content), mask[row : row + n_frames]
        atom, row, kind = end, row + n_frames, kind + n_atoms


def _check(frames: Sequence[Frames], total: int, split: NDArray[np.int8], origins: Sequence[Origin]) -> None:
    if total == 0:
        raise InputError("a dataset needs at least one frame")
    if len(split) != total or len(origins) != total:
        raise InputError(f"{total} frames, but {len(split)} splits and {len(origins)} origins")
    for part in frames:
        if part.energies is None or part.forces is None:
            raise InputError("every frame of a dataset needs an energy and forces")
        for name in ("positions", "cells", "energies", "forces"):
            if not np.isfinite(getattr(part, name)).all():
                raise InputError(f"`{name}` of a dataset must be finite")

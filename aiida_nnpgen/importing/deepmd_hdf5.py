"""Systems in the format ``deepmd/hdf5``: groups of one file, laid out as the folders of ``deepmd/npy``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..common.exceptions import OutputError
from ..dft.reading import FileContent
from .deepmd import System, read_system
from .hints import Hints

__all__ = ["HDF5_MARK", "read_deepmd_hdf5"]

HDF5_MARK = b"\x89HDF\r\n\x1a\n"
"""What every such file begins with."""


def read_deepmd_hdf5(path: Path, hints: Hints | None = None) -> FileContent:
    """Read all systems of a file, in the order of their names.

    :raises OutputError: if h5py is not installed, or the file holds no system.
    """
    try:
        import h5py
    except ImportError as exception:
        raise OutputError(
            "files in HDF5 are read with h5py, which is not installed: install it, or convert the file to `deepmd/npy`"
        ) from exception
    content = FileContent()
    try:
        with h5py.File(path, "r") as file:
            groups: list[Any] = [file] if "type.raw" in file else []
            file.visititems(lambda name, item: groups.append(item) if "type.raw" in _members(item) else None)
            for group in groups:
                read_system(_system(group), hints or Hints(), content)
    except OSError as exception:
        raise OutputError(f"`{path.name}` is no HDF5 file, or cut: {exception}") from exception
    if not content.frames and not content.dropped:
        raise OutputError(f"`{path.name}` holds no system of DeePMD: no group has `type.raw`")
    return content


def _members(item: Any) -> list[str]:
    return list(item) if hasattr(item, "keys") else []


def _system(group: Any) -> System:
    names = np.asarray(group["type_map.raw"]).ravel().tolist() if "type_map.raw" in group else []
    return System(
        types=[str(int(number)) for number in np.asarray(group["type.raw"]).ravel()],
        names=[name.decode() if isinstance(name, bytes) else str(name) for name in names],
        sets=[
            (name, lambda array, part=group[name]: _load(part, array))  # type: ignore[misc]
            for name in sorted(group)
            if name.startswith("set.")
        ],
        is_open="nopbc" in group,
    )


def _load(part: Any, name: str) -> NDArray[np.float64] | None:
    key = f"{name}.npy"
    return np.asarray(part[key], dtype=np.float64) if key in part else None

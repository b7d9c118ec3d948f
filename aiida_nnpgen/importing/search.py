"""Which files of a folder are read, and in which order."""

from __future__ import annotations

from pathlib import Path

from .formats import FORMATS, Format, recognise
from .packed import is_hidden

__all__ = ["find_files"]


def find_files(root: Path, wanted: Format | None) -> dict[Path, Format | None]:
    """Return files and folders to read with their format, runs of several files first; None: not recognised.

    What lies inside a folder that is one system is not listed.

    :param root: a file, which is read in any case, or a folder.
    :param wanted: the only format to read.
    """
    kind = recognise(root)
    if root.is_file() or kind is not None:
        return {root: wanted or kind or FORMATS["structure"]}
    entries = [item for item in sorted(root.rglob("*")) if not is_hidden(item.relative_to(root))]
    kinds = {item: kind for item in entries if (kind := recognise(item)) is not None or item.is_file()}
    systems = {item for item in kinds if item.is_dir()}
    order = [*FORMATS.values(), None]
    outside = [item for item in kinds if systems.isdisjoint(item.parents)]
    return {item: kinds[item] for item in sorted(outside, key=lambda item: (order.index(kinds[item]), item))}

"""Files of nodes, taken out of the repository one by one, by names that lead nowhere else.

AiiDA imports a tree with a folder named ``..``, and its own ``copy_tree`` follows it out of the target folder. Nothing
in this package unpacks a tree but the functions here.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from aiida import orm

from ..common.names import is_component, is_plain
from .checks import refuse

__all__ = ["check_single_file", "copy_files", "file_names", "unpacked"]


def file_names(node: orm.Node, *, own: bool = False) -> list[str]:
    """Return the paths of all files in a node, sorted.

    :param own: the names are those of the user's own files, which may have blanks and letters of all kinds.
    :raises InputError: if a file or a folder has a name that is no plain component of a path.
    """
    allowed, found = is_component if own else is_plain, []
    try:
        for root, folders, files in node.base.repository.walk():
            for name in (*folders, *files):
                path = [*root.parts, name]
                if bad := [part for part in path if not allowed(part)]:
                    raise refuse(node, f"`{_shown('/'.join(path))}` in it: `{_shown(bad[0])}` is no plain name")
            found += [(root / name).as_posix() for name in files]
    except RecursionError:
        raise refuse(node, "its folders are nested too deep") from None
    return sorted(found)


def copy_files(node: orm.Node, folder: Path, *, own: bool = False) -> list[str]:
    """Copy every file of a node into a folder, and return their paths in it; none replaces one that is there.

    :param own: see :func:`file_names`, by which all names are checked before the first file is written.
    :raises InputError: if a name leads elsewhere, or is taken.
    """
    names = file_names(node, own=own)
    for name in names:
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with node.base.repository.open(name, "rb") as source, target.open("xb") as handle:
                shutil.copyfileobj(source, handle, 1 << 20)
        except FileExistsError:
            raise refuse(node, f"its file `{name}` would replace another one") from None
    return names


@contextmanager
def unpacked(node: orm.Node, *, own: bool = False) -> Iterator[Path]:
    """Return a context with a temporary folder that holds the files of a node.

    :param own: see :func:`file_names`.
    """
    with tempfile.TemporaryDirectory() as name:
        copy_files(node, Path(name), own=own)
        yield Path(name)


def check_single_file(node: orm.SinglefileData, *, own: bool = False) -> None:
    """Check that a node is one file, of the name that it says: jobs make a path of it.

    :param own: see :func:`file_names`.
    :raises InputError: if the name is another one, or leads elsewhere.
    """
    names, said = file_names(node, own=own), node.base.attributes.get("filename", None)
    if names != [said]:
        raise refuse(node, f"its `filename` is `{_shown(str(said))}`, but its files are `{', '.join(names)}`")


def _shown(name: str) -> str:
    """Return a name as it can be printed."""
    return ascii(name[:100])[1:-1]

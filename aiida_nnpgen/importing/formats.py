"""The formats that are recognised, and who reads them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..dft.cp2k.folder import read_cp2k
from ..dft.cpmd.folder import read_cpmd
from ..dft.qe.stdout import read_qe_output
from ..dft.qe.xml import read_qe_xml
from ..dft.reading import FileContent
from ..dft.vasp.outcar import read_outcar
from ..dft.vasp.vasprun import read_vasprun
from .ase_files import read_database, read_extxyz, read_structures, read_trajectory
from .deepmd import is_deepmd, read_deepmd
from .deepmd_hdf5 import HDF5_MARK, read_deepmd_hdf5
from .hints import Hints
from .text import decode, split_lines

__all__ = ["FORMATS", "Format", "recognise"]

_HEAD = 65536


@dataclass(frozen=True)
class Format:
    """One format.

    :ivar matches: whether a path, whose first bytes are given (none of a folder), looks like it.
    :ivar has_units: the format fixes the units, so that none can be declared.
    """

    name: str
    matches: Callable[[Path, bytes], bool]
    read: Callable[[Path, Hints], FileContent]
    has_units: bool = False


def _of_code(name: str, matches: Callable[[Path, bytes], bool], read: Callable[[Path], FileContent]) -> Format:
    """Return a format that says everything itself."""
    return Format(name, matches, lambda path, hints: read(path), has_units=True)


def _is_extxyz(path: Path, head: bytes) -> bool:
    first = next((line for line in split_lines(decode(head)) if line.strip()), "")
    return path.suffix.lower() in (".xyz", ".extxyz") and first.strip().isdecimal()


def _is_trajectory(path: Path, head: bytes) -> bool:
    return head.startswith(b"- of Ulm") and b"Trajectory" in head


def _is_database(path: Path, head: bytes) -> bool:
    if path.suffix == ".json":
        return head.lstrip().startswith(b"{") and b'"unique_id"' in head
    return head.startswith(b"SQLite format 3\0")


def _is_outcar(path: Path, head: bytes) -> bool:
    return head.lstrip().startswith(b"vasp.") or (path.name.startswith("OUTCAR") and b"VRHFIN" in head)


# Those that use other files of the same run come first: what they use is not looked at again.
FORMATS: dict[str, Format] = {
    item.name: item
    for item in (
        _of_code("cpmd", lambda path, head: b"PROGRAM CPMD STARTED AT" in head, read_cpmd),
        _of_code("cp2k", lambda path, head: b" CP2K| version string" in head, read_cp2k),
        Format("deepmd", lambda path, head: path.is_dir() and is_deepmd(path), read_deepmd),
        Format("deepmd_hdf5", lambda path, head: head.startswith(HDF5_MARK), read_deepmd_hdf5),
        _of_code("vasprun", lambda path, head: b"<modeling>" in head[:4096], read_vasprun),
        _of_code("outcar", _is_outcar, read_outcar),
        _of_code("qe_output", lambda path, head: b"Program PWSCF" in head, read_qe_output),
        _of_code("qe_xml", lambda path, head: b"qes:espresso" in head[:4096], read_qe_xml),
        Format("extxyz", _is_extxyz, read_extxyz),
        Format("traj", _is_trajectory, read_trajectory),
        Format("db", _is_database, read_database),
        # Never guessed: a folder of a run is full of structures that nobody means to label.
        Format("structure", lambda path, head: False, read_structures),
    )
}


def recognise(path: Path) -> Format | None:
    """Return the format of a file or folder; None if it is none of ours, or cannot be looked at."""
    head = b""
    try:
        if path.is_file() and os.access(path, os.R_OK):
            with path.open("rb") as handle:
                head = handle.read(_HEAD)
        return _by_head(path, head)
    except OSError:
        return None


def _by_head(path: Path, head: bytes) -> Format | None:
    return next((item for item in FORMATS.values() if item.matches(path, head)), None)

"""LAMMPS as a sampler: what it is given and what it leaves, without any knowledge of the model behind the forces.

Write the files of :func:`input_files` into a folder, put the model files beside them, run
``lmp -in lammps.in``, and hand the folder to :func:`read_run`.
"""

from __future__ import annotations

from .input import (
    FILENAME_DUMP,
    FILENAME_INPUT,
    FILENAME_LOG,
    FILENAME_STRUCTURE,
    FILENAME_VERDICT,
    FILENAME_WATCH,
    input_files,
    write_input,
    write_watch,
)
from .output import FILENAMES_OUTPUT, read_run
from .structure import write_structure

__all__ = [
    "FILENAMES_OUTPUT",
    "FILENAME_DUMP",
    "FILENAME_INPUT",
    "FILENAME_LOG",
    "FILENAME_STRUCTURE",
    "FILENAME_VERDICT",
    "FILENAME_WATCH",
    "input_files",
    "read_run",
    "write_input",
    "write_structure",
    "write_watch",
]

"""Start one of the programs that run on the compute node."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from ..common.exceptions import NnpgenError
from ..common.files import is_disk_full
from .errors import record_error, release_error, reserve_error
from .files import RESULT

__all__ = ["PROGRAMS", "main"]

PROGRAMS = ("deviation", "diagnose", "evaluate", "label", "md", "sample", "screen", "train")
"""Each is a module beside this one with a function ``main(folder)``."""


def main(arguments: Sequence[str]) -> int:
    """Run a program in the current folder and return the exit code.

    :param arguments: the name of the program.
    :return: 0 if it finished, 1 if its input or the output of a code is wrong, 2 if there is no such program, 3 if the
        disk is full.
    """
    if len(arguments) != 1 or arguments[0] not in PROGRAMS:
        print(f"unknown program `{' '.join(arguments)}`: choose one of {', '.join(PROGRAMS)}", file=sys.stderr)
        return 2
    folder = Path.cwd()
    # What an earlier start in the same folder left must not make a failure look like success, or the other way round.
    (folder / RESULT).unlink(missing_ok=True)
    try:
        reserve_error(folder)
        importlib.import_module(f"{__package__}.{arguments[0]}").main(folder)
    except Exception as exception:
        message = record_error(folder, exception)
        if is_disk_full(exception):
            _say(f"{type(exception).__name__}: {message}: make room on the disk")
            return 3
        if not isinstance(exception, NnpgenError):
            raise  # recorded for the parser, and told with its traceback
        _say(f"{type(exception).__name__}: {message}")
        return 1
    release_error(folder)
    return 0


def _say(line: str) -> None:
    """Print a line to the error output, which may lie on the full disk itself."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())  # or the interpreter fails at its end

"""Start one of the programs that run on the compute node."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from ..common.exceptions import NnpgenError
from .files import ERROR, RESULT

__all__ = ["PROGRAMS", "main"]

PROGRAMS = ("deviation", "evaluate", "label", "md", "sample", "screen", "train")
"""Each is a module beside this one with a function ``main(folder)``."""


def main(arguments: Sequence[str]) -> int:
    """Run a program in the current folder and return the exit code.

    :param arguments: the name of the program.
    :return: 0 if it finished, 1 if its input or the output of a code is wrong, 2 if there is no such program.
    """
    if len(arguments) != 1 or arguments[0] not in PROGRAMS:
        print(f"unknown program `{' '.join(arguments)}`: choose one of {', '.join(PROGRAMS)}", file=sys.stderr)
        return 2
    folder = Path.cwd()
    # What an earlier start in the same folder left must not make a failure look like success, or the other way round.
    for name in (RESULT, ERROR):
        (folder / name).unlink(missing_ok=True)
    try:
        importlib.import_module(f"{__package__}.{arguments[0]}").main(folder)
    except NnpgenError as exception:
        print(f"{type(exception).__name__}: {_write_error(folder, exception)}", file=sys.stderr)
        return 1
    except Exception as exception:
        # Recorded for the parser and raised on, so that the traceback is printed.
        _write_error(folder, exception)
        raise
    return 0


def _write_error(folder: Path, exception: Exception) -> str:
    """Record an error that ends the job, and return its message as one line."""
    message = " ".join(str(exception).split())
    (folder / ERROR).write_text(json.dumps({"type": type(exception).__name__, "message": message}))
    return message

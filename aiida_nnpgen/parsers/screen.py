"""Parse a screening."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from aiida import orm
from aiida.engine import ExitCode
from numpy.typing import NDArray

from ..calculations.screen import ScreenCalculation
from ..common.exceptions import OutputError
from ..common.files import read_arrays
from ..jobs.screen import COLUMNS, RESULT_SHAPE
from .job import JobParser, arrays_node

__all__ = ["ScreenParser"]


class ScreenParser(JobParser):
    """Make the map of the screening and its counts."""

    RESULT_SHAPE = RESULT_SHAPE

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one screening."""
        folder = self.folder(retrieved_temporary_folder)
        try:
            result = self.result()
            arrays = _read(folder / ScreenCalculation.FILENAME_ARRAYS, result)
        except OutputError as exception:
            return self.failure(exception)
        self.out("screen", arrays_node(arrays))
        self.out("report", orm.Dict(result))
        return None


def _read(path: Path, result: dict[str, Any]) -> dict[str, NDArray[Any]]:
    """Return the arrays, which must agree with the counts.

    :raises OutputError: if they do not, or cannot be read.
    """
    arrays, n_candidates = read_arrays(path, COLUMNS), result["n_candidates"]
    selected = arrays["selected"]
    is_sound = len(selected) == result["n_selected"] and bool(
        np.isin(selected, np.arange(n_candidates)).all() and (np.diff(selected) > 0).all()
    )
    lengths = [len(arrays[name]) for name in ("candidate_points", "candidate_quantities", "dropped")]
    if not is_sound or set(lengths) != {n_candidates}:
        raise OutputError(f"`{path.name}` is damaged: it does not hold the {n_candidates} candidates of the result")
    return arrays

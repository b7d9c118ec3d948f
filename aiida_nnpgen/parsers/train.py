"""Parse a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiida.engine import ExitCode

from ..calculations.train import TrainCalculation
from ..common.exceptions import InputError, OutputError
from ..common.files import read_arrays, read_object
from ..data import PotentialData
from ..jobs.train import DIGESTS_SHAPE, RESULT_SHAPE, digest
from .job import JobParser, arrays_node

__all__ = ["TrainParser"]


class TrainParser(JobParser):
    """Make the model and its learning curve."""

    RESULT_SHAPE = RESULT_SHAPE

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one training."""
        folder = self.folder(retrieved_temporary_folder)
        try:
            result = self.result()
            curve = _read_curve(folder / TrainCalculation.FILENAME_CURVE)
            potential = None if result["diverged"] else self._potential(folder, result)
        except OutputError as exception:
            return self.failure(exception)
        except InputError as exception:  # what the job trained is none of such a model
            return self.exit("ERROR_JOB_FAILED", message=str(exception))
        self.out("learning_curve", arrays_node(curve))
        if potential is None:
            return self.exit("ERROR_DIVERGED", step=result["steps"])
        self.out("potential", potential)
        return None

    def _potential(self, folder: Path, result: dict[str, Any]) -> PotentialData:
        """Return the model.

        :raises OutputError: if its files are damaged.
        :raises InputError: if they make no model, or one that could do more than compute.
        """
        files = {name: folder / TrainCalculation.FOLDER_MODEL / name for name in result["files"]}
        settings = self.node.inputs.settings
        try:
            potential = PotentialData(
                files,
                architecture=settings["architecture"],
                version=result["version"],
                elements=settings["elements"],
                cutoff=result["cutoff"],
                seed=settings["seed"],
                dtype=result["dtype"],
            )
        except InputError:
            raise
        except (OSError, ValueError, TypeError) as exception:
            raise OutputError(f"the training left no model: {exception}") from exception
        _check_files(files, folder / TrainCalculation.FILENAME_DIGESTS)
        potential.check()
        return potential


def _check_files(files: dict[str, Path], digests: Path) -> None:
    """Compare the files with their checksums, where there are any.

    :raises OutputError: if a file is not that which was written.
    """
    written = read_object(digests, DIGESTS_SHAPE) if digests.exists() else None
    for name, path in files.items():
        if not path.stat().st_size:
            raise OutputError(f"the model file `{name}` is empty")
        if written is not None and written.get(name) != digest(path.read_bytes()):
            raise OutputError(f"the model file `{name}` is damaged: its checksum is another")


def _read_curve(path: Path) -> dict[str, Any]:
    """Return the columns of the learning curve, which are of equal length.

    :raises OutputError: if they are not, or cannot be read.
    """
    curve = read_arrays(path)
    names_fit = all(name.isidentifier() and name.isascii() for name in curve)
    if not names_fit or any(column.ndim != 1 for column in curve.values()) or len({*map(len, curve.values())}) != 1:
        raise OutputError(f"`{path.name}` is damaged: it holds no columns of equal length")
    return curve

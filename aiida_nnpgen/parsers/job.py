"""Base of the parsers of the stand-alone programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from aiida import orm
from aiida.engine import ExitCode

from ..jobs.files import ERROR, MANIFEST, RESULT, TAKEN, find_loss
from .base import BaseParser

__all__ = ["JobParser", "arrays_node"]


class JobParser(BaseParser):
    """Tell how a job ended."""

    def read_result(self) -> dict[str, Any] | None:
        """Return what the job left as its result; None if it did not finish, or not with all of its frames."""
        return None if self._loss() else self._read(RESULT)

    def read_arrays(self, folder: str | None, name: str) -> orm.ArrayData | None:
        """Return the arrays that a job left beside its result; None if it did not finish.

        :param folder: what was retrieved for parsing only.
        """
        is_done = folder is not None and self.read_result() is not None
        return arrays_node(Path(folder or "") / name) if is_done else None

    def failure(self) -> ExitCode:
        """Return the exit code of a job that did not finish."""
        error = self._read(ERROR)
        if loss := self._loss():
            return self.exit("ERROR_JOB_FAILED", message=loss)
        if error is None:
            return self.exit("ERROR_INTERRUPTED", message="its time was over, or it was ended from outside")
        if error["type"] == "MemoryError":
            return self.exit("ERROR_OUT_OF_MEMORY", message=error["message"])
        return self.exit("ERROR_JOB_FAILED", message=error["message"])

    def _loss(self) -> str | None:
        """Return what the job was given and did not work on."""
        taken = self._read(TAKEN)
        if taken is None or MANIFEST not in self.node.base.repository.list_object_names():
            return None
        return find_loss(json.loads(self.node.base.repository.get_object_content(MANIFEST)), taken)

    def _read(self, name: str) -> dict[str, Any] | None:
        if name not in self.retrieved.base.repository.list_object_names():
            return None
        content: dict[str, Any] = json.loads(self.retrieved.base.repository.get_object_content(name))
        return content


def arrays_node(path: Path) -> orm.ArrayData:
    """Return the arrays of a ``.npz`` file as a node."""
    node = orm.ArrayData()
    with np.load(path, allow_pickle=False) as archive:
        for name in archive.files:
            node.set_array(name, archive[name])
    return node

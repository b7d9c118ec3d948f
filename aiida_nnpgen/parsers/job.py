"""Base of the parsers of the stand-alone programs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida import orm
from aiida.engine import ExitCode
from numpy.typing import NDArray

from ..common.exceptions import OutputError
from ..common.files import parse_object
from ..jobs.errors import JobError, parse_error
from ..jobs.files import ERROR, MANIFEST, RESULT, SETS, TAKEN, find_loss
from .base import BaseParser

__all__ = ["JobParser", "arrays_node"]


class JobParser(BaseParser):
    """Tell how a job ended. What cannot be read of it was not done."""

    RESULT_SHAPE: Mapping[str, object] = {}
    """What the result must hold; see :func:`~aiida_nnpgen.common.files.parse_object`."""

    def result(self) -> dict[str, Any]:
        """Return what the job left as its result.

        :raises OutputError: if it did not finish, or not with all of its frames, or the result cannot be read.
        """
        if loss := self._loss():
            raise OutputError(loss)
        content = self.kept(RESULT)
        if content is None:
            raise OutputError("its time was over, or it was ended from outside")
        return parse_object(content, RESULT, self.RESULT_SHAPE)

    def failure(self, problem: OutputError) -> ExitCode:
        """Return the exit code of a job that did not finish: by what it says itself, or else by what is missing."""
        try:
            error, loss = self.error(), self._loss()
        except OutputError as exception:
            return self.exit("ERROR_INTERRUPTED", message=str(exception))
        if error is not None and error.disk_full:
            return self.exit("ERROR_DISK_FULL", message=error.message)
        if loss:
            return self.exit("ERROR_JOB_FAILED", message=loss)
        if error is None:
            return self.exit("ERROR_INTERRUPTED", message=str(problem))
        label = "ERROR_OUT_OF_MEMORY" if error.type == "MemoryError" else "ERROR_JOB_FAILED"
        return self.exit(label, message=error.message)

    def error(self) -> JobError | None:
        """Return why the job says that it failed; None if it does not.

        :raises OutputError: if that cannot be read.
        """
        content = self.kept(ERROR)
        return None if content is None else parse_error(content)

    def _loss(self) -> str | None:
        """Return what the job was given and did not work on.

        :raises OutputError: if that cannot be read.
        """
        taken, repository = self.kept(TAKEN), self.node.base.repository
        if taken is None or MANIFEST not in repository.list_object_names():
            return None
        manifest = parse_object(repository.get_object_content(MANIFEST, mode="rb"), MANIFEST, SETS)
        return find_loss(manifest, parse_object(taken, TAKEN, SETS))


def arrays_node(arrays: Mapping[str, NDArray[Any]]) -> orm.ArrayData:
    """Return arrays as a node."""
    node = orm.ArrayData()
    for name, array in arrays.items():
        node.set_array(name, array)
    return node

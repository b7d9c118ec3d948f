"""What every parser has in common: one way to an exit code, and one for a run of molecular dynamics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiida.engine import ExitCode
from aiida.parsers import Parser

from ..common.dynamics import MdRun
from ..common.text import SCHEDULER_STDERR, disk_full_at_end, disk_full_line, printable
from ..common.types import RunEnd
from ..data.labels import run_nodes

__all__ = ["BaseParser", "LabelledRunParser"]

_MAY_BE_DISK_FULL = ("ERROR_NO_FRAMES", "ERROR_JOB_FAILED", "ERROR_INTERRUPTED")


class BaseParser(Parser):
    """End with an exit code by its label, or with that of a run."""

    TOLD_IN: tuple[str, ...] = ("stderr.txt",)
    """Files in which a program, or the system, says that the disk is full."""

    def exit(self, label: str, **facts: Any) -> ExitCode:
        """Return an exit code with the facts that its message names; that of a full disk where it is to blame."""
        facts = {name: printable(fact) if isinstance(fact, str) else fact for name, fact in facts.items()}
        if label in _MAY_BE_DISK_FULL and (line := self._disk_full(str(facts.get("message")))):
            label, facts = "ERROR_DISK_FULL", {"message": line}
        code: ExitCode = self.exit_codes[label]
        return code.format(**facts)

    def exit_of(self, run: MdRun) -> ExitCode | None:
        """Return the exit code of a run by its end; None if all is well."""
        if run.end is RunEnd.INTERRUPTED:
            return self.exit("ERROR_INTERRUPTED" if len(run.frames) else "ERROR_NO_FRAMES", message=run.message)
        return self.exit("ERROR_UNSTABLE", message=run.message) if run.end.is_failure else None

    def folder(self, retrieved_temporary_folder: str | None) -> Path:
        """Return the folder with what was retrieved for parsing alone, in which :meth:`exit` looks too."""
        self._folder = Path(retrieved_temporary_folder or "")
        return self._folder

    def kept(self, name: str) -> bytes | None:
        """Return the content of a file that was retrieved for good; None if there is none."""
        repository = self.retrieved.base.repository
        if name not in repository.list_object_names():
            return None
        content: bytes = repository.get_object_content(name, mode="rb")
        return content

    def _disk_full(self, message: str) -> str | None:
        """Return the words in which the message, or what was retrieved, says that the disk was full."""
        said = disk_full_line(message)
        for name in (*self.TOLD_IN, SCHEDULER_STDERR) if said is None else ():
            path = getattr(self, "_folder", Path()) / name
            content = self.kept(name) or (path.read_bytes() if path.is_file() else b"")
            said = said or disk_full_at_end(content)
        return said


class LabelledRunParser(BaseParser):
    """Attach a molecular dynamics run with the reference method, each good frame of which is a label."""

    def attach(self, run: MdRun) -> None:
        """Attach the report, and the labels if there are any."""
        for name, node in run_nodes(run).items():
            self.out(name, node)

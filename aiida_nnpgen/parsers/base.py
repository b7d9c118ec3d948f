"""What every parser has in common: one way to an exit code, and one for a run of molecular dynamics."""

from __future__ import annotations

from typing import Any

from aiida.engine import ExitCode
from aiida.parsers import Parser

from ..common.dynamics import MdRun
from ..common.types import RunEnd
from ..data.labels import run_nodes

__all__ = ["BaseParser", "LabelledRunParser"]


class BaseParser(Parser):
    """End with an exit code by its label, or with that of a run."""

    def exit(self, label: str, **facts: Any) -> ExitCode:
        """Return an exit code with the facts that its message names."""
        code: ExitCode = self.exit_codes[label]
        return code.format(**facts)

    def exit_of(self, run: MdRun) -> ExitCode | None:
        """Return the exit code of a run by its end; None if all is well."""
        if run.end is RunEnd.INTERRUPTED:
            return self.exit("ERROR_INTERRUPTED" if len(run.frames) else "ERROR_NO_FRAMES", message=run.message)
        return self.exit("ERROR_UNSTABLE", message=run.message) if run.end.is_failure else None


class LabelledRunParser(BaseParser):
    """Attach a molecular dynamics run with the reference method, each good frame of which is a label."""

    def attach(self, run: MdRun) -> None:
        """Attach the report, and the labels if there are any."""
        for name, node in run_nodes(run).items():
            self.out(name, node)

"""From a run to nodes, whatever sampler ran it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from aiida import orm
from aiida.engine import ExitCode
from numpy.typing import NDArray

from ...common.dynamics import Conditions, MdRun
from ...common.exceptions import OutputError
from ...common.ranges import cut_to_ranges
from ...common.types import RunEnd, TrustLevel
from ...data.deviations import sampler_name
from ...data.trajectory import frames_to_trajectory
from ...screening import trust_levels
from ..base import BaseParser

__all__ = ["SamplerParser"]


class SamplerParser(BaseParser):
    """Keep the good part of a run, and say how it ended."""

    def read(self, folder: Path) -> MdRun:
        """Return the good part of what the code left; its atoms are in order and orientation of the input.

        :raises OutputError: if there is nothing to use.
        """
        raise NotImplementedError

    def own_failure(self) -> ExitCode | None:
        """Return the exit code of a code that says itself why it failed; None if it does not."""
        return None

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one run."""
        try:
            run = self._read_sane(self.folder(retrieved_temporary_folder))
        except OutputError as exception:
            return self.own_failure() or self.exit("ERROR_NO_FRAMES", message=str(exception))
        self.out("report", orm.Dict(run.report().to_dict() | {"message": self._message(run)}))
        if self._lacks_deviation(run):
            name = sampler_name(self.node.process_type)
            return self.exit("ERROR_NO_DEVIATION", sampler=name, message=run.message)
        if not len(run.frames):
            return self.own_failure() or self.exit("ERROR_NO_FRAMES", message=run.message)
        self._attach(run)
        return self.own_failure() or self.exit_of(run)

    def _read_sane(self, folder: Path) -> MdRun:
        """Return the run up to the first frame that has left the ranges of its conditions."""
        models = self.node.inputs.models
        conditions = Conditions(**self.node.inputs.conditions["conditions"])
        return cut_to_ranges(self.read(folder), conditions, models[min(models)].cutoff)

    def _message(self, run: MdRun) -> str:
        """Return the sentence for the user, with what was asked for in vain."""
        wants_halt = self.node.inputs.conditions["conditions"].get("halt_deviation") is not None
        if wants_halt and run.deviation is None and len(run.frames):
            return f"{run.message.rstrip('.')}; no deviation was measured, so `halt_deviation` could not act"
        return run.message

    def _lacks_deviation(self, run: MdRun) -> bool:
        """Return whether a deviation was measured and is a number nowhere, which must not pass as nothing to select."""
        if not len(run.frames):
            is_measured = self.node.process_class.measures_deviation(self.node.inputs.models)
            return bool(is_measured and run.end is RunEnd.NOT_FINITE)
        return run.deviation is not None and not np.isfinite(run.deviation).any()

    def _attach(self, run: MdRun) -> None:
        """Attach the columns of all good frames, and the coordinates of those that the window keeps."""
        measured = {} if run.deviation is None else {"deviation": run.deviation}
        columns = orm.ArrayData()
        for name, column in {"step": run.steps, **measured, **run.thermo}.items():
            columns.set_array(name, column)
        self.out("deviation", columns)
        kept = self._kept(run)
        if len(kept):
            chosen = {name: column[kept] for name, column in measured.items()}
            node = frames_to_trajectory(run.frames[kept], run.steps[kept], **chosen)
            node.base.attributes.set("start", self.node.inputs.conditions.get("structure", ""))
            self.out("trajectory", node)

    def _kept(self, run: MdRun) -> NDArray[np.int64]:
        """Return the rows of the candidates; of all frames if there is no window, or no deviation to judge them by."""
        if "last_frames" in self.node.inputs:
            n_frames = len(run.frames) if run.end.is_failure else 0
            return np.unique([0, *range(max(0, n_frames - self.node.inputs.last_frames.value), n_frames)])[:n_frames]
        if "window" not in self.node.inputs or run.deviation is None:
            return np.arange(len(run.frames))
        window = self.node.inputs.window
        return np.flatnonzero(trust_levels(run.deviation, window["lo"], window["hi"]) == TrustLevel.CANDIDATE)

"""Parse labels from an ASE calculator."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from aiida import orm
from aiida.engine import ExitCode

from ..calculations.ase_label import AseLabelCalculation
from ..common.frames import Frames
from ..data.labels import StructureLink, frame_number, label_node
from ..data.trajectory import structures_to_frames
from .job import JobParser

__all__ = ["AseLabelParser"]


class AseLabelParser(JobParser):
    """Make one node of all frames that were finished, even if the job was not."""

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one batch."""
        folder = Path(retrieved_temporary_folder or "")
        failures = {
            path.stem: json.loads(path.read_text())
            for path in sorted((folder / AseLabelCalculation.FOLDER_FAILURES).glob("*.json"))
        }
        self.out("failures", orm.Dict({key: value | {"process": self.node.uuid} for key, value in failures.items()}))
        done = {path.stem: path for path in (folder / AseLabelCalculation.FOLDER_LABELS).glob("*.npz")}
        if done:
            self.out("labels", self._labels(done))
        if self.read_result():
            return None
        failure = self.failure()
        if failure.status >= 400 and not (done or failures):
            return self.exit("ERROR_NO_FRAMES", message=failure.message)
        return failure

    def _labels(self, done: dict[str, Path]) -> orm.TrajectoryData:
        structures = self.node.inputs.structures
        [(keys, frames)] = structures_to_frames({key: structures[key] for key in done})
        values: dict[str, list[Any]] = {"energy": [], "forces": [], "stress": []}
        for key in keys:
            with np.load(done[key], allow_pickle=False) as archive:
                for name, column in values.items():
                    column.append(archive[name])
        labelled = Frames(
            numbers=frames.numbers,
            positions=frames.positions,
            cells=frames.cells,
            energies=np.array(values["energy"]).reshape(len(keys)),
            forces=np.array(values["forces"]),
            stresses=np.array(values["stress"]),
        )
        return label_node(labelled, map(frame_number, keys), StructureLink.NAMESPACE)

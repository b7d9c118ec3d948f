"""Parse labels from an ASE calculator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from aiida import orm
from aiida.engine import ExitCode

from ..calculations.ase_label import AseLabelCalculation
from ..common.calculators import Evaluation
from ..common.exceptions import OutputError
from ..common.frames import Frames
from ..data.labels import StructureLink, frame_number, label_node
from ..data.trajectory import structures_to_frames
from ..dft.label import LabelFailure, LabelProblem
from ..jobs.label import RESULT_SHAPE, read_failure, read_label
from .job import JobParser

__all__ = ["AseLabelParser"]


class AseLabelParser(JobParser):
    """Make one node of all frames that were finished, even if the job was not.

    What was left of a frame and cannot be read costs that frame alone.
    """

    RESULT_SHAPE = RESULT_SHAPE

    def parse(self, retrieved_temporary_folder: str | None = None, **_: Any) -> ExitCode | None:
        """Parse the output of one batch."""
        structures = self.node.inputs.structures
        [(keys, frames)] = structures_to_frames({key: structures[key] for key in structures})
        labels, failures = _read(self.folder(retrieved_temporary_folder), keys, frames.n_atoms)
        self.out("failures", orm.Dict({key: problem.record(self.node.uuid) for key, problem in failures.items()}))
        if labels:
            self.out("labels", _node(labels, keys, frames))
        try:
            self.result()
        except OutputError as exception:
            failure = self.failure(exception)
            if failure.status == self.exit_codes.ERROR_DISK_FULL.status or labels or failures or failure.status < 400:
                return failure
            return self.exit("ERROR_NO_FRAMES", message=failure.message)
        return None


def _read(folder: Path, keys: list[str], n_atoms: int) -> tuple[dict[str, Evaluation], dict[str, LabelProblem]]:
    """Return what became of each frame, as far as anything did."""
    labels, failures = {}, {}
    for key in keys:
        label = folder / AseLabelCalculation.FOLDER_LABELS / f"{key}.npz"
        failure = folder / AseLabelCalculation.FOLDER_FAILURES / f"{key}.json"
        try:
            if label.exists():
                labels[key] = read_label(label, n_atoms)
            elif failure.exists():
                failures[key] = read_failure(failure)
        except OutputError as exception:
            failures[key] = LabelProblem(LabelFailure.NO_OUTPUT, str(exception))
    return labels, failures


def _node(labels: dict[str, Evaluation], keys: list[str], frames: Frames) -> orm.TrajectoryData:
    rows = np.array([keys.index(key) for key in labels])
    labelled = Frames(
        numbers=frames.numbers,
        positions=frames.positions[rows],
        cells=frames.cells[rows],
        energies=np.array([label.energy for label in labels.values()]),
        forces=np.array([label.forces for label in labels.values()]),
        stresses=np.array([label.stress for label in labels.values()]),
    )
    return label_node(labelled, map(frame_number, labels), StructureLink.NAMESPACE)

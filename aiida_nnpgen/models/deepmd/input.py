"""Input of DeePMD-kit: systems of frames and ``input.json``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers

from ...common.exceptions import InputError
from ...common.frames import Frames
from ...common.seeds import derive_seed
from .cell import right_handed
from .output import CHECKPOINT, CURVE
from .settings import DeepmdSettings

__all__ = ["input_document", "model_section", "split_by_stress", "write_systems"]

_CLASSIC_DECAY = 5000
_CLASSIC_BATCH = 32


def split_by_stress(frames: Frames) -> list[Frames]:
    """Return the frames with a stress label and those without as separate sets, none of them empty.

    A system of DeePMD-kit has virials for all of its frames or for none.

    :raises InputError: if energies or forces are missing.
    """
    if not frames.is_labelled:
        raise InputError("frames to train on lack energies or forces: label them first")
    if frames.stresses is None:
        return [frames] if len(frames) else []
    present = np.isfinite(frames.stresses).all(axis=1)
    bare = Frames(
        numbers=frames.numbers,
        positions=frames.positions,
        cells=frames.cells,
        energies=frames.energies,
        forces=frames.forces,
    )
    return [part for part in (frames[present], bare[~present]) if len(part)]


def write_systems(
    folder: Path, prefix: str, parts: Sequence[Frames], elements: Sequence[str]
) -> list[tuple[str, Frames]]:
    """Write frames as ``deepmd/npy`` systems.

    :param folder: where the folders of the systems go.
    :param prefix: start of their names.
    :param parts: labelled frames, one entry per composition.
    :param elements: chemical symbols in the order of the model's types.
    :return: name and frames of each system.
    :raises InputError: if labels are missing or not finite, or an element is not among the model's.
    """
    systems = [(f"{prefix}_{i:03d}", part) for i, part in enumerate(s for p in parts for s in split_by_stress(p))]
    types = {atomic_numbers[element]: index for index, element in enumerate(elements)}
    for name, frames in systems:
        foreign = sorted({symbol for symbol in frames.symbols if atomic_numbers[symbol] not in types})
        if foreign:
            raise InputError(f"`{', '.join(foreign)}` is not among the elements {', '.join(elements)}")
        _write_system(folder / name, frames, [types[number] for number in frames.numbers.tolist()], elements)
    return systems


def _write_system(system: Path, frames: Frames, types: Sequence[int], elements: Sequence[str]) -> None:
    arrays = {
        "coord": frames.positions,
        "box": right_handed(frames.cells),
        "energy": frames.energies,
        "force": frames.forces,
    }
    if frames.stresses is not None:
        # DeePMD's virial is that of the forces: minus the volume times the stress.
        xx, yy, zz, yz, xz, xy = frames.stresses.T
        arrays["virial"] = -frames.volumes[:, None] * np.stack([xx, xy, xz, xy, yy, yz, xz, yz, zz], axis=1)
    (system / "set.000").mkdir(parents=True, exist_ok=True)
    (system / "type.raw").write_text("\n".join(map(str, types)) + "\n")
    (system / "type_map.raw").write_text("\n".join(elements) + "\n")
    for name, array in arrays.items():
        assert array is not None  # the labels were checked when the frames were split
        if not np.isfinite(array).all():
            raise InputError(f"`{name}` of the frames for `{system.name}` holds values that are not finite")
        np.save(system / "set.000" / f"{name}.npy", array.reshape(len(frames), -1))


def model_section(settings: DeepmdSettings, elements: Sequence[str], sel: Sequence[int]) -> dict[str, object]:
    """Return what defines the shape of the nets: parent and child must agree in it."""
    return {
        "type_map": list(elements),
        "descriptor": {
            "type": "se_e2_a",
            "rcut": settings.cutoff,
            "rcut_smth": settings.cutoff_smooth,
            "sel": list(sel),
            "neuron": list(settings.neuron),
            "axis_neuron": settings.axis_neuron,
            "type_one_side": settings.type_one_side,
            "resnet_dt": settings.resnet_dt,
            "activation_function": settings.activation,
            "precision": settings.precision,
        },
        "fitting_net": {
            "neuron": list(settings.fitting_neuron),
            "resnet_dt": settings.fitting_resnet_dt,
            "activation_function": settings.fitting_activation,
            "precision": settings.precision,
        },
    }


def input_document(
    model: dict[str, object],
    settings: DeepmdSettings,
    train: Sequence[tuple[str, Frames]],
    validation: Sequence[tuple[str, Frames]],
    seed: int,
) -> dict[str, object]:
    """Return the content of ``input.json``.

    :param model: what :func:`model_section` returned.
    :param settings: with the steps and learning rates of this very training.
    :param train: name and frames of each system; likewise ``validation``, which may be empty.
    :param seed: three seeds are derived from it.
    """
    sections: dict[str, object] = dict(model)
    for name in ("descriptor", "fitting_net"):
        section = model[name]
        assert isinstance(section, dict)
        sections[name] = {**section, "seed": derive_seed(seed, name)}
    training: dict[str, object] = {
        "training_data": {
            "systems": [name for name, _ in train],
            "batch_size": [_batch(settings.batch_size, frames) for _, frames in train],
        },
        "numb_steps": settings.steps,
        "seed": derive_seed(seed, "training"),
        "disp_file": CURVE,
        "disp_freq": settings.display_every,
        "save_freq": settings.save_every,
        "save_ckpt": CHECKPOINT,
        # Two, so that one is complete whenever the process is killed.
        "max_ckpt_keep": 2,
    }
    if validation:
        training["validation_data"] = {
            "systems": [name for name, _ in validation],
            "batch_size": [min(settings.validation_frames, len(frames)) for _, frames in validation],
            "numb_btch": len(validation),
        }
    return {
        "model": sections,
        "learning_rate": {
            "type": "exp",
            "start_lr": settings.start_lr,
            "stop_lr": settings.stop_lr,
            "decay_steps": settings.decay_steps or max(1, min(_CLASSIC_DECAY, settings.steps // 200)),
        },
        "loss": _loss(settings, any(frames.stresses is not None for _, frames in train)),
        "training": training,
    }


def _batch(size: int | str, frames: Frames) -> int:
    """Return frames per step; ``auto`` is DeePMD's rule of at least 32 atoms."""
    wanted = -(-_CLASSIC_BATCH // frames.n_atoms) if isinstance(size, str) else size
    return min(wanted, len(frames))


def _loss(settings: DeepmdSettings, has_stress: bool) -> dict[str, object]:
    return {
        "type": "ener",
        "start_pref_e": settings.energy_start,
        "limit_pref_e": settings.energy_limit,
        "start_pref_f": settings.force_start,
        "limit_pref_f": settings.force_limit,
        "start_pref_v": settings.virial_start if has_stress else 0.0,
        "limit_pref_v": settings.virial_limit if has_stress else 0.0,
    }

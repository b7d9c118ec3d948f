"""A frozen DeepPot-SE model, loaded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from ase.data import atomic_numbers
from numpy.typing import NDArray

from ...common.exceptions import InputError
from ...common.frames import Frames
from ...common.voigt import to_voigt
from .cell import right_handed

__all__ = ["DeepmdPotential"]

_ATOMS_AT_ONCE = 4096
"""Atoms evaluated in one call: bounds the memory, and larger chunks are not faster."""


class DeepmdPotential:
    """Energies, forces, stresses and descriptors of a frozen model.

    :param path: the frozen model. It is a graph of TensorFlow operations; no Python code comes from it.
    :param elements: chemical symbols in the order of the model's types.
    """

    def __init__(self, path: Path, elements: Sequence[str]) -> None:
        from deepmd.infer.deep_pot import DeepPot

        self.elements = tuple(elements)
        self._types = {atomic_numbers[element]: index for index, element in enumerate(elements)}
        self._model = DeepPot(str(path))

    def predict(self, frames: Frames) -> Frames:
        """Return the frames with predicted energies (eV), forces (eV/Å) and stresses (eV/Å³, tension positive).

        :raises InputError: if a frame holds an element that the model does not know.
        """
        types = self._atom_types(frames)
        energies, forces, virials = [np.zeros(0)], [np.zeros((0, frames.n_atoms, 3))], [np.zeros((0, 9))]
        for part in _chunks(frames):
            result = self._model.eval(part.positions, _boxes(part), types)
            energies.append(result[0][:, 0])
            forces.append(result[1])
            virials.append(result[2])
        tensor = -np.concatenate(virials).reshape(-1, 3, 3) / frames.volumes[:, None, None]
        return replace(
            frames,
            energies=np.concatenate(energies),
            forces=np.concatenate(forces),
            stresses=to_voigt(tensor),
        )

    def descriptors(self, frames: Frames) -> NDArray[np.float64]:
        """Return the output of the descriptor of each atom.

        :return: (n_frames, n_atoms, last layer of the embedding net times ``axis_neuron``).
        :raises InputError: if a frame holds an element that the model does not know.
        """
        if not len(frames):
            raise InputError("no frames given")
        types = self._atom_types(frames)
        parts = [self._model.eval_descriptor(part.positions, _boxes(part), types) for part in _chunks(frames)]
        return np.concatenate(parts).astype(np.float64, copy=False)

    def _atom_types(self, frames: Frames) -> NDArray[np.int64]:
        foreign = sorted({symbol for symbol in frames.symbols if atomic_numbers[symbol] not in self._types})
        if foreign:
            raise InputError(f"`{', '.join(foreign)}` is unknown to this model of {', '.join(self.elements)}")
        return np.array([self._types[number] for number in frames.numbers.tolist()])


def _boxes(frames: Frames) -> NDArray[np.float64]:
    """Return the cells as DeePMD-kit wants them."""
    return right_handed(frames.cells).reshape(len(frames), 9)


def _chunks(frames: Frames) -> Iterator[Frames]:
    """Yield the frames in portions of bounded size."""
    size = max(1, _ATOMS_AT_ONCE // max(1, frames.n_atoms))
    for start in range(0, len(frames), size):
        yield frames[start : start + size]

"""Pictures of a screening, each in one call from its process node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from aiida import orm
from numpy.typing import NDArray

from ..common.exceptions import InputError
from ..common.iterations import iteration_key
from ..data.arrays import read_array
from ..data.checks import read_values, refuse
from ..screening.pictures import plot_histogram, plot_map, plot_volume
from ..screening.quantities import UNITS
from .ports import input_namespace, output_namespace

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["screening_histogram", "screening_map", "screening_of", "screening_volume"]

_SETTINGS = {"quantities": [{"name": str, "keywords": {}}]}
_FAR = 1e100
"""Beyond what any axis can show."""


def screening_map(process: orm.ProcessNode) -> Figure:
    """Return the map before and after screening: labelled so far, sampled, selected.

    :param process: a screening.
    :raises InputError: if it screened nothing.
    """
    return plot_map(*_points(_screen(process), "points", 2))


def screening_volume(process: orm.ProcessNode) -> Figure:
    """Return the map with its third axis, and projections from the top and the side.

    :param process: a screening in 3D.
    :raises InputError: if it screened nothing, or in 2D.
    """
    screen, name = _screen(process), _quantity_name(process, 0)
    return plot_volume(*_points(screen, "points", 3), quantity=name)


def screening_histogram(process: orm.ProcessNode, axis: int = 0) -> Figure:
    """Return the histogram of a quantity: labelled so far, sampled, selected.

    :param process: a screening in 3D.
    :param axis: which of its quantities, counted from 0.
    :raises InputError: if it screened nothing, or has no such quantity.
    """
    screen, name = _screen(process), _quantity_name(process, axis)
    candidates, dataset, selected = _points(screen, "quantities", axis + 1)
    return plot_histogram(candidates[:, axis], dataset[:, axis], selected, quantity=name)


def screening_of(process: orm.ProcessNode, iteration: int) -> orm.ProcessNode:
    """Return the screening of one iteration of a run of the loop.

    :raises InputError: if there is none.
    """
    label = iteration_key(iteration, "screening")
    link = process.base.links.get_outgoing(orm.WorkChainNode, link_label_filter=label).first()
    if link is None:
        raise InputError(f"<{process.pk}> has no screening of iteration `{iteration}`")
    return link.node


def _screen(process: orm.ProcessNode) -> orm.ArrayData:
    screen = output_namespace(process).get("screen")
    if not isinstance(screen, orm.ArrayData):
        raise InputError(f"<{process.pk}> screened nothing: it has no output `screen`")
    return screen


def _points(screen: orm.ArrayData, kind: str, columns: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return what was computed of candidates and dataset, and the numbers of the selected candidates.

    :param kind: ``points`` or ``quantities``.
    :param columns: that there must be at least.
    :raises InputError: if the node does not hold them: one from an archive was never validated.
    """
    candidates = read_array(screen, f"candidate_{kind}", "f", (None, None))
    width = candidates.shape[1]
    dataset = read_array(screen, f"dataset_{kind}", "f", (None, width))
    selected = read_array(screen, "selected", "i", (None,)).astype(np.int64)
    if width < columns:
        raise refuse(screen, f"array `candidate_{kind}` has {width} columns, not {columns}")
    if len(selected) and not 0 <= selected.min() <= selected.max() < len(candidates):
        raise refuse(screen, f"array `selected` names a frame that is none of the {len(candidates)} candidates")
    if any((np.abs(array.astype(np.float64)) > _FAR).any() for array in (candidates, dataset)):
        raise refuse(screen, f"its {kind} are beyond {_FAR:g}")
    return candidates, dataset, selected


def _quantity_name(process: orm.ProcessNode, axis: int) -> str:
    settings = input_namespace(process).get("settings")
    quantities = read_values(settings, _SETTINGS)["quantities"]
    if not 0 <= axis < len(quantities):
        raise InputError(f"<{process.pk}> has {len(quantities)} quantities: there is none of number `{axis}`")
    name = quantities[axis]["name"].rpartition(":")[2]
    pair, unit = quantities[axis]["keywords"].get("pair"), UNITS.get(name)
    if pair and not (isinstance(pair, list) and all(isinstance(symbol, str) for symbol in pair)):
        raise InputError(f"<{process.pk}> has a quantity of the pair `{pair}`, which is none")
    words = [name.replace("_", " "), *(["–".join(pair)] if pair else []), *([f"/ {unit}"] if unit else [])]
    return " ".join(words)

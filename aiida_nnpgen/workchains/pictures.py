"""Pictures of a screening, each in one call from its process node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiida import orm
from numpy.typing import NDArray

from ..common.exceptions import InputError
from ..common.iterations import iteration_key
from ..screening.pictures import plot_histogram, plot_map, plot_volume
from ..screening.quantities import UNITS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["screening_histogram", "screening_map", "screening_of", "screening_volume"]


def screening_map(process: orm.ProcessNode) -> Figure:
    """Return the map before and after screening: labelled so far, sampled, selected.

    :param process: a screening.
    :raises InputError: if it screened nothing.
    """
    screen = _screen(process)
    return plot_map(*_points(screen))


def screening_volume(process: orm.ProcessNode) -> Figure:
    """Return the map with its third axis, and projections from the top and the side.

    :param process: a screening in 3D.
    :raises InputError: if it screened nothing, or in 2D.
    """
    screen = _screen(process)
    return plot_volume(*_points(screen), quantity=_quantity_name(process, 0))


def screening_histogram(process: orm.ProcessNode, axis: int = 0) -> Figure:
    """Return the histogram of a quantity: labelled so far, sampled, selected.

    :param process: a screening in 3D.
    :param axis: which of its quantities, counted from 0.
    :raises InputError: if it screened nothing, or has no such quantity.
    """
    screen, name = _screen(process), _quantity_name(process, axis)
    candidates, dataset = (screen.get_array(f"{kind}_quantities")[:, axis] for kind in ("candidate", "dataset"))
    return plot_histogram(candidates, dataset, screen.get_array("selected"), quantity=name)


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
    if "screen" not in process.outputs:
        raise InputError(f"<{process.pk}> screened nothing: it has no output `screen`")
    return process.outputs.screen


def _points(screen: orm.ArrayData) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return the coordinates of candidates and dataset, and the numbers of the selected candidates."""
    return screen.get_array("candidate_points"), screen.get_array("dataset_points"), screen.get_array("selected")


def _quantity_name(process: orm.ProcessNode, axis: int) -> str:
    quantities = process.inputs.settings["quantities"]
    if not 0 <= axis < len(quantities):
        raise InputError(f"<{process.pk}> has {len(quantities)} quantities: there is none of number `{axis}`")
    name = quantities[axis]["name"].rpartition(":")[2]
    pair, unit = quantities[axis]["keywords"].get("pair"), UNITS.get(name)
    words = [name.replace("_", " "), *(["–".join(pair)] if pair else []), *([f"/ {unit}"] if unit else [])]
    return " ".join(words)

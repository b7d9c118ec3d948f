"""Pictures of a screening, from plain arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..common.figure import new_figure
from .checks import check_matrix

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["plot_histogram", "plot_map", "plot_volume"]

# Colours of Okabe and Ito, which everyone can tell apart; what is drawn later lies on top.
_COLOURS = {"sampled": "#56B4E9", "labelled so far": "#7F7F7F", "selected": "#D55E00"}
_SIZES = {"sampled": 7, "labelled so far": 7, "selected": 16}
_ALPHAS = {"sampled": 0.45, "labelled so far": 0.7, "selected": 1.0}
_WIDTH = 4.2  # inches of one panel


def plot_map(
    candidates: ArrayLike, dataset: ArrayLike, selected: ArrayLike, *, labels: tuple[str, str] = ("axis 1", "axis 2")
) -> Figure:
    """Return the map before and after screening, side by side.

    On the left what was sampled and what is labelled so far, on the right what is labelled so far and what was chosen.

    :param candidates: coordinates, (n, 2) or wider; further columns are not shown, rows with NaN neither.
    :param dataset: coordinates of the present dataset, (m, 2) or wider.
    :param selected: indices among the candidates.
    :param labels: of the two axes.
    """
    groups = _groups(candidates, dataset, selected)
    figure = new_figure(2 * _WIDTH, _WIDTH + 0.3)
    axes = figure.subplots(1, 2, sharex=True, sharey=True)
    for ax, title, names in (
        (axes[0], "before screening", ("sampled", "labelled so far")),
        (axes[1], "after screening", ("labelled so far", "selected")),
    ):
        _scatter(ax, {name: groups[name][:, :2] for name in names})
        ax.set_title(title)
        ax.set_xlabel(labels[0])
    axes[0].set_ylabel(labels[1])
    return figure


def plot_volume(
    candidates: ArrayLike,
    dataset: ArrayLike,
    selected: ArrayLike,
    *,
    quantity: str = "quantity",
    labels: tuple[str, str] = ("axis 1", "axis 2"),
) -> Figure:
    """Return the three axes in perspective, and their projections from the top and from two sides.

    :param candidates: coordinates, (n, 3) or wider; rows with NaN are not shown.
    :param dataset: coordinates of the present dataset, (m, 3) or wider.
    :param selected: indices among the candidates.
    :param quantity: name of the third axis.
    :param labels: of the first two.
    """
    groups = _groups(candidates, dataset, selected)
    names = (*labels, quantity)
    figure = new_figure(2.1 * _WIDTH, 2 * _WIDTH, gap=0.12)  # the vertical label of the perspective hangs out
    view = figure.add_subplot(2, 2, 1, projection="3d")
    for name, points in groups.items():
        view.scatter(
            *points[:, :3].T, color=_COLOURS[name], s=_SIZES[name], alpha=_ALPHAS[name], linewidths=0, depthshade=False
        )
    view.set(xlabel=names[0], ylabel=names[1], zlabel=names[2])
    view.view_init(elev=22, azim=-58)
    view.set_box_aspect(None, zoom=0.9)
    for place, title, (x, y) in ((2, "top", (0, 1)), (3, "side", (0, 2)), (4, "other side", (1, 2))):
        ax = figure.add_subplot(2, 2, place)
        _scatter(ax, {name: points[:, [x, y]] for name, points in groups.items()}, legend=place == 2)
        ax.set(title=title, xlabel=names[x], ylabel=names[y])
    return figure


def plot_histogram(
    candidates: ArrayLike, dataset: ArrayLike, selected: ArrayLike, *, quantity: str = "quantity", bins: int = 40
) -> Figure:
    """Return the distribution of one quantity over what is labelled so far, sampled, and selected.

    Each is drawn as a density, as the sets differ much in size; the legend has their sizes.

    :param candidates: values, (n,); NaN is left out.
    :param dataset: values of the present dataset, (m,); NaN is left out.
    :param selected: indices among the candidates.
    :param quantity: name and unit of the axis.
    :param bins: number of bins over the common range.
    """
    first, second = (np.asarray(values, dtype=np.float64).reshape(-1, 1) for values in (candidates, dataset))
    groups = {name: values[:, 0] for name, values in _groups(first, second, selected).items()}
    everything = np.concatenate(list(groups.values()))
    edges = np.histogram_bin_edges(everything, bins=bins) if len(everything) else np.linspace(0, 1, bins + 1)
    figure = new_figure(1.5 * _WIDTH, _WIDTH)
    ax = figure.subplots()
    for name, values in groups.items():
        if len(values) == 0:
            continue
        filled = name == "sampled"
        ax.hist(
            values,
            bins=edges.tolist(),
            density=True,
            histtype="stepfilled" if filled else "step",
            color=_COLOURS[name],
            alpha=0.5 if filled else 1.0,
            linewidth=1.8,
            label=f"{name} ({len(values)})",
        )
    ax.set(xlabel=quantity, ylabel="probability density", xlim=(edges[0], edges[-1]))
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False)
    return figure


def _groups(candidates: ArrayLike, dataset: ArrayLike, selected: ArrayLike) -> dict[str, NDArray[np.float64]]:
    """Return the points of each kind, in the order in which they are drawn."""
    new = np.asarray(candidates, dtype=np.float64)
    present = np.asarray(dataset, dtype=np.float64)
    kept = new[np.asarray(selected, dtype=np.int64)]
    return {
        "sampled": new[np.isfinite(new).all(axis=1)],
        "labelled so far": check_matrix(present[np.isfinite(present).all(axis=-1)], "dataset", new.shape[1]),
        "selected": check_matrix(kept, "selected", new.shape[1]),
    }


def _scatter(ax: Axes, groups: Mapping[str, NDArray[np.float64]], *, legend: bool = True) -> None:
    for name, points in groups.items():
        ax.scatter(
            points[:, 0],
            points[:, 1],
            color=_COLOURS[name],
            s=_SIZES[name],
            alpha=_ALPHAS[name],
            linewidths=0,
            rasterized=True,
            label=f"{name} ({len(points)})",
        )
    if legend:
        ax.legend(frameon=True, framealpha=0.8, edgecolor="none", markerscale=1.6, fontsize="small", loc="best")

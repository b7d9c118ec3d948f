"""Pictures of properties, from what their functions return. They need the extra ``plots``."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from ..common.exceptions import InputError
from ..common.figure import new_figure
from .blocks import Convergence, Estimate
from .diffusion import Displacement
from .eos import EquationOfState
from .rdf import RadialDistribution
from .survival import Survival

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "plot_comparison",
    "plot_convergence",
    "plot_displacement",
    "plot_equation_of_state",
    "plot_radial_distribution",
    "plot_survival",
]

# Colours of Okabe and Ito, which everyone can tell apart.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_WIDTH = 4.2  # inches of one panel
_BAND = 0.25  # opacity
_CURVE_POINTS = 200


def plot_convergence(
    averages: Mapping[str, Convergence], *, quantity: str = "average", timestep: float | None = None
) -> Figure:
    """Return how averages settle with the length of the run, with their uncertainties.

    :param averages: by label, such as the name of a model.
    :param quantity: name and unit of the axis, such as ``density / g/cm³``.
    :param timestep: ps between two frames; None: the axis counts frames.
    """
    figure, ax = _panel(averages)
    for (label, found), colour in zip(averages.items(), cycle(_COLOURS), strict=False):
        times = found.frames * (timestep or 1)
        ax.errorbar(times, found.values, found.uncertainties, color=colour, marker="o", capsize=3, label=label)
    ax.set(xlabel="averaged frames" if timestep is None else "averaged time / ps", ylabel=quantity, xlim=(0, None))
    ax.legend(frameon=False)
    return figure


def plot_displacement(displacements: Mapping[str, Displacement]) -> Figure:
    """Return mean square displacements with their bands, and over the fitted lags the line that gives the diffusion.

    :param displacements: by label, such as the name of a molecule.
    """
    figure, ax = _panel(displacements)
    for (label, found), colour in zip(displacements.items(), cycle(_COLOURS), strict=False):
        text = f"{label}: {found.diffusion} cm²/s"
        ax.plot(found.lags, found.values, color=colour, linewidth=1.2, label=text)
        low, high = found.values - found.uncertainties, found.values + found.uncertainties
        ax.fill_between(found.lags, low, high, color=colour, alpha=_BAND, linewidth=0)
        ends = np.array(found.lag_range)
        fitted = np.linspace(ends[0], ends[1], _CURVE_POINTS)  # an intercept bends it on these axes
        ax.plot(fitted, found.line[0] * fitted + found.line[1], color="black", linestyle="--", linewidth=1.6)
        ax.axvspan(*ends, color=colour, alpha=_BAND / 3, linewidth=0)
    ax.set(xlabel="lag / ps", ylabel="mean square displacement / Å²", xscale="log", yscale="log")
    ax.legend(frameon=False, fontsize="small")
    return figure


def plot_radial_distribution(functions: Mapping[str, RadialDistribution]) -> Figure:
    """Return radial distribution functions with their bands, and below them the number of neighbours.

    :param functions: by label, such as the pair, or the name of a model.
    """
    if not functions:
        raise InputError("there is nothing to draw: give one radial distribution function or more")
    figure = new_figure(1.5 * _WIDTH, 1.5 * _WIDTH)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(2, 1))
    for (label, found), colour in zip(functions.items(), cycle(_COLOURS), strict=False):
        upper.plot(found.distances, found.values, color=colour, linewidth=1.4, label=label)
        low, high = found.values - found.uncertainties, found.values + found.uncertainties
        upper.fill_between(found.distances, low, high, color=colour, alpha=_BAND, linewidth=0)
        lower.plot(found.edges[1:], found.neighbours, color=colour, linewidth=1.4)
    upper.axhline(1.0, color="grey", linewidth=0.8, zorder=0)
    upper.set(ylabel="g(r)", ylim=(0, None))
    upper.legend(frameon=False)
    longest = max(found.edges[-1] for found in functions.values())
    lower.set(xlabel="r / Å", ylabel="neighbours within r", xlim=(0, longest), ylim=(0, None))
    return figure


def plot_equation_of_state(equations: Mapping[str, EquationOfState]) -> Figure:
    """Return energies over volume, and the curves that fit them.

    :param equations: by label, such as the name of a model.
    """
    figure, ax = _panel(equations)
    for (label, found), colour in zip(equations.items(), cycle(_COLOURS), strict=False):
        sizes = np.linspace(found.volumes.min(), found.volumes.max(), _CURVE_POINTS)
        text = f"{label}: {found.volume.value:.5g} Å³, {found.bulk_modulus.value:.4g} GPa"
        ax.plot(sizes, found.energies_at(sizes), color=colour, linewidth=1.2, label=text)
        ax.plot(found.volumes, found.energies, color=colour, marker="o", linestyle="none")
    ax.set(xlabel="volume / Å³", ylabel="energy / eV")
    ax.legend(frameon=False, fontsize="small")
    return figure


def plot_survival(curves: Mapping[str, Survival], *, time: str = "time / ps") -> Figure:
    """Return the shares of runs that still hold, with their confidence bands.

    :param curves: by label, such as the name of a committee.
    :param time: name and unit of the axis, that of the times that were given.
    """
    figure, ax = _panel(curves)
    for (label, found), colour in zip(curves.items(), cycle(_COLOURS), strict=False):
        text = f"{label} ({found.n_failed} of {found.n_runs} failed)"
        ax.step(found.times, found.share, where="post", color=colour, linewidth=1.6, label=text)
        ax.fill_between(found.times, found.low, found.high, step="post", color=colour, alpha=_BAND, linewidth=0)
    ax.set(xlabel=time, ylabel="share of runs that hold", xlim=(0, None), ylim=(0, 1.03))
    ax.legend(frameon=False)
    return figure


def plot_comparison(properties: Mapping[str, Mapping[str, Estimate | tuple[float, float]]]) -> Figure:
    """Return a table of properties: one panel each with its own axis, one row per source, values with error bars.

    :param properties: by name and unit of the property, such as ``density / g/cm³``: value and uncertainty by source,
        such as ``this model`` or ``experiment, Smith 1999``. An uncertainty of 0: none is known. A source that does
        not have a property is left out there.
    """
    sources = list(dict.fromkeys(source for values in properties.values() for source in values))
    if not sources:
        raise InputError("there is nothing to compare: give one property or more, each with its values by source")
    figure = new_figure(0.75 * _WIDTH * len(properties) + 1.5, 0.55 * len(sources) + 1.2)
    panels = figure.subplots(1, len(properties), sharey=True, squeeze=False)[0]
    for ax, (name, values) in zip(panels, properties.items(), strict=True):
        for row, source in enumerate(sources):
            if source in values:
                _mark(ax, row, Estimate(*values[source]), _COLOURS[row % len(_COLOURS)])
        ax.set_xlabel(name)
        ax.margins(x=0.35)
        ax.locator_params(axis="x", nbins=4)
        ax.ticklabel_format(axis="x", scilimits=(-2, 4))
        ax.grid(axis="x", linewidth=0.4)
        ax.tick_params(axis="y", length=0)
    panels[0].set(yticks=range(len(sources)), yticklabels=sources, ylim=(len(sources) - 0.4, -0.7))
    return figure


def _mark(ax: Axes, row: int, estimate: Estimate, colour: str) -> None:
    """Draw one value with its error bar, and write it above."""
    ax.errorbar([estimate.value], [row], xerr=[estimate.uncertainty], color=colour, marker="o", capsize=4)
    ax.annotate(
        str(estimate), (estimate.value, row), xytext=(0, 6), textcoords="offset points", ha="center", fontsize="small"
    )


def _panel(items: Mapping[str, object]) -> tuple[Figure, Axes]:
    """Return a figure of one panel.

    :raises InputError: if there is nothing to draw.
    """
    if not items:
        raise InputError("there is nothing to draw: give one result or more, by label")
    figure = new_figure(1.5 * _WIDTH, _WIDTH)
    return figure, figure.subplots()

"""Pictures of properties: that what is drawn is what was given; that they look well was seen by eye."""

from __future__ import annotations

import io

import numpy as np
import pytest
from ase.build import bulk
from matplotlib.colors import to_hex

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.properties import (
    Estimate,
    birch_murnaghan,
    convergence,
    displacement,
    radial_distribution,
    survival,
)
from aiida_nnpgen.properties.pictures import (
    plot_comparison,
    plot_convergence,
    plot_displacement,
    plot_equation_of_state,
    plot_radial_distribution,
    plot_survival,
)


def is_png(figure) -> bool:
    """Return whether a figure can be written."""
    target = io.BytesIO()
    figure.savefig(target, format="png")
    return target.getvalue()[:4] == b"\x89PNG"


def points(line):
    """Return the data of a line as rows of x and y."""
    return np.column_stack([np.asarray(values, dtype=float) for values in line.get_data()])


def band(collection) -> tuple[float, float]:
    """Return the lowest and the highest value of a band."""
    heights = collection.get_paths()[0].vertices[:, 1]
    return heights.min(), heights.max()


def error_bars(container) -> np.ndarray:
    """Return both ends of each error bar, (n, 2, 2)."""
    return np.array(container.lines[2][0].get_segments())


def test_plot_convergence_draws_averages_over_time(rng) -> None:
    """Values and error bars over the length of what was averaged, in ps or frames."""
    found = convergence({"series": rng.normal(size=100)})
    for timestep, label, unit in ((0.5, "averaged time / ps", 0.5), (None, "averaged frames", 1)):
        figure = plot_convergence({"a": found}, quantity="density / g/cm³", timestep=timestep)
        (ax,) = figure.axes
        assert points(ax.lines[0]) == pytest.approx(np.column_stack([found.frames * unit, found.values]))
        ends = found.values[:, None] + np.outer(found.uncertainties, [-1, 1])
        assert error_bars(ax.containers[0])[..., 1] == pytest.approx(ends)
        assert (ax.get_xlabel(), ax.get_ylabel()) == (label, "density / g/cm³")
    assert is_png(figure)


def test_plot_displacement_draws_its_line(rng) -> None:
    """The displacement, and over the fitted lags alone the line whose slope is six times the diffusion."""
    found = displacement(np.cumsum(rng.normal(size=(400, 20, 3)), axis=0), 0.5)
    figure = plot_displacement({"water": found})
    (ax,) = figure.axes
    assert points(ax.lines[0]) == pytest.approx(np.column_stack([found.lags, found.values]))
    line = points(ax.lines[1])
    assert (line[0, 0], line[-1, 0]) == pytest.approx(found.lag_range)
    slope = (line[-1, 1] - line[0, 1]) / (line[-1, 0] - line[0, 0])
    assert slope == pytest.approx(6e4 * found.diffusion.value)
    assert band(ax.collections[0])[1] == pytest.approx((found.values + found.uncertainties).max())
    assert ax.patches[0].get_extents().transformed(ax.transData.inverted()).intervalx == pytest.approx(found.lag_range)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("lag / ps", "mean square displacement / Å²")
    assert is_png(figure)


@pytest.mark.filterwarnings("ignore::aiida_nnpgen.properties.PropertyWarning")
def test_plot_radial_distribution_draws_both_parts(rng) -> None:
    """g(r) at the middle of bins, neighbours at their upper edges."""
    frames = Frames.from_atoms([bulk("Cu", cubic=True)] * 5)
    frames.positions[:] += rng.normal(scale=0.05, size=frames.positions.shape)
    found = radial_distribution(frames, ("Cu", "Cu"), cutoff=4.0)
    figure = plot_radial_distribution({"Cu-Cu": found})
    upper, lower = figure.axes
    assert points(upper.lines[0]) == pytest.approx(np.column_stack([found.distances, found.values]))
    assert points(lower.lines[0]) == pytest.approx(np.column_stack([found.edges[1:], found.neighbours]))
    assert band(upper.collections[0])[1] == pytest.approx((found.values + found.uncertainties).max())
    assert (lower.get_xlabel(), upper.get_ylabel()) == ("r / Å", "g(r)")
    assert lower.get_xlim() == (0, 4.0)
    assert is_png(figure)


def test_plot_equation_of_state_draws_points_and_curve() -> None:
    """The energies that were fitted lie where they were given, the curve through the minimum."""
    volumes = np.linspace(14, 18, 7)
    found = birch_murnaghan(volumes, 0.05 * (volumes - 16) ** 2 - 3)
    figure = plot_equation_of_state({"Cu": found})
    (ax,) = figure.axes
    curve, marks = map(points, ax.lines)
    assert marks == pytest.approx(np.column_stack([volumes, found.energies]))
    assert curve[:, 1] == pytest.approx(found.energies_at(curve[:, 0]))
    assert curve[curve[:, 1].argmin(), 0] == pytest.approx(found.volume.value, abs=0.02)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("volume / Å³", "energy / eV")
    assert is_png(figure)


def test_plot_survival_draws_steps_with_bands() -> None:
    """One curve a committee, as steps that hold until the next failure, in its own colour."""
    curves = {"first": survival([0.1, 0.2, 0.4], [1, 1, 1]), "last": survival([0.5, 1.0, 1.0], [1, 0, 0])}
    figure = plot_survival(curves)
    (ax,) = figure.axes
    for line, collection, curve in zip(ax.lines, ax.collections, curves.values(), strict=True):
        assert points(line) == pytest.approx(np.column_stack([curve.times, curve.share]))
        assert line.get_drawstyle() == "steps-post"
        assert band(collection) == pytest.approx((curve.low.min(), curve.high.max()))
        assert to_hex(collection.get_facecolor()[0]) == to_hex(line.get_color())
    assert ax.get_xlabel() == "time / ps"
    assert [text.get_text() for text in ax.get_legend().texts] == ["first (3 of 3 failed)", "last (1 of 3 failed)"]
    assert is_png(figure)


def test_plot_comparison_puts_values_beside_those_of_others() -> None:
    """One panel a property with its unit, one row a source; a source without a value has an empty place."""
    table = {
        "density / g/cm³": {"this model": Estimate(1.203, 0.004), "experiment": (1.21, 0.0)},
        "D / cm²/s": {"this model": Estimate(2.1e-5, 2e-6), "another model": (2.5e-5, 4e-6)},
    }
    figure = plot_comparison(table)
    rows = ["this model", "experiment", "another model"]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == rows
    for ax, (name, values) in zip(figure.axes, table.items(), strict=True):
        assert ax.get_xlabel() == name
        assert [container.lines[0].get_xydata()[0].tolist() for container in ax.containers] == [
            [values[row][0], index] for index, row in enumerate(rows) if row in values
        ]
        bars = [error_bars(container)[0, :, 0] for container in ax.containers]
        assert bars == [pytest.approx((value - error, value + error)) for value, error in values.values()]
    assert [text.get_text() for text in figure.axes[0].texts] == ["1.2030 ± 0.0040", "1.21"]
    assert is_png(figure)


@pytest.mark.parametrize(
    "draw",
    [
        plot_comparison,
        plot_convergence,
        plot_displacement,
        plot_equation_of_state,
        plot_radial_distribution,
        plot_survival,
    ],
)
def test_pictures_of_nothing_are_refused(draw) -> None:
    """Without a result there is no picture."""
    with pytest.raises(InputError, match="nothing to"):
        draw({})

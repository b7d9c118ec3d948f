"""A Matplotlib figure for a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["new_figure"]


def new_figure(width: float, height: float, gap: float = 0.02) -> Figure:
    """Return a figure that belongs to nobody's session: no window, nothing to close.

    :param width: inches.
    :param height: inches.
    :param gap: between columns of panels, as a share of a panel's width.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    figure = Figure(figsize=(width, height), dpi=150, layout=ConstrainedLayoutEngine(wspace=gap))
    FigureCanvasAgg(figure)
    return figure

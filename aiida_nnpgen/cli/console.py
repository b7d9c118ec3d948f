"""Consoles and tables, without AiiDA.

Names of files, reasons and messages come from anywhere: here they are text, never markup, and act on no terminal.
"""

from __future__ import annotations

from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from ..common.text import visible

__all__ = ["make_console", "make_table", "plain"]


def plain(text: str) -> Text:
    """Return a text that is printed as it stands: brackets are brackets, and control characters are seen."""
    return Text(visible(text))


class _PlainTable(Table):
    """Table whose cells are printed as they stand."""

    def add_row(self, *cells: RenderableType | None, **keywords: object) -> None:
        super().add_row(*(plain(cell) if isinstance(cell, str) else cell for cell in cells), **keywords)  # type: ignore[arg-type]


def make_console() -> Console:
    """Return a console; where the output is no terminal, tables get the width that they need."""
    console = Console(markup=False, emoji=False)
    return console if console.is_terminal else Console(width=140, markup=False, emoji=False)


def make_table(title: str, left: list[str], right: list[str]) -> Table:
    """Return an empty table; columns on the left hold words, those on the right numbers."""
    table = _PlainTable(title=plain(title), title_justify="left", show_edge=False, pad_edge=False)
    for column in left:
        table.add_column(column)
    for column in right:
        table.add_column(column, justify="right")
    return table

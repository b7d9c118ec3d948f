"""Consoles and tables, without AiiDA."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

__all__ = ["make_console", "make_table"]


def make_console() -> Console:
    """Return a console; where the output is no terminal, tables get the width that they need."""
    console = Console()
    return console if console.is_terminal else Console(width=140)


def make_table(title: str, left: list[str], right: list[str]) -> Table:
    """Return an empty table; columns on the left hold words, those on the right numbers."""
    table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
    for column in left:
        table.add_column(column)
    for column in right:
        table.add_column(column, justify="right")
    return table

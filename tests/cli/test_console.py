"""What is printed of names and messages that come from anywhere."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from rich.console import Console

from aiida_nnpgen.cli.console import make_table, plain
from aiida_nnpgen.cli.demo.profile import enter_home
from aiida_nnpgen.cli.main import nnpgen
from aiida_nnpgen.common.text import shorten, visible

NAMES = {
    "[/old] run.xyz": "[/old] run.xyz",
    "[red]a[/red]": "[red]a[/red]",
    "[link=http://x]a": "[link=http://x]a",
    ":smile:": ":smile:",
    "a\\[b]": "a\\[b]",
    "a\x1b[2Jb": "a\\x1b[2Jb",
    "a\x1b]0;title\x07": "a\\x1b]0;title\\x07",
    "a\rb": "a\\rb",
    "a\x9b31m": "a\\x9b31m",
    "a\u202eb": "a\\u202eb",
    "a\udcffb": "a\\udcffb",
    "wätér": "wätér",
}


@pytest.mark.parametrize(("name", "shown"), NAMES.items())
def test_table_and_text_show_names_as_they_are(name: str, shown: str) -> None:
    """Brackets are no markup, and what acts on a terminal is seen, in cells, titles and lines."""
    text = io.StringIO()
    console = Console(file=text, width=200, force_terminal=True, color_system=None)
    table = make_table(f"title {name}", ["file"], ["count"])
    table.add_row(name, "1")
    console.print(table)
    console.print(plain(f"line {name}"))
    lines = [line.strip() for line in text.getvalue().splitlines()]
    assert lines[0] == f"title {shown}"
    assert lines[3].startswith(shown)
    assert lines[4] == f"line {shown}"


def test_visible_keeps_lines() -> None:
    """Messages of several lines stay such."""
    assert visible("a\n\tb") == "a\n\tb"


def test_shorten_shows_both_ends() -> None:
    """What is short stays."""
    assert shorten("abc") == "abc"
    assert shorten("a" * 500 + "b" * 500, 20) == "a" * 10 + " ... " + "b" * 10


def test_validate_prints_no_control_characters(tmp_path: Path) -> None:
    """Neither those of the name of a file nor those of what is in it."""
    path = tmp_path / "a\x1b[2J[x].yaml"
    path.write_text('"\\e[31m": 1\n')
    done = CliRunner().invoke(nnpgen, ["validate", str(path)])
    assert done.exit_code == 1
    assert "\x1b" not in done.output
    assert "unknown key" in done.output
    assert isinstance(done.exception, SystemExit | click.ClickException)


def test_enter_home_is_for_the_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the mask of the user is; a folder that was there is left as it is, but its profile is closed."""
    for name in ("AIIDA_PATH", "AIIDA_PROFILE", "PATH"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    old = os.umask(0)
    try:
        (tmp_path / "shared" / ".aiida").mkdir(parents=True)
        enter_home(tmp_path / "new" / "demo")
        enter_home(tmp_path / "shared")
    finally:
        os.umask(old)
    modes = {place: stat.S_IMODE((tmp_path / place).stat().st_mode) for place in ("new/demo", "new/demo/.aiida")}
    assert set(modes.values()) == {0o700}
    assert stat.S_IMODE((tmp_path / "shared" / ".aiida").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "shared").stat().st_mode) == 0o777

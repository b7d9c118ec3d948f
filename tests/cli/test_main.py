"""The command, as a user meets it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from aiida_nnpgen.cli.main import nnpgen


def call(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    code = "from aiida_nnpgen.cli.main import nnpgen; nnpgen(prog_name='nnpgen')"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every command of a group, and of the group."""
    yield path
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))
        else:
            yield (*path, name)


@pytest.mark.parametrize("path", list(commands(nnpgen)), ids=" ".join)
def test_nnpgen_help_shows_usage(path: tuple[str, ...]) -> None:
    """Every command explains itself."""
    done = call(*path, "--help")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"Usage: {' '.join(['nnpgen', *path])} ")


def test_nnpgen_version_is_that_of_the_package() -> None:
    """The version can be asked for."""
    from aiida_nnpgen import __version__

    assert __version__ in call("--version").stdout


def test_nnpgen_validate_accepts_a_good_file(fixtures: Path) -> None:
    """A good file is counted in iterations."""
    done = call("validate", str(fixtures / "loop" / "water.yaml"))
    assert done.returncode == 0, done.stderr
    assert "is valid: 2 iterations" in done.stdout


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed: 3", "seed: 3\nsede: 3", "line 4: sede: unknown key `sede`"),
        ("temperatures: [400 K]", "temperatures: [-5]", "test_set.aimd.temperatures[0]: "),
        ("stride: 10}", "stride: 10", "is not YAML"),
    ],
)
def test_nnpgen_validate_names_the_place(tmp_path: Path, fixtures: Path, old: str, new: str, message: str) -> None:
    """A bad file is refused in one message with the place, without a traceback."""
    text = (fixtures / "loop" / "water.yaml").read_text()
    assert old in text
    path = tmp_path / "water.yaml"
    path.write_text(text.replace(old, new))
    done = call("validate", str(path))
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_nnpgen_imports_no_aiida() -> None:
    """Help and validation do not wait for AiiDA, nor do they touch its folder."""
    code = "import sys, aiida_nnpgen.cli.main; print([name for name in sys.modules if name.split('.')[0] == 'aiida'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_nnpgen_validate_makes_no_aiida_folder(tmp_path: Path, fixtures: Path) -> None:
    """A home without AiiDA stays one."""
    code = "from aiida_nnpgen.cli.main import nnpgen; nnpgen()"
    command = [sys.executable, "-c", code, "validate", str(fixtures / "loop" / "water.yaml")]
    subprocess.run(command, env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}, check=True, capture_output=True)
    assert not list(tmp_path.iterdir())

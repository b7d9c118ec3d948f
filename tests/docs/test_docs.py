"""The documentation says what the code does."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from aiida_nnpgen.cli.main import nnpgen
from aiida_nnpgen.config.load import parse_config

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def name_of(page: Path) -> str:
    """Return the path of a page as the name of a test."""
    return page.relative_to(ROOT).as_posix()


def blocks(page: Path, info: str) -> list[str]:
    """Return the fenced blocks of a page with one kind of mark."""
    return [match["text"] for match in FENCE.finditer(page.read_text()) if match["info"].strip() == info]


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def commands(page: Path) -> Iterator[list[str]]:
    """Yield every ``nnpgen`` command of a page as words, from blocks for the console and from the text."""
    text = page.read_text()
    lines = [line for block in blocks(page, "console") for line in block.splitlines()]
    lines += re.findall(r"`(nnpgen [^`\n]+)`", FENCE.sub("", text))
    for line in lines:
        words = shlex.split(line)
        if words and Path(words[0]).name == "nnpgen":
            yield words[1:]


def problem(words: list[str]) -> str | None:
    """Return what is wrong with the words after ``nnpgen``, or None."""
    command: click.Command = nnpgen
    while words:
        word = words.pop(0)
        options = {name: option for option in command.params for name in (*option.opts, *option.secondary_opts)}
        if word.startswith("-"):
            if word not in options:
                return f"no option `{word}`"
            if options[word].nargs == 1 and not getattr(options[word], "is_flag", False) and words:
                words.pop(0)
        elif isinstance(command, click.Group):
            if word not in command.commands:
                return f"no command `{word}`"
            command = command.commands[word]
    return None


EXAMPLES = [(page, index) for page in PAGES for index in range(len(blocks(page, "yaml complete")))]
PRINTED = {
    "properties": r"^expansion \(3\.\d+ ± 0\.\d+\)e-03 1/K$",
    "screen-without-aiida": r"^8 of \d+ candidates",
}
"""What the script of each page prints."""
SCRIPTS = [(page, index) for page in PAGES for index in range(len(blocks(page, "python script")))]


@pytest.mark.slow
def test_reference_is_up_to_date(tmp_path: Path) -> None:
    """The generated pages are those that the generator writes now."""
    script = [sys.executable, "-W", "ignore", str(DOCS / "generate_reference.py"), str(tmp_path)]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert written == {path.name: path.read_text() for path in (DOCS / "reference").iterdir()}


@pytest.mark.parametrize(("page", "index"), EXAMPLES, ids=lambda value: str(value).rpartition("/")[2])
def test_complete_configuration_is_valid(page: Path, index: int) -> None:
    """A configuration that is marked as complete can be used as it stands."""
    parse_config(blocks(page, "yaml complete")[index], name_of(page))


def test_complete_configurations_are_found() -> None:
    """The how-to guides on configuring and on production each show a whole file."""
    assert {page.stem for page, _ in EXAMPLES} == {"configure", "production"}


@pytest.mark.slow
@pytest.mark.parametrize(("page", "index"), SCRIPTS, ids=lambda value: str(value).rpartition("/")[2])
def test_script_runs_without_aiida(page: Path, index: int, tmp_path: Path) -> None:
    """A script runs to its end where AiiDA cannot be imported."""
    (tmp_path / "aiida.py").write_text("raise ImportError('AiiDA is not needed here')\n")
    (tmp_path / "script.py").write_text(blocks(page, "python script")[index])
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "script.py"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.search(PRINTED[page.stem], done.stdout, re.MULTILINE), done.stdout


def test_scripts_are_found() -> None:
    """The how-to guide on the library has a script, and so has the topic of properties."""
    assert {page.stem for page, _ in SCRIPTS} == PRINTED.keys()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_resolve(page: Path) -> None:
    """Every relative link leads to a file, and every anchor to a heading."""
    for link in LINK.findall(FENCE.sub("", page.read_text())):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target), link


def test_index_names_every_page() -> None:
    """Every page can be reached from the index."""
    index = DOCS / "index.md"
    linked = {(DOCS / link).resolve() for link in LINK.findall(index.read_text())}
    assert linked == {page.resolve() for page in DOCS.rglob("*.md")} - {index.resolve()}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_exist(page: Path) -> None:
    """Every command shown is one, with these options."""
    wrong = {" ".join(words): found for words in commands(page) if (found := problem(list(words)))}
    assert not wrong


def test_commands_are_found() -> None:
    """The README shows every command that a user of the plugin starts with."""
    shown = {words[0] for words in commands(ROOT / "README.md")}
    assert {"codes", "validate", "run", "summary", "lineage"} <= shown


def test_problem_names_a_wrong_option() -> None:
    """The test of commands sees an option and a command that are not there."""
    assert problem(["run", "file.yaml", "--nonsense"]) == "no option `--nonsense`"
    assert problem(["-p", "name", "nonsense"]) == "no command `nonsense`"
    assert problem(["-p", "name", "lineage", "model", "1"]) is None


PATHS = re.compile(r"`((?:aiida_nnpgen|tests|docs|benchmarks)/[\w./-]+)`")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_files_that_are_named_are_there(page: Path) -> None:
    """A page names no file of the repository that has been moved or removed."""
    missing = sorted({path for path in PATHS.findall(page.read_text()) if not (ROOT / path).exists()})
    assert not missing

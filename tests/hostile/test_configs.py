"""Configurations that somebody broke, or made to break something: valid, or one error with its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from example_configs import ROOT, WATER, complete

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.config.load import load_config, parse_config

FENCE = re.compile(r"^```(?P<info>yaml[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def fragments() -> Iterator[tuple[str, str]]:
    """Yield every YAML block of the documentation with its page and line."""
    for page in PAGES:
        text = page.read_text()
        for match in FENCE.finditer(text):
            yield f"{page.name}:{text.count(chr(10), 0, match.start()) + 1}", match["text"]


#: Sections that documents show without those around them.
PARENTS: dict[str, Callable[[Any], dict[str, Any]]] = {
    "existing": lambda value: {"initial_dataset": {"existing": value}},
    "quantities": lambda value: {"schedule": scheduled(quantities=value)},
}


def scheduled(**screening: Any) -> list[Any]:
    """Return the schedule of the complete configuration with another screening."""
    schedule = yaml.safe_load(WATER)["schedule"][:1]
    schedule[0]["screening"] |= screening
    return list(schedule)


@pytest.mark.parametrize(("place", "text"), list(fragments()), ids=[place for place, _ in fragments()])
def test_every_example_of_the_documentation_is_valid(place: str, text: str) -> None:
    """What a page shows can be used; a fragment stands in a complete configuration."""
    fragment = yaml.safe_load(text)
    whole: dict[str, Any] = {}
    for key, value in fragment.items():
        whole |= PARENTS[key](value) if key in PARENTS else {key: value}
    if "my_package" in text:
        with pytest.raises(InputError, match="my_package"):
            parse_config(complete(whole), place)
        return
    parse_config(complete(whole), place)


def test_examples_of_the_documentation_are_found() -> None:
    """There are some, among them those of the how-to guides."""
    assert {place.partition(":")[0] for place, _ in fragments()} >= {"configure.md", "reference-method.md"}


def free(text: str) -> str:
    """Return a configuration with something in a section of free form."""
    return WATER.replace("reference:\n", f'reference:\n  parameters: {{calculator: "a:b", keywords: {text}}}\n')


BOMB = "b0: &b0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"b{row}: &b{row} [{', '.join([f'*b{row - 1}'] * 9)}]\n" for row in range(1, 10)
)
MERGES = "m0: &m0 {x: 1}\n" + "".join(
    f"m{row}: &m{row} {{<<: [{', '.join([f'*m{row - 1}'] * 8)}]}}\n" for row in range(1, 9)
)
NINES = "9" * 5000
BROKEN: dict[str, tuple[str | bytes, str]] = {
    "latin-1": (WATER.replace("name: water", "name: wätér").encode("latin-1"), "line 2: byte `0xe4` is not UTF-8"),
    "utf-16": (WATER.encode("utf-16"), "UTF-16"),
    "utf-16 without a mark": (WATER.encode("utf-16-le"), "line "),
    "nul": (WATER + "\0", r"line \d+: .*not printable"),
    "escape": (WATER + "a: \x1b[2J", r"line \d+: .*not printable"),
    "lists in lists": ("x: " + "[" * 10_000 + "]" * 10_000, "line 1: more than 50 levels"),
    "mappings in mappings": ("x: " + "{a: " * 5000 + "1" + "}" * 5000, "line 1: more than 50 levels"),
    "indents": ("".join(f"{' ' * row}a:\n" for row in range(400)), "line 50: more than 50 levels"),
    "digits": (WATER.replace("seed: 3", f"seed: {NINES}"), "line 3: .* is no number"),
    "digits in base 16": (WATER.replace("seed: 3", f"seed: 0x{'f' * 5000}"), "line 3: .* is too large"),
    "digits of a length": (WATER.replace("length: 20 fs", f"length: {NINES}", 1), "line 12: .* is no number"),
    "digits in a text": (WATER.replace("length: 20 fs", f'length: "{NINES} x x"', 1), "line 12: .*is not a time"),
    "digits in a free section": (free(f"{{a: [{NINES}]}}"), "line 17: .* is no number"),
    "aliases": (WATER + BOMB, r"line \d+: with its aliases this is more than"),
    "merged aliases": (WATER + MERGES, r"line \d+: with its aliases this is more than"),
    "list of itself": (free("&a [*a]"), "line 17: this holds an alias of itself"),
    "mapping of itself": (free("&a {b: [*a]}"), "line 17: this holds an alias of itself"),
    "entries": (WATER + "x:\n" + "- 1\n" * 300_000, "more than 256 KiB"),
    "entries in less": (WATER + "x:\n" + "-\n" * 50_000, r"line \d+: more than 20000 values"),
    "unknown keys": (WATER + "".join(f"x{row}: 1\n" for row in range(5000)), r"line 46: x0: unknown key(.|\n)* more"),
    "text": (WATER + f"x: {'x ' * 50_000}", r"line 46: a text of more than 10000"),
    "date": (free("2024-99-99"), "line 17: `2024-99-99` is neither text nor number"),
    "set": (free("!!set {a}"), "line 17: .* is neither text nor number"),
    "bytes": (free("!!binary aGk="), "line 17: `aGk=` is neither text nor number"),
    "object": (free("!!python/object/apply:os.system [ls]"), "line 17|is not YAML"),
    "number as a key": (free("{1: 2}"), "line 17: the key `1` is no text"),
    "truth as a key": (free("{No: 2}"), "line 17: the key `No` is no text: put it in quotes"),
    "list as a key": (free("{[1]: 2}"), "line 17: the key .* is no text"),
    "wrong truth": (WATER.replace("seed: 3", "seed: !!bool maybe"), "line 3: `maybe` is no"),
    "wrong number": (WATER.replace("seed: 3", 'seed: !!int ""'), "line 3: `` is no"),
    "nothing": ("", "a mapping of settings is needed"),
    "list": ("- 1", "a mapping of settings is needed"),
    "repeat": (WATER.replace("  - sampling", "  - repeat: 1000000000000\n    sampling", 1), r"schedule\[0\].repeat"),
    "repeats": (WATER.replace("  - sampling", "  - repeat: 800\n    sampling"), "schedule: `1600` iterations"),
    "molecules": (
        WATER.replace("file: water.extxyz", "liquid: {components: {O: 1000000000000}, density: 1}"),
        r"line 5: structures\[0\].liquid: `1000000000000` molecules",
    ),
    "labeller": (WATER.replace("batch_size: 3", 'labeller: "os:system"'), "line 17: reference.labeller: `os:system`"),
    "labeller of nothing": (WATER.replace("batch_size: 3", 'labeller: ":"'), "line 17: reference.labeller: `:`"),
    "architecture": (
        WATER.replace("committee: 2", 'architecture: "os:system"'),
        "line 19: training.architecture: `os:system` is not registered",
    ),
    "sampler": (WATER.replace("sampler: lammps", 'sampler: "os:system"'), r"line 31: schedule\[0\].sampling.sampler"),
    "sampler of nobody": (
        WATER.replace("sampler: lammps", "sampler: nobody"),
        r"line 31: .*`nobody` is not registered",
    ),
    "infinity": (free("{a: [{b: .inf}]}"), r"line 16: .*`parameters.keywords.a.0.b` must be finite, not `inf`"),
    "no number": (free("{a: .nan}"), r"line 16: .*must be finite"),
    "count": (WATER.replace("batch_size: 3", "max_attempts: true"), "line 17: reference.max_attempts: `true` is no n"),
    "count of an architecture": (
        WATER.replace("    steps: 200", "    steps: true"),
        "line 25: training.parameters.steps: `true` is no number",
    ),
    "count of a screening": (WATER.replace("n_max: 5", "n_max: true"), r"line 36: schedule\[0\].screening.n_max: `tr"),
    "false": (WATER.replace("seed: 3", "seed: false"), "line 3: seed: `false` is no number"),
    "pair": (WATER.replace("[O, H]", ".inf"), r"line 45: schedule\[1\].screening.quantities\[0\]: `pair` .* `inf`"),
    "pair of lists": (WATER.replace("[O, H]", "[[O], {}]"), r"line 45: .*no chemical element"),
    "formula": (
        WATER.replace("batch_size: 3", 'rules: [{match: {formula: "(("}, charge: 1}]'),
        r"line 17: reference.rules\[0\].match.formula: `\(\(` is no formula",
    ),
    "empty formula": (
        WATER.replace("batch_size: 3", 'rules: [{match: {formula: ""}, charge: 1}]'),
        r"line 17: .*formula: `` is no formula",
    ),
    "endless formula": (
        WATER.replace("batch_size: 3", f'rules: [{{match: {{formula: "{"(" * 4000}"}}, charge: 1}}]'),
        r"line 17: .*is no formula",
    ),
    "length": (WATER.replace("length: 20 fs", "length: 1e308 ns", 1), "line 12: initial_dataset.aimd.length: "),
    "steps": (WATER.replace("length: 0.1 ps", "length: 1e300 fs"), "too many time steps"),
    "k-points": (
        WATER.replace("batch_size: 3", "labeller: cp2k\n  kpoints: [1000000, 1000, 1000]"),
        "line 16: reference: `kpoints`",
    ),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN)
def test_load_config_refuses_what_would_end_badly(content: str | bytes, message: str, tmp_path: Path) -> None:
    """One error with its place, never another exception, and nothing that takes for ever."""
    path = tmp_path / "run.yaml"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError, match=message) as caught:
        load_config(path)
    assert len(str(caught.value)) < 12_000


def test_load_config_takes_a_mark_of_utf_8(tmp_path: Path) -> None:
    """Some editors write one."""
    (tmp_path / "run.yaml").write_bytes(b"\xef\xbb\xbf" + WATER.encode())
    assert load_config(tmp_path / "run.yaml").seed == 3

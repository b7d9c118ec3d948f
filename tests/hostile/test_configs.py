"""Configurations that somebody broke, or made to break something: valid, or one error with its place."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from damage import SEED, wanted

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.config.load import load_config, parse_config
from aiida_nnpgen.config.method import StructureFacts
from aiida_nnpgen.config.root import LoopSettings

ROOT = Path(__file__).parents[2]
WATER = (ROOT / "tests" / "fixtures" / "loop" / "water.yaml").read_text()
DEMO = (ROOT / "aiida_nnpgen" / "cli" / "demo" / "propylene_glycol.yaml").read_text()
FENCE = re.compile(r"^```(?P<info>yaml[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
REFERENCES = {
    "qe": "{labeller: qe, pseudopotentials: f, kpoints_spacing: 0.3, magmoms: {O: 1}, kind: metal, "
    "parameters: {SYSTEM: {ecutrho: 400, nbnd: 20}, ELECTRONS: {conv_thr: 1e-8, mixing_mode: plain}}}",
    "cp2k": "{labeller: cp2k, cutoff: 400 Ry, multiplicity: 3, parameters: {GLOBAL: {PREFERRED_DIAG_LIBRARY: SL}, "
    "FORCE_EVAL: {DFT: {SCF: {EPS_SCF: 1e-7, MIXING: {ALPHA: 0.2}}}, SUBSYS: {KIND: {O: {BASIS_SET: DZVP}}}}}}",
    "vasp": "{labeller: vasp, pseudopotentials: {O: a, H: b}, kpoints: [2, 1, 1], charge: -1, rules: [{match: "
    "{formula: H2O, lengths: {max: 9}}, cutoff: 40}], parameters: {ALGO: Fast, LDAUU: {O: 2.0}, ROPT: {O: 1}}}",
    "cpmd": "{labeller: cpmd, pseudopotentials: {O: a, H: b}, functional: BLYP, dispersion: d2, parameters: {CPMD: "
    "{MAXITER: 50, ODIIS: 5, PCG MINIMIZE: true}, PSEUDOPOTENTIALS: {O: {lmax: P, options: KLEINMAN-BYLANDER}}}}",
}


def complete(fragment: dict[str, Any]) -> str:
    """Return a fragment of a configuration merged, by its top-level keys, into one that is complete."""
    config = yaml.safe_load(WATER)
    for key, value in fragment.items():
        is_section = isinstance(value, dict) and isinstance(config.get(key), dict) and key != "reference"
        config[key] = config[key] | value if is_section else value
    if config["reference"].get("labeller") == "qe":
        for purpose in ("initial_dataset", "test_set"):
            config[purpose]["aimd"]["thermostat"] = "csvr"
    return yaml.safe_dump(config)


EXAMPLES = {"water": WATER, "demo": DEMO} | {
    name: complete({"reference": yaml.safe_load(text)}) for name, text in REFERENCES.items()
}


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


VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 10**12, 2**62, 1e300, -1e300, 1e-300, float("inf"), float("nan"), 0.5),
    *("", " ", "x", "-", ":", "a:b", "os:system", "builtins:exit", "1", "1e999", "1 fs", "300 K", "nan", "é" * 50),
    *("‮", "[/red]", "; rm -rf /", "a\nb", "&END", "../../x", "H2O", "((", "none", "9" * 400, "%s", "{0}", "`"),
    *([], {}, [[]], [None], {"": 1}, {"a": {"b": {"c": []}}}, [1, 2, 3], [0.5, 2], ["O", "H"], [[[[1]]]], {"é": "é"}),
    *([True], [1e300, 1e300], ["x"] * 500, {f"k{row}": row for row in range(300)}, [{}], [{"a": 1}], {"name": "x"}),
]
LETTERS = "ab01 \t\n:-{}[]#&*!|>'\"%@`,?é\u202e\U0001f600\x85.~<="


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the place of every value below one."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, item in items for place in [(*path, key), *places(item, (*path, key))]]


def mutate_values(content: dict[str, Any], rng: random.Random) -> str:
    """Return a configuration with one to three values that were replaced, taken away, doubled or moved."""
    content = copy.deepcopy(content)
    for _ in range(rng.choice((1, 1, 2, 3))):
        known = places(content)
        if not known:
            break
        # Half of them in the words for the code, which have a checker of their own.
        own = [place for place in known if place[0] == "reference" and len(place) > 1]
        *path, key = rng.choice(own if own and rng.random() < 0.5 else known)
        parent = content
        for part in path:
            parent = parent[part]
        way = rng.randrange(6)
        if way == 0:
            del parent[key]
        elif way == 1 and isinstance(parent, dict):
            parent[rng.choice(["é", "x" * 300, key + "s", key.upper(), "_", "<<", "", "a.b", "[/x]"])] = parent.pop(key)
        elif way == 2 and isinstance(parent, list):
            parent += [copy.deepcopy(parent[key])] * rng.choice((1, 2, 90))
        elif way == 3:
            other = content
            for part in rng.choice(known):
                other = other[part] if isinstance(other, dict | list) and part in dict(items(other)) else other
            parent[key] = copy.deepcopy(other)
        else:
            parent[key] = copy.deepcopy(rng.choice(VALUES))
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False)


def items(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield keys, or places, and values."""
    yield from value.items() if isinstance(value, dict) else enumerate(value)


def mutate_text(text: str, rng: random.Random) -> bytes:
    """Return a file in which letters, lines or bytes are wrong."""
    lines = text.splitlines(keepends=True)
    place = rng.randrange(len(lines))
    way = rng.randrange(6)
    if way == 0:
        lines.insert(rng.randrange(len(lines)), lines[place])
    elif way == 1:
        del lines[place]
    elif way == 2:
        lines[place] = " " * rng.randrange(1, 6) + lines[place]
    elif way == 3:
        return "".join(lines).encode()[: rng.randrange(len(text))]
    elif way == 4:
        data = bytearray("".join(lines).encode())
        data[rng.randrange(len(data))] = rng.randrange(256)
        return bytes(data)
    else:
        for _ in range(rng.randrange(1, 4)):
            column = rng.randrange(len(lines[place]))
            lines[place] = lines[place][:column] + rng.choice(LETTERS) * rng.choice((1, 1, 40)) + lines[place][column:]
    return "".join(lines).encode()


FACTS = StructureFacts(key="water", start="water", numbers=np.array([8, 1, 1]), cell=np.eye(3) * 12.0)


def check_place(message: str) -> str:
    """Check that an error says where it is."""
    assert re.search(r"line \d+|\(top level\)|mapping of settings|:\n  \w", message), message
    return "refused"


def outcome(data: str | bytes) -> str:
    """Return what became of a configuration: refused or valid.

    What is valid says a level of theory, or why it has none for a structure, and stays valid when it is stored.
    """
    try:
        config = parse_config(data, "run.yaml")
    except InputError as exception:
        return check_place(str(exception))
    stored = config.loop().model_dump(mode="json")
    assert LoopSettings.model_validate(stored).model_dump(mode="json") == stored
    try:
        config.reference.check_start(FACTS)
    except InputError:
        return "refused"
    return "valid"


def run(name: str, count: int) -> dict[str, int]:
    """Return how many mutations of an example were refused, and how many were valid."""
    rng = random.Random(f"{name} {SEED + 1}")
    content, results = yaml.safe_load(EXAMPLES[name]), {"refused": 0, "valid": 0}
    for number in range(count):
        data = mutate_values(content, rng) if number % 3 else mutate_text(EXAMPLES[name], rng)
        try:
            results[outcome(data)] += 1
        except Exception as exception:
            exception.add_note(f"mutation {number} of `{name}`:\n{data!r}")
            raise
    return results


@pytest.mark.parametrize("name", EXAMPLES)
def test_mutations_of_an_example_end_in_one_kind_of_error(name: str) -> None:
    """Types, missing and doubled keys, huge values, letters of any kind: valid, or refused with the place."""
    assert parse_config(EXAMPLES[name], name)
    count = wanted(40)
    assert run(name, count)["refused"] > count / 3

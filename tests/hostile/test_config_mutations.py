"""Configurations in which somebody changed values or letters: valid, or one error with its place."""

from __future__ import annotations

import copy
import random
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import yaml
from damage import SEED, wanted
from example_configs import EXAMPLES

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.config.load import parse_config
from aiida_nnpgen.config.method import StructureFacts
from aiida_nnpgen.config.root import LoopSettings

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

"""Outputs of CP2K in the words of other versions than the one they come from."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest


@pytest.fixture
def rewrite() -> Callable[[str, str], str]:
    """Return a function that takes a log of CP2K 2023.1 and a version."""
    return lambda text, version: {"7.1": to_7_1, "2025.1": to_2025}[version](text)


def to_7_1(text: str) -> str:
    """Return a log of CP2K 2023.1 as 7.1 would have written it, but for the digits of its cell."""
    text = re.sub(r"ATOMIC COORDINATES IN ANGSTROM\n\n(.*\n)", r" ATOMIC COORDINATES IN angstrom\n\n \1\n", text)
    text = re.sub(r"^ CELL\| Periodicity.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"energy \[a\.u\.\]:", "energy (a.u.):", text).replace("  *** SCF run", " *** SCF run")

    def table(match: re.Match[str]) -> str:
        rows = [[float(word) for word in line.split()[2:]] for line in match.group(2).splitlines()]
        lines = [
            f"  {axis}" + "".join(f"{value:16.8f}" for value in row) for axis, row in zip("XYZ", rows, strict=True)
        ]
        values = "".join(f"{float(word):16.8f}" for word in match.group(5).split())
        return "\n".join(
            [
                f" STRESS TENSOR [{match.group(1)}]\n\n            X               Y               Z",
                *lines,
                f"\n  1/3 Trace(stress tensor):  {float(match.group(3)):.8E}\n",
                f"  Det(stress tensor)      :  {float(match.group(4)):.8E}\n\n",
                f" EIGENVECTORS AND EIGENVALUES OF THE STRESS TENSOR\n\n {values}",
            ]
        )

    pattern = (
        r"^ STRESS\| Anal.*\[(\w+)\]\n.*\n((?:.*\n){3}) STRESS\| 1/3 Trace +(\S+)\n STRESS\| Determinant +(\S+)\n\n.*\n"
        r".*\n STRESS\| Eigenvalues(.*)(?:\n STRESS.*)*"
    )
    return re.sub(pattern, table, text, flags=re.MULTILINE)


def to_2025(text: str) -> str:
    """Return a log of CP2K 2023.1 as 2025 writes it."""

    def forces(match: re.Match[str]) -> str:
        rows = [line.split() for line in match.group(1).splitlines()]
        total = "".join(f"{float(word):16.8E}" for word in match.group(2).split()[:3])
        lines = [f" FORCES|{row[0]:>7}" + "".join(f"{float(word):16.8E}" for word in [*row[3:], "0.0"]) for row in rows]
        head = [
            " FORCES| Atomic forces [hartree/bohr]",
            " FORCES|   Atom     x               y               z       |f|",
        ]
        return "\n".join([*head, *lines, f" FORCES| Sum    {total}"])

    def in_bar(match: re.Match[str]) -> str:
        block = match.group().replace("[GPa]", "[bar]")
        block = re.sub(r"E([-+]\d\d)", lambda power: f"E{int(power.group(1)) + 4:+03d}", block)
        return re.sub(
            r"(Determinant.*)E([-+]\d\d)", lambda found: f"{found.group(1)}E{int(found.group(2)) + 8:+03d}", block
        )

    text = re.sub(r" ATOMIC FORCES in .*\n\n.*\n((?:.*\n)*?) SUM OF ATOMIC FORCES(.*)", forces, text)
    text = re.sub(r"energy \[a\.u\.\]:", "energy [hartree]", text)
    return re.sub(r"^ STRESS\| Anal.*\n(?: STRESS.*\n|\n)+", in_bar, text, flags=re.MULTILINE)

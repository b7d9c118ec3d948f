"""What looks wrong about a level of theory."""

from __future__ import annotations

import numpy as np
import pytest

from aiida_nnpgen.dft import registry
from aiida_nnpgen.dft.code import Effort, Kind
from aiida_nnpgen.dft.hints import explain, hints
from aiida_nnpgen.dft.label import LabelFailure, LabelProblem
from aiida_nnpgen.dft.method import Method


@pytest.mark.parametrize(
    ("values", "occupations", "numbers", "length", "words"),
    [
        ({}, "fixed", [13, 13], 12.0, ["Al with fixed occupations"]),
        ({}, "cold, 0.02 Ry", [13], 12.0, []),
        ({}, "fixed", [12, 8], 12.0, []),
        ({}, "fixed", [14, 14], 4.0, ["one k-point in a small cell"]),
        ({"kpoints": (4, 4, 4)}, "fixed", [14, 14], 4.0, []),
        ({}, "fixed", [8, 1], 12.0, ["an odd number of electrons"]),
        ({"charge": -1}, "fixed", [8, 1], 12.0, []),
        ({"multiplicity": 2}, "fixed", [8, 1], 12.0, []),
    ],
)
def test_hints_name_what_looks_wrong(
    values: dict[str, object], occupations: str, numbers: list[int], length: float, words: list[str]
) -> None:
    """And nothing else."""
    found = hints(Method.from_dict(values), occupations, np.array(numbers), np.eye(3) * length)
    assert [hint.startswith(word) for hint, word in zip(found, words, strict=True)] == [True] * len(words)


@pytest.mark.parametrize(
    ("labeller", "molecule", "metal"),
    [
        ("qe", "fixed", "cold, 0.02 Ry"),
        ("cp2k", "fixed", "Fermi-Dirac, 1000 K"),
        ("vasp", "Gaussian, 0.05 eV", "Methfessel-Paxton, 0.2 eV"),
    ],
)
def test_occupations_are_said_in_words(labeller: str, molecule: str, metal: str) -> None:
    """Of the protocol of each kind."""
    code = registry.load(labeller)
    said = [code.occupations(code.method(Effort.FAST, kind=kind)) for kind in (Kind.MOLECULE, Kind.METAL)]
    assert said == [molecule, metal]


@pytest.mark.parametrize("labeller", ["qe", "cp2k", "vasp"])
@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("reason", [LabelFailure.NOT_CONVERGED, LabelFailure.NET_FORCE])
def test_explain_suspects_fixed_occupations(labeller: str, kind: Kind, reason: LabelFailure) -> None:
    """Where nothing converges, and not where levels are smeared already, or something else went wrong."""
    code = registry.load(labeller)
    method = code.method(Effort.FAST, kind=kind)
    is_suspect = reason is LabelFailure.NOT_CONVERGED and code.occupations(method) == "fixed"
    assert ("kind: metal" in explain(LabelProblem(reason, "x"), code, method).detail) == is_suspect

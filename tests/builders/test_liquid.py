"""Liquids in a box."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms

from aiida_nnpgen.builders import liquid as module
from aiida_nnpgen.builders.liquid import conformers, liquid
from aiida_nnpgen.common.exceptions import InputError, OutputError

pytest.importorskip("rdkit")

PROPYLENE_GLYCOL = "CC(O)CO"


@pytest.fixture(scope="module")
def demo() -> Atoms:
    """Return four molecules of propylene glycol."""
    return liquid([(PROPYLENE_GLYCOL, 4)], 1.04, seed=1)


def test_liquid_has_the_composition_and_density_asked_for(demo: Atoms) -> None:
    """C3H8O2 has 76.095 u; four of them at 1.04 g/cm³ fill 486.0 Å³."""
    assert demo.get_chemical_formula() == "C12H32O8"
    assert demo.get_volume() == pytest.approx(4 * 76.095 / (1.04 * 0.602214), rel=1e-4)
    assert demo.pbc.all()


def test_liquid_keeps_molecules_whole_and_apart(demo: Atoms) -> None:
    """Atoms of one molecule are joined by bonds without wrapping; others keep the tolerance across the boundary."""
    inside = np.arange(52) // 13
    same = inside[:, None] == inside[None, :]
    assert demo.get_all_distances(mic=True)[~same].min() > 1.95
    distances = demo.get_all_distances()
    np.fill_diagonal(distances, np.inf)
    assert np.where(same, distances, np.inf).min(axis=1).max() < 1.6


def test_liquid_same_seed_gives_same_box(demo: Atoms) -> None:
    """Equal seeds agree, others do not."""
    np.testing.assert_array_equal(liquid([(PROPYLENE_GLYCOL, 4)], 1.04, seed=1).positions, demo.positions)
    assert not np.allclose(liquid([(PROPYLENE_GLYCOL, 4)], 1.04, seed=2).positions, demo.positions)


def test_liquid_mixes_components_in_order() -> None:
    """Molecules of a component stand together, in the order given."""
    mixture = liquid([("O", 3), ("CO", 2)], 0.8, seed=1)
    assert "".join(mixture.symbols) == "OHH" * 3 + "COHHHH" * 2


@pytest.mark.parametrize(
    ("components", "density", "text"),
    [
        ([], 1.0, "no components"),
        ([("O", 0)], 1.0, "`0`"),
        ([("O", 4)], -1.0, "`density`"),
        ([("C(C", 4)], 1.0, r"`C\(C`"),
        ([("", 4)], 1.0, "not a valid SMILES"),
        ([("O.CO", 4)], 1.0, "component of its own"),
        ([("CCCCCCCC", 1)], 1.5, "no packing"),
        ([("O", 1)], 5.0, "own image"),
    ],
)
def test_liquid_says_what_is_wrong(components: list[tuple[str, int]], density: float, text: str) -> None:
    """Each wrong input is named."""
    with pytest.raises(InputError, match=text):
        liquid(components, density, seed=1)


def test_liquid_says_how_to_get_packmol(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the program the error says what to install."""
    monkeypatch.setattr(module.shutil, "which", lambda *_, **__: None)
    with pytest.raises(InputError, match="pip install packmol"):
        liquid([("O", 2)], 1.0, seed=1)


def test_liquid_reports_a_broken_packmol(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that ends without success is an output error with its exit code."""
    monkeypatch.setattr(module, "_find_packmol", lambda: "false")
    with pytest.raises(OutputError, match="exit code `1`"):
        liquid([("O", 2)], 1.0, seed=1)


def test_conformers_differ_and_are_relaxed() -> None:
    """Conformers of a flexible molecule differ; their C-C bonds are those of an alkane."""
    shapes = conformers("CCCC", 5, seed=1)
    spans = [shape.get_all_distances().max() for shape in shapes]
    assert np.ptp(spans) > 0.1
    assert [shape.get_distance(0, 1) for shape in shapes] == pytest.approx([1.52] * 5, abs=0.02)

"""Which labels of a file are used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from aiida_nnpgen.dft.label import LabelChecks
from aiida_nnpgen.importing import read

LABELS = Path(__file__).parents[1] / "fixtures" / "existing" / "labels"


def test_zero_forces_by_symmetry_are_labels() -> None:
    """A curve of energy against volume has energies and stresses to learn."""
    data = read(LABELS / "ev.xyz")
    assert data.reports[0].labelled == 7, data.reports[0]
    assert not data.labelled[0].forces.any()
    assert data.labelled[0].stresses[0, 0] == pytest.approx(-0.07293182673820744)


def curve(has_stress: bool, energies: Callable[[int], float] = float) -> list[Atoms]:
    """Return copper at several volumes, without any force."""
    images = []
    for row, lattice in enumerate((3.5, 3.6, 3.7)):
        atoms = bulk("Cu", cubic=True, a=lattice)
        results = {"energy": energies(row), "forces": np.zeros((4, 3))}
        if has_stress:
            results["stress"] = np.array([0.1, 0.1, 0.1, 0, 0, 0]) * (row - 1)
        atoms.calc = SinglePointCalculator(atoms, **results)
        images.append(atoms)
    return images


@pytest.mark.parametrize(
    ("images", "labelled"),
    [
        (curve(has_stress=True, energies=lambda row: 0.2 * (row - 1) ** 2), 3),
        (curve(has_stress=False, energies=lambda row: 0.2 * (row - 1) ** 2), 3),
        (curve(has_stress=False, energies=lambda row: -1.0), 0),
        (curve(has_stress=False)[:1], 0),
    ],
    ids=["stress", "energies", "nothing_changes", "one_frame"],
)
def test_zero_forces_are_labels_where_something_was_computed(
    images: list[Atoms], labelled: int, tmp_path: Path
) -> None:
    """A stress, or energies that change, show that zero is a result."""
    ase.io.write(tmp_path / "a.traj", images)
    data = read(tmp_path / "a.traj", units={})
    assert len(data.labelled_sources) == labelled
    assert {item.reason for item in data.reports[0].dropped} == ({"all_zero"} if labelled < 3 else set())


def test_the_net_force_of_a_large_cell_is_judged_by_its_size() -> None:
    """192 atoms that are off by 0.0008 eV/Å each are a label; a tighter limit of the user refuses them."""
    assert read(LABELS / "water_64.xyz").reports[0].labelled == 1
    report = read(LABELS / "water_64.xyz", checks=LabelChecks(max_net_force=0.01)).reports[0]
    assert [item.reason for item in report.dropped] == ["net_force"]

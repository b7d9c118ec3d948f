"""What leaves the range of the training data first."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.properties.diagnosis import Departure, diagnose, most_common, training_ranges


def water_pair(oxygens: float = 3.0, bond: float | None = None, scale: float = 1.0) -> Atoms:
    """Return two water molecules in a box of 12 Å, the first across its border; their oxygen atoms face each other.

    :param oxygens: distance of the two oxygen atoms in Å.
    :param bond: length of the first O-H bond in Å.
    :param scale: of the edges of the box.
    """
    first, second = molecule("H2O"), molecule("H2O")
    if bond is not None:
        vector = first.positions[1] - first.positions[0]
        first.positions[1] = first.positions[0] + bond * vector / np.linalg.norm(vector)
    second.rotate(180, "x", center=second.positions[0])
    second.positions += [0.0, 0.0, oxygens]
    both = first + second
    both.set_cell(scale * np.full(3, 12.0))
    both.pbc = True
    return both


def training(n_frames: int = 20) -> list[Frames]:
    """Return frames in which the oxygen atoms are 2.8 to 3.5 Å apart, and the first bond is 0.9 to 1.1 Å long."""
    distances, lengths = np.linspace(2.8, 3.5, n_frames), np.linspace(0.9, 1.1, n_frames)
    return [Frames.from_atoms([water_pair(*values) for values in zip(distances, lengths, strict=True)])]


def run(change: Callable[[int], dict[str, float]]) -> Frames:
    """Return six frames of a run, of which each may differ from the start."""
    return Frames.from_atoms([water_pair(**change(row)) for row in range(6)])


def test_training_ranges_are_those_of_the_data() -> None:
    """Bonded, intramolecular and intermolecular distances are told apart, over periodic images too."""
    ranges = training_ranges(training())
    assert ranges.low["O", "O", "inter", "short"] == pytest.approx(2.8)
    assert ranges.low["H", "O", "bond", "short"] == pytest.approx(0.9)
    assert ranges.high["H", "O", "bond", "long"] == pytest.approx(1.1)
    assert ranges.low["H", "H", "intra", "short"] == pytest.approx(1.47, abs=0.05)
    assert ("O", "O", "intra", "short") not in ranges.low


def test_diagnose_names_the_pair_of_molecules_that_come_too_close() -> None:
    """With the first frame outside, its distance and the limit that it passed."""
    found = diagnose(training_ranges(training()), run(lambda row: {"oxygens": 3.0 - 0.15 * row}))
    assert found is not None
    assert (found.pair, found.scope, found.row) == (("O", "O"), "inter", 3)
    assert found.value == pytest.approx(2.55)
    assert found.limit == pytest.approx(2.8)
    assert found.describe() == "O-O distance of two molecules: 2.55 Å, below the least of the training data, 2.80 Å"


def test_diagnose_keeps_to_the_bonds_of_the_start() -> None:
    """Atoms of two molecules that come as close as bonded ones are still atoms of two molecules."""
    found = diagnose(training_ranges(training()), run(lambda row: {"oxygens": 3.0 - (1.8 if row >= 4 else 0)}))
    assert found is not None
    assert (found.pair, found.scope, found.row) == (("O", "O"), "inter", 4)


@pytest.mark.parametrize(("length", "side"), [(0.7, "below the least"), (1.5, "above the largest")])
def test_diagnose_names_a_bond(length: float, side: str) -> None:
    """A bond that is too short, or too long."""
    found = diagnose(training_ranges(training()), run(lambda row: {"bond": length if row >= 2 else 1.0}))
    assert found is not None
    assert (found.pair, found.scope, found.row, found.value) == (("H", "O"), "bond", 2, pytest.approx(length))
    assert side in found.describe()


def test_diagnose_names_a_box_that_expands() -> None:
    """Where no distance of a pair does, the volume may leave its range."""
    data = [Frames.from_atoms([water_pair(oxygens, scale=scale) for oxygens, scale in ((2.8, 0.98), (3.5, 1.02))])]
    found = diagnose(training_ranges(data), run(lambda row: {"scale": 1 + 0.01 * row}))
    assert found is not None
    assert (found.pair, found.scope, found.row) == (None, None, 4)
    assert found.describe().startswith("the volume per atom is 323.96 Å³, above the largest of the training data")


def test_diagnose_lets_a_passing_excursion_be() -> None:
    """What is back before the end is not the cause, if something else is outside at the end."""
    found = diagnose(
        training_ranges(training()),
        run(lambda row: {"bond": 1.3 if row == 1 else 1.0, "oxygens": 2.5 if row == 5 else 3.0}),
    )
    assert found is not None
    assert (found.scope, found.row) == ("inter", 5)
    passing = diagnose(training_ranges(training()), run(lambda row: {"bond": 1.3 if row == 1 else 1.0}))
    assert passing is not None
    assert (passing.scope, passing.row) == ("bond", 1)


def test_diagnose_says_so_where_nothing_left_its_range() -> None:
    """A run that fails within the data is no hole at a distance."""
    assert diagnose(training_ranges(training()), run(lambda row: {"oxygens": 3.0 - 0.06 * row})) is None


def test_training_ranges_refuse_no_data() -> None:
    """There is nothing to compare with."""
    with pytest.raises(InputError, match="training data"):
        training_ranges([])


def test_most_common_is_what_most_runs_share() -> None:
    """Of those alike the most extreme case is shown; runs without any do not count."""

    def departure(scope: str, value: float) -> Departure:
        return Departure(row=0, pair=("H", "O"), scope=scope, value=value, limit=1.5)

    found = [departure("inter", 1.3), departure("bond", 0.1), None, departure("inter", 1.0)]
    assert most_common(found) == (found[3], 2)
    assert most_common([None]) is None

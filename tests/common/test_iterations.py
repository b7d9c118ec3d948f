"""Keys of iterations."""

from __future__ import annotations

from aiida_nnpgen.common.iterations import by_iteration, iteration_key


def test_iteration_key_has_two_digits_or_more() -> None:
    """Keys sort as their numbers up to a hundred iterations, and go on beyond."""
    assert [iteration_key(3), iteration_key(3, "training"), iteration_key(123)] == [
        "iteration_03",
        "iteration_03_training",
        "iteration_123",
    ]


def test_by_iteration_reads_what_iteration_key_makes() -> None:
    """Numbers ascend, phases and other keys are left out."""
    items = {iteration_key(number): number for number in (100, 2, 99)}
    others = {"initial_aimd": -1, iteration_key(5, "training"): -1, "iteration_x": -1}
    assert by_iteration(items | others) == {2: 2, 99: 99, 100: 100}
    assert list(by_iteration(items)) == [2, 99, 100]

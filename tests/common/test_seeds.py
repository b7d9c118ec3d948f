"""Derived seeds."""

from __future__ import annotations

from aiida_nnpgen.common.seeds import derive_seed


def test_derive_seed_is_the_same_on_every_machine() -> None:
    """The value is fixed for good: a change would break the reproducibility of earlier runs."""
    assert derive_seed(0, "training", 1, 2) == 19987455


def test_derive_seed_differs_between_paths() -> None:
    """Each part of a calculation has its own seed."""
    paths = [("training", 1, 23), ("training", 12, 3), ("sampling", 1, 23), ()]
    assert len({derive_seed(seed, *path) for path in paths for seed in range(5)}) == 20


def test_derive_seed_is_accepted_by_every_code() -> None:
    """Seeds are positive and fit into a signed 32-bit integer."""
    seeds = [derive_seed(seed, "part") for seed in range(1000)]
    assert min(seeds) >= 1
    assert max(seeds) < 2**31 - 1

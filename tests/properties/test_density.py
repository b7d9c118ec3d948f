"""Mass density."""

from __future__ import annotations

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.properties import block_average, density


def test_density_of_water() -> None:
    """One molecule of 18.015 u in 29.92 Å³, as in water at room temperature: 1 g/cm³."""
    found = density([15.999, 1.008, 1.008], [29.915, 2 * 29.915])
    assert found == pytest.approx([1.0, 0.5], rel=1e-3)
    assert density(18.015, [29.915]) == pytest.approx([18.015 / 6.02214076e23 / 29.915e-24], rel=1e-8)


def test_density_has_a_mean_with_an_uncertainty(coverage) -> None:
    """Volumes that scatter give densities whose error bar holds the mean; of Gamma volumes <1/V> is known."""
    truth = float(density(18.0, [2.0 * 400])[0])
    assert 0.6 <= coverage(lambda rng: block_average(density(18.0, rng.gamma(401, 2.0, 200))), truth) <= 0.76


@pytest.mark.parametrize(
    ("masses", "volumes", "message"),
    [
        ([18.0], [], "`volumes` has shape"),
        ([], [1.0], "`masses` has shape"),
        ([18.0], [1.0, np.nan], "`volumes` of frame 1 is `nan`"),
        ([18.0, np.inf], [1.0], "`masses` of atom 1 is `inf`"),
        ([18.0], [1.0, 0.0], "`volumes` has the value `0.0` at 1"),
        ([18.0, -1.0], [1.0], "`masses` has the value `-1.0` at 1"),
        ([18.0], [[1.0]], "one row"),
        ([18.0], [[1.0], [1.0, 2.0]], "`volumes` is no array of numbers"),
        ("water", [1.0], "`masses` is no array of numbers"),
    ],
)
def test_density_refuses(masses, volumes, message: str) -> None:
    """No volume, no density."""
    with pytest.raises(InputError, match=message):
        density(masses, volumes)

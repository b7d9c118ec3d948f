"""Six numbers and tensors are two forms of one thing."""

from __future__ import annotations

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import OutputError
from aiida_nnpgen.common.voigt import checked_voigt, from_voigt, to_voigt


def test_order_is_that_of_ase() -> None:
    """xx yy zz yz xz xy."""
    tensor = np.array([[1.0, 6.0, 5.0], [6.0, 2.0, 4.0], [5.0, 4.0, 3.0]])
    assert to_voigt(tensor).tolist() == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]


def test_tensors_come_back() -> None:
    """Any number of axes in front stays."""
    components = np.random.default_rng(0).normal(size=(2, 3, 6))
    np.testing.assert_array_equal(to_voigt(from_voigt(components)), components)


def test_asymmetric_stress_is_refused() -> None:
    """What a code prints as a stress is symmetric within its digits; elsewhere the symmetric part is taken."""
    tensor = np.eye(3)
    tensor[0, 1] = 0.5
    assert to_voigt(tensor)[5] == 0.25
    with pytest.raises(OutputError, match="not symmetric"):
        checked_voigt(tensor)

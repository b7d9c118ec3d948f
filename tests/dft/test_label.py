"""What makes a label."""

from __future__ import annotations

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.dft.label import LabelChecks, LabelFailure, check_label

FORCES = np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]])
STRESS = np.zeros(6)


def generate_forces(value: float) -> np.ndarray:
    """Return forces with one component set."""
    forces = FORCES.copy()
    forces[0, 1] = value
    return forces


@pytest.mark.parametrize("stress", [STRESS, None, np.full(6, np.nan)])
def test_check_label_accepts_a_label_with_or_without_stress(stress: np.ndarray | None) -> None:
    """Stress may be absent."""
    assert check_label(-1.0, FORCES, stress, 2, LabelChecks()) is None


@pytest.mark.parametrize(
    ("energy", "forces", "stress", "reason"),
    [
        (np.nan, FORCES, STRESS, LabelFailure.NOT_FINITE),
        (-1.0, generate_forces(np.inf), STRESS, LabelFailure.NOT_FINITE),
        (-1.0, FORCES, np.array([np.nan, 0, 0, 0, 0, 0]), LabelFailure.NOT_FINITE),
        (-1.0, FORCES, np.full(6, np.inf), LabelFailure.NOT_FINITE),
        (-1.0, FORCES[:1], STRESS, LabelFailure.WRONG_SIZE),
        (-1.0, FORCES, np.zeros((3, 3)), LabelFailure.WRONG_SIZE),
        (-1.0, np.zeros((2, 3)), STRESS, LabelFailure.ALL_ZERO),
        (-1.0, generate_forces(0.2), STRESS, LabelFailure.NET_FORCE),
        (-1.0, 50 * FORCES, STRESS, LabelFailure.LARGE_FORCE),
    ],
)
def test_check_label_gives_the_reason(
    energy: float, forces: np.ndarray, stress: np.ndarray, reason: LabelFailure
) -> None:
    """Each way to be wrong has its reason."""
    problem = check_label(energy, forces, stress, 2, LabelChecks())
    assert problem is not None
    assert problem.reason is reason


def test_check_label_accepts_zero_forces_on_a_lone_atom() -> None:
    """One atom in a periodic box feels no force."""
    assert check_label(-1.0, np.zeros((1, 3)), STRESS, 1, LabelChecks()) is None


def test_check_label_accepts_zero_forces_with_a_stress_where_symmetry_forbids_them() -> None:
    """In a crystal the stress is a label; without symmetry, or without a stress, nothing was computed."""
    stress, zeros = np.array([0.1, 0.1, 0.1, 0, 0, 0]), np.zeros((2, 3))
    assert check_label(-1.0, zeros, stress, 2, LabelChecks(), symmetry_forbids_forces=True) is None
    for given, is_forbidden in ((stress, False), (None, True), (STRESS, True), (np.full(6, np.nan), True)):
        problem = check_label(-1.0, zeros, given, 2, LabelChecks(), symmetry_forbids_forces=is_forbidden)
        assert problem is not None
        assert problem.reason is LabelFailure.ALL_ZERO


@pytest.mark.parametrize(("n_atoms", "limit"), [(2, 0.0707), (4, 0.1), (64, 0.4), (192, 0.693)])
def test_check_label_limits_the_net_force_by_the_root_of_the_number_of_atoms(n_atoms: int, limit: float) -> None:
    """Small cells keep about the limit of the sum that they had, large ones may sum to more."""
    forces = np.tile(FORCES, (n_atoms // 2, 1))
    for factor, is_good in ((0.99, True), (1.01, False)):
        changed = forces.copy()
        changed[0, 1] = factor * limit
        assert (check_label(-1.0, changed, STRESS, n_atoms, LabelChecks()) is None) is is_good


def test_check_label_names_the_atom_of_the_largest_force() -> None:
    """The detail says which atom and how much."""
    problem = check_label(-1.0, np.array([[3.0, 0, 0], [-40.0, 0, 0], [37.0, 0, 0]]), STRESS, 3, LabelChecks())
    assert str(problem) == "large_force: the force on atom 1 is 40 eV/Å, above 30"


def test_check_label_without_limits_checks_what_is_no_matter_of_taste() -> None:
    """Limits can be switched off; finite and of right size a label must be."""
    checks = LabelChecks(max_force=None, max_net_force=None)
    assert check_label(-1.0, 1e6 * FORCES + 1.0, STRESS, 2, checks) is None
    assert check_label(np.nan, FORCES, STRESS, 2, checks) is not None


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan])
def test_label_checks_refuse_a_limit_that_is_not_positive(value: float) -> None:
    """The error names the field."""
    with pytest.raises(InputError, match="`max_force`"):
        LabelChecks(max_force=value)


def test_label_checks_refuse_unknown_keys_in_a_configuration() -> None:
    """Validated by pydantic, a misspelt key is an error."""
    with pytest.raises(ValidationError, match="max_forces"):
        TypeAdapter(LabelChecks).validate_python({"max_forces": 3.0})

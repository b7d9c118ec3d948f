"""Units and quantities."""

from __future__ import annotations

import ase.units
import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.units import BAR, BOHR, DALTON_PER_A3, GPA, HARTREE, KB, KBAR, parse_quantity


@pytest.mark.parametrize(
    ("ours", "other"),
    [
        (HARTREE, ase.units.Hartree),
        (BOHR, ase.units.Bohr),
        (KB, ase.units.kB),
        (GPA, ase.units.GPa),
        (KBAR, 1e8 * ase.units.Pascal),
        (BAR, 1e5 * ase.units.Pascal),
        (DALTON_PER_A3, 1.66053907),
    ],
)
def test_constants_agree_with_independent_values(ours: float, other: float) -> None:
    """Constants agree with those of ASE, which come from an older CODATA."""
    assert ours == pytest.approx(other, rel=1e-6)


@pytest.mark.parametrize(
    ("value", "dimension", "expected"),
    [
        (3, "time", 3.0),
        ("0.5", "time", 0.5),
        ("0.5 ps", "time", 500.0),
        ("2ns", "time", 2e6),
        ("-1e-1 kbar", "pressure", -100.0),
        ("1 atm", "pressure", 1.01325),
        ("5 nm", "length", 50.0),
        ("250 meV/Å", "force", 0.25),
        ("1040 kg/m³", "density", 1.04),
    ],
)
def test_parse_quantity_converts_to_first_unit(value: float | str, dimension: str, expected: float) -> None:
    """A quantity comes out in the first unit of its dimension."""
    assert parse_quantity(value, dimension) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("value", ["5 K", "fast", "", "1 2 fs", True, None, [1], "5 FS"])
def test_parse_quantity_refuses_what_is_no_time(value: object) -> None:
    """A wrong unit or no number is an error that names the value."""
    with pytest.raises(InputError, match="`"):
        parse_quantity(value, "time")  # type: ignore[arg-type]

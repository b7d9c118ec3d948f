"""Words and numbers as codes print them."""

from __future__ import annotations

import pytest

from aiida_nnpgen.common.exceptions import OutputError
from aiida_nnpgen.dft.text import check_widths, decimals


def test_check_widths_sees_a_lost_byte() -> None:
    """Columns have a width; words with single blanks between them have none."""
    check_widths(["H     1.00     2.00", "H    -1.00     2.00  "], "rows")
    check_widths(["H 1.00 2.00", "H -1.00 22.00"], "rows")
    with pytest.raises(OutputError, match="rows are cut or damaged"):
        check_widths(["H     1.00     2.00", "H    -1.0     2.00"], "rows")


def test_decimals_are_those_before_the_exponent() -> None:
    """One format gives one number of decimals."""
    assert decimals([["-1.25", "3.00E-01"], ["12.50D+02"]]) == {2}
    assert decimals([["1.25", "1.2"]]) == {1, 2}

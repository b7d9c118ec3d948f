"""Files that CP2K writes beside its log."""

from __future__ import annotations

import pytest

from aiida_nnpgen.dft.cp2k.files import read_cells

ROW = "       1       0.000   4.6 0.0 0.0   0.7 4.4 0.0  -0.4 0.5 4.8   {volume}\n"


@pytest.mark.parametrize(("volume", "fits"), [("97.152", True), ("97.252", False), ("-97.152", False)])
@pytest.mark.parametrize("is_left_handed", [False, True])
def test_cells_of_either_handedness_have_their_volume(volume: str, fits: bool, is_left_handed: bool) -> None:
    """CP2K prints a positive volume whatever the order of the vectors."""
    row = ROW.replace("4.6 0.0 0.0   0.7 4.4 0.0", "0.7 4.4 0.0   4.6 0.0 0.0") if is_left_handed else ROW
    [cell] = read_cells("#  Step ...\n" + row.format(volume=volume))
    assert cell.fits_volume is fits

"""Files that CP2K writes beside its log."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiida_nnpgen.dft.cp2k.files import read_cells, read_xyz

ROW = "       1       0.000   4.6 0.0 0.0   0.7 4.4 0.0  -0.4 0.5 4.8   {volume}\n"


@pytest.mark.parametrize(("volume", "fits"), [("97.152", True), ("97.252", False), ("-97.152", False)])
@pytest.mark.parametrize("is_left_handed", [False, True])
def test_cells_of_either_handedness_have_their_volume(volume: str, fits: bool, is_left_handed: bool) -> None:
    """CP2K prints a positive volume whatever the order of the vectors."""
    row = ROW.replace("4.6 0.0 0.0   0.7 4.4 0.0", "0.7 4.4 0.0   4.6 0.0 0.0") if is_left_handed else ROW
    [cell] = read_cells("#  Step ...\n" + row.format(volume=volume))
    assert cell.fits_volume is fits


@pytest.mark.parametrize(
    ("old", "new"), [("0.1803855708", "0.18038557"), ("-0.1215844832", " 1215844832"), ("  O  ", " O  ")]
)
def test_number_that_was_cut_is_seen_by_its_width(fixtures: Path, old: str, new: str) -> None:
    """All rows of a step are written in one format."""
    text = (fixtures / "cp2k" / "md" / "cp2k-frc-1.xyz").read_text()
    assert old in text
    assert [item.step for item in read_xyz(text)] == [0, 2, 4]
    assert [item.step for item in read_xyz(text.replace(old, new, 1))] == [2, 4]

"""Tables of LAMMPS, whose columns are compared with each other."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiida_nnpgen.samplers.lammps.tables import read_deviation, read_log

HEAD = "#  step  max_devi_v  min_devi_v  avg_devi_v  max_devi_f  min_devi_f  avg_devi_f\n"
LOG = "   Step          Temp          PotEng         KinEng         TotEng         Press          Volume\n"


@pytest.mark.parametrize(
    ("row", "good"),
    [
        ("10 0.3 0.1 0.2 0.9 0.1 0.5", True),
        ("10 0.3 0.1 0.2 -0.9 0.1 0.5", False),
        ("10 0.3 0.1 0.2 0.4 0.1 0.5", False),
        ("10 0.3 0.5 0.2 0.9 0.1 0.5", False),
        ("10 0.3 0.1 0.2 nan nan nan", True),
    ],
)
def test_read_deviation_stops_at_what_cannot_be(tmp_path: Path, row: str, good: bool) -> None:
    """No deviation is negative, and neither the mean nor the smallest one exceeds the largest."""
    (tmp_path / "devi.out").write_text(f"{HEAD}0 0.3 0.1 0.2 0.9 0.1 0.5\n{row}\n20 0.3 0.1 0.2 0.9 0.1 0.5\n")
    assert list(read_deviation(tmp_path / "devi.out", 4)) == ([0, 10, 20] if good else [0])


@pytest.mark.parametrize(
    ("row", "good"),
    [
        ("10 300 -545.101463980643 0.465336522 -544.636127458643 1 729", True),
        ("10 300 -545.101473980643 0.465336522 -544.636127458643 1 729", False),
        ("10 300 -545.101463980643 0.465336522 -534.636127458643 1 729", False),
        ("10 300 nan 0.465336522 nan 1 729", True),
    ],
)
def test_read_log_leaves_out_a_row_whose_energies_do_not_add_up(tmp_path: Path, row: str, good: bool) -> None:
    """What is no number is told by others."""
    (tmp_path / "log").write_text(f"{LOG}{row}\n")
    assert list(read_log(tmp_path / "log").rows) == ([10] if good else [])

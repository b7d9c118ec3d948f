"""``OUTCAR`` of VASP, compared with itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from aiida_nnpgen.dft.reading import FileContent
from aiida_nnpgen.dft.vasp.outcar import read_outcar

TEXT = """ vasp.6.3.0 20Jan22
   VRHFIN =H: s1p3
   ions per type =              2
   NELM   =     60;
----------------------------------- Iteration    1(   1)  -----------------
  free energy    TOTEN  =       -5.00000100 eV
----------------------------------- Iteration    1(   2)  -----------------
  free energy    TOTEN  =       -5.00000000 eV
------------------------ aborting loop because EDIFF is reached -----------------------
  in kB      1.00000     2.00000     6.00000     0.10000     0.20000     0.30000
  external pressure =        3.00 kB  Pullay stress =        0.00 kB
 VOLUME and BASIS-vectors are now :
      direct lattice vectors                 reciprocal lattice vectors
     4.000000000  0.000000000  0.000000000     0.250000000 -0.012500000  0.000000000
     0.200000000  4.000000000  0.000000000     0.000000000  0.250000000  0.000000000
     0.000000000  0.000000000  5.000000000     0.000000000  0.000000000  0.200000000
 POSITION                                       TOTAL-FORCE (eV/Angst)
 -----------------------------------------------------------------------------------
      0.10000      0.20000      0.30000         0.100000      0.000000     -0.200000
      0.10000      0.20000      1.10000        -0.100000      0.000000      0.200000
 -----------------------------------------------------------------------------------
  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)
  free  energy   TOTEN  =        -5.00000000 eV

"""


def read(folder: Path, text: str) -> FileContent:
    """Read a text."""
    (folder / "OUTCAR").write_text(text)
    return read_outcar(folder / "OUTCAR")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("     4.000000000  0.000000000  0.000000000   ", "     4.000000000  0.000000000  0.100000000   "),
        ("  0.250000000  0.000000000\n", "  0.260000000  0.000000000\n"),
        ("  in kB      1.00000", "  in kB      9.00000"),
        ("      0.10000      0.20000      1.10000", "      0.10000      0.20000      1.1000"),
        ("        -0.100000      0.000000", "        -0.100000      0.0000  "),
    ],
)
def test_what_is_there_twice_is_compared(tmp_path: Path, old: str, new: str) -> None:
    """The cell has the reciprocal one beside it, the stress its trace, a number its width."""
    assert len(read(tmp_path, TEXT).frames) == 1
    assert TEXT.count(old) == 1
    content = read(tmp_path, TEXT.replace(old, new))
    assert [item.reason for item in content.dropped] == ["unreadable"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("  external pressure =        3.00 kB  Pullay stress =        0.00 kB\n", ""),
        ("        3.00 kB  Pullay stress =        0.00", "        1.00 kB  Pullay stress =        2.00"),
        ("     0.250000000 -0.012500000  0.000000000\n", "\n"),
    ],
)
def test_what_is_there_once_is_taken(tmp_path: Path, old: str, new: str) -> None:
    """A lost copy is no fault; the work against an external stress is taken off the pressure."""
    assert TEXT.count(old) == 1
    assert len(read(tmp_path, TEXT.replace(old, new)).frames) == 1

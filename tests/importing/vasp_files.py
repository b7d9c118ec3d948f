"""Write what VASP writes, from frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.common.units import KBAR

RULE = " " + "-" * 83 + "\n"


def rows(values: np.ndarray) -> str:
    """Return a varray's rows."""
    return "".join(f"    <v>{' '.join(f'{x:16.8f}' for x in row)} </v>\n" for row in values)


def vasprun(frames: Frames, iterations: Sequence[int], pstress: float = 0.0) -> str:
    """Return a ``vasprun.xml``; ``iterations`` are electronic ones of each step, of which 4 are allowed."""
    text = '<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n'
    text += ' <kpoints>\n  <varray name="kpointlist" >\n   <v> 0.0 0.0 0.0 </v>\n  </varray>\n'
    text += '  <varray name="weights" >\n   <v> 1.0 </v>\n  </varray>\n </kpoints>\n <parameters>\n'
    text += '  <i name="EDIFF">      0.00010000</i>\n  <i type="int" name="NELM">     4</i>\n'
    text += (
        f'  <i name="PSTRESS">  {pstress:12.6f}</i>\n </parameters>\n <atominfo>\n  <array name="atoms" >\n   <set>\n'
    )
    text += "".join(f"    <rc><c>{symbol:2s}</c><c>   1</c></rc>\n" for symbol in frames.symbols)
    text += "   </set>\n  </array>\n </atominfo>\n"
    text += ' <structure name="initialpos" >\n  <crystal>\n   <varray name="basis" >\n' + rows(frames.cells[0])
    text += '   </varray>\n  </crystal>\n  <varray name="positions" >\n'
    text += rows(frames.positions[0] @ np.linalg.inv(frames.cells[0])) + "  </varray>\n </structure>\n"
    for row, count in enumerate(iterations):
        xx, yy, zz, yz, xz, xy = -frames.stresses[row] / KBAR
        work = pstress * KBAR * frames.volumes[row]
        text += " <calculation>\n"
        for step in range(count):
            energy = frames.energies[row] + 10.0 ** (1 - step)
            text += f'  <scstep>\n   <energy>\n    <i name="e_fr_energy">{energy:16.8f} </i>\n'
            text += f'    <i name="e_0_energy">{energy:16.8f} </i>\n   </energy>\n  </scstep>\n'
        text += '  <structure>\n   <crystal>\n    <varray name="basis" >\n' + rows(frames.cells[row])
        text += '    </varray>\n   </crystal>\n   <varray name="positions" >\n'
        text += rows(frames.positions[row] @ np.linalg.inv(frames.cells[row])) + "   </varray>\n  </structure>\n"
        text += '  <varray name="forces" >\n' + rows(frames.forces[row]) + "  </varray>\n"
        text += '  <varray name="stress" >\n' + rows(np.array([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]))
        text += f'  </varray>\n  <energy>\n   <i name="e_fr_energy">{frames.energies[row] + work:16.8f} </i>\n'
        text += f'   <i name="e_0_energy">{frames.energies[row] + 7:16.8f} </i>\n  </energy>\n </calculation>\n'
    return text + "</modeling>\n"


def outcar(frames: Frames, iterations: Sequence[int], converged: Sequence[bool], counts: dict[str, int]) -> str:
    """Return the parts of an ``OUTCAR`` that matter."""
    text = " vasp.6.3.0 20Jan22\n"
    text += "".join(f"   VRHFIN ={symbol}: s1p3\n" for symbol in counts)
    text += f"   ions per type =          {' '.join(f'{count:5d}' for count in counts.values())}\n   NELM   =      4;\n"
    for row, count in enumerate(iterations):
        for step in range(count):
            text += f"----------------------------------- Iteration {row + 1:4d}({step + 1:4d})  -----------------\n"
            text += f"  free energy    TOTEN  =      {frames.energies[row] + 10.0 ** (1 - step):14.8f} eV\n"
        if converged[row]:
            text += "------------------------ aborting loop because EDIFF is reached -----------------------\n"
        elif row % 2:
            text += "------------------------ aborting loop EDIFF was not reached (unconverged)  -----------\n"
        xx, yy, zz, yz, xz, xy = -frames.stresses[row] / KBAR
        text += "  in kB " + "".join(f"{value:12.5f}" for value in (xx, yy, zz, xy, yz, xz)) + "\n"
        text += "  Total+kin.   900.0 900.0 900.0 0.0 0.0 0.0\n VOLUME and BASIS-vectors are now :\n"
        text += "      direct lattice vectors                 reciprocal lattice vectors\n"
        for vector in frames.cells[row]:
            text += "   " + "".join(f"{x:13.9f}" for x in vector) + "    " + "  0.100000000" * 3 + "\n"
        text += f" POSITION{' ' * 39}TOTAL-FORCE (eV/Angst)\n" + RULE
        for place, force in zip(frames.positions[row], frames.forces[row], strict=True):
            text += "  " + "".join(f"{x:13.5f}" for x in place) + "  " + "".join(f"{x:14.6f}" for x in force) + "\n"
        text += RULE + "    total drift:       0.000000      0.000000      0.000000\n"
        text += "  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)\n"
        text += f"  free  energy   TOTEN  =    {frames.energies[row]:16.8f} eV\n\n"
        text += f"  energy  without entropy= {frames.energies[row] - 1:16.8f}  energy(sigma->0) =  0.0\n"
    return text

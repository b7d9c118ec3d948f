"""``vasprun.xml`` of VASP.

ASE reads it, too, but takes electronically unconverged steps and those of VASP's own force field for labels.
"""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from ...common.exceptions import OutputError
from ...common.units import KBAR
from ...common.voigt import checked_voigt
from ..label import LabelFailure
from ..reading import DropReason, FileContent, Reading
from ..text import decimals, element, table
from .convergence import EDIFF, NELM, why_unconverged

__all__ = ["read_vasprun"]


def read_vasprun(path: Path) -> FileContent:
    """Read every ionic step that is complete.

    The energy is the free energy, which the forces derive from, as the step has it: the last electronic step lacks
    dispersion. VASP adds the work against PSTRESS there; it is taken out.

    :raises OutputError: if the file has no list of atoms.
    """
    content = FileContent()
    numbers, settings = np.zeros(0, dtype=np.int64), {"NELM": NELM, "EDIFF": EDIFF, "PSTRESS": 0.0}
    index = 0
    try:
        for _, item in ElementTree.iterparse(path, events=("end",)):
            if item.tag in ("incar", "parameters"):
                _update(settings, item)
            elif item.tag == "atominfo":
                rows = item.findall("array[@name='atoms']/set/rc")
                numbers = np.array([element((row[0].text or "") if len(row) else "") for row in rows], dtype=np.int64)
            elif item.tag == "calculation":
                _add(content, index, item, numbers, settings)
                index += 1
                item.clear()
    except (ElementTree.ParseError, UnicodeDecodeError) as exception:
        content.notes.append(f"the file is cut or damaged, read as far as it goes: {exception}")
    except (LookupError, ValueError) as exception:
        content.notes.append(f"the file is damaged, read as far as it goes: {exception}")
    if not len(numbers):
        raise OutputError(f"`{path.name}` has no list of atoms: the file is cut or damaged")
    return content


def _update(settings: dict[str, float], section: ElementTree.Element) -> None:
    """Take over the settings that matter; those under `parameters` come last and are complete."""
    for item in section.iter("i"):
        name = item.get("name", "")
        if name in settings:
            settings[name] = float(table([(item.text or "").split()], (1,), f"`{name}` of VASP")[0])


def _add(
    content: FileContent,
    index: int,
    step: ElementTree.Element,
    numbers: NDArray[np.int64],
    settings: dict[str, float],
) -> None:
    try:
        problem = _convergence(step, settings)
        if problem is not None:
            content.drop(index, *problem)
            return
        content.frames.append(_frame(index, step, numbers, settings["PSTRESS"]))
    except OutputError as exception:
        content.drop(index, DropReason.UNREADABLE, str(exception))


def _frame(index: int, step: ElementTree.Element, numbers: NDArray[np.int64], pstress: float) -> Reading:
    n_atoms = len(numbers)
    cell = _array(step, "structure/crystal/varray[@name='basis']", (3, 3))
    fractional = _array(step, "structure/varray[@name='positions']", (n_atoms, 3))
    if cell is None or fractional is None:
        raise OutputError("the step has no structure")
    forces = _array(step, "varray[@name='forces']", (n_atoms, 3))
    stress = _array(step, "varray[@name='stress']", (3, 3))
    energy = _number(step.find("energy/i[@name='e_fr_energy']"))
    return Reading(
        index=index,
        numbers=numbers,
        positions=fractional @ cell,
        cell=cell,
        energy=energy - pstress * KBAR * abs(float(np.linalg.det(cell))),
        forces=forces,
        stress=None if stress is None else -checked_voigt(stress) * KBAR,
    )


def _convergence(step: ElementTree.Element, settings: dict[str, float]) -> tuple[str, str] | None:
    """Return reason and detail if the electrons of a step are not converged: there is no direct word for it."""
    iterations = step.findall("scstep")
    if not iterations:
        return DropReason.NO_ELECTRONIC_STEPS, "the step has no electronic iterations: it is not from the method itself"
    energies = [_number(item.find("energy/i[@name='e_fr_energy']")) for item in iterations]
    detail = why_unconverged(energies, settings["NELM"], settings["EDIFF"])
    return (LabelFailure.NOT_CONVERGED, detail) if detail else None


def _number(item: ElementTree.Element | None) -> float:
    if item is None:
        raise OutputError("the step has no free energy")
    return float(table([(item.text or "").split()], (1,), "energies")[0])


def _array(step: ElementTree.Element, place: str, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    item = step.find(place)
    if item is None:
        return None
    rows = [(row.text or "").split() for row in item.findall("v")]
    if len(decimals(rows)) > 1:
        raise OutputError(f"the numbers in `{place}` are cut or damaged: they differ in their decimals")
    return table(rows, shape, f"the numbers in `{place}`")

"""The XML file of Quantum ESPRESSO's pw.x (``data-file-schema.xml``), in Hartree atomic units."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from ...common.exceptions import OutputError
from ...common.units import BOHR, HARTREE
from ...common.voigt import checked_voigt
from ..label import LabelFailure, RefusedLabelError
from ..reading import ContradictionError, DropReason, FileContent, Reading
from ..text import element, table

__all__ = ["read_qe_xml"]

_SAME_PLACE = 1e-7  # of the largest component of the cell; copies have all digits
_NET_FORCE = 1e-8  # Ha/bohr; what is left of it where all forces are there is some 1e-15


def read_qe_xml(path: Path) -> FileContent:
    """Read the steps of a relaxation or dynamics, or the one result of a single point.

    After a dynamics the section ``output`` holds the positions of the step after the last energy: where there are
    steps it is not read. Steps carry no stress in all versions; the standard output does. Forces on fixed components
    are zero here, while the standard output has them: such a step is no label.

    :raises OutputError: if the file is cut, damaged, or not from pw.x.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except (ElementTree.ParseError, UnicodeDecodeError, LookupError, ValueError) as exception:
        raise OutputError(f"`{path.name}` is cut or damaged: {exception}") from exception
    if not root.tag.endswith("espresso") or "Hartree" not in root.get("Units", ""):
        raise OutputError(f"`{path.name}` is not what pw.x writes")
    content = FileContent()
    free = np.array((root.findtext("input/free_positions") or "").split())
    steps = root.findall("step")
    place = "scf_conv" if steps else "convergence_info/scf_conv"
    for index, step in enumerate(steps or root.findall("output")):
        try:
            _check_convergence(step.find(place), root)
            frame = _frame(index, step, free)
            _check_copies(frame, root, is_start=index == 0)
            content.frames.append(frame)
        except OutputError as exception:
            content.drop(index, getattr(exception, "reason", DropReason.UNREADABLE), str(exception))
    if not content.frames and not content.dropped:
        raise OutputError(f"`{path.name}` has no results: the run was cut")
    return content


def _check_convergence(scf: ElementTree.Element | None, root: ElementTree.Element) -> None:
    """Check that a step has a solution.

    :raises OutputError: if it has none, or nothing tells.
    """
    text = "" if scf is None else scf.findtext("convergence_achieved", "").strip()
    if scf is not None and not text:
        text = _converged_by_count(scf, root)
    if text not in ("true", "false"):
        raise OutputError("nothing says whether the calculation has converged")
    if text == "false":
        raise RefusedLabelError(LabelFailure.NOT_CONVERGED, "the self-consistent field has not converged")


def _converged_by_count(scf: ElementTree.Element, root: ElementTree.Element) -> str:
    """Return what pw.x before 6.4 leaves to be concluded: it ends before the last iteration if the error is small."""
    control = "input/electron_control"
    words = [scf.findtext("n_scf_steps"), root.findtext(f"{control}/max_nstep")]
    words += [scf.findtext("scf_error"), root.findtext(f"{control}/conv_thr")]
    if any(word is None for word in words):
        return ""
    steps, most, error, threshold = table([[str(word).strip()] for word in words], (4,), "numbers of convergence")
    return str(bool(steps < most and error < threshold)).lower()


def _frame(index: int, step: ElementTree.Element, free: NDArray[np.str_]) -> Reading:
    structure = step.find("atomic_structure")
    if structure is None:
        raise OutputError("the step has no structure")
    numbers, positions, cell = _structure(structure)
    count = len(numbers)
    forces, stress = _array(step, "forces", (count, 3)), _array(step, "stress", (3, 3))
    if forces is not None and _has_fixed(forces, free):
        detail = "atoms are fixed, and the forces on them left out: the standard output of pw.x has them"
        raise RefusedLabelError(LabelFailure.NO_OUTPUT, detail)
    energy = table([(step.findtext("total_energy/etot") or "").split()], (1,), "energies")[0]
    return Reading(
        index=index,
        numbers=numbers,
        positions=positions,
        cell=cell,
        energy=float(energy) * HARTREE,
        forces=None if forces is None else forces * HARTREE / BOHR,
        stress=None if stress is None else -checked_voigt(stress) * HARTREE / BOHR**3,
    )


def _check_copies(frame: Reading, root: ElementTree.Element, *, is_start: bool) -> None:
    """Compare a step with the geometry that was asked for, and its cell with the reciprocal one, where they are there.

    :param is_start: whether the atoms have not moved yet.
    :raises ContradictionError: if they differ.
    """
    kind = (root.findtext("input/control_variables/calculation") or "").strip()
    if kind not in ("scf", "md", "relax"):
        return  # the cell moves
    size = max(1.0, float(np.abs(frame.cell).max()))
    structure = root.find("input/atomic_structure")
    if structure is not None:
        numbers, positions, cell = _structure(structure)
        if np.abs(cell - frame.cell).max() > _SAME_PLACE * size:
            raise ContradictionError("the cell is not that of the input: damaged file")
        is_same = np.array_equal(numbers, frame.numbers)
        if is_start and not (is_same and np.abs(positions - frame.positions).max() <= _SAME_PLACE * size):
            raise ContradictionError("the atoms are not those of the input: damaged file")
    reciprocal, alat = root.find("output/basis_set/reciprocal_lattice"), root.find("output/atomic_structure")
    if reciprocal is None or alat is None or not alat.get("alat"):
        return
    rows = [(reciprocal.findtext(f"b{axis}") or "").split() for axis in (1, 2, 3)]
    unit = table([[alat.get("alat", "")]], (1,), "lattice parameters")[0] * BOHR
    product = frame.cell @ table(rows, (3, 3), "reciprocal vectors").T / unit
    if np.abs(product - np.eye(3)).max() > 1e-6:
        raise ContradictionError("the cell does not belong to the reciprocal one: damaged file")


def _structure(
    structure: ElementTree.Element,
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]:
    """Return atomic numbers, positions and cell in Å.

    :raises OutputError: if they are cut or damaged.
    """
    atoms = structure.findall("atomic_positions/atom")
    cell = [(structure.findtext(f"cell/a{axis}") or "").split() for axis in (1, 2, 3)]
    if structure.get("nat") != str(len(atoms)) or not atoms:
        raise OutputError("the number of atoms does not fit")
    return (
        np.array([element(atom.get("name", "")) for atom in atoms], dtype=np.int64),
        table([(atom.text or "").split() for atom in atoms], (len(atoms), 3), "positions") * BOHR,
        table(cell, (3, 3), "cell vectors") * BOHR,
    )


def _has_fixed(forces: NDArray[np.float64], free: NDArray[np.str_]) -> bool:
    """Return whether zeros stand in the place of forces on fixed components.

    Relaxation and dynamics list the free components, a single point does not. The net force was taken away before the
    zeros were written, so that the others no longer sum to zero.

    :param free: ``1`` for each free component; empty: not listed.
    """
    is_fixed = (free != "1").reshape(forces.shape) if free.size == forces.size else np.full(forces.shape, free.size > 0)
    return bool(((forces == 0) & (is_fixed | (np.abs(forces.sum(axis=0)) > _NET_FORCE))).any())


def _array(step: ElementTree.Element, name: str, shape: tuple[int, ...]) -> NDArray[np.float64] | None:
    text = step.findtext(name)
    return None if text is None else table([text.split()], shape, name)

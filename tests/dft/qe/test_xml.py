"""The XML file of pw.x: zeros that are no forces."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aiida_nnpgen.dft.qe.xml import read_qe_xml
from aiida_nnpgen.dft.reading import FileContent

FREE = " 0 0 0\n 1 1 1\n 1 1 1\n 1 1 1\n"
FORCES = " 0 0 0   -0.0010 0.0100 0   0.0005 -0.0050 0   0.0005 -0.0050 0 "
ALL = " 0.01 0 0   -0.011 0.0100 0   0.0005 -0.0050 0   0.0005 -0.0050 0 "


@pytest.fixture
def fixed(fixtures: Path) -> str:
    """Return a step of a relaxation of four atoms, the first of which is fixed."""
    return (fixtures / "existing" / "qe_fixed_atoms" / "data-file-schema.xml").read_text()


def read(folder: Path, text: str) -> FileContent:
    """Read a text."""
    path = folder / "data-file-schema.xml"
    path.write_text(text)
    return read_qe_xml(path)


@pytest.mark.parametrize(
    ("free", "forces"),
    [
        pytest.param(FREE, FORCES, id="atom 1"),
        pytest.param("1 1 1 0 1 1 1 1 1 1 1 1", ALL.replace("-0.011", "0"), id="x of atom 2"),
        pytest.param("1 1 1 1 1 1 0 0 0 0 0 0", " 0.01 0 0 -0.011 0.01 0 0 0 0 0 0 0", id="atoms 3 and 4"),
        pytest.param("0 0 0 0 0 0 0 0 0 0 0 0", 12 * " 0", id="all atoms"),
        pytest.param("1 1 0 1 1 0 1 1 0 1 1 0", ALL, id="z of all"),
        pytest.param("", ALL.replace("0.01 0 0 ", "0 0 0 "), id="atom 1, not listed"),
        pytest.param("", ALL.replace("-0.011 0.0100", "-0.011 0"), id="y of atom 2, not listed"),
        pytest.param("0 1 1", ALL, id="a damaged list"),
    ],
)
def test_forces_on_fixed_components_are_no_label(fixed: str, tmp_path: Path, free: str, forces: str) -> None:
    """pw.x has zeros in their place."""
    content = read(tmp_path, fixed.replace(FREE, free).replace(FORCES, forces))
    assert not content.frames
    [dropped] = content.dropped
    assert dropped.reason == "no_output"
    assert "fixed" in dropped.detail


@pytest.mark.parametrize("free", [12 * " 1", ""])
def test_zeros_of_free_components_are_forces(fixed: str, tmp_path: Path, free: str) -> None:
    """By symmetry: the others sum to zero."""
    [frame] = read(tmp_path, fixed.replace(FREE, free).replace(FORCES, ALL)).frames
    assert frame.forces is not None
    assert not frame.forces[:, 2].any()
    assert frame.forces[0, 0] > 0


def test_real_single_point_does_not_list_its_fixed_atoms(fixtures: Path) -> None:
    """Of pw.x 6.7: one atom and one component of another."""
    path = fixtures / "qe" / "fixed_atoms" / "data-file-schema.xml"
    assert "free_positions" not in path.read_text()
    assert [item.reason for item in read_qe_xml(path).dropped] == ["no_output"]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("<scf_error>", "<scf_error>", None),
        ("<max_nstep>100<", "<max_nstep>{steps}<", "not_converged"),
        ("<scf_error>", "<scf_error>1", "not_converged"),
        ("<scf_error>", "<scf_mistake>", "unreadable"),
    ],
    ids=["enough", "last iteration", "large error", "no error"],
)
def test_convergence_before_version_6_4_follows_from_the_numbers(
    fixtures: Path, tmp_path: Path, old: str, new: str, reason: str | None
) -> None:
    """Fewer iterations than allowed and an error below the threshold; made from a file of 6.7."""
    text = (fixtures / "qe" / "scf" / "data-file-schema.xml").read_text()
    [steps] = re.findall(r"<n_scf_steps>(\d+)<", text)
    older = re.sub(r"\s*<convergence_achieved>true</convergence_achieved>", "", text)
    assert older != text
    older = (
        older.replace(old, new.format(steps=steps))
        .replace("<scf_mistake>", "<scf_x>")
        .replace("</scf_error>", "</scf_x>" if "mistake" in new else "</scf_error>")
    )
    content = read(tmp_path, older)
    assert len(content.frames) == (reason is None)
    assert [item.reason for item in content.dropped] == ([reason] if reason else [])


@pytest.mark.parametrize(
    ("name", "place", "old", "new"),
    [
        ("qe/scf", "<output>", "<a2>5.669178373877310e-1", "<a2>5.669178373877310e0"),
        ("qe/scf", "<output>", "<b1>1.000000000000000e0", "<b1>1.000000000000000e1"),
        ("qe/scf", "<output>", 'name="O" index="1">3.7', 'name="O" index="1">3.8'),
        ("qe/scf", "<input>", 'name="O" index="1">3.7', 'name="O" index="1">3.8'),
        ("qe/md_second", '<step n_step="1">', 'name="O" index="1">3.7', 'name="O" index="1">3.8'),
        ("qe/md_second", '<step n_step="3">', "<a1>9.4", "<a1>9.5"),
    ],
)
def test_geometry_that_is_there_twice_is_compared(
    fixtures: Path, tmp_path: Path, name: str, place: str, old: str, new: str
) -> None:
    """Input against output, and the cell against the reciprocal one."""
    text = (fixtures / name / "data-file-schema.xml").read_text()
    good = read(tmp_path, text)
    start = text.index(place)
    content = read(tmp_path, text[:start] + text[start:].replace(old, new, 1))
    assert len(content.frames) < len(good.frames)
    assert {item.reason for item in content.dropped} == {"contradictory"}

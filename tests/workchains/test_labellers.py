"""What holds for every labeller that is registered: a new one is tested by being registered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from aiida.manage.caching import enable_caching
from aiida.plugins.entry_point import get_entry_point_names
from ase import Atoms

from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.common.plugins import names
from aiida_nnpgen.workchains.labelling import LabellingWorkChain

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("labellers")]

PREFIX = "nnpgen.labellers."
LABELLERS = sorted(name.removeprefix(PREFIX) for name in get_entry_point_names("aiida.workflows") if PREFIX in name)
STEP, STRAIN = 0.004, 0.004
"""Displacement in Å and strain of the finite differences."""


@dataclass
class Case:
    """How one labeller is run here.

    :ivar code: name of the fixture with its code.
    :ivar reference: its settings.
    :ivar pseudopotentials: name of the fixture with them, or None.
    :ivar tolerance: of finite differences against forces (eV/Å) and stress times volume (eV).
    """

    code: str
    reference: dict[str, Any] = field(default_factory=dict)
    pseudopotentials: str | None = None
    tolerance: tuple[float, float] = (0.01, 0.05)


CASES = {
    "ase": Case("python_code", tolerance=(3e-3, 1e-2)),
    "cp2k": Case("cp2k_code", {"protocol": "fast"}),
    "cpmd": Case("cpmd_code", {"protocol": "fast"}, "cpmd_pseudopotentials", (3e-3, 1e-2)),
    # Beyond 100 Ry the energy at a constant cutoff and the stress at a constant number of plane waves agree.
    "qe": Case("pw_code", {"protocol": "fast", "functional": "PBE", "cutoff": 120}, "upf_pseudopotentials"),
    "vasp": Case("vasp_code", {"protocol": "fast"}, "potcars", (3e-3, 1e-2)),
}


def water(order: tuple[int, ...] = (0, 1, 2)) -> Atoms:
    """Return a molecule in a triclinic cell, its atoms in some order."""
    cell = [[4.6, 0.0, 0.0], [0.7, 4.4, 0.0], [-0.4, 0.5, 4.8]]
    positions = [[2.0, 2.0, 2.0], [2.95, 2.05, 2.0], [1.75, 2.9, 2.2]]
    atoms = Atoms("OHH", positions=positions, cell=cell, pbc=True)
    return atoms[list(order)]


def frames() -> dict[str, Atoms]:
    """Return a frame, its atoms in another order, moved atoms, strained cells, and one that no code can do."""
    made = {"base": water(), "permuted": water((1, 0, 2))}
    for sign in (1, -1):
        moved, strained = water(), water()
        moved.positions[1, 0] += sign * STEP
        strain = np.eye(3)
        strain[0, 0] += sign * STRAIN
        strain[0, 1] = strain[1, 0] = sign * STRAIN
        strained.set_cell(strained.cell.array @ strain, scale_atoms=True)
        made |= {f"moved_{sign}": moved, f"strained_{sign}": strained}
    crushed = water()
    crushed.positions[1] = crushed.positions[0] + [0.25, 0.0, 0.0]
    return made | {"crushed": crushed}


ORDER = list(frames())


def settings(name: str, **changes: Any) -> orm.Dict:
    """Return the settings of a labelling."""
    values = {
        "labeller": name,
        "batch_size": 10,
        "checks": {"max_force": 30.0, "max_net_force": 1.0},
        "min_yield": 0.5,
        "max_attempts": 1,
        "iteration": 0,
        "validation_fraction": 0.0,
        "seed": 1,
        "pseudopotentials": "given as nodes",
    }
    return orm.Dict(values | CASES[name].reference | changes)


@pytest.fixture(params=LABELLERS, scope="module")
def labeller(request: pytest.FixtureRequest) -> str:
    """Return the name of each labeller in turn."""
    assert request.param in CASES, "say in CASES how it is run here"
    return str(request.param)


@pytest.fixture
def label(labeller: str, request: pytest.FixtureRequest) -> Callable[..., orm.WorkChainNode]:
    """Return a function that labels structures."""
    case = CASES[labeller]
    pseudos = request.getfixturevalue(case.pseudopotentials) if case.pseudopotentials else {}

    def run(images: list[Atoms], code: orm.AbstractCode | None = None, **changes: Any) -> orm.WorkChainNode:
        structures = {f"frame_{index:04d}": orm.StructureData(ase=atoms) for index, atoms in enumerate(images)}
        _, node = run_get_node(
            LabellingWorkChain,
            code=code or request.getfixturevalue(case.code),
            settings=settings(labeller, **changes),
            structures=structures,
            record=orm.Dict({key: {"reason": "test", "start": "water"} for key in structures}),
            pseudopotentials=pseudos,
            options={"withmpi": False},
        )
        return node

    return run


_labelled: dict[str, orm.WorkChainNode] = {}


@pytest.fixture
def labelled(labeller: str, label: Callable[..., orm.WorkChainNode]) -> orm.WorkChainNode:
    """Return the labelling of all frames; it is run once."""
    if labeller not in _labelled:
        _labelled[labeller] = label(list(frames().values()))
    return _labelled[labeller]


def rows(node: orm.WorkChainNode) -> dict[str, Frames]:
    """Return the label of each frame by its name."""
    shard = node.outputs.dataset
    found, parts = {}, iter(shard.origins)
    for part in shard.get_frames():
        for row, origin in zip(range(len(part)), parts, strict=False):
            found[ORDER[int(origin.structure.rpartition("_")[2])]] = part[[row]]
    return found


def test_labeller_is_described(labeller: str) -> None:
    """A labeller has a description of its code, and dynamics."""
    assert labeller in names("nnpgen.dft")
    assert f"nnpgen.aimd.{labeller}" in get_entry_point_names("aiida.workflows")


def test_labels_are_in_the_order_of_the_structure(labelled: orm.WorkChainNode) -> None:
    """Another order of the same atoms gives the same energy and stress, and the forces in that order."""
    base, permuted = (rows(labelled)[name] for name in ("base", "permuted"))
    assert permuted.numbers.tolist() == [1, 8, 1]
    np.testing.assert_allclose(permuted.positions[0], base.positions[0][[1, 0, 2]], atol=1e-9)
    np.testing.assert_allclose(permuted.forces[0], base.forces[0][[1, 0, 2]], atol=2e-2)
    assert permuted.energies[0] == pytest.approx(base.energies[0], abs=1e-3)
    np.testing.assert_allclose(permuted.stresses[0], base.stresses[0], atol=1e-3)


def test_forces_are_minus_the_gradient_of_the_energy(labeller: str, labelled: orm.WorkChainNode) -> None:
    """One atom displaced to either side: sign, unit and energy belong together."""
    found = rows(labelled)
    slope = (found["moved_1"].energies[0] - found["moved_-1"].energies[0]) / (2 * STEP)
    assert -slope == pytest.approx(found["base"].forces[0, 1, 0], abs=CASES[labeller].tolerance[0])


def test_stress_is_the_derivative_by_strain(labeller: str, labelled: orm.WorkChainNode) -> None:
    """A triclinic cell strained along x and sheared: tension positive, per volume."""
    found = rows(labelled)
    slope = (found["strained_1"].energies[0] - found["strained_-1"].energies[0]) / (2 * STRAIN)
    base = found["base"]
    work = (base.stresses[0, 0] + 2 * base.stresses[0, 5]) * base.volumes[0]
    assert work == pytest.approx(slope, abs=CASES[labeller].tolerance[1])


def test_frame_that_cannot_be_done_has_a_reason(labelled: orm.WorkChainNode) -> None:
    """It costs no other frame, and its process is named."""
    report = labelled.outputs.report.get_dict()
    assert set(report["failures"]) == {f"frame_{ORDER.index('crushed'):04d}"}
    [failure] = report["failures"].values()
    assert failure["reason"]
    assert failure["detail"]
    assert orm.load_node(failure["process"]).process_type
    assert report["yield"] == pytest.approx(6 / 7)


def test_method_is_an_input_of_every_label(labelled: orm.WorkChainNode) -> None:
    """The level of theory of a label can be read from what went into it."""
    shard = labelled.outputs.dataset
    for node in shard.creator.base.links.get_incoming(orm.TrajectoryData).all_nodes():
        above = list(ancestors(node, depth=6))
        assert any(isinstance(item, orm.Dict) and "functional" in item.get_dict() for item in above)


def ancestors(node: orm.Node, depth: int) -> Iterator[orm.Node]:
    """Yield what a node was made from, some steps back."""
    for link in node.base.links.get_incoming().all() if depth else ():
        if link.link_type.name in ("CREATE", "INPUT_CALC"):
            yield link.node
            yield from ancestors(link.node, depth - 1)


def test_cancelled_job_is_recorded(
    labeller: str, label: Callable[..., orm.WorkChainNode], python_code: orm.InstalledCode, tmp_path: Path
) -> None:
    """A job that the scheduler kills leaves frames with a reason, and too small a yield ends the phase."""
    script = tmp_path / "cancelled.sh"
    script.write_text("#!/bin/bash\nkill -9 $PPID\nsleep 1\n")
    script.chmod(0o755)
    code = orm.InstalledCode(
        label=f"cancelled-{labeller}",
        computer=python_code.computer,
        filepath_executable=str(script),
        default_calc_job_plugin={"qe": "quantumespresso.pw", "vasp": "vasp.vasp"}.get(labeller),
    ).store()
    node = label([water()], code=code)
    assert node.exit_status == 453, node.exit_message
    [failure] = node.outputs.report["failures"].values()
    assert failure["reason"]
    assert failure["process"]


def test_minimum_yield_decides(labeller: str, label: Callable[..., orm.WorkChainNode]) -> None:
    """One frame in two is enough for a yield of a half, and too few for more."""
    with enable_caching():
        node = label([frames()["base"], frames()["crushed"]], min_yield=0.6)
    assert node.exit_status == 453
    assert "less than 60%" in node.exit_message
    assert len(node.outputs.dataset) == 1

"""Quantum ESPRESSO and CP2K on the same frame with the same functional and pseudopotentials."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase import Atoms
from ase.build import bulk

from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.workchains.labelling import LabellingWorkChain

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("labellers")]


def water() -> Atoms:
    """Return one molecule, away from its minimum."""
    positions = [[3.0, 3.0, 3.0], [3.99, 3.05, 3.0], [2.75, 3.9, 3.15]]
    return Atoms("OHH", positions=positions, cell=[6.5, 6.5, 6.5], pbc=True)


def aluminium() -> Atoms:
    """Return two atoms of the metal, one off its site."""
    edge = 4.05 / 2**0.5
    places = [[0, 0, 0], [edge / 2 + 0.10, edge / 2 - 0.05, 4.05 / 2 + 0.07]]
    return Atoms("Al2", positions=places, cell=[edge, edge, 4.05], pbc=True)


def silicon() -> Atoms:
    """Return two atoms of the crystal, one off its site, but not so far that the gap closes."""
    atoms = bulk("Si", a=5.43)
    atoms.positions[1] += [0.08, -0.03, 0.05]
    return atoms


def label(
    code: orm.AbstractCode, pseudopotentials: dict[str, orm.Data], atoms: Atoms | None = None, **reference: Any
) -> Frames:
    """Return the label of a structure, of the molecule if none is given."""
    values = {
        "batch_size": 1,
        "checks": {"max_force": 60.0, "max_net_force": 1.0},
        "min_yield": 1.0,
        "max_attempts": 1,
        "iteration": 0,
        "validation_fraction": 0.0,
        "seed": 1,
        "pseudopotentials": "given as nodes",
    }
    _, node = run_get_node(
        LabellingWorkChain,
        code=code,
        settings=orm.Dict(values | reference),
        structures={"frame_0000": orm.StructureData(ase=atoms or water())},
        record=orm.Dict({"frame_0000": {"reason": "test", "start": "water"}}),
        pseudopotentials=pseudopotentials,
        options={"withmpi": False},
    )
    assert node.is_finished_ok, node.exit_message
    [frames] = node.outputs.dataset.get_frames()
    return frames


def rms_difference(first: Frames, second: Frames) -> float:
    """Return the root mean square difference of force components in eV/Å."""
    return float(np.sqrt(((first.forces - second.forces) ** 2).mean()))


def test_qe_and_cp2k_agree(
    pw_code: orm.InstalledCode, cp2k_code: orm.InstalledCode, generate_upf: Callable[..., dict[str, orm.Data]]
) -> None:
    """PBE and GTH in both: what is left is the hard oxygen in plane waves; see docs/topics/reference-codes.md."""
    cutoff, shared = 120, {"functional": "PBE", "dispersion": "none", "kpoints": [1, 1, 1]}
    pw = label(pw_code, generate_upf(kind="gth-pbe"), labeller="qe", protocol="balanced", cutoff=cutoff, **shared)
    gaussian = label(cp2k_code, {}, labeller="cp2k", protocol="balanced", cutoff=4.0 * cutoff, **shared)
    assert rms_difference(pw, gaussian) < 0.06


@pytest.mark.parametrize(
    ("atoms", "kind", "cutoff", "spacing"),
    [(silicon(), "solid", 30, 0.5), (aluminium(), "metal", 20, 0.4)],
    ids=["silicon", "aluminium"],
)
def test_qe_and_cp2k_agree_on_crystals(
    atoms: Atoms,
    kind: str,
    cutoff: float,
    spacing: float,
    pw_code: orm.InstalledCode,
    cp2k_code: orm.InstalledCode,
    generate_upf: Callable[..., dict[str, orm.Data]],
) -> None:
    """The protocols for solids and metals, with k-points and smearing, lead to the same forces."""
    shared = {"protocol": "fast", "kind": kind, "kpoints_spacing": spacing}
    upf = generate_upf([atoms.get_chemical_symbols()[0]], kind="gth-pbe")
    pw = label(pw_code, upf, atoms, labeller="qe", cutoff=cutoff, **shared)
    gaussian = label(cp2k_code, {}, atoms, labeller="cp2k", **shared)
    assert rms_difference(pw, gaussian) < 0.06


@pytest.mark.parametrize("labeller", ["qe", "cp2k"])
def test_moments_of_oxygen_lead_to_the_triplet(
    labeller: str,
    pw_code: orm.InstalledCode,
    cp2k_code: orm.InstalledCode,
    generate_upf: Callable[..., dict[str, orm.Data]],
) -> None:
    """Initial moments, with which smearing leaves the total free, and a given multiplicity find one ground state."""
    molecule = Atoms("O2", positions=[[2.0, 2.0, 1.9], [2.0, 2.0, 3.13]], cell=[4.0, 4.0, 5.0], pbc=True)
    shared = {"labeller": labeller, "protocol": "fast", "functional": "PBE", "dispersion": "none"}
    shared |= {"kpoints": [1, 1, 1]} | ({"cutoff": 50} if labeller == "qe" else {})
    code, upf = (pw_code, generate_upf("O")) if labeller == "qe" else (cp2k_code, {})
    free = {"kind": "metal", "magmoms": {"O": 1.5}}
    levels = ({"kind": "metal"}, {"multiplicity": 3}, free)
    paired, triplet, moments = (label(code, upf, molecule, **shared, **level) for level in levels)
    assert triplet.energies[0] < paired.energies[0] - 0.2
    assert moments.energies[0] == pytest.approx(triplet.energies[0], abs=0.1)
    assert rms_difference(moments, triplet) < 0.2

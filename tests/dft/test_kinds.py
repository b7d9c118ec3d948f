"""Levels of theory for molecules, solids and metals, and k-points that follow the cell."""

from __future__ import annotations

import numpy as np
import pytest
from ase.build import bulk

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.config.method import StructureFacts
from aiida_nnpgen.config.reference import ReferenceSettings
from aiida_nnpgen.dft import registry
from aiida_nnpgen.dft.code import DftCode, Effort, Kind
from aiida_nnpgen.dft.method import Method

CODES = ("qe", "cp2k", "vasp")
DENSE = (Kind.SOLID, Kind.METAL)


def reference(labeller: str, **values: object) -> ReferenceSettings:
    """Return settings with a family that nobody loads."""
    return ReferenceSettings.model_validate({"labeller": labeller, "pseudopotentials": "family"} | values)


def method(labeller: str, cell: np.ndarray, **values: object) -> Method:
    """Return the level of theory of hydrogen in a cell."""
    facts = StructureFacts(key="a", start="a", numbers=np.array([1]), cell=cell)
    return reference(labeller, **values).method_of(facts)


@pytest.mark.parametrize("labeller", CODES)
@pytest.mark.parametrize("protocol", Effort)
@pytest.mark.parametrize("kind", Kind)
def test_kind_is_what_the_code_can_do(labeller: str, protocol: Effort, kind: Kind) -> None:
    """Each kind of each protocol passes the check of its code."""
    code = registry.load(labeller)
    code.check(code.method(protocol, kind=kind))


@pytest.mark.parametrize("labeller", CODES)
@pytest.mark.parametrize("protocol", Effort)
@pytest.mark.parametrize("length", [9.0, 10.0, 14.0, 17.0])
def test_molecules_in_large_boxes_stay_at_gamma(labeller: str, protocol: Effort, length: float) -> None:
    """Nothing changes for the published boxes of 14 to 17 Å."""
    assert method(labeller, np.eye(3) * length, protocol=protocol).kpoints == (1, 1, 1)


@pytest.mark.parametrize("labeller", CODES)
def test_mesh_follows_the_cell(labeller: str) -> None:
    """Primitive silicon and aluminium have several k-points under every kind, and metals the most."""
    silicon, aluminium = bulk("Si").cell.array, bulk("Al").cell.array
    assert method(labeller, silicon).kpoints == (3, 3, 3)
    assert method(labeller, silicon, kind="solid").kpoints == (9, 9, 9)
    assert method(labeller, aluminium, kind="metal").kpoints == (18, 18, 18)


@pytest.mark.parametrize("labeller", CODES)
def test_explicit_mesh_prevails(labeller: str) -> None:
    """Whoever says Gamma gets Gamma."""
    assert method(labeller, bulk("Si").cell.array, kind="solid", kpoints=[1, 1, 1]).kpoints == (1, 1, 1)


@pytest.mark.parametrize("labeller", CODES)
@pytest.mark.parametrize("kind", DENSE)
def test_solids_and_metals_have_their_functional(labeller: str, kind: Kind) -> None:
    """PBE without dispersion, and what the user says goes over it."""
    code: DftCode = registry.load(labeller)
    made = code.method(Effort.BALANCED, kind=kind)
    assert (made.functional, made.dispersion) == ("PBE", "none")
    assert code.method(Effort.BALANCED, {"functional": "PBEsol"}, kind=kind).functional == "PBEsol"


def test_metals_are_smeared() -> None:
    """In the words of each code."""
    found = {name: registry.load(name).method(Effort.BALANCED, kind=Kind.METAL).parameters for name in CODES}
    assert found["qe"]["SYSTEM"] == {"occupations": "smearing", "smearing": "cold", "degauss": 0.02}
    assert (found["vasp"]["ISMEAR"], found["vasp"]["SIGMA"]) == (1, 0.2)
    scf = found["cp2k"]["FORCE_EVAL"]["DFT"]["SCF"]
    assert (scf["ADDED_MOS"], scf["SMEAR"]["_"]) == ("-1 -1", "ON")


@pytest.mark.parametrize("labeller", ["cpmd", "ase"])
@pytest.mark.parametrize("kind", DENSE)
def test_codes_of_molecules_refuse_other_kinds(labeller: str, kind: Kind) -> None:
    """With what to do instead."""
    with pytest.raises(InputError, match=f"`kind: {kind.value}`: .*choose|`kind: {kind.value}`: .*name a calculator"):
        registry.load(labeller).method(Effort.FAST, kind=kind)


def test_calculator_of_the_user_takes_any_kind() -> None:
    """It knows itself what it computes."""
    parameters = {"calculator": "ase.calculators.emt:EMT"}
    assert registry.load("ase").method(Effort.FAST, {"parameters": parameters}, kind=Kind.METAL).parameters


@pytest.mark.parametrize(
    ("length", "kpoints", "is_good"), [(14.0, None, True), (5.0, None, False), (5.0, [1, 1, 1], True)]
)
def test_code_of_gamma_alone_refuses_small_starts(length: float, kpoints: list[int] | None, is_good: bool) -> None:
    """Unless the user says that the Gamma point is enough."""
    facts = StructureFacts(key="a", start="a", numbers=np.array([1]), cell=np.eye(3) * length)
    settings = reference("cpmd", kpoints=kpoints)
    if is_good:
        settings.check_start(facts)
        return
    with pytest.raises(InputError, match=r"k-points \(`\[2, 2, 2\]`\).*`kpoints: \[1, 1, 1\]`"):
        settings.check_start(facts)

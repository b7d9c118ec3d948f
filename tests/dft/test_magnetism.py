"""Initial moments, charge and spin: in the words of each code, or refused."""

from __future__ import annotations

from typing import Any

import pytest
from ase import Atoms
from ase.build import bulk

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.dft import registry
from aiida_nnpgen.dft.code import Effort, Kind
from aiida_nnpgen.dft.cp2k.method import force_eval
from aiida_nnpgen.dft.method import Method
from aiida_nnpgen.dft.qe.input import write_single_point as write_qe
from aiida_nnpgen.dft.vasp.input import write_single_point as write_vasp

MOMENTS = {"magmoms": {"Fe": 2.4}}


def magnet(labeller: str, **changes: Any) -> Method:
    """Return the level of theory of a magnetic metal."""
    return registry.load(labeller).method(Effort.FAST, MOMENTS | changes, kind=Kind.METAL)


def oxide() -> Atoms:
    """Return iron and oxygen."""
    return bulk("FeO", "rocksalt", a=4.3)


def test_qe_takes_moments_as_shares_of_the_electrons() -> None:
    """Of every kind, those without a moment too."""
    system = write_qe(magnet("qe"), oxide(), {"Fe": 16.0, "O": 6.0}).namelists["SYSTEM"]
    assert system["nspin"] == 2
    assert system["starting_magnetization"] == pytest.approx({"Fe": 0.15, "O": 0.0})


@pytest.mark.parametrize("valences", [None, {"Fe": 2.0, "O": 6.0}])
def test_qe_refuses_moments_without_the_electrons(valences: dict[str, float] | None) -> None:
    """A share cannot be more than all."""
    with pytest.raises(InputError, match=r"`magmoms.Fe: 2.4` needs a pseudopotential"):
        write_qe(magnet("qe"), oxide(), valences)


def test_vasp_takes_a_moment_of_each_atom() -> None:
    """In the order of POSCAR."""
    incar = write_vasp(magnet("vasp"), oxide(), {}).incar
    assert (incar["ISPIN"], incar["MAGMOM"]) == (2, [2.4, 0.0])


def test_cp2k_takes_a_moment_of_each_kind() -> None:
    """With both spins, free under smearing."""
    tree = force_eval(magnet("cp2k"), {"Fe", "O"})["FORCE_EVAL"]
    assert tree["DFT"]["UKS"] is True
    assert tree["SUBSYS"]["KIND"]["Fe"]["MAGNETIZATION"] == 2.4
    assert "MAGNETIZATION" not in tree["SUBSYS"]["KIND"]["O"]


@pytest.mark.parametrize("labeller", ["qe", "cp2k"])
def test_moments_with_fixed_occupations_need_a_multiplicity(labeller: str) -> None:
    """The code would not let them relax."""
    code = registry.load(labeller)
    with pytest.raises(InputError, match="`magmoms` with fixed occupations needs `multiplicity`"):
        code.check(code.method(Effort.FAST, MOMENTS))
    code.check(code.method(Effort.FAST, MOMENTS | {"multiplicity": 5}))


@pytest.mark.parametrize(
    ("labeller", "parameters"),
    [("qe", {"SYSTEM": {"nspin": 2}}), ("qe", {"SYSTEM": {"starting_magnetization(1)": 0.5}}), ("vasp", {"ISPIN": 2})],
)
def test_moments_are_given_once(labeller: str, parameters: dict[str, Any]) -> None:
    """In our words, or in those of the code."""
    with pytest.raises(InputError, match=r"give `magmoms`.*not both"):
        registry.load(labeller).check(magnet(labeller, parameters=parameters))


@pytest.mark.parametrize("labeller", ["cpmd", "ase"])
def test_code_that_cannot_refuses_moments(labeller: str) -> None:
    """They would be lost in silence."""
    code = registry.load(labeller)
    with pytest.raises(InputError, match="`magmoms` is not for"):
        code.check(code.method(Effort.FAST, MOMENTS))


@pytest.mark.parametrize("moments", [{"Fe1": 1.0}, {"Fe": "high"}, {"Fe": float("inf")}])
def test_method_refuses_moments(moments: dict[str, Any]) -> None:
    """A kind is no element, and a word no number."""
    with pytest.raises(InputError, match="magmoms"):
        Method(magmoms=moments)


@pytest.mark.parametrize("state", [{"charge": 1}, {"multiplicity": 2}])
def test_calculator_without_the_keyword_refuses_a_state(state: dict[str, Any]) -> None:
    """EMT takes any keyword and uses none."""
    emt = {"parameters": {"calculator": "ase.calculators.emt:EMT"}}
    with pytest.raises(InputError, match=f"`{next(iter(state))}` is not for `ase.calculators.emt:EMT`"):
        registry.load("ase").check_import(registry.load("ase").method(Effort.FAST, emt, state))


def test_calculator_with_the_keyword_takes_a_state() -> None:
    """GFN-xTB knows charge and multiplicity."""
    pytest.importorskip("tblite")
    code = registry.load("ase")
    code.check_import(code.method(Effort.FAST, {"charge": 1, "multiplicity": 2}))

"""What may be asked of Quantum ESPRESSO."""

from __future__ import annotations

from typing import Any

import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.types import Thermostat
from aiida_nnpgen.dft.code import Effort
from aiida_nnpgen.dft.label import LabelFailure
from aiida_nnpgen.dft.method import Method
from aiida_nnpgen.dft.qe.code import QE


@pytest.mark.parametrize("protocol", list(Effort))
def test_protocol_is_what_pw_can_do(protocol: Effort) -> None:
    """Each protocol passes its own check."""
    QE.check(QE.method(protocol))


def test_balanced_protocol_is_the_published_level() -> None:
    """BLYP with dispersion at 100 Ry."""
    method = QE.method(Effort.BALANCED)
    assert (method.functional, method.dispersion, method.cutoff) == ("BLYP", "d3", 100)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"functional": "BP86"}, "no functional `BP86`: did you mean `BP`"),
        ({"functional": "PBESOLL"}, "did you mean `PBESOL`"),
        ({"functional": "XYZ"}, "choose one of LDA"),
        ({"functional": "LDA"}, "`dispersion: d3` has no parameters for `LDA`"),
        ({"functional": "RPBE", "dispersion": "d2"}, "`dispersion: d2` has no parameters for `RPBE`"),
        ({"functional": None, "dispersion": "d2"}, "`dispersion: d2` needs `functional`"),
        ({"dispersion": "d2", "parameters": {"SYSTEM": {"input_dft": "scan"}}}, "give `london_s6`"),
        ({"cutoff": None}, "`cutoff` is missing"),
        ({"parameters": {"system": {}}}, "write `SYSTEM`"),
        ({"parameters": {"CELL": {}}}, "no namelist of a label in pw.x: choose from CONTROL"),
        ({"parameters": {"SYSTEM": 3}}, "must map keywords to values"),
        ({"parameters": {"CONTROL": {"calculation": "relax"}}}, "`parameters.CONTROL.calculation` is not for the user"),
        ({"parameters": {"SYSTEM": {"celldm(1)": 9.0}}}, "is not for the user"),
        ({"parameters": {"ELECTRONS": {"scf_must_converge": False}}}, "is not for the user"),
        ({"parameters": {"IONS": {"ion_temperature": "andersen"}}}, "is not for the user"),
        ({"parameters": {"ELECTRONS": {"mixing_betta": 0.1}}}, "did you mean `mixing_beta`"),
        ({"parameters": {"ELECTRONS": {"Mixing_Beta": 0.1}}}, "write `mixing_beta`"),
        ({"parameters": {"ELECTRONS": {"degauss": 0.1}}}, "belongs into `SYSTEM`"),
        ({"parameters": {"SYSTEM": {"occupations": "smearing"}}}, "needs `smearing` and `degauss`"),
        ({"parameters": {"SYSTEM": {"occupations": "tetrahedra_opt"}}}, "forces do not derive from"),
    ],
)
def test_check_names_what_pw_cannot_take(values: dict[str, Any], message: str) -> None:
    """The value is in the message, and what to write instead."""
    with pytest.raises(InputError, match=message.replace("(", r"\(").replace(")", r"\)")):
        QE.check(Method(**{"functional": "PBE", "dispersion": "d3", "cutoff": 60.0} | values))


@pytest.mark.parametrize("keyword", ["starting_magnetization(1)", "something_of_a_later_version"])
def test_check_leaves_other_keywords_to_pw(keyword: str) -> None:
    """What resembles no keyword may belong to another version."""
    QE.check(Method(functional="pbe", cutoff=60.0, parameters={"SYSTEM": {keyword: 1.0}}))


def test_only_stochastic_rescaling_is_claimed() -> None:
    """pw.x has no Nose-Hoover chain, and its Langevin dynamics is overdamped."""
    QE.check_thermostat(Thermostat.CSVR)
    for other in (Thermostat.NOSE_HOOVER, Thermostat.LANGEVIN):
        with pytest.raises(InputError, match="choose one of csvr"):
            QE.check_thermostat(other)


def test_remedies_change_the_solver_alone() -> None:
    """Nothing but ELECTRONS differs, and the threshold of convergence stays."""
    method = QE.method(Effort.BALANCED, {"parameters": {"ELECTRONS": {"mixing_beta": 0.7}}})
    seen = []
    for attempt in (1, 2):
        changed = QE.remedy(method, LabelFailure.NOT_CONVERGED, attempt)
        assert changed is not None
        QE.check(changed)
        electrons = dict(changed.parameters["ELECTRONS"])
        assert electrons["conv_thr"] == method.parameters["ELECTRONS"]["conv_thr"]
        assert changed.to_dict() | {"parameters": {}} == method.to_dict() | {"parameters": {}}
        assert set(changed.parameters) == {"ELECTRONS"}
        seen.append(electrons)
    assert seen[0] != seen[1]
    assert QE.remedy(method, LabelFailure.NOT_CONVERGED, 3) is None


def test_remedies_are_for_what_they_can_help() -> None:
    """What was cut from outside is tried as it was; what pw.x refused is not tried again."""
    method = QE.method(Effort.FAST)
    assert QE.remedy(method, LabelFailure.NO_OUTPUT, 1) == method
    assert QE.remedy(method, LabelFailure.CALCULATOR, 1) is None

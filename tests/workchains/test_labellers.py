"""The conformance suite of labellers, over all that are registered."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiida import orm
from aiida.plugins.entry_point import get_entry_point_names

from aiida_nnpgen.testing.dft import LabellerCase, LabellerSuite

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("labellers")]

PREFIX = "nnpgen.labellers."
FAST = {"protocol": "fast", "kpoints": [1, 1, 1]}


class TestAse(LabellerSuite):
    """xTB through ASE."""

    NAME = "ase"

    @pytest.fixture
    def case(self, python_code: orm.InstalledCode) -> LabellerCase:
        """Return how it is run here."""
        return LabellerCase(code=python_code, tolerances=(3e-3, 1e-2))


class TestCp2k(LabellerSuite):
    """CP2K itself."""

    NAME = "cp2k"

    @pytest.fixture
    def case(self, cp2k_code: orm.InstalledCode) -> LabellerCase:
        """Return how it is run here."""
        return LabellerCase(code=cp2k_code, reference=FAST)


class TestCpmd(LabellerSuite):
    """The stand-in for CPMD."""

    NAME = "cpmd"

    @pytest.fixture
    def case(self, cpmd_code: orm.InstalledCode, cpmd_pseudopotentials: dict[str, orm.Data]) -> LabellerCase:
        """Return how it is run here."""
        return LabellerCase(
            code=cpmd_code, reference=FAST, pseudopotentials=cpmd_pseudopotentials, tolerances=(3e-3, 1e-2)
        )


class TestQe(LabellerSuite):
    """pw.x itself."""

    NAME = "qe"

    @pytest.fixture
    def case(self, pw_code: orm.InstalledCode, upf_pseudopotentials: dict[str, orm.Data]) -> LabellerCase:
        """Return how it is run here."""
        # Beyond 100 Ry the energy at a constant cutoff and the stress at a constant number of plane waves agree.
        reference = FAST | {"functional": "PBE", "cutoff": 120}
        return LabellerCase(
            code=pw_code,
            reference=reference,
            pseudopotentials=upf_pseudopotentials,
            plugin="quantumespresso.pw",
        )


class TestVasp(LabellerSuite):
    """The stand-in for VASP."""

    NAME = "vasp"

    @pytest.fixture
    def case(self, vasp_code: orm.InstalledCode, potcars: dict[str, orm.Data]) -> LabellerCase:
        """Return how it is run here."""
        return LabellerCase(
            code=vasp_code,
            reference=FAST,
            pseudopotentials=potcars,
            tolerances=(3e-3, 1e-2),
            plugin="vasp.vasp",
        )


def test_every_labeller_is_held_to_the_suite() -> None:
    """A new one is tested by being registered, and by a class here that says how it is run."""
    names = get_entry_point_names("aiida.workflows")
    registered = {name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX)}
    held = {suite.NAME for suite in LabellerSuite.__subclasses__() if suite.__module__ == __name__}
    assert registered <= held, f"write a subclass of LabellerSuite for {registered - held} in {Path(__file__).name}"

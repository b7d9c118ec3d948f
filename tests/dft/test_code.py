"""The conformance suite of reference codes, over all that are registered."""

from __future__ import annotations

from aiida_nnpgen.common.plugins import names
from aiida_nnpgen.testing.dft import DftCodeSuite


class TestAse(DftCodeSuite):
    """Any calculator of ASE."""

    NAME = "ase"


class TestCp2k(DftCodeSuite):
    """CP2K."""

    NAME = "cp2k"


class TestCpmd(DftCodeSuite):
    """CPMD."""

    NAME = "cpmd"


class TestQe(DftCodeSuite):
    """Quantum ESPRESSO."""

    NAME = "qe"


class TestVasp(DftCodeSuite):
    """VASP."""

    NAME = "vasp"


def test_every_code_is_held_to_the_suite() -> None:
    """A new one needs a class here."""
    held = {suite.NAME for suite in DftCodeSuite.__subclasses__() if suite.__module__ == __name__}
    assert set(names("nnpgen.dft")) <= held, "write a subclass of DftCodeSuite for it"

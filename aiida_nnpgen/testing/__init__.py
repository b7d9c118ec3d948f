"""Conformance suites: what every back end of a kind must do, as tests that anybody can run on theirs.

A suite is a class whose ``test_*`` methods are the contract. Inherit from it in a test module, name your back end and
give it settings that are quick; pytest does the rest, and one expensive thing is made once a class::

    from aiida_nnpgen.testing.architectures import ArchitectureSuite

    class TestMine(ArchitectureSuite):
        NAME = "mine"                          # an entry point, or an import path
        SETTINGS = {"steps": 200}              # whatever makes it quick

What a back end does not declare is skipped, with the reason. Each suite says in its docstring which class attributes it
reads. To see the values behind a failed assertion, add this to ``conftest.py``, before anything imports a suite::

    pytest.register_assert_rewrite("aiida_nnpgen.testing")

Suites need pytest; :mod:`.derivatives` and :mod:`.pair_potential` are plain functions and do not.
"""

"""Conformance suites of reference codes: :class:`DftCodeSuite` for a code, :class:`LabellerSuite` for its labels.

.. code-block:: python

    class TestMyCode(DftCodeSuite):
        NAME = "mine"

    class TestMyLabeller(LabellerSuite):
        NAME = "mine"

        @pytest.fixture
        def case(self, my_code, my_pseudopotentials):
            return LabellerCase(code=my_code, reference={"protocol": "fast"}, pseudopotentials=my_pseudopotentials)

The labels of a molecule are computed once a class, by the code itself, with displaced atoms and strained cells beside:
that is what forces and stress are held against. Where tests run in several processes, keep a class in one of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from aiida import orm
from aiida.engine import run_get_node
from aiida.manage.caching import enable_caching
from aiida.plugins.entry_point import get_entry_point_names
from ase import Atoms

from ..common.exceptions import InputError
from ..common.frames import Frames
from ..common.types import Thermostat
from ..common.voigt import from_voigt, to_voigt
from ..data.labels import frame_key, frame_number, link_key
from ..dft import registry
from ..dft.code import DftCode, Effort
from ..dft.label import LabelFailure
from ..dft.method import Method
from ..workchains.labelling import LabellingWorkChain
from .molecule import ORDER, STEP, STRAIN, in_other_words, molecule_frames, water

__all__ = ["DftCodeSuite", "Label", "LabellerCase", "LabellerSuite", "water"]

Label = Callable[..., orm.WorkChainNode]
"""Label images; keywords are the ``code`` in place of the case's, or change the settings."""


class DftCodeSuite:
    """What is said of a code before anything is launched."""

    NAME: ClassVar[str]
    """Name in the entry point group ``nnpgen.dft``."""
    OVERRIDES: ClassVar[Mapping[str, Any]] = {}
    """What the user must add to a protocol, if anything."""

    @pytest.fixture
    def code(self) -> DftCode:
        """Return the code."""
        return registry.load(self.NAME)

    @pytest.mark.parametrize("protocol", Effort)
    def test_takes_its_own_protocols(self, code: DftCode, protocol: Effort) -> None:
        """Each one is a method that the code can do, and a node holds."""
        assert code.NAME == self.NAME
        method = code.method(protocol, self.OVERRIDES)
        code.check(method)
        assert Method.from_dict(method.to_dict()) == method

    def test_remedies_change_the_solver_alone_and_end(self, code: DftCode) -> None:
        """Labels of one dataset agree, whatever was needed to get them; the code takes what it asks for."""
        method = code.method(Effort.BALANCED, self.OVERRIDES)
        for reason in (LabelFailure.NOT_CONVERGED, LabelFailure.CALCULATOR):
            for attempt in range(1, 4):
                remedy = code.remedy(method, reason, attempt)
                if remedy is None:
                    break
                code.check(remedy)
                assert remedy.parameters != method.parameters
                assert replace(remedy, parameters=method.parameters) == method

    def test_refuses_thermostats_that_it_has_not(self, code: DftCode) -> None:
        """Naming those that it has."""
        assert code.THERMOSTATS
        for thermostat in Thermostat:
            if thermostat in code.THERMOSTATS:
                code.check_thermostat(thermostat)
            else:
                with pytest.raises(InputError, match=min(code.THERMOSTATS)):
                    code.check_thermostat(thermostat)

    def test_has_a_labeller_and_dynamics(self) -> None:
        """Under the name of the code."""
        registered = get_entry_point_names("aiida.workflows")
        assert f"nnpgen.labellers.{self.NAME}" in registered
        assert f"nnpgen.aimd.{self.NAME}" in registered


@dataclass(frozen=True, kw_only=True)
class LabellerCase:
    """How a labeller is run.

    :ivar code: of the labeller.
    :ivar reference: settings of the reference method, such as its protocol.
    :ivar pseudopotentials: one per element, if the code needs them.
    :ivar tolerances: of finite differences against forces (eV/Å), and against stress times volume (eV).
    :ivar plugin: entry point of the calculation that the code is for, where its work chain asks for it.
    """

    code: orm.AbstractCode
    reference: Mapping[str, Any] = field(default_factory=dict)
    pseudopotentials: Mapping[str, orm.Data] = field(default_factory=dict)
    tolerances: tuple[float, float] = (0.01, 0.05)
    plugin: str | None = None


class LabellerSuite:
    """What every labeller promises."""

    NAME: ClassVar[str]
    """Tail of the entry point ``nnpgen.labellers.<name>``."""
    _labelled: ClassVar[dict[type, orm.WorkChainNode]] = {}

    @pytest.fixture
    def case(self) -> LabellerCase:
        """Return what is run; a subclass overrides this."""
        raise NotImplementedError

    @pytest.fixture
    def label(self, case: LabellerCase) -> Label:
        """Return a function that labels images."""

        def run(images: list[Atoms], code: orm.AbstractCode | None = None, **changes: Any) -> orm.WorkChainNode:
            structures = {frame_key(index): orm.StructureData(ase=atoms) for index, atoms in enumerate(images)}
            _, node = run_get_node(
                LabellingWorkChain,
                code=code or case.code,
                settings=orm.Dict(_settings(self.NAME) | dict(case.reference) | changes),
                structures=structures,
                record=orm.Dict({key: {"reason": "test", "start": "water"} for key in structures}),
                pseudopotentials=dict(case.pseudopotentials),
                options={"withmpi": False},
            )
            return node

        return run

    @pytest.fixture
    def labelled(self, label: Label) -> orm.WorkChainNode:
        """Return the labelling of all frames; it is run once."""
        if type(self) not in self._labelled:
            self._labelled[type(self)] = label(list(molecule_frames().values()))
        return self._labelled[type(self)]

    def test_labels_are_those_of_the_crystal(self, labelled: orm.WorkChainNode) -> None:
        """Orientation, handedness, order of atoms and their images change nothing but the axes of the label."""
        base, other = (_rows(labelled)[name] for name in ("base", "equivalent"))
        steps = in_other_words(water())
        assert other.numbers.tolist() == steps[-1].atoms.numbers.tolist() != base.numbers.tolist()
        np.testing.assert_allclose(_one(other.positions), steps[-1].atoms.positions, atol=1e-9)
        np.testing.assert_allclose(_one(other.cells), steps[-1].atoms.cell.array, atol=1e-9)
        forces, stress = _one(other.forces), from_voigt(_one(other.stresses))
        for step in reversed(steps):
            forces, stress = step.restore_vectors(forces), step.restore_tensor(stress)
        np.testing.assert_allclose(forces, _one(base.forces), atol=2e-2)
        assert _one(other.energies) == pytest.approx(_one(base.energies), abs=1e-3)
        np.testing.assert_allclose(to_voigt(stress), _one(base.stresses), atol=1e-3)

    def test_forces_are_minus_the_gradient_of_the_energy(self, case: LabellerCase, labelled: orm.WorkChainNode) -> None:
        """One atom displaced to either side: sign, unit and energy belong together."""
        found = _rows(labelled)
        slope = (_one(found["moved_1"].energies) - _one(found["moved_-1"].energies)) / (2 * STEP)
        assert -slope == pytest.approx(_one(found["base"].forces)[1, 0], abs=case.tolerances[0])

    def test_stress_is_the_derivative_by_strain(self, case: LabellerCase, labelled: orm.WorkChainNode) -> None:
        """A triclinic cell strained along x and sheared: tension positive, per volume."""
        found = _rows(labelled)
        slope = (_one(found["strained_1"].energies) - _one(found["strained_-1"].energies)) / (2 * STRAIN)
        stress = _one(found["base"].stresses)
        work = (stress[0] + 2 * stress[5]) * found["base"].volumes[0]
        assert work == pytest.approx(slope, abs=case.tolerances[1])

    def test_frame_that_cannot_be_done_has_a_reason(self, labelled: orm.WorkChainNode) -> None:
        """It costs no other frame, and its process is named."""
        report = labelled.outputs.report.get_dict()
        assert set(report["failures"]) == {frame_key(ORDER.index("crushed"))}
        [failure] = report["failures"].values()
        assert failure["reason"]
        assert failure["detail"]
        assert orm.load_node(failure["process"]).process_type
        assert report["yield"] == pytest.approx(6 / 7)

    def test_method_is_an_input_of_every_label(self, labelled: orm.WorkChainNode) -> None:
        """The level of theory of a label can be read from what went into it."""
        shard = labelled.outputs.dataset
        for node in shard.creator.base.links.get_incoming(orm.TrajectoryData).all_nodes():
            above = list(_ancestors(node, depth=6))
            assert any(isinstance(item, orm.Dict) and "functional" in item.get_dict() for item in above)

    def test_cancelled_job_is_recorded(self, case: LabellerCase, label: Label, tmp_path: Path) -> None:
        """A job that the scheduler kills leaves frames with a reason, and too small a yield ends the phase."""
        script = tmp_path / "cancelled.sh"
        script.write_text("#!/bin/bash\nkill -9 $PPID\nsleep 1\n")
        script.chmod(0o755)
        code = orm.InstalledCode(
            label=f"cancelled-{self.NAME}",
            computer=case.code.computer,
            filepath_executable=str(script),
            default_calc_job_plugin=case.plugin,
        ).store()
        node = label([water()], code=code)
        assert node.exit_status == 453, node.exit_message
        [failure] = node.outputs.report["failures"].values()
        assert failure["reason"]
        assert failure["process"]

    def test_minimum_yield_decides(self, label: Label) -> None:
        """One frame in two is enough for a yield of a half, and too few for more."""
        with enable_caching():
            node = label([molecule_frames()["base"], molecule_frames()["crushed"]], min_yield=0.6)
        assert node.exit_status == 453
        assert "less than 60%" in node.exit_message
        assert len(node.outputs.dataset) == 1


def _settings(name: str) -> dict[str, Any]:
    """Return the settings of a labelling."""
    return {
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


def _rows(node: orm.WorkChainNode) -> dict[str, Frames]:
    """Return the label of each frame by its name."""
    shard = node.outputs.dataset
    found, parts = {}, iter(shard.origins)
    for part in shard.get_frames():
        for row, origin in zip(range(len(part)), parts, strict=False):
            found[ORDER[frame_number(link_key(origin.structure) or "")]] = part[[row]]
    return found


def _one(values: Any) -> Any:
    """Return the value of the only frame."""
    [value] = values
    return value


def _ancestors(node: orm.Node, depth: int) -> Iterator[orm.Node]:
    """Yield what a node was made from, some steps back."""
    for link in node.base.links.get_incoming().all() if depth else ():
        if link.link_type.name in ("CREATE", "INPUT_CALC"):
            yield link.node
            yield from _ancestors(link.node, depth - 1)

"""What the conformance suite of samplers runs, and how."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from aiida import orm
from aiida.engine import run_get_node
from aiida.plugins import CalculationFactory
from ase import Atoms

from ..common.dynamics import Conditions
from ..common.exceptions import InputError
from ..common.types import Ensemble
from ..data import PotentialData
from ..models.base import Potential

__all__ = ["ENSEMBLES", "STRIDE", "Run", "SamplerCase", "SamplerRuns"]

STRIDE = 10
"""Steps between two frames of every run."""
ENSEMBLES: Mapping[Ensemble, Mapping[str, Any]] = {
    Ensemble.NVT: {"ensemble": "nvt"},
    Ensemble.NPT: {"ensemble": "npt", "pressure": 1.0},
    Ensemble.NEMD: {"ensemble": "nemd", "volume_ratio": 0.9},
}
"""Each ensemble with what it needs."""


@dataclass(frozen=True, kw_only=True)
class SamplerCase:
    """A system that the models hold together, and how to run it.

    :ivar code: of the sampler.
    :ivar models: a committee of at least two; the first key drives.
    :ivar atoms: start, at rest near a minimum; of two elements, whose atoms are not sorted.
    :ivar temperature: K, at which it stays together.
    :ivar timestep: fs.
    :ivar steps: of the run whose temperature is measured.
    :ivar pressures: bar, low and high, between which the volume differs clearly.
    :ivar cpu_seconds: after which a run of any length is killed; enough for its first frames.
    """

    code: orm.AbstractCode
    models: Mapping[str, PotentialData]
    atoms: Atoms
    temperature: float = 60.0
    timestep: float = 4.0
    steps: int = 800
    pressures: tuple[float, float] = (8_000.0, 20_000.0)
    cpu_seconds: int = 20

    def inputs(
        self,
        *,
        models: Mapping[str, PotentialData] | None = None,
        atoms: Atoms | None = None,
        seed: int = 5,
        window: Mapping[str, float] | None = None,
        prepend_text: str = "",
        **conditions: Any,
    ) -> dict[str, Any]:
        """Return the inputs of a short NVT run, or of another."""
        timestep = conditions.get("timestep", self.timestep)
        values = {
            "ensemble": "nvt",
            "temperature": self.temperature,
            "timestep": timestep,
            "steps": 2 * STRIDE,
            "stride": STRIDE,
            "thermostat_damping": 25 * timestep,
            "barostat_damping": 250 * timestep,
        }
        inputs = {
            "code": self.code,
            "structure": orm.StructureData(ase=self.atoms if atoms is None else atoms),
            "models": dict(self.models if models is None else models),
            "conditions": orm.Dict({"structure": "start", "conditions": values | conditions, "seed": seed}),
            "metadata": {"options": {"prepend_text": prepend_text}},
        }
        return inputs if window is None else inputs | {"window": orm.Dict(dict(window))}

    def load(self, key: str, folder: Path) -> Potential:
        """Return a model, ready to predict; its files go into the folder."""
        self.models[key].copy_to(folder)
        return self.models[key].implementation.load(folder)


Run = Callable[..., orm.CalcJobNode]
"""Run the sampler: ``models``, ``atoms``, ``seed``, ``window`` and ``prepend_text``, else fields of ``Conditions``."""


class SamplerRuns:
    """Base of the suite: runs, each done once a class."""

    NAME: ClassVar[str]
    """Tail of the entry point ``nnpgen.samplers.<name>``."""

    @pytest.fixture(scope="class")
    def case(self) -> SamplerCase:
        """Return what is run; a subclass overrides this."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    def run(self, case: SamplerCase) -> Run:
        """Return a function that runs the sampler, once for equal arguments."""
        done: dict[str, orm.CalcJobNode] = {}

        def run_once(**changes: Any) -> orm.CalcJobNode:
            # The text of a structure tells nothing of where its atoms are.
            atoms = changes.get("atoms")
            key = repr((sorted(changes.items()), None if atoms is None else atoms.positions.tolist()))
            if key not in done:
                _, done[key] = run_get_node(self._calculation(), **case.inputs(**changes))
            return done[key]

        return run_once

    @pytest.fixture(scope="class")
    def loaded(self, case: SamplerCase, tmp_path_factory: pytest.TempPathFactory) -> list[Potential]:
        """Return the models, ready to predict."""
        return [case.load(key, tmp_path_factory.mktemp(key)) for key in sorted(case.models)]

    def _calculation(self) -> Any:
        return CalculationFactory(f"nnpgen.samplers.{self.NAME}")

    def _need(self, case: SamplerCase, **changes: Any) -> None:
        """Skip a test of conditions that the sampler refuses, as it may."""
        try:
            self._calculation().check_conditions(Conditions(**case.inputs(**changes)["conditions"]["conditions"]))
        except InputError as exception:
            pytest.skip(str(exception))

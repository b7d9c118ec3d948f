"""Run molecular dynamics with a committee of models in ASE, and measure on the way how far it disagrees.

``config.json`` holds the fields of :class:`SampleConfig`; what else is read and left is told in :mod:`.dynamics`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ase import Atoms

from ..common.dynamics import Conditions
from ..models import registry
from ..models.calculator import CommitteeCalculator
from ..screening.deviation import max_force_deviation
from .config import build
from .dynamics import run
from .files import read_config

__all__ = ["SampleConfig", "main"]


@dataclass(frozen=True, kw_only=True)
class SampleConfig:
    """Configuration of the job.

    :ivar backend: import path of the back end.
    :ivar models: subfolders with the models; the first drives.
    :ivar conditions: fields of :class:`~..common.dynamics.Conditions`.
    :ivar seed: seed of velocities and Langevin noise.
    :ivar cutoff: Å, of the models, within which each atom must have a neighbour; None: that is not asked for.
    """

    backend: str
    models: Sequence[str]
    conditions: Mapping[str, object]
    seed: int
    cutoff: float | None = None


def main(folder: Path) -> None:
    """Run the job and leave trajectory and result in its folder.

    A lone model has no deviation, so that ``halt_deviation`` cannot act: the run goes on without it.

    :raises InputError: if the configuration asks for what cannot be done.
    :raises OutputError: if the start structure itself cannot be evaluated.
    """
    config = build(SampleConfig, read_config(folder), "config.json")
    conditions = build(Conditions, config.conditions, "config.json, conditions")
    backend = registry.load_path(config.backend)
    committee = CommitteeCalculator([backend.load(folder / name) for name in config.models])
    if len(config.models) == 1:
        run(folder, committee, replace(conditions, halt_deviation=None), config.seed, cutoff=config.cutoff)
        return

    def deviation(atoms: Atoms) -> float:
        return float(max_force_deviation(committee.committee_forces(atoms)[:, None])[0])

    run(folder, committee, conditions, config.seed, deviation, config.cutoff)

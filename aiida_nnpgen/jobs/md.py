"""Run molecular dynamics with an ASE calculator as the reference method.

``config.json`` holds the fields of :class:`MdConfig`; what else is read and left is told in :mod:`.dynamics`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ..common.dynamics import Conditions
from ..dft.ase.calculator import load_calculator
from .config import build
from .dynamics import run
from .files import read_config

__all__ = ["MdConfig", "main"]


@dataclass(frozen=True, kw_only=True)
class MdConfig:
    """Configuration of the job.

    :ivar calculator: import path of the calculator's class.
    :ivar conditions: fields of :class:`~..common.dynamics.Conditions`.
    :ivar seed: seed of velocities and Langevin noise.
    :ivar keywords: keyword arguments of the calculator.
    """

    calculator: str
    conditions: Mapping[str, object]
    seed: int
    keywords: Mapping[str, object] = field(default_factory=dict)


def main(folder: Path) -> None:
    """Run the job and leave trajectory and result in its folder.

    :raises InputError: if the configuration asks for what cannot be done.
    :raises OutputError: if the start structure itself cannot be evaluated.
    """
    config = build(MdConfig, read_config(folder), "config.json")
    conditions = build(Conditions, config.conditions, "config.json, conditions")
    run(folder, load_calculator(config.calculator, config.keywords), conditions, config.seed)

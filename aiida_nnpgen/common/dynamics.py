"""Conditions of a molecular dynamics run, and what came of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from .exceptions import InputError
from .frames import Frames
from .types import Ensemble, PressureCoupling, RunEnd, Thermostat

__all__ = ["Conditions", "MdRun", "RunReport"]


@dataclass(frozen=True, kw_only=True)
class Conditions:
    """Conditions of one run.

    :ivar ensemble: NVT, NPT or NEMD.
    :ivar temperature: K.
    :ivar timestep: fs.
    :ivar steps: number of time steps.
    :ivar stride: steps between two frames; the deviation is evaluated there too.
    :ivar pressure: bar, NPT only.
    :ivar coupling: cell parameters that the barostat moves, NPT only.
    :ivar volume_ratio: final over initial volume, NEMD only; below 1 compresses, above 1 expands.
    :ivar thermostat: how the temperature is controlled.
    :ivar thermostat_damping: fs.
    :ivar barostat_damping: fs.
    :ivar halt_deviation: largest force deviation in eV/Å at which a run is hopeless and stops; None: never.
    :ivar max_temperature: K; above it a frame is unphysical.
    """

    ensemble: Ensemble
    temperature: float
    timestep: float
    steps: int
    stride: int
    pressure: float | None = None
    coupling: PressureCoupling = PressureCoupling.ISO
    volume_ratio: float | None = None
    thermostat: Thermostat = Thermostat.NOSE_HOOVER
    thermostat_damping: float = 100.0
    barostat_damping: float = 1000.0
    halt_deviation: float | None = None
    max_temperature: float = 10_000.0

    def __post_init__(self) -> None:
        for name, kind in (
            ("ensemble", Ensemble),
            ("coupling", PressureCoupling),
            ("thermostat", Thermostat),
        ):
            object.__setattr__(self, name, kind(getattr(self, name)))
        for name in ("temperature", "timestep", "steps", "stride", "thermostat_damping", "barostat_damping"):
            if not getattr(self, name) > 0:
                raise InputError(f"`{name}` must be positive, not `{getattr(self, name)}`")
        if self.halt_deviation is not None and not self.halt_deviation > 0:
            raise InputError(f"`halt_deviation` must be positive, not `{self.halt_deviation}`")
        if self.max_temperature <= self.temperature:
            raise InputError(f"`max_temperature` ({self.max_temperature} K) must exceed the temperature")
        if (self.ensemble is Ensemble.NPT) != (self.pressure is not None):
            raise InputError(f"`pressure` belongs to npt and to it alone, not to {self.ensemble.value}")
        if (self.ensemble is Ensemble.NEMD) != (self.volume_ratio is not None):
            raise InputError(f"`volume_ratio` belongs to nemd and to it alone, not to {self.ensemble.value}")
        if self.volume_ratio is not None and not (self.volume_ratio > 0 and self.volume_ratio != 1):
            raise InputError(f"`volume_ratio` must be positive and other than 1, not `{self.volume_ratio}`")

    @property
    def n_frames(self) -> int:
        """Return how many configurations a dynamics computes so that it ends with a frame that is kept."""
        return self.steps // self.stride * self.stride + 1


@dataclass(frozen=True, kw_only=True)
class RunReport:
    """How a molecular dynamics run ended, whatever code did it: the content of every node called ``report``.

    :ivar end: how the run ended.
    :ivar message: one sentence for the user.
    :ivar n_frames: good frames.
    :ivar last_step: time step of the last good frame; 0 if there is none.
    :ivar failure_time: time in fs of the first sign of failure; None if there was none.
    :ivar n_left_out: frames between the good ones that are none, such as labels whose solution did not converge.
    """

    end: RunEnd
    message: str
    n_frames: int
    last_step: int
    failure_time: float | None = None
    n_left_out: int = 0

    def to_dict(self) -> dict[str, object]:
        """Return the report as plain values."""
        return asdict(self) | {"end": self.end.value}


@dataclass(frozen=True, kw_only=True)
class MdRun:
    """What a run gave.

    Only the good part is kept: every array ends before the first frame that failed.

    :ivar frames: good frames, with energies (eV) and forces (eV/Å) of the driving model or the reference method.
    :ivar steps: step of each good frame, (n_frames,).
    :ivar end: how the run ended.
    :ivar message: one sentence for the user.
    :ivar failure_time: time in fs of the first sign of failure; None if there was none.
    :ivar deviation: committee force deviation of each good frame in eV/Å, (n_frames,); None where none was measured.
    :ivar thermo: further columns per good frame: ``temperature`` (K), ``potential_energy``, ``kinetic_energy`` and
        ``total_energy`` (eV), ``pressure`` (bar), ``volume`` (Å³).
    :ivar n_left_out: frames between the good ones that are none.
    """

    frames: Frames
    steps: NDArray[np.int64]
    end: RunEnd
    message: str
    failure_time: float | None = None
    deviation: NDArray[np.float64] | None = None
    thermo: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    n_left_out: int = 0

    def report(self) -> RunReport:
        """Return how the run ended."""
        return RunReport(
            end=self.end,
            message=self.message,
            n_frames=len(self.frames),
            last_step=int(self.steps[-1]) if len(self.steps) else 0,
            failure_time=self.failure_time,
            n_left_out=self.n_left_out,
        )

"""Conditions of a molecular dynamics run, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from .contacts import check_contact_limits
from .exceptions import InputError
from .frames import Frames
from .text import printable
from .types import Ensemble, PressureCoupling, RunEnd, Thermostat

__all__ = ["Conditions", "MdRun", "Part", "RunReport", "join_parts"]


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
    :ivar volume_range: lowest and highest volume of a sane frame, relative to the start; None: any.
    :ivar length_range: the same for each width of the cell.
    :ivar max_energy_change: eV/atom by which the potential energy of a sane frame lies above or below that of the
        start; None: any.
    :ivar allow_lone_atoms: whether an atom may be without any neighbour inside the cutoff of the model.
    :ivar torn_bond: multiple of the sum of covalent radii beyond which a bond of the start is torn; None: it may be.
    :ivar overlap: fraction of that sum below which two atoms overlap; None: they may.

    With ``volume_ratio``, what is relative to the start is so to what the strain makes of it at that time.
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
    volume_range: tuple[float, float] | None = (0.25, 4.0)
    length_range: tuple[float, float] | None = (0.25, 4.0)
    max_energy_change: float | None = 5.0
    allow_lone_atoms: bool = False
    torn_bond: float | None = None
    overlap: float | None = None

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
        for name in ("halt_deviation", "max_energy_change"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InputError(f"`{name}` must be positive, not `{value}`")
        check_contact_limits(self.torn_bond, self.overlap)
        for name in ("volume_range", "length_range"):
            self._check_range(name)
        if self.max_temperature <= self.temperature:
            raise InputError(f"`max_temperature` ({self.max_temperature} K) must exceed the temperature")
        if (self.ensemble is Ensemble.NPT) != (self.pressure is not None):
            raise InputError(f"`pressure` belongs to npt and to it alone, not to {self.ensemble.value}")
        if (self.ensemble is Ensemble.NEMD) != (self.volume_ratio is not None):
            raise InputError(f"`volume_ratio` belongs to nemd and to it alone, not to {self.ensemble.value}")
        if self.volume_ratio is not None and not (self.volume_ratio > 0 and self.volume_ratio != 1):
            raise InputError(f"`volume_ratio` must be positive and other than 1, not `{self.volume_ratio}`")

    def _check_range(self, name: str) -> None:
        """Make a tuple of a range, which comes as a list from a checkpoint; the start must lie in it."""
        values = getattr(self, name)
        if values is None:
            return
        if len(values) != 2 or not 0 <= values[0] < 1 < values[1]:
            raise InputError(f"`{name}` must be two numbers around 1, relative to the start, not `{values}`")
        object.__setattr__(self, name, tuple(float(value) for value in values))

    def length_factor(self, step: int) -> float:
        """Return the length of the cell's edges at a step, relative to the start, as far as it is prescribed."""
        if self.volume_ratio is None:
            return 1.0
        return 1 + (float(self.volume_ratio ** (1 / 3)) - 1) * step / self.steps

    @property
    def n_frames(self) -> int:
        """Return how many configurations a dynamics computes so that it ends with a frame that is kept."""
        return self.steps // self.stride * self.stride + 1

    @property
    def n_kept(self) -> int:
        """Return how many frames a run that ends well leaves, the start among them."""
        return self.steps // self.stride + 1


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
        return asdict(self) | {"end": self.end.value, "message": printable(self.message)}


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
    :ivar makers: number of the job that gave each good frame, (n_frames,); None where one job gave them all.
    """

    frames: Frames
    steps: NDArray[np.int64]
    end: RunEnd
    message: str
    failure_time: float | None = None
    deviation: NDArray[np.float64] | None = None
    thermo: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    n_left_out: int = 0
    makers: NDArray[np.int64] | None = None

    def cut(self, row: int, *, end: RunEnd, message: str, failure_time: float) -> MdRun:
        """Return the run up to a frame that turned out to be bad, which and what follows is left out.

        :param row: of the first bad frame; the rest as in :class:`MdRun`.
        """
        return replace(
            self,
            frames=self.frames[:row],
            steps=self.steps[:row],
            deviation=None if self.deviation is None else self.deviation[:row],
            thermo={name: column[:row] for name, column in self.thermo.items()},
            makers=None if self.makers is None else self.makers[:row],
            end=end,
            message=message,
            failure_time=failure_time,
        )

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


@dataclass(frozen=True, kw_only=True)
class Part:
    """What one of the jobs of a dynamics gave.

    :ivar frames: good frames; None: not one.
    :ivar steps: time step of each, counted from the start of the dynamics, (n_frames,).
    :ivar problems: what is wrong with the time steps between them that are none.
    """

    frames: Frames | None
    steps: NDArray[np.int64]
    problems: Mapping[int, str] = field(default_factory=dict)

    @property
    def known(self) -> list[int]:
        """Return the time steps of which something is known, in order."""
        return sorted([*self.steps.tolist(), *self.problems])


def join_parts(
    parts: Sequence[Part], *, timestep: float, last_step: int, stride: int = 1, end: RunEnd, message: str
) -> MdRun:
    """Return the dynamics that consecutive jobs make together, each time step once.

    A job that was killed may have gone on after its last restart file; the job that followed did those steps again,
    and what came after belongs to its steps.

    :param timestep: fs.
    :param last_step: time step with which the dynamics is complete; what comes later is dropped.
    :param stride: every so many time steps there is a frame; others are dropped.
    :param end: how the last job ended, and ``message`` why; a dynamics that is complete without a frame is unphysical.
    """
    kept, steps, makers = [], [], []
    problems: dict[int, str] = {}
    limit, known = np.inf, [step for part in parts for step in part.known]
    for number, part in reversed(list(enumerate(parts))):
        chosen = np.flatnonzero((part.steps < limit) & (part.steps % stride == 0) & (part.steps <= last_step))
        if part.frames is not None and len(chosen):
            kept.append(part.frames[chosen])
            steps.append(part.steps[chosen])
            makers.append(np.full(len(chosen), number))
        problems |= {step: why for step, why in part.problems.items() if step < limit and step % stride == 0}
        limit = min([limit, *part.known])
    if end is RunEnd.COMPLETED and not kept:
        end = RunEnd.UNPHYSICAL
    if problems:
        counts = Counter(problems.values())
        message += f"; left out: {', '.join(f'{count} {why}' for why, count in sorted(counts.items()))}"
    return MdRun(
        frames=Frames.concatenate(kept[::-1]) if kept else _NO_FRAMES,
        steps=np.concatenate([_NO_STEPS, *steps[::-1]]),
        end=end,
        message=message,
        failure_time=min(problems, default=max(known, default=-1) + 1) * timestep if end.is_failure else None,
        n_left_out=len(problems),
        makers=np.concatenate([_NO_STEPS, *makers[::-1]]),
    )


_NO_STEPS = np.zeros(0, dtype=np.int64)
_NO_FRAMES = Frames(numbers=_NO_STEPS, positions=np.zeros((0, 0, 3)), cells=np.zeros((0, 3, 3)))

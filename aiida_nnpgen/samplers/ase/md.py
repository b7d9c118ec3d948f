"""Molecular dynamics in ASE, driven by any calculator: a reference method or a potential."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator, CalculatorError
from numpy.typing import NDArray

from ...common.calculators import evaluate
from ...common.dynamics import Conditions, MdRun
from ...common.exceptions import InputError, OutputError, UnphysicalError
from ...common.frames import Frames
from ...common.ranges import RangeJudge
from ...common.types import RunEnd
from ...common.units import BAR, KB
from .integrators import check_abilities, degrees_of_freedom, make_dynamics

__all__ = ["THERMO", "MdFrame", "assemble_run", "run_md"]

THERMO = ("temperature", "potential_energy", "kinetic_energy", "total_energy", "pressure", "volume")
"""Columns of :attr:`MdRun.thermo`, in order."""

# What calculators raise on a start that cannot be evaluated; a wrong argument is none of it.
_BAD_START = (CalculatorError, RuntimeError, ArithmeticError, np.linalg.LinAlgError)

# Once the start was evaluated an error is the fault of the structure, unless it says that the machine is to blame.
_MACHINE = (MemoryError, OSError)
_OUT_OF_MEMORY = re.compile(r"out of memory|\bOOM\b|failed to allocate|cannot allocate", re.IGNORECASE)


_Fault = tuple[RunEnd, str]


@dataclass(frozen=True, kw_only=True)
class MdFrame:
    """One frame of a run.

    :ivar step: number of the time step.
    :ivar positions: Å, unwrapped, (n_atoms, 3).
    :ivar cell: Å, (3, 3).
    :ivar forces: eV/Å, (n_atoms, 3).
    :ivar stress: eV/Å³, tension positive, without the ionic kinetic part, (6,); NaN where the calculator gives none.
    :ivar thermo: values of the columns :data:`THERMO`, (6,).
    :ivar deviation: committee force deviation in eV/Å; None where none is measured.
    """

    step: int
    positions: NDArray[np.float64]
    cell: NDArray[np.float64]
    forces: NDArray[np.float64]
    stress: NDArray[np.float64]
    thermo: NDArray[np.float64]
    deviation: float | None = None


def run_md(
    atoms: Atoms,
    calculator: BaseCalculator,
    conditions: Conditions,
    seed: int,
    *,
    on_frame: Callable[[MdFrame], None] | None = None,
    deviation: Callable[[Atoms], float] | None = None,
    cutoff: float | None = None,
) -> MdRun:
    """Run molecular dynamics and return its good part.

    Velocities are drawn anew, without drift, at exactly the temperature asked for.

    :param atoms: start structure, left unchanged.
    :param calculator: gives energy and forces; stress too for NPT.
    :param conditions: what to run.
    :param seed: seed of velocities and Langevin noise.
    :param on_frame: called with each good frame as soon as it is there, so that a killed run leaves something.
    :param deviation: committee force deviation of a structure in eV/Å.
    :param cutoff: Å, of the model, within which each atom must have a neighbour; None: that is not asked for.
    :raises InputError: if the conditions ask for what this sampler, the calculator or a lone model cannot do.
    :raises OutputError: if the start structure itself cannot be evaluated.
    :raises MemoryError: if there is too little of it.
    """
    check_abilities(conditions)
    if conditions.halt_deviation is not None and deviation is None:
        raise InputError(
            f"`halt_deviation` ({conditions.halt_deviation} eV/Å) needs a committee: leave it out for a lone calculator"
        )
    system = Atoms(numbers=atoms.numbers, positions=atoms.positions, cell=atoms.cell, pbc=True)
    system.calc = calculator
    generator = np.random.default_rng(seed)
    _draw_velocities(system, conditions.temperature, generator)
    _check_start(system, needs_stress=conditions.pressure is not None)
    judge = RangeJudge(conditions, system, system.get_potential_energy(), cutoff)
    frames: list[MdFrame] = []
    end, message, failure_time = RunEnd.COMPLETED, f"all {conditions.steps} steps done", None
    integration = make_dynamics(system, conditions, generator).irun(conditions.steps)
    for step in range(conditions.steps + 1):
        frame, fault = _attempt(integration, system, judge, step, deviation)
        if fault is not None:
            end, failure_time = fault[0], step * conditions.timestep
            message = f"{fault[1]} at {failure_time:g} fs"
            break
        if frame is not None:
            frames.append(frame)
            if on_frame is not None:
                on_frame(frame)
    return assemble_run(system.numbers, frames, end, message, failure_time)


def assemble_run(
    numbers: NDArray[np.int64], frames: Sequence[MdFrame], end: RunEnd, message: str, failure_time: float | None
) -> MdRun:
    """Return a run from its good frames and its end."""
    deviation = [frame.deviation for frame in frames if frame.deviation is not None]
    n_frames, n_atoms = len(frames), len(numbers)
    thermo = np.array([frame.thermo for frame in frames]).reshape(n_frames, len(THERMO))
    stresses = np.array([frame.stress for frame in frames]).reshape(n_frames, 6)
    return MdRun(
        frames=Frames(
            numbers=numbers,
            positions=np.array([frame.positions for frame in frames]).reshape(n_frames, n_atoms, 3),
            cells=np.array([frame.cell for frame in frames]).reshape(n_frames, 3, 3),
            energies=thermo[:, THERMO.index("potential_energy")].copy(),
            forces=np.array([frame.forces for frame in frames]).reshape(n_frames, n_atoms, 3),
            stresses=None if np.all(np.isnan(stresses)) else stresses,
        ),
        steps=np.array([frame.step for frame in frames], dtype=np.int64),
        deviation=np.array(deviation) if deviation else None,
        thermo={name: thermo[:, column].copy() for column, name in enumerate(THERMO)},
        end=end,
        message=message,
        failure_time=failure_time,
    )


def _check_start(system: Atoms, *, needs_stress: bool) -> None:
    try:
        energy, forces, stress = evaluate(system, system.calc)
    except _BAD_START as exception:
        raise OutputError(f"the calculator fails on the start structure: {exception}") from exception
    if not (np.isfinite(energy) and np.all(np.isfinite(forces))):
        raise UnphysicalError(f"the start structure has energy `{energy}` eV or forces that are not finite")
    if needs_stress and not np.all(np.isfinite(stress)):
        raise InputError(f"`npt` needs stress, which `{type(system.calc).__name__}` does not give: use `nvt`")


def _draw_velocities(system: Atoms, temperature: float, generator: np.random.Generator) -> None:
    masses = system.get_masses()[:, None]
    velocities = generator.normal(size=(len(system), 3)) / np.sqrt(masses)
    if len(system) > 1:
        velocities -= (masses * velocities).sum(axis=0) / masses.sum()
    system.set_velocities(velocities)
    system.set_velocities(velocities * np.sqrt(temperature / _temperature(system)))


def _temperature(system: Atoms) -> float:
    """Return the temperature in K, with the centre of mass at rest."""
    return float(2 * system.get_kinetic_energy() / (degrees_of_freedom(len(system)) * KB))


def _attempt(
    integration: Iterator[bool],
    system: Atoms,
    judge: RangeJudge,
    step: int,
    deviation: Callable[[Atoms], float] | None,
) -> tuple[MdFrame | None, _Fault | None]:
    """Do one step; return its frame, if there is to be one, or what went wrong.

    :raises MemoryError: if there is too little of it.
    """
    conditions = judge.conditions
    try:
        fault = _advance(integration, system, judge, step)
        if fault is not None or step % conditions.stride:
            return None, fault
        frame = _record(system, step, deviation)
        return frame, _judge(frame, conditions.halt_deviation, judge)
    except _MACHINE:
        raise
    except Exception as exception:
        text = " ".join(str(exception).split())
        if _OUT_OF_MEMORY.search(text):
            raise MemoryError(text) from exception
        return None, (
            RunEnd.UNPHYSICAL,
            f"the calculator or the integrator failed ({type(exception).__name__}: {text})",
        )


def _advance(integration: Iterator[bool], system: Atoms, judge: RangeJudge, step: int) -> _Fault | None:
    """Do one step, the first time none; return what went wrong."""
    next(integration)
    energy, temperature = system.get_potential_energy(), _temperature(system)
    if not (np.isfinite(energy) and np.isfinite(temperature) and np.all(np.isfinite(system.positions))):
        return RunEnd.NOT_FINITE, "energy, temperature or positions are not finite"
    values = {"temperature": temperature, "potential_energy": energy, "volume": system.get_volume()}
    fault = judge.judge_thermo(step, values)
    return None if fault is None else (RunEnd.UNPHYSICAL, fault)


def _record(system: Atoms, step: int, deviation: Callable[[Atoms], float] | None) -> MdFrame:
    energy, forces, stress = evaluate(system, system.calc)
    kinetic, volume = system.get_kinetic_energy(), system.get_volume()
    pressure = (2 * kinetic / volume - stress[:3].sum()) / 3 / BAR
    return MdFrame(
        step=step,
        positions=system.positions.copy(),
        cell=np.array(system.cell),
        forces=forces,
        stress=stress,
        deviation=None if deviation is None else float(deviation(system.copy())),
        thermo=np.array([_temperature(system), energy, kinetic, energy + kinetic, pressure, volume]),
    )


def _judge(frame: MdFrame, halt_deviation: float | None, judge: RangeJudge) -> _Fault | None:
    if not np.all(np.isfinite(frame.forces)):
        return RunEnd.NOT_FINITE, "forces are not finite"
    fault = judge.judge_geometry(frame.step, frame.positions, frame.cell)
    if fault is not None:
        return RunEnd.UNPHYSICAL, fault
    if frame.deviation is None:
        return None
    if not 0 < frame.deviation < np.inf:
        return RunEnd.NOT_FINITE, f"the deviation is `{frame.deviation}`"
    if halt_deviation is not None and frame.deviation >= halt_deviation:
        return RunEnd.HALTED, f"the deviation of {frame.deviation:.3g} eV/Å reaches {halt_deviation:g} eV/Å"
    return None

"""What came of a LAMMPS run: join its tables, find the first sign of failure, keep what lies before it.

MD with a poor potential fails in ways that the exit code does not show: the code stops because atoms are lost, or goes
on without them; temperature and deviation grow beyond sense; or the coordinates stop to be numbers, after which
some pair styles write a deviation of zero, which looks like perfect agreement.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from ...common.dynamics import Conditions, MdRun
from ...common.exceptions import OutputError
from ...common.frames import Frames
from ...common.ranges import RangeJudge
from ...common.types import RunEnd
from .cell import RestrictedCell
from .input import FILENAME_DUMP, FILENAME_LOG
from .tables import Dump, Log, read_deviation, read_dump, read_log

__all__ = ["FILENAMES_OUTPUT", "read_run"]

FILENAMES_OUTPUT = (FILENAME_LOG, FILENAME_DUMP)
"""What must be retrieved, beside the table of deviations where there is one."""

_THERMO = ("temperature", "potential_energy", "kinetic_energy", "total_energy", "pressure", "volume")
_OUTSIDE = re.compile(
    r"out of memory|bad_alloc|\bOOM\b|resource ?exhausted|failed to (re)?allocate|cannot (re)?allocate"
    r"|no space left|quota exceeded|input/output error|error writing|cannot (open|write|create)|\bMPI_|\bCUDA error",
    re.IGNORECASE,
)
"""Errors for which the machine is to blame; a run that has begun makes any other by running away."""
_ENDS = {RunEnd.LOST_ATOMS: re.compile(r"Lost atoms"), RunEnd.NOT_FINITE: re.compile(r"Non-numeric|\bnan\b")}
"""Errors that have an end of their own."""

_SAME_VOLUME = 1e-6
"""Relative difference of a volume in the log, which has 15 digits, and that of a cell in the dump."""

_Sign = tuple[int, RunEnd, str]


def read_run(
    folder: Path,
    conditions: Conditions,
    structure: Atoms,
    deviation_file: str | None = None,
    force_column: int = 0,
    screen: str | None = None,
) -> MdRun:
    """Read a run, whatever became of it.

    Atoms are in the order and orientation of the structure, unwrapped, also when the barostat changes the cell.

    :param folder: where the output files are.
    :param conditions: those that the input was written for.
    :param structure: the one that the run started from.
    :param deviation_file: table that the pair style wrote, None where a lone model ran.
    :param force_column: column of the largest force deviation in it, counted from 0.
    :param screen: name of the file with the screen output; errors of single MPI ranks may be found only there.
    :return: frames may be none, if the run failed or was cut before the first.
    :raises OutputError: if there is no log, or LAMMPS refused to start.
    """
    if not (folder / FILENAME_LOG).is_file():
        raise OutputError(f"`{FILENAME_LOG}` is missing: LAMMPS did not start; see its screen output")
    log = read_log(folder / FILENAME_LOG)
    if not any((folder / name).stat().st_size for name in (FILENAME_LOG, screen) if name and (folder / name).is_file()):
        raise OutputError(
            f"`{FILENAME_LOG}` is empty: there was no room on the disk, or LAMMPS was ended as soon as it began"
        )
    if screen is not None:
        log.errors += read_log(folder / screen).errors
    if log.errors and not log.rows:
        raise OutputError(f"LAMMPS stopped before the first step: `{log.errors[0]}`")
    dump = read_dump(folder / FILENAME_DUMP, len(structure))
    deviation = read_deviation(folder / deviation_file, force_column) if deviation_file else None

    failure = _failure(log, dump, deviation, conditions, structure)
    steps = _good_steps(log, dump, deviation, conditions, None if failure is None else failure[0])
    end, message = _verdict(log, failure, steps, conditions)
    frames = _frames(dump, log, steps, structure, conditions)
    thermo = {name: _column(log, steps, index) for index, name in enumerate(_THERMO)}
    return MdRun(
        frames=frames,
        steps=steps,
        deviation=None if deviation is None else np.array([deviation[step] for step in steps.tolist()]),
        thermo=thermo | {"volume": frames.volumes},
        end=end,
        message=message,
        failure_time=None if failure is None else failure[0] * conditions.timestep,
    )


def _failure(
    log: Log, dump: Dump, deviation: dict[int, float] | None, conditions: Conditions, structure: Atoms
) -> _Sign | None:
    """Return the step of the first sign of failure, and how and why the run ended for it."""
    signs = [
        *_dump_signs(dump),
        *_thermo_signs(log, conditions, structure),
        *_deviation_signs(deviation or {}, conditions),
    ]
    if log.halt_step is not None:
        signs.append((log.halt_step, RunEnd.HALTED, "the force deviation was hopeless"))
    if log.insane_step is not None:
        signs.append((log.insane_step, RunEnd.UNPHYSICAL, "temperature, volume or energy left its range"))
    within = [sign for sign in signs if 0 <= sign[0] <= conditions.steps]
    first = min(within, key=lambda sign: sign[0], default=None)
    stop = _stop(log, conditions)
    if stop is None:
        return first
    if first is None:
        return stop
    return min(first[0], stop[0]), stop[1], stop[2]


def _stop(log: Log, conditions: Conditions) -> _Sign | None:
    """Return how the run was stopped by an error of LAMMPS that is no fault of the machine, if it was."""
    last = max((step for step in log.rows if step <= conditions.steps), default=0)
    if not log.errors or _OUTSIDE.search(log.errors[0]) or last >= conditions.steps:
        return None
    error = next((error for error in log.errors if _end_of(error) is not RunEnd.UNPHYSICAL), log.errors[0])
    return min(last + conditions.stride, conditions.steps), _end_of(error), f"LAMMPS stopped: {error}"


def _end_of(error: str) -> RunEnd:
    return next((end for end, pattern in _ENDS.items() if pattern.search(error)), RunEnd.UNPHYSICAL)


def _thermo_signs(log: Log, conditions: Conditions, structure: Atoms) -> list[_Sign]:
    signs: list[_Sign] = []
    start = log.rows.get(0)
    if start is None:
        return signs
    judge = RangeJudge(conditions, structure, start[_THERMO.index("potential_energy")])
    for step, row in log.rows.items():
        if not np.isfinite(row).all():
            signs.append((step, RunEnd.NOT_FINITE, "temperature, energy or pressure is no number"))
        elif fault := judge.judge_thermo(step, dict(zip(_THERMO, row, strict=True))):
            signs.append((step, RunEnd.UNPHYSICAL, fault))
    return signs


def _dump_signs(dump: Dump) -> list[_Sign]:
    signs: list[_Sign] = [
        (step, RunEnd.NOT_FINITE, "positions, forces or cell are no numbers")
        for step, cell, values in zip(dump.steps, dump.cells, dump.values, strict=True)
        if not (np.isfinite(values).all() and np.isfinite(cell).all())
    ]
    if dump.missing_step is not None:
        signs.append((dump.missing_step, RunEnd.MISSING_ATOMS, "LAMMPS went on with fewer atoms"))
    return signs


def _deviation_signs(deviation: dict[int, float], conditions: Conditions) -> list[_Sign]:
    signs: list[_Sign] = []
    limit = np.inf if conditions.halt_deviation is None else conditions.halt_deviation
    for step, value in deviation.items():
        if not np.isfinite(value):
            signs.append((step, RunEnd.NOT_FINITE, "the force deviation is no number, or zero everywhere"))
        elif value >= limit:
            signs.append((step, RunEnd.UNPHYSICAL, f"the force deviation reached {value:.3g} eV/Å"))
    return signs


def _good_steps(
    log: Log, dump: Dump, deviation: dict[int, float] | None, conditions: Conditions, failed_step: int | None
) -> NDArray[np.int64]:
    """Return the steps, without gap, that all tables have and that lie before the failure."""
    known = {
        step
        for step, cell in zip(dump.steps, dump.cells, strict=True)
        if step in log.rows and not _contradicts(cell, log.rows[step][_THERMO.index("volume")])
    }
    if deviation is not None:
        known &= set(deviation)
    good = []
    for step in range(0, conditions.steps + 1, conditions.stride):
        if step not in known or (failed_step is not None and step >= failed_step):
            break
        good.append(step)
    return np.array(good, dtype=np.int64)


def _contradicts(cell: NDArray[np.float64], volume: float) -> bool:
    """Return whether a cell of the dump does not have the volume in the log."""
    with np.errstate(over="ignore", invalid="ignore"):
        found = abs(float(np.prod(np.diag(cell))))
    return abs(found - volume) > _SAME_VOLUME * volume


def _verdict(log: Log, failure: _Sign | None, steps: NDArray[np.int64], conditions: Conditions) -> tuple[RunEnd, str]:
    """Return how the run ended and a sentence on it."""
    if failure is not None:
        step, end, reason = failure
        if log.halt_step is not None and end is RunEnd.UNPHYSICAL:
            end, reason = RunEnd.HALTED, f"{reason} and the run was stopped at step {log.halt_step}"
        return end, f"Failed at step {step} of {conditions.steps}: {reason}."
    if len(steps) == conditions.n_kept:
        return RunEnd.COMPLETED, f"All {conditions.steps} steps done."
    reached = f"after step {steps[-1]} of {conditions.steps}" if len(steps) else "before the first frame"
    reason = f": {log.errors[0]}" if log.errors else "."
    return RunEnd.INTERRUPTED, f"Cut {reached}{reason}"


def _frames(dump: Dump, log: Log, steps: NDArray[np.int64], structure: Atoms, conditions: Conditions) -> Frames:
    """Return the frames at some steps in the orientation of the structure."""
    restricted = RestrictedCell.from_cell(structure.cell)
    index = {step: row for row, step in enumerate(dump.steps)}
    rows = [index[step] for step in steps.tolist()]
    values = np.array([dump.values[row] for row in rows]).reshape(len(rows), len(structure), 6)
    cells = np.array([dump.cells[row] for row in rows]).reshape(len(rows), 3, 3)
    factor = _last_strain(steps, conditions)[:, None, None]
    centre = np.diag(restricted.cell) / 2
    return Frames(
        numbers=structure.numbers,
        positions=restricted.rotate_back(centre + (values[..., :3] - centre) / factor),
        cells=restricted.restore_cells(cells / factor),
        energies=_column(log, steps, _THERMO.index("potential_energy")),
        forces=restricted.rotate_back(values[..., 3:]),
    )


def _last_strain(steps: NDArray[np.int64], conditions: Conditions) -> NDArray[np.float64]:
    """Return by which factor the box was scaled at each step after the forces were computed, (n_frames,).

    LAMMPS deforms the box at the end of a step, about its centre, and dumps then; taking that back gives the
    configuration to which energy and forces belong.
    """
    if conditions.volume_ratio is None:
        return np.ones(len(steps))
    rate = (conditions.volume_ratio ** (1 / 3) - 1) / conditions.steps
    return np.where(steps > 0, (1 + rate * steps) / (1 + rate * (steps - 1)), 1.0)


def _column(log: Log, steps: NDArray[np.int64], index: int) -> NDArray[np.float64]:
    return np.array([log.rows[step][index] for step in steps.tolist()], dtype=np.float64)

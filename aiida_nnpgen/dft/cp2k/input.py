"""Inputs of CP2K: a batch of frames as one REFTRAJ run, or dynamics at constant volume and temperature.

Found by running CP2K 2023.1: in a REFTRAJ run frame number i is step i (there is no step 0), the grid follows the cell
of each frame, and with a new guess for each frame no frame depends on those before it.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ...common.dynamics import Conditions
from ...common.exceptions import InputError
from ...common.frames import Frames
from ...common.types import Thermostat
from ..method import Method
from .method import force_eval
from .tree import Tree, overlay, render

__all__ = ["CELLS", "FRAMES", "INPUT", "PROJECT", "STDOUT", "write_batch", "write_md"]

PROJECT = "cp2k"
INPUT = "cp2k.inp"
STDOUT = "cp2k.out"
FRAMES = "frames.xyz"
CELLS = "frames.cell"
_LARGEST_SEED = 2**31 - 1


def write_batch(frames: Frames, method: Method, walltime: float | None = None) -> dict[str, str]:
    """Return the files of a run that computes every frame.

    :param frames: of one composition; their cells may differ.
    :param walltime: seconds after which CP2K ends by itself; None: never.
    :raises InputError: if CP2K cannot do this, or a cell has no volume.
    """
    snapshots: Tree = {"VARIABLE_VOLUME": True, "EVAL_ENERGY_FORCES": True, "EVAL_FORCES": True}
    snapshots |= {"TRAJ_FILE_NAME": FRAMES, "CELL_FILE_NAME": CELLS, "FIRST_SNAPSHOT": 1, "LAST_SNAPSHOT": len(frames)}
    motion = {"ENSEMBLE": "REFTRAJ", "STEPS": len(frames), "REFTRAJ": snapshots}
    tree = _run(frames, method, motion, 1, walltime)
    tree["MOTION"]["PRINT"]["CELL"] = {"EACH": {"MD": 1}}
    tree["FORCE_EVAL"]["DFT"]["QS"]["EXTRAPOLATION"] = "USE_GUESS"
    return {INPUT: render(tree), FRAMES: _xyz(frames), CELLS: _cells(frames)}


def write_md(
    start: Frames, method: Method, conditions: Conditions, seed: int, walltime: float | None = None
) -> dict[str, str]:
    """Return the files of a run of dynamics at constant volume and temperature.

    :param start: one frame.
    :param seed: of the first velocities and of the noise.
    :param walltime: seconds after which CP2K ends by itself; None: never.
    :raises InputError: if CP2K cannot do this.
    """
    motion: Tree = {
        "STEPS": conditions.steps,
        "TIMESTEP": float(conditions.timestep),
        "TEMPERATURE": float(conditions.temperature),
        **_thermostat(conditions.thermostat, float(conditions.thermostat_damping)),
    }
    tree = _run(start, method, motion, conditions.stride, walltime)
    if "KPOINTS" in tree["FORCE_EVAL"]["DFT"]:
        tree["FORCE_EVAL"]["DFT"]["QS"]["EXTRAPOLATION"] = "USE_GUESS"
    # A second copy of the positions, in the standard output.
    copy = {"POSITION": f"1..{start.n_atoms}", "EACH": {"MD": conditions.stride}}
    tree["MOTION"]["PRINT"]["STRUCTURE_DATA"] = copy
    tree["GLOBAL"]["SEED"] = seed % _LARGEST_SEED + 1
    return {INPUT: render(tree)}


def _thermostat(thermostat: Thermostat, damping: float) -> Tree:
    """Return how the temperature is controlled, with a damping time in fs.

    The mass of CP2K's chain is N k T TIMECON², seen in its restart file, which is the meaning of the damping time in
    LAMMPS and ASE.
    """
    if thermostat is Thermostat.LANGEVIN:
        return {"ENSEMBLE": "LANGEVIN", "LANGEVIN": {"GAMMA": 1.0 / damping}}
    name = {Thermostat.NOSE_HOOVER: "NOSE", Thermostat.CSVR: "CSVR"}[thermostat]
    return {"ENSEMBLE": "NVT", "THERMOSTAT": {"TYPE": name, "REGION": "GLOBAL", name: {"TIMECON": damping}}}


def _run(frames: Frames, method: Method, motion: Tree, stride: int, walltime: float | None) -> Tree:
    """Return the input of a run that starts from the first frame and writes every ``stride`` steps."""
    if not len(frames) or not (frames.volumes > 1e-3).all():
        raise InputError("CP2K needs at least one frame, and a cell with a volume for each")
    each: dict[str, Any] = {"EACH": {"MD": stride}}
    silent = {"_": "OFF"}
    cell = {name: _numbers(vector) for name, vector in zip("ABC", frames.cells[0], strict=True)}
    fixed = {
        "GLOBAL": {"PROJECT": PROJECT, "RUN_TYPE": "MD", "PRINT_LEVEL": "LOW"},
        "FORCE_EVAL": {
            "METHOD": "QUICKSTEP",
            "STRESS_TENSOR": "ANALYTICAL",
            "PRINT": {"FORCES": {"_": "ON", **each}, "STRESS_TENSOR": {"_": "ON", **each}},
            "DFT": {"SCF": {"PRINT": {"RESTART": silent, "RESTART_HISTORY": silent}}},
            "SUBSYS": {
                "CELL": cell | {"PERIODIC": "XYZ"},
                "COORD": {"": _rows(frames, 0)},
            },
        },
        "MOTION": {
            "MD": motion,
            "PRINT": {
                "TRAJECTORY": {"FORMAT": "XYZ", **each},
                "FORCES": {"FORMAT": "XYZ", **each},
                "RESTART": silent,
                "RESTART_HISTORY": silent,
            },
        },
    }
    if walltime is not None:
        fixed["GLOBAL"]["WALLTIME"] = max(1, int(walltime))  # type: ignore[index]
    return overlay(force_eval(method, set(frames.symbols)), fixed)


def _rows(frames: Frames, row: int) -> list[str]:
    return [f"{symbol} {_numbers(xyz)}" for symbol, xyz in zip(frames.symbols, frames.positions[row], strict=True)]


def _numbers(values: np.ndarray) -> str:
    return " ".join(f"{value:.12f}" for value in values)


def _xyz(frames: Frames) -> str:
    lines = []
    for row in range(len(frames)):
        header = f" i = {row + 1}, time = {float(row + 1):.3f}, E = 0.0"
        lines += [str(frames.n_atoms), header, *_rows(frames, row)]
    return "\n".join(lines) + "\n"


def _cells(frames: Frames) -> str:
    lines = ["# step, time, vectors in Å, volume in Å³"]
    for row, (cell, volume) in enumerate(zip(frames.cells, frames.volumes, strict=True), 1):
        lines.append(f"{row} {float(row):.3f} {_numbers(cell.ravel())} {volume:.10f}")
    return "\n".join(lines) + "\n"

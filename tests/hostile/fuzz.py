"""Damage outputs of reference codes and LAMMPS in every way, and count what the readers make of it.

Run as ``python tests/hostile/fuzz.py [damages per file] [seed]``; it ends with 1 if a reader crashed, or gave a wrong
label that a second copy contradicts. Damages are drawn from the seed alone: a case is found again by its number.
"""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms

from aiida_nnpgen.common.dynamics import Conditions
from aiida_nnpgen.common.exceptions import NnpgenError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.dft.cp2k import labels as cp2k
from aiida_nnpgen.dft.cpmd import read_md, read_single_point
from aiida_nnpgen.dft.label import LabelChecks
from aiida_nnpgen.dft.qe import labels as qe
from aiida_nnpgen.importing import read
from aiida_nnpgen.samplers import lammps

sys.path.append(str(Path(__file__).parent))
from damage import mutate

FIXTURES = Path(__file__).parents[1] / "fixtures"
CHECKS = LabelChecks(max_net_force=None)
LIMIT = 20
"""Seconds after which a reader counts as crashed."""
KINDS = ("same", "fewer", "refused", "changed", "WRONG", "crashed")
CONDITIONS = {"ensemble": "nvt", "temperature": 300.0, "timestep": 0.5}
WATER = Atoms(
    "OH2",
    positions=[[2.0, 2.0, 2.0], [2.96, 2.0, 2.0], [1.76, 2.93, 2.0]],
    cell=[[5.0, 0.0, 0.0], [0.3, 5.2, 0.0], [0.1, 0.2, 5.5]],
    pbc=True,
)
# Copies have fewer digits than what is read: Å, Å, eV, eV/Å, eV/Å³.
TOLERANCES = {"positions": 1e-4, "cells": 1e-4, "energies": 2e-5, "forces": 5e-5, "stresses": 2e-5}


class _HungError(BaseException):
    """A reader took too long; no guard of files may take it for an error of the file."""


Read = Callable[[Path], list[Frames]]


@dataclass(frozen=True)
class Target:
    """One kind of output.

    :ivar folder: of a real run, under the fixtures.
    :ivar read: from a folder to its frames.
    :ivar files: that are damaged.
    :ivar has_copies: whether each number that makes a label is there twice.
    """

    folder: str
    read: Read
    files: tuple[str, ...]
    has_copies: bool = False


def _cp2k_batch(folder: Path) -> list[Frames]:
    return [cp2k.read_batch(folder, Frames.load(folder / "frames.npz")).frames]


def _cp2k_md(folder: Path) -> list[Frames]:
    conditions = Conditions(**CONDITIONS, steps=4, stride=2)  # type: ignore[arg-type]
    return [cp2k.read_md(folder, Frames.load(folder / "frames.npz"), conditions).frames]


def _qe_single(folder: Path) -> list[Frames]:
    return [qe.read_single_point(folder, WATER)]


def _qe_md(folder: Path) -> list[Frames]:
    start = ase.io.read(FIXTURES / "qe" / folder.name / qe.STDOUT, index=0, format="espresso-out")
    frames = qe.read_run([folder], start).frames
    return [] if frames is None else [frames]


def _lammps(folder: Path) -> list[Frames]:
    conditions = Conditions(**CONDITIONS, steps=130, stride=10)  # type: ignore[arg-type]
    start = ase.io.read(FIXTURES / "lammps" / "structure.xyz")
    return [lammps.read_run(folder, conditions, start, "model_devi.out", 4).frames]


def _import(name: str) -> Read:
    return lambda folder: list(read(folder / name, checks=CHECKS).labelled)


TARGETS = (
    Target("cp2k/batch", _cp2k_batch, ("cp2k.out", "cp2k-frc-1.xyz", "cp2k-pos-1.xyz", "cp2k-1.cell"), True),
    Target("cp2k/md", _cp2k_md, ("cp2k.out", "cp2k-frc-1.xyz", "cp2k-pos-1.xyz", "cp2k-1.ener"), True),
    Target("cpmd/single_point_pg", lambda folder: [read_single_point(folder)], ("cpmd.out", "cpmd.inp", "GEOMETRY")),
    Target(
        "cpmd/md_pg", lambda folder: [read_md(folder)], ("cpmd.out", "FTRAJECTORY", "TRAJECTORY", "STRESS", "ENERGIES")
    ),
    Target("qe/scf", _qe_single, ("aiida.out", "data-file-schema.xml"), True),
    Target("qe/md_second", _qe_md, ("aiida.out", "data-file-schema.xml")),
    Target("lammps/completed", _lammps, ("log.lammps", "frames.lammpstrj", "model_devi.out")),
    Target("existing/qe/scf", _import("pw.out"), ("pw.out",)),
    Target("existing/qe/scf", _import("h2.xml"), ("h2.xml",)),
    Target("existing/qe/md", _import("pw.out"), ("pw.out",)),
    Target("existing/qe/md", _import("h2.xml"), ("h2.xml",)),
    Target("existing/cp2k/single_point", _import("sp.out"), ("sp.out",)),
    Target("existing/cp2k/md", _import("md.out"), ("md.out", "md-pos-1.xyz", "md-frc-1.xyz", "md-1.cell")),
    Target("existing/cp2k/before_2023", _import("v7.1.out"), ("v7.1.out",)),
    Target("existing/vasp/vdw_columns", _import("OUTCAR"), ("OUTCAR",)),
)


def fuzz(target: Target, name: str, count: int, seed: int) -> Iterator[tuple[str, str, int]]:
    """Yield for each damage of a file what came of it, its name and its number."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(shutil.copytree(FIXTURES / target.folder, Path(scratch) / Path(target.folder).name))
        good = _rows(target.read(folder))
        assert good, target
        data = (folder / name).read_bytes()
        for number, (damage, content) in enumerate(mutate(data, seed, count)):
            (folder / name).write_bytes(content)
            yield _outcome(target, folder, good), damage, number


def _outcome(target: Target, folder: Path, good: list[Frames]) -> str:
    signal.alarm(LIMIT)
    try:
        found = _rows(target.read(folder))
    except NnpgenError:
        return "refused"
    except (Exception, _HungError):
        traceback.print_exc()
        return "crashed"
    finally:
        signal.alarm(0)
    other = [frame for frame in found if not any(_differs(frame, one) == "" for one in good)]
    if other:
        arrays = min((_differs(other[0], one) for one in good), key=len)
        return ("WRONG " if target.has_copies else "changed ") + arrays
    if not found:
        return "refused"
    return "same" if len(found) >= len(good) else "fewer"


def _stop(_number: int, _frame: object) -> None:
    raise _HungError


def _rows(parts: list[Frames]) -> list[Frames]:
    return [part[[row]] for part in parts for row in range(len(part))]


def _differs(first: Frames, second: Frames) -> str:
    """Return the names of the arrays in which two frames disagree, of all that the first one has."""
    if not np.array_equal(first.numbers, second.numbers):
        return "numbers"
    names = []
    for name, tolerance in TOLERANCES.items():
        ours, theirs = getattr(first, name), getattr(second, name)
        if ours is None or (name == "stresses" and np.isnan(ours).all()):
            continue
        if theirs is None or not np.abs(ours - theirs).max() <= tolerance:
            names.append(name)
    return "+".join(names)


def main(count: int = 170, seed: int = 0, first: int = 0) -> int:
    """Print a table, and return 1 if there is anything that must not be."""
    signal.signal(signal.SIGALRM, _stop)
    total: Counter[str] = Counter()
    slowest = 0.0
    print(f"seed {seed}, {count} damages of each file\n{'':44}{''.join(f'{kind:>9}' for kind in KINDS)}")
    for target in TARGETS[first:]:
        for name in target.files:
            counts: Counter[str] = Counter()
            start = time.perf_counter()
            for ending, damage, number in fuzz(target, name, count, seed):
                outcome, _, arrays = ending.partition(" ")
                counts[outcome] += 1
                if outcome in ("WRONG", "crashed", "changed"):
                    print(f"{outcome}: {target.folder}/{name}, `{damage}`, number {number}, {arrays}")
                slowest, start = max(slowest, time.perf_counter() - start), time.perf_counter()
            print(f"{f'{target.folder}/{name}':44}{''.join(f'{counts[kind]:9}' for kind in KINDS)}", flush=True)
            total += counts
    print(f"{'all ' + str(total.total()):44}{''.join(f'{total[kind]:9}' for kind in KINDS)}")
    print(f"the slowest took {slowest:.1f} s")
    return int(bool(total["WRONG"] or total["crashed"]))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))

"""Seconds to read OUTCAR, vasprun.xml and extended XYZ, beside ASE and dpdata.

    python benchmarks/importing.py                  files of 100 MB
    python benchmarks/importing.py --megabytes 10   smaller ones

The files are made of random crystals of 96 atoms in the form of VASP 6, so that every step is another one. Reading here
includes all checks: units, labels, convergence, frames that are there twice.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "importing"))
import vasp_files

from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.importing import read

ATOMS = 96
COUNTS = {"O": ATOMS // 3, "H": ATOMS - ATOMS // 3}
CHUNK = 50
Writer = Callable[[Path, int], None]
Reader = Callable[[Path], int]


def main() -> None:
    """Write, read and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=float, default=100)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    print(f"{'file':14s}{'frames':>8s}{'MB':>7s}{'here':>9s}{'ASE':>9s}{'dpdata':>9s}   seconds")
    with tempfile.TemporaryDirectory() as folder:
        for name, (write, peers) in FILES.items():
            path = Path(folder) / name
            probe = size_of(write, path, CHUNK)
            frames = max(CHUNK, round(arguments.megabytes * 1e6 / probe * CHUNK))
            megabytes = size_of(write, path, frames) / 1e6
            times = [timed(reader, path, frames) for reader in (read_here, *peers)]
            print(f"{name:14s}{frames:8d}{megabytes:7.0f}{''.join(f'{text:>9s}' for text in times)}", flush=True)
            path.unlink()


def make_frames(count: int) -> Frames:
    """Return water-like crystals, each a little different, with energies that follow the forces of springs."""
    generator = np.random.default_rng(0)
    cell = 10.0 * np.eye(3)
    oxygens = np.stack(np.meshgrid(*3 * [np.arange(4)], indexing="ij"), -1).reshape(-1, 3)[: COUNTS["O"]] * 2.5
    bonds = np.array([[0.76, 0.59, 0.0], [-0.76, 0.59, 0.0]])
    hydrogens = np.concatenate([oxygens + bond for bond in bonds])
    rest = np.concatenate([oxygens, hydrogens])
    shifts = generator.normal(scale=0.05, size=(count, ATOMS, 3))
    shifts -= shifts.mean(axis=1, keepdims=True)
    return Frames(
        numbers=np.repeat([8, 1], list(COUNTS.values())),
        positions=rest + shifts,
        cells=np.tile(cell, (count, 1, 1)),
        energies=-500 + 10.0 * (shifts**2).sum(axis=(1, 2)),
        forces=-20.0 * shifts,
        stresses=generator.normal(scale=1e-3, size=(count, 6)),
    )


def size_of(write: Writer, path: Path, frames: int) -> int:
    """Write a file and return its bytes."""
    write(path, frames)
    return path.stat().st_size


def write_vasprun(path: Path, count: int) -> None:
    """Write what VASP writes as XML, as far as all three readers need it."""
    text = vasp_files.vasprun(make_frames(count), [2] * count)
    kinds = "".join(
        f"<rc><c>{number}</c><c>{symbol}</c><c>1.0</c><c>1.0</c><c>PAW_PBE {symbol}</c></rc>"
        for symbol, number in COUNTS.items()
    )
    names = f"<atoms>{ATOMS}</atoms><types>{len(COUNTS)}</types>"
    text = text.replace('<array name="atoms" >', f'{names}<array name="atoms" >')
    text = text.replace(" </atominfo>", f'<array name="atomtypes" ><set>{kinds}</set></array> </atominfo>')
    path.write_text(text)


def write_outcar(path: Path, count: int) -> None:
    """Write an OUTCAR, as far as all three readers need it."""
    text = vasp_files.outcar(make_frames(count), [2] * count, [True] * count, COUNTS)
    heads = "".join(f" POTCAR:    PAW_PBE {symbol} 01Jan2000\n" for symbol in COUNTS) * 2
    titles = "".join(f"   TITEL  = PAW_PBE {symbol} 01Jan2000\n" for symbol in COUNTS)
    count_line = f"   number of dos      NEDOS =    301   number of ions     NIONS = {ATOMS:6d}\n"
    version, rest = text.split("\n", 1)
    mark = " VOLUME and BASIS-vectors are now :\n"
    rest = rest.replace(
        mark, f"{mark}{vasp_files.RULE}  energy-cutoff  :      400.00\n  volume of cell :     1000.00\n"
    )
    mark = "  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)\n"
    rest = rest.replace(mark, f"{mark}{vasp_files.RULE}")
    path.write_text(f"{version}\n{heads}{titles}   ISPIN  =      1\n{count_line}   NKPTS =      1\n{rest}")


def write_extxyz(path: Path, count: int) -> None:
    """Write extended XYZ."""
    frames, images = make_frames(count), []
    assert frames.energies is not None
    assert frames.forces is not None
    assert frames.stresses is not None
    for row in range(count):
        atoms = Atoms(frames.numbers, positions=frames.positions[row], cell=frames.cells[row], pbc=True)
        labels = {"energy": frames.energies[row], "forces": frames.forces[row], "stress": frames.stresses[row]}
        atoms.calc = SinglePointCalculator(atoms, **labels)
        images.append(atoms)
    ase.io.write(path, images, format="extxyz")


def read_here(path: Path) -> int:
    """Return how many labels are read by this package."""
    data = read(path)
    if len(data.labelled_sources) == 0:
        raise RuntimeError(data.reports[0].detail or data.reports[0].dropped[0].detail)
    return len(data.labelled_sources)


def by_ase(name: str) -> Reader:
    """Return what counts the frames that ASE reads, with their forces."""
    return lambda path: sum(len(atoms.get_forces()) == ATOMS for atoms in ase.io.read(path, ":", format=name))


def by_dpdata(name: str) -> Reader:
    """Return what counts the frames that dpdata reads."""

    def count(path: Path) -> int:
        import dpdata

        if name == "extxyz":
            return sum(system.get_nframes() for system in dpdata.MultiSystems.from_file(str(path), fmt=name))
        return int(dpdata.LabeledSystem(str(path), fmt=name).get_nframes())

    return count


def timed(reader: Reader, path: Path, frames: int) -> str:
    """Return the seconds that reading takes, or what went wrong instead."""
    start = time.perf_counter()
    try:
        found = reader(path)
    except Exception as exception:
        print(f"  {path.name}: {type(exception).__name__}: {str(exception)[:200]}", file=sys.stderr)
        return "–"
    seconds = time.perf_counter() - start
    if found != frames:
        print(f"  {path.name}: {found} of {frames} frames", file=sys.stderr)
    return f"{seconds:.1f}"


FILES: dict[str, tuple[Writer, list[Reader]]] = {
    "OUTCAR": (write_outcar, [by_ase("vasp-out"), by_dpdata("vasp/outcar")]),
    "vasprun.xml": (write_vasprun, [by_ase("vasp-xml"), by_dpdata("vasp/xml")]),
    "frames.extxyz": (write_extxyz, [by_ase("extxyz"), by_dpdata("extxyz")]),
}
"""By file: who writes it, and the readers of ASE and dpdata."""


if __name__ == "__main__":
    main()

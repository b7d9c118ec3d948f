"""Liquids in a periodic box: conformers by RDKit, packed by Packmol."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.io import read, write
from ase.neighborlist import neighbor_list
from numpy.typing import NDArray

from ..common.bounds import MAX_PACKED
from ..common.exceptions import InputError, OutputError
from ..common.seeds import derive_seed
from ..common.units import DALTON_PER_A3

__all__ = ["conformers", "liquid"]

_PACKMOL_INPUT = "packmol.inp"
_PACKED = "packed.xyz"
_EXIT_NOT_CONVERGED = 173
_CONFORMERS_PER_COMPONENT = 10


def liquid(
    components: Sequence[tuple[str, int]],
    density: float,
    *,
    seed: int,
    tolerance: float = 2.0,
    timeout: float = 600.0,
) -> Atoms:
    """Return a liquid or a mixture in a cubic periodic box, whole molecules one after the other.

    Up to ten conformers of each component are spread over its molecules. The result is a packing, not an equilibrium.

    :param components: SMILES and number of molecules of each component, such as ``[("CC(O)CO", 4)]``.
    :param density: g/cm³.
    :param seed: seed of conformers and packing; equal seeds give equal boxes.
    :param tolerance: smallest distance between atoms of different molecules in Å.
    :param timeout: seconds that Packmol may take.
    :raises InputError: if a SMILES has no three-dimensional structure, a number is out of range, Packmol is not
        installed, or no packing is found at this density.
    :raises OutputError: if Packmol ends otherwise than it should.
    """
    if not components:
        raise InputError("no components given: name at least one SMILES with a number of molecules")
    for name, value in (("density", density), ("tolerance", tolerance), ("timeout", timeout)):
        if not 0 < value < np.inf:
            raise InputError(f"`{name}` must be positive, not `{value}`")
    molecules: list[tuple[Atoms, int]] = []
    for index, (smiles, count) in enumerate(components):
        if count < 1:
            raise InputError(f"`{smiles}` needs at least one molecule, not `{count}`")
        shapes = conformers(smiles, min(count, _CONFORMERS_PER_COMPONENT), seed=derive_seed(seed, "conformer", index))
        shares = [len(part) for part in np.array_split(np.arange(count), len(shapes))]
        molecules += zip(shapes, shares, strict=True)
    atoms = sum(len(shape) * count for shape, count in molecules)
    if atoms > MAX_PACKED:
        raise InputError(f"`{atoms}` atoms: at most {MAX_PACKED} are packed into a box")
    mass = sum(shape.get_masses().sum() * count for shape, count in molecules)
    length = float((mass * DALTON_PER_A3 / density) ** (1 / 3))
    return _pack(molecules, length, tolerance, derive_seed(seed, "packing"), timeout)


def conformers(smiles: str, n: int, *, seed: int) -> list[Atoms]:
    """Return conformers of one molecule: ETKDG, then relaxed with MMFF94, or UFF where that lacks parameters.

    Stereocentres that the SMILES leaves open come out either way, as in a racemate.

    :param smiles: one molecule; hydrogens are added.
    :param n: number of conformers.
    :param seed: seed of the embedding.
    :raises InputError: if the SMILES cannot be read, holds several molecules, or cannot be embedded.
    """
    from rdkit import Chem, rdBase
    from rdkit.Chem import rdDistGeom, rdForceFieldHelpers

    with rdBase.BlockLogs():
        parsed = Chem.MolFromSmiles(smiles)
        if parsed is None or parsed.GetNumAtoms() == 0:
            raise InputError(f"`{smiles}` is not a valid SMILES")
        if "." in smiles:
            raise InputError(f"`{smiles}` holds several molecules: give each as a component of its own")
        molecule = Chem.AddHs(parsed)
        parameters = rdDistGeom.ETKDGv3()
        parameters.randomSeed = seed  # type: ignore[assignment]
        found = list(rdDistGeom.EmbedMultipleConfs(molecule, numConfs=n, params=parameters))
        if len(found) != n:
            raise InputError(f"`{smiles}` has no three-dimensional structure that RDKit can find")
        if rdForceFieldHelpers.MMFFHasAllMoleculeParams(molecule):
            rdForceFieldHelpers.MMFFOptimizeMoleculeConfs(molecule)
        elif rdForceFieldHelpers.UFFHasAllMoleculeParams(molecule):
            rdForceFieldHelpers.UFFOptimizeMoleculeConfs(molecule)
    numbers = [atom.GetAtomicNum() for atom in molecule.GetAtoms()]
    return [Atoms(numbers=numbers, positions=molecule.GetConformer(index).GetPositions()) for index in found]


def _pack(molecules: Sequence[tuple[Atoms, int]], length: float, tolerance: float, seed: int, timeout: float) -> Atoms:
    program = _find_packmol()
    with tempfile.TemporaryDirectory(prefix="packmol-") as name:
        folder = Path(name)
        lines = [f"tolerance {tolerance:.6f}", f"seed {seed}", "filetype xyz", f"output {_PACKED}"]
        lines.append(f"pbc {length:.8f} {length:.8f} {length:.8f}")
        for index, (shape, count) in enumerate(molecules):
            write(folder / f"{index}.xyz", shape, format="xyz", fmt="%.8f")
            # With `pbc` Packmol confines the molecules to the box by itself.
            lines += [f"structure {index}.xyz", f"  number {count}", "end structure"]
        (folder / _PACKMOL_INPUT).write_text("\n".join(lines) + "\n")
        _run_packmol(program, folder, length, timeout)
        packed = read(folder / _PACKED, format="xyz")
    expected = np.concatenate([np.tile(shape.numbers, count) for shape, count in molecules])
    if not np.array_equal(packed.numbers, expected):
        raise OutputError(f"Packmol wrote `{len(packed)}` atoms, expected {len(expected)} in order of the components")
    atoms = Atoms(numbers=packed.numbers, positions=packed.positions, cell=[length] * 3, pbc=True)
    sizes = [len(shape) for shape, count in molecules for _ in range(count)]
    _check_own_images(atoms, np.repeat(np.arange(len(sizes)), sizes), tolerance)
    return atoms


def _check_own_images(atoms: Atoms, molecule: NDArray[np.int64], tolerance: float) -> None:
    """Refuse a box so small that a molecule touches its own image, which Packmol does not look for."""
    first, second, shifts = neighbor_list("ijS", atoms, 0.9 * tolerance)
    if np.any((molecule[first] == molecule[second]) & np.any(shifts != 0, axis=1)):
        length = atoms.cell.lengths()[0]
        raise InputError(f"a molecule touches its own image in a box of {length:.2f} Å: take more molecules")


def _find_packmol() -> str:
    # An interpreter called by its path does not have its environment's programs on the search path.
    program = shutil.which("packmol") or shutil.which("packmol", path=str(Path(sys.executable).parent))
    if program is None:
        raise InputError("the program `packmol` is not found: install it, for example with `pip install packmol`")
    return program


def _run_packmol(program: str, folder: Path, length: float, timeout: float) -> None:
    # Packmol rewinds its input, so this must be a file: it crashes on a pipe.
    with (folder / _PACKMOL_INPUT).open() as handle:
        try:
            done = subprocess.run(
                [program], stdin=handle, cwd=folder, capture_output=True, text=True, timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired as exception:
            raise InputError(
                f"Packmol found no packing in {timeout:g} s in a box of {length:.2f} Å: lower density or tolerance"
            ) from exception
    if done.returncode == 0 and "Success!" in done.stdout:
        return
    if done.returncode == _EXIT_NOT_CONVERGED:
        raise InputError(f"Packmol found no packing in a box of {length:.2f} Å: lower density or tolerance")
    tail = " ".join(" ".join([*done.stdout.splitlines()[-5:], *done.stderr.splitlines()[-2:]]).split())
    raise OutputError(f"Packmol ended with exit code `{done.returncode}`: {tail}")

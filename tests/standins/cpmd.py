#!/usr/bin/env python
# ruff: noqa: T201
"""A stand-in for CPMD 4.3: not CPMD, no density functional theory.

It reads a CPMD input, computes with an ASE calculator, and writes the files of CPMD in the formats of CPMD, with the
constants of CPMD, so that inputs, parsers and work chains can be tested without the program. Called like it:

    cpmd.py cpmd.inp > cpmd.out

``STANDIN_CALCULATOR`` in the environment names the calculator, ``module:class`` with keywords as JSON behind a blank
(default ``ase.calculators.emt:EMT``). Like CPMD it ends with exit status 0 and zero forces if MAXSTEP is too small,
warns in a dynamics if MAXITER is, skips keywords that it does not know with a note, and stops with a LocalError file on
missing pseudopotentials, unknown functionals and SYMMETRY beside CELL VECTORS.

``STANDIN_TROUBLE`` in the environment names a JSON file with troubles. ``log`` there is a file that gets a line per
run, ``iterations`` the number of them that DIIS needs for a wavefunction, the others map the number of a run (or ``*``)
to what happens in it:

    kill: time steps (single point: any number) after which it is killed, as by a scheduler
    exit: time steps after which it stops softly, as at MAXRUNTIME
    memory: 1; it stops because it has too little
    lose: 1; the file GEOMETRY is lost, as with a full disk

Real files seen (tests/fixtures/cpmd, trimmed), all of CPMD 4.3 with BLYP, D2, GTH, 70 Ry and STRESS TENSOR:

    single_point_h2o, single_point_pg: water and propylene glycol
    failed_not_converged: propylene glycol with too small a MAXSTEP
    md_pg: four steps of MOLECULAR DYNAMICS BO with NOSE IONS and TRAJECTORY FORCES
    md_restart_pg: three more after a RESTART in the same folder

Not among them: LocalError files, a soft exit, spin, D3. Six columns in ENERGIES, where orbitals come from a
diagonalisation, are those of CPMD's source code.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import sys
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers, chemical_symbols

BOHR, HARTREE, KBAR = 0.52917720859, 27.21138386, 294210.1080  # Å, eV, kbar: CODATA 2006, as in CPMD
KELVIN, DALTON = 27.21138386 / 8.617343e-5, 1822.888485  # K, electron masses
WNTAU = 7.26e-7  # from the frequency of a thermostat in cm^-1, as in CPMD
NEEDED = {"sp": 9, "md": 6}  # iterations that a wavefunction takes here
FUNCTIONALS = ("LDA", "BLYP", "BP", "PBE", "REVPBE", "PBE0", "B3LYP", "TPSS", "OLYP")
_WORDS = (
    "OPTIMIZE MOLECULAR RESTART CONVERGENCE MAXSTEP MAXITER TIMESTEP TEMPERATURE PRNGSEED NOSE TRAJECTORY EXTRAPOLATE "
    "STORE MAXRUNTIME STRESS PRINT VDW LSD ODIIS PCG INITIALIZE HAMILTONIAN MEMORY"
)
KNOWN = _WORDS.split()
STARS = " " + "*" * 64


class Killed(Exception):
    """What it is killed with where it runs in another process than its own."""


def main(name: str) -> int:
    """Run an input in the present folder."""
    print(" PROGRAM CPMD STARTED AT: 2026-11-23 05:10:15.000\n\n THIS IS A STAND-IN FOR TESTS, NOT CPMD\n")
    trouble = Trouble()
    try:
        if trouble.of("memory"):
            raise ValueError("ALLOCATION PROBLEM")
        run = Run(Path(name).read_text(), trouble)
    except (KeyError, ValueError, OSError) as error:
        Path("LocalError-0-0-0.log").write_text(f" process id's= 0 : {error}\n")
        print(f" PROGRAM STOPS IN SUBROUTINE CONTROL| {error}")
        return 1
    print(f" THE INPUT FILE IS: {name:>45}\n")
    run.header()
    if run.is_md:
        run.dynamics()
    else:
        run.single_point()
    print("\n PROGRAM CPMD ENDED AT:   2026-11-23 05:10:16.000\n")
    return 0


def load_calculator() -> object:
    """Return the calculator that the environment names."""
    target, _, keywords = os.environ.get("STANDIN_CALCULATOR", "ase.calculators.emt:EMT").partition(" ")
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)(**json.loads(keywords or "{}"))


class Trouble:
    """What is to go wrong in this run."""

    def __init__(self) -> None:
        path = os.environ.get("STANDIN_TROUBLE")
        self.values = json.loads(Path(path).read_text()) if path else {}
        self.number = 1
        if "log" in self.values:
            log = Path(self.values["log"])
            self.number += len(log.read_text().splitlines()) if log.exists() else 0
            with log.open("a") as handle:
                handle.write(f"{Path.cwd()}\n")

    def of(self, kind: str) -> int:
        """Return the value of a kind of trouble in this run; 0: there is none."""
        runs = self.values.get(kind, {})
        return int(runs.get(str(self.number), runs.get("*", 0)))


class Run:
    """One run: what the input asks for, and the files that it leaves."""

    def __init__(self, text: str, trouble: Trouble) -> None:
        self.trouble = trouble
        self.sections = {
            name: body.splitlines() for name, body in re.findall(r"^&(\w+)\n(.*?)^&END", text, re.MULTILINE | re.DOTALL)
        }
        control, system = self.sections["CPMD"], self.sections["SYSTEM"]
        if any("SYMMETRY" in line for line in system):
            raise ValueError("SYMMETRY AND CELL VECTORS ARE INCOMPATIBLE")
        functional = next((line.split()[1] for line in self.sections["DFT"] if "FUNCTIONAL" in line), "LDA")
        if functional not in FUNCTIONALS:
            raise ValueError(f"UNKNOWN FUNCTIONAL {functional}")
        words = [line.split() for line in control]
        self.unknown = [row for row in words if not (row[0] in KNOWN or re.fullmatch(r"[-+\d.E]+", row[0]))]
        self.needed = {kind: trouble.values.get("iterations", number) for kind, number in NEEDED.items()}
        if any(row[0] == "PCG" for row in words):
            self.needed = NEEDED
        self.is_md = any("MOLECULAR DYNAMICS BO" in line for line in control)
        self.unit = 1.0 / BOHR if any("ANGSTROM" in line for line in system) else 1.0
        start = next(row for row, line in enumerate(system) if "CELL VECTORS" in line)
        self.cell = np.array([line.split() for line in system[start + 1 : start + 4]], dtype=float) * self.unit
        self.numbers, self.positions = self._read_atoms()
        self.masses = atomic_masses[self.numbers]
        self.calculator = load_calculator()
        self.steps = int(self._after("MAXSTEP"))
        self.criterion = float(self._after("CONVERGENCE ORBITALS"))
        self.stress = any("STRESS TENSOR" in line for line in control)

    def _after(self, keyword: str, default: str | None = None) -> str:
        """Return the line below a keyword of &CPMD."""
        control = self.sections["CPMD"]
        for row, line in enumerate(control):
            if line.strip().startswith(keyword):
                return control[row + 1]
        if default is None:
            raise ValueError(f"{keyword} IS MISSING")
        return default

    def _read_atoms(self) -> tuple[np.ndarray, np.ndarray]:
        lines, numbers, positions = self.sections["ATOMS"], [], []
        for row, line in enumerate(lines):
            if line.startswith("*"):
                name = line[1:].split()[0]
                if not Path(name).is_file():
                    raise ValueError(f"PSEUDOPOTENTIAL FILE {name} NOT FOUND")
                number = re.search(r"^\s*Z\s*=\s*(\d+)", Path(name).read_text(), re.MULTILINE)
                symbol = re.match(r"[A-Z][a-z]?", name)
                count = int(lines[row + 2])
                numbers += [int(number.group(1)) if number else atomic_numbers[symbol.group()]] * count
                positions += [list(map(float, line.split()[:3])) for line in lines[row + 3 : row + 3 + count]]
        return np.array(numbers), np.array(positions) * self.unit

    def compute(self, positions: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Return energy, forces and pressure tensor (times volume) in atomic units."""
        atoms = Atoms(self.numbers, positions * BOHR, cell=self.cell * BOHR, pbc=True)
        atoms.calc = self.calculator
        stress = atoms.get_stress(voigt=False) if self.stress else np.zeros((3, 3))
        virial = -stress * atoms.get_volume() / HARTREE
        return atoms.get_potential_energy() / HARTREE, atoms.get_forces() * BOHR / HARTREE, virial

    def header(self) -> None:
        """Print what CPMD says of the input."""
        for line in self.sections.get("INFO", [])[:30]:
            print(f" *{line:<62}*")
        if self.unknown:
            print("\n " + "=" * 64 + "\n =              UNKNOWN KEYWORDS IN SECTION &CPMD              =")
            print("\n".join(f" = {' '.join(row)}" for row in self.unknown) + "\n " + "=" * 64 + "\n")
        title = "BORN-OPPENHEIMER MOLECULAR DYNAMICS" if self.is_md else "SINGLE POINT DENSITY OPTIMIZATION"
        print(f"\n {title}\n\n MAXIMUM NUMBER OF STEPS:{self.steps:>36} STEPS")
        print(f" TIME STEP FOR IONS:{float(self._after('TIMESTEP', '5.0')):>45.4f}")
        print(f" CONVERGENCE CRITERIA FOR WAVEFUNCTION OPTIMIZATION:{self.criterion:>13.4E}\n")
        print(" ***************************** ATOMS ****************************")
        print("   NR   TYPE        X(BOHR)        Y(BOHR)        Z(BOHR)     MBL")
        for index, (number, row) in enumerate(zip(self.numbers, self.positions, strict=True), 1):
            print(f"{index:5d}     {chemical_symbols[number]:>2}" + "".join(f"{x:15.6f}" for x in row) + "       3")
        print(f"{STARS}\n\n{STARS}\n *   ATOM       MASS   RAGGIO NLCC              PSEUDOPOTENTIAL *")
        for number in dict.fromkeys(self.numbers):
            print(f" *     {chemical_symbols[number]:>2}{atomic_masses[number]:11.4f}   1.2000  NO    STAND-IN *")
        print(f"{STARS}\n\n ************************** SUPERCELL ***************************")
        for index, row in enumerate(self.cell, 1):
            print(f" LATTICE VECTOR A{index}(BOHR):       " + "".join(f"{x:11.4f}" for x in row))
        print(STARS)

    def wavefunction(self, energy: float, limit: int) -> float:
        """Print a converging series and return the last gradient; it needs some iterations."""
        print("\n NFI      GEMAX       CNORM           ETOT        DETOT      TCPU")
        needed = self.needed["sp"]
        for step in range(1, min(limit, needed) + 1):
            gradient = self.criterion * 10.0 ** (min(needed - step, 8) / 2) * 0.9
            total = energy + gradient**2
            print(f"{step:4d}{gradient:11.3E}{gradient / 9:12.3E}{total:15.6f}{-gradient:13.3E}{1:10.2f}")
        return gradient

    def table(self, positions: np.ndarray, forces: np.ndarray) -> None:
        """Print coordinates and forces as CPMD does, which calls them gradients."""
        print("\n   ATOM          COORDINATES            GRADIENTS (-FORCES)")
        for index, number in enumerate(self.numbers):
            row = "".join(f"{x:8.4f}" for x in positions[index]) + " "
            print(f" {index + 1:3d} {chemical_symbols[number]:>2}{row}" + "".join(f"{x:11.3E}" for x in forces[index]))
        print()

    def results(
        self, positions: np.ndarray, forces: np.ndarray, gradient: float, energy: float, virial: np.ndarray
    ) -> None:
        """Print the final results."""
        print(f"\n{STARS}\n *{'FINAL RESULTS':^62}*\n{STARS}")
        self.table(positions, forces)
        print(f"{STARS}\n\n\n ELECTRONIC GRADIENT:")
        print(f"    MAX. COMPONENT ={gradient:15.5E}         NORM ={gradient / 9:15.5E}")
        print(f"\n (K+E1+L+N+X)           TOTAL ENERGY ={energy:21.8f} A.U.\n")
        if self.stress:
            print("\n TOTAL STRESS TENSOR (kBar):")
            for row in virial * KBAR / abs(np.linalg.det(self.cell)):
                print("     " + "".join(f"{x:20.8E}" for x in row))
        print(f"\n{STARS}\n")

    def single_point(self) -> None:
        """Compute one structure."""
        energy, forces, virial = self.compute(self.positions)
        self.table(self.positions, np.zeros_like(forces))
        gradient = self.wavefunction(energy, self.steps)
        if self.trouble.of("kill"):
            raise Killed
        if gradient > self.criterion:
            energy, forces, virial = energy + gradient**2, np.zeros_like(forces), np.zeros((3, 3))
            print(" " + "!" * 64 + "\n !! RWFOPT| THE MAXIMUM NUMBER OF STEP IS REACHED              !!")
            print(f" !!         BUT NO CONVERGENCE (DRHOMAX={gradient:10.6f})            !!\n " + "!" * 64)
        self.results(self.positions, forces, gradient, energy, virial)
        self.geometry(self.positions, forces)

    def geometry(self, positions: np.ndarray, other: np.ndarray) -> None:
        """Write GEOMETRY: forces in the last columns after a single point, velocities after a dynamics."""
        if self.trouble.of("lose"):
            return
        lines = [
            "".join(f"{x:20.12f}" for x in row[:3]) + "    " + "".join(f"{x:20.12f}" for x in row[3:])
            for row in np.hstack([positions, other])
        ]
        Path("GEOMETRY").write_text("\n".join(lines) + "\n")

    def start(self) -> tuple[int, np.ndarray, np.ndarray, float]:
        """Return step, positions, velocities and friction at the start, from RESTART.1 if the input says so."""
        if any("RESTART" in line for line in self.sections["CPMD"]):
            state = json.loads(Path("RESTART.1").read_text())
            return state["step"], np.array(state["positions"]), np.array(state["velocities"]), state["friction"]
        spread = np.sqrt(float(self._after("TEMPERATURE")) / KELVIN / (self.masses * DALTON))
        seed = int(self._after("PRNGSEED", "123456"))
        velocities = np.random.default_rng(seed).normal(size=self.positions.shape) * spread[:, None]
        velocities -= (self.masses[:, None] * velocities).sum(axis=0) / self.masses.sum()
        return 0, self.positions, velocities, 0.0

    def dynamics(self) -> None:
        """Integrate with velocity Verlet and one Nose-Hoover thermostat."""
        first, positions, velocities, friction = self.start()
        timestep, masses = float(self._after("TIMESTEP")), self.masses[:, None] * DALTON
        target, frequency = map(float, self._after("NOSE IONS", "0 0").split())
        freedoms = max(3 * len(masses) - 3, 1)
        inertia = freedoms * target / KELVIN / (max(frequency, 1.0) * WNTAU) ** 2
        energy, forces, virial = self.compute(positions)
        for name in ("TRAJECTORY", "FTRAJECTORY"):
            if first and Path(name).exists():
                append(name, "   <<<<<<  NEW DATA  >>>>>>")
        print("\n       NFI   TEMPP           EKS      ECLASSIC         DIS    TCPU")
        for step in range(first + 1, first + self.steps + 1):
            velocities = (velocities + timestep / 2 * forces / masses) / (1 + timestep / 2 * friction)
            positions = positions + timestep * velocities
            if target:
                excess = (masses * velocities**2).sum() - freedoms * target / KELVIN
                friction += timestep * excess / inertia
            energy, forces, virial = self.compute(positions)
            velocities = velocities * (1 - timestep / 2 * friction) + timestep / 2 * forces / masses
            kinetic = np.einsum("ax,ai,aj->ij", masses, velocities, velocities)
            self.record(step, positions, velocities, forces, energy, virial + kinetic)
            if int(self._after("MAXITER", "10000")) < self.needed["md"]:
                print(" WARNING! DENSITY NOT CONVERGED !!!\n" * 3, end="")
            temperature = np.trace(kinetic) / freedoms * KELVIN
            print(
                f"{step:10d}{temperature:8.1f}{energy:14.5f}{energy + np.trace(kinetic) / 2:14.5f}   0.100E-02{1:8.2f}"
            )
            done = step - first
            if self.trouble.of("kill") == done:
                raise Killed
            last = done == self.steps or self.trouble.of("exit") == done
            if last or step % int(self._after("STORE", "10001")) == 0:
                state = {"step": step, "positions": positions.tolist(), "velocities": velocities.tolist()}
                Path("RESTART.1").write_text(json.dumps({**state, "friction": friction}))
                Path("LATEST").write_text("./RESTART.1\n")
            if last:
                break
        self.results(positions, forces, self.criterion * 0.5, energy, virial + kinetic)
        self.geometry(positions, velocities)

    def record(
        self,
        step: int,
        positions: np.ndarray,
        velocities: np.ndarray,
        forces: np.ndarray,
        energy: float,
        virial: np.ndarray,
    ) -> None:
        """Append one step to the files of a dynamics."""
        kinetic = (self.masses[:, None] * DALTON * velocities**2).sum() / 2
        temperature = 2 * kinetic / max(3 * len(positions) - 3, 1) * KELVIN
        tail = f"{0:20.10f}   0.100000E-02{1:9.2f}"
        append("ENERGIES", f"{step:10d}{0:12.8f}{temperature:9.3f}{energy:20.10f}{energy + kinetic:20.10f}{tail}")
        if self.stress:
            rows = virial * KBAR / abs(np.linalg.det(self.cell))
            append("STRESS", f"   TOTAL STRESS TENSOR (kB): Step:{step:12d}")
            append("STRESS", "\n".join("     " + "".join(f"{x:20.8f}" for x in row) for row in rows))
        stride = int(self._after("TRAJECTORY FORCES SAMPLE", "1"))
        if (step - 1) % stride == 0:
            for name, columns in (
                ("TRAJECTORY", [positions, velocities]),
                ("FTRAJECTORY", [positions, velocities, forces]),
            ):
                rows = np.hstack(columns)
                append(name, "\n".join(f"{step:7d}" + "".join(f"  {x:22.14f}" for x in row) for row in rows))


def append(name: str, text: str) -> None:
    """Append a line to a file."""
    with Path(name).open("a") as handle:
        handle.write(f"{text}\n")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except Killed:
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)

#!/usr/bin/env python
# ruff: noqa: T201
"""A stand-in for VASP 6: not VASP, no density functional theory.

It reads POSCAR, INCAR, KPOINTS and POTCAR in the present folder, computes with an ASE calculator, and writes
vasprun.xml, OUTCAR, OSZICAR and CONTCAR in the formats of VASP as it goes, so that inputs, readers and work chains can
be tested without the program. NSW and IBRION=0 make a dynamics with MDALGO 2, 3 or 5 from the velocities in POSCAR, or
from those that RANDOM_SEED gives.

``STANDIN_CALCULATOR`` in the environment names the calculator, ``module:class`` with keywords as JSON behind a blank
(default ``ase.calculators.emt:EMT``). Its energy is the free energy; the two others differ by an entropy that depends
on positions, so that forces do not derive from them. Like VASP it goes on, and ends well, where NELM iterations are too
few: energy and forces are wrong then. It stops in a box where POTCAR does not fit or the cell is left-handed.

``STANDIN_TROUBLE`` in the environment names a JSON file with troubles. ``log`` there is a file that gets a line per
run, ``iterations`` the number of electronic iterations for each ALGO (or ``*``), the others map the number of a run (or
``*``) to what happens in it:

    kill: configurations after which it is killed in the middle of the next one, as by a scheduler
    unconverged: list of configurations that do not converge
    error: what it says in a box before it stops
    lose: a file that is lost at the end
    cut: a file that keeps half of its bytes

Real files seen, all of them in ASE's wheel:

    OUTCAR_example_1: VASP 5.3.3, Gamma point alone, PAW_PBE, 18 Ni, one step of 63 electronic iterations
    vasprun_pstress.xml: VASP 6.3.0, PSTRESS = 1 kbar
    vasprun_dfpt.xml: VASP 6.3.2, linear response after the electronic iterations

Not among them: a dynamics, and what VASP prints on its standard output. The forms in tests/fixtures/existing/vasp were
met in public files; their numbers are made up.
"""

from __future__ import annotations

import importlib
import json
import os
import re
import signal
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
from ase import Atoms, units
from ase.md.bussi import Bussi
from ase.md.langevin import Langevin
from ase.md.nose_hoover_chain import NoseHooverChainNVT

KBAR = 1602.1766208  # kbar in one eV/Å³
AMU = 103.642695  # eV in one u Å²/fs²
FS = units.fs
BAR = "|" + " " * 77 + "|"
RULE = " " + "-" * 83 + "\n"


class Refusal(Exception):
    """What VASP stops with."""


class Killed(Exception):
    """What it is killed with where it runs in another process than its own."""


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

    def of(self, kind: str, key: str | None = None) -> Any:
        """Return the value of a kind of trouble in this run, or None."""
        values = self.values.get(kind, {})
        return values.get(key or str(self.number), values.get("*"))


def main() -> int:
    """Run in the present folder."""
    trouble = Trouble()
    try:
        if trouble.of("error"):
            raise Refusal(trouble.of("error"))
        Run(trouble).run()
    except Refusal as refusal:
        print(
            " " + "-" * 77,
            BAR,
            "|     EEEEEEE  RRRRRR   RRRRRR   OOOOOOO  RRRRRR      ###     ###     ###     |",
            sep="\n",
        )
        print(BAR, f"|     {refusal!s:72s}|", BAR, sep="\n")
        print("|       ---->  I REFUSE TO CONTINUE WITH THIS SICK JOB ... BYE!!! <----       |", BAR, sep="\n")
        print(" " + "-" * 77)
        return 1
    for name in filter(None, [trouble.of("lose")]):
        Path(name).unlink()
    for name in filter(None, [trouble.of("cut")]):
        content = Path(name).read_bytes()
        Path(name).write_bytes(content[: len(content) // 2])
    return 0


def read_incar() -> dict[str, str]:
    """Return the tags; statements are separated by lines or semicolons."""
    tags = {}
    for line in Path("INCAR").read_text().splitlines():
        for statement in re.split(r"[#!]", line)[0].split(";"):
            tag, equals, value = statement.partition("=")
            if equals:
                tags[tag.strip().upper()] = value.strip()
    return tags


def read_potcar() -> tuple[list[str], list[float]]:
    """Return elements and their valences."""
    text = Path("POTCAR").read_text()
    return re.findall(r"VRHFIN =\s*(\w+)", text), [float(value) for value in re.findall(r"ZVAL\s*=\s*([\d.]+)", text)]


def read_velocities(n_atoms: int) -> np.ndarray | None:
    """Return what stands below the positions in POSCAR, in Å/fs."""
    lines = Path("POSCAR").read_text().splitlines()
    start = next(place for place, line in enumerate(lines) if line.strip().lower().startswith(("direct", "cart")))
    rows = [line.split() for line in lines[start + 2 + n_atoms : start + 2 + 2 * n_atoms]]
    return np.array(rows, dtype=float) if len(rows) == n_atoms else None


def load_calculator() -> Any:
    """Return the calculator that the environment names."""
    target, _, keywords = os.environ.get("STANDIN_CALCULATOR", "ase.calculators.emt:EMT").partition(" ")
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)(**json.loads(keywords or "{}"))


def rows(values: Any, indent: int = 3) -> str:
    """Return a varray's rows."""
    return "".join(f"{' ' * indent}<v> {' '.join(f'{x:16.8f}' for x in row)} </v>\n" for row in np.atleast_2d(values))


class Run:
    """One run."""

    def __init__(self, trouble: Trouble) -> None:
        self.trouble, self.tags = trouble, read_incar()
        self.atoms: Atoms = ase.io.read("POSCAR", format="vasp")
        self.kinds = [(str(kind), len(list(group))) for kind, group in _groups(self.atoms.get_chemical_symbols())]
        elements, valences = read_potcar()
        if elements != [kind for kind, _ in self.kinds] or len(set(elements)) != len(elements):
            raise Refusal(f"POTCAR has {elements}, POSCAR {[kind for kind, _ in self.kinds]}")
        if np.linalg.det(self.atoms.cell.array) < 0:
            raise Refusal("The triple product of the basis vectors is negative exchange two basis vectors")
        if not Path("KPOINTS").read_text().splitlines()[2].strip().lower().startswith(("g", "m")):
            raise Refusal("Error reading KPOINTS file")
        self.electrons = self.number("NELECT", sum(z * n for z, (_, n) in zip(valences, self.kinds, strict=True)))
        self.is_md = self.number("IBRION", -1) == 0 and self.number("NSW", 0) > 0
        self.nsw, self.nelm = int(self.number("NSW", 0)), int(self.number("NELM", 60))
        self.ediff, self.spin = self.number("EDIFF", 1e-4), int(self.number("ISPIN", 1))
        algo = self.tags.get("ALGO", "Normal").lower()
        self.iterations = int(trouble.of("iterations", algo) or 7)
        self.atoms.calc = load_calculator()
        self.xml: TextIOWrapper = Path("vasprun.xml").open("w")  # noqa: SIM115
        self.outcar: TextIOWrapper = Path("OUTCAR").open("w")  # noqa: SIM115
        self.oszicar: TextIOWrapper = Path("OSZICAR").open("w")  # noqa: SIM115

    def number(self, tag: str, default: float) -> float:
        """Return a number in INCAR."""
        return float(self.tags.get(tag, str(default)).split()[0])

    def run(self) -> None:
        """Compute everything, and write it down step by step."""
        print(" running on    1 total cores\n vasp.6.4.3 stand-in for tests, not VASP")
        self.header()
        dynamics = self.dynamics() if self.is_md else None
        for step in range(self.nsw if self.is_md else 1):
            if step == self.trouble.of("kill"):
                self.iterate(step, 2, 0.0)
                self.die()
            self.configuration(step)
            if dynamics is not None:
                dynamics.run(1)
            self.contcar()
        self.xml.write(self.structure("finalpos") + "</modeling>\n")
        self.outcar.write(
            "\n General timing and accounting informations for this job:\n"
            " ========================================================\n\n"
            "                  Total CPU time used (sec):        0.735\n"
            "                            User time (sec):        0.663\n"
            "                          System time (sec):        0.072\n"
            "                         Elapsed time (sec):        0.806\n\n"
            "                   Maximum memory used (kb):       63948.\n"
            "                   Average memory used (kb):           0.\n"
        )
        for handle in (self.xml, self.outcar, self.oszicar):
            handle.close()

    def die(self) -> None:
        """End like a job that is killed; what was written stays."""
        for handle in (self.xml, self.outcar, self.oszicar):
            handle.close()
        raise Killed

    def dynamics(self) -> Any:
        """Return the integrator, with the thermostat that INCAR asks for."""
        temperature, timestep = self.number("TEBEG", 0.0), self.number("POTIM", 1.0)
        generator = np.random.default_rng([int(word) for word in self.tags["RANDOM_SEED"].split()])
        velocities = read_velocities(len(self.atoms))
        masses, freedoms = self.atoms.get_masses()[:, None], max(3 * len(self.atoms) - 3, 1)
        if velocities is None:
            drawn = generator.normal(size=self.atoms.positions.shape) / np.sqrt(masses)
            drawn -= (masses * drawn).sum(axis=0) / masses.sum()
            energy = AMU * (masses * drawn**2).sum()
            velocities = drawn * np.sqrt(freedoms * units.kB * temperature / max(energy, 1e-30))
        self.atoms.set_velocities(velocities / FS)
        algorithm = int(self.number("MDALGO", 0))
        common = {"timestep": timestep * FS, "temperature_K": temperature}
        if algorithm == 3:
            [friction] = {float(word) for word in self.tags["LANGEVIN_GAMMA"].split()}
            return Langevin(self.atoms, friction=friction / 1000 / FS, rng=generator, **common)
        if algorithm == 5:
            return Bussi(self.atoms, taut=self.number("CSVR_PERIOD", 0) * timestep * FS, rng=generator, **common)
        mass = AMU * self.number("SMASS", 0) * np.linalg.norm(self.atoms.cell.array[0]) ** 2
        damping = np.sqrt(mass / (freedoms * units.kB * temperature))
        return NoseHooverChainNVT(self.atoms, tdamp=damping * FS, tchain=1, **common)

    def configuration(self, step: int) -> None:
        """Compute one configuration."""
        energy, forces, stress = self.evaluate()
        is_bad = step in (self.trouble.of("unconverged") or []) or self.iterations > self.nelm
        error = 0.7 if is_bad else 0.0
        forces, energy = forces * (1 + error), energy + error
        self.iterate(step, self.nelm if is_bad else self.iterations, energy, is_bad)
        word = "EDIFF was not reached (unconverged)" if is_bad else "because EDIFF is reached"
        self.outcar.write(f"------------------------ aborting loop {word} -------------------------\n\n")
        self.write_outcar(energy, forces, -KBAR * stress)
        self.write_xml(energy, forces, -KBAR * stress)
        line = f"{step + 1:5d} F= {energy:.8E} E0= {energy + self.entropy() / 2:.8E}  d E ={-self.entropy():.6E}"
        self.oszicar.write(line + "\n")
        print(line)

    def evaluate(self) -> tuple[float, np.ndarray, np.ndarray]:
        """Return energy, forces and stress, (3, 3)."""
        atoms = self.atoms
        return atoms.get_potential_energy(), atoms.get_forces().copy(), atoms.get_stress(voigt=False)

    def entropy(self) -> float:
        """Return temperature times entropy of the electrons."""
        return 0.05 * float((1 - np.cos(2 * np.pi * self.atoms.get_scaled_positions(wrap=False))).sum())

    def energies(self, energy: float) -> str:
        """Return the three energies of vasprun.xml."""
        values = {"e_fr_energy": 0.0, "e_wo_entrp": self.entropy(), "e_0_energy": self.entropy() / 2}
        lines = [f'    <i name="{name}"> {energy + more:16.8f} </i>\n' for name, more in values.items()]
        return "   <energy>\n" + "".join(lines) + "   </energy>\n"

    def iterate(self, step: int, count: int, energy: float, is_bad: bool = False) -> None:
        """Write electronic iterations."""
        self.xml.write(" <calculation>\n")
        for number in range(1, count + 1):
            error = 0.1 * (-1) ** number if is_bad else 10.0 ** (1 - 2 * number)
            error = 0.0 if number == count and not is_bad else error
            title = f" Iteration {step + 1:6d}({number:4d})  "
            self.outcar.write("-" * 39 + title + "-" * 39 + "\n\n")
            self.outcar.write(f"  free energy    TOTEN  =   {energy + error:16.8f} eV\n\n")
            self.xml.write("  <scstep>\n" + self.energies(energy + error) + "  </scstep>\n")
            self.oszicar.write(f"DAV: {number:3d}    {energy + error:.12E}\n")

    def write_outcar(self, energy: float, forces: np.ndarray, pressure: np.ndarray) -> None:
        """Write what OUTCAR has after the electronic iterations; pressure in kbar, (3, 3)."""
        out, cell = self.outcar, self.atoms.cell.array
        xx, yy, zz, xy, yz, zx = (pressure[place] for place in ((0, 0), (1, 1), (2, 2), (0, 1), (1, 2), (2, 0)))
        out.write("  FORCE on cell =-STRESS in cart. coord.  units (eV):\n")
        out.write("  Direction    XX          YY          ZZ          XY          YZ          ZX\n")
        out.write("  in kB  " + "".join(f"{value:12.5f}" for value in (xx, yy, zz, xy, yz, zx)) + "\n")
        out.write(f"  external pressure = {(xx + yy + zz) / 3:11.2f} kB  Pullay stress =        0.00 kB\n\n")
        # Twice the kinetic energy by volume.
        motion = KBAR * 2 * self.atoms.get_kinetic_energy() / 3 / self.atoms.get_volume()
        out.write("  Total+kin." + "".join(f"{value:11.3f}" for value in (xx + motion, yy + motion, zz + motion)))
        out.write("".join(f"{value:11.3f}" for value in (xy, yz, zx)) + "\n\n VOLUME and BASIS-vectors are now :\n")
        out.write(f"  volume of cell : {self.atoms.get_volume():12.2f}\n")
        out.write("      direct lattice vectors                 reciprocal lattice vectors\n")
        for vector, dual in zip(cell, np.linalg.inv(cell).T, strict=True):
            out.write("   " + "".join(f"{x:13.9f}" for x in vector) + "  " + "".join(f"{x:13.9f}" for x in dual) + "\n")
        out.write(f"\n POSITION{' ' * 39}TOTAL-FORCE (eV/Angst)\n" + RULE)
        for place, force in zip(self.atoms.positions, forces, strict=True):
            out.write(" " + "".join(f"{x:13.5f}" for x in place) + "   " + "".join(f"{x:14.6f}" for x in force) + "\n")
        drift = "".join(f"{x:14.6f}" for x in forces.sum(axis=0))
        out.write(RULE + f"    total drift:                              {drift}\n\n")
        out.write("  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)\n  " + "-" * 51 + "\n")
        out.write(f"  free  energy   TOTEN  = {energy:18.8f} eV\n\n")
        zero = energy + self.entropy() / 2
        out.write(f"  energy  without entropy={energy + self.entropy():18.8f}  energy(sigma->0) ={zero:18.8f}\n\n")
        out.flush()

    def write_xml(self, energy: float, forces: np.ndarray, pressure: np.ndarray) -> None:
        """Write what vasprun.xml has after the electronic iterations."""
        self.xml.write(self.structure() + '  <varray name="forces" >\n' + rows(forces) + "  </varray>\n")
        self.xml.write('  <varray name="stress" >\n' + rows(pressure) + "  </varray>\n")
        self.xml.write(self.energies(energy) + ' <time name="totalsc">    0.06    0.06</time>\n </calculation>\n')
        self.xml.flush()

    def structure(self, name: str = "") -> str:
        """Return the present structure for vasprun.xml: fractional, and wrapped into the cell."""
        named = f' name="{name}"' if name else ""
        cell = self.atoms.cell.array
        text = f'  <structure{named} >\n   <crystal>\n    <varray name="basis" >\n' + rows(cell, 5) + "    </varray>\n"
        text += f'    <i name="volume"> {self.atoms.get_volume():16.8f} </i>\n    <varray name="rec_basis" >\n'
        text += rows(np.linalg.inv(cell).T, 5) + '    </varray>\n   </crystal>\n   <varray name="positions" >\n'
        return text + rows(self.atoms.get_scaled_positions() % 1.0, 4) + "   </varray>\n  </structure>\n"

    def contcar(self) -> None:
        """Write where the next configuration is, with velocities in a dynamics."""
        symbols, counts = zip(*self.kinds, strict=True)
        text = "stand-in\n   1.0\n" + "".join(
            f" {x:21.16f} {y:21.16f} {z:21.16f}\n" for x, y, z in self.atoms.cell.array
        )
        text += " ".join(symbols) + "\n" + " ".join(map(str, counts)) + "\nDirect\n"
        for place in self.atoms.get_scaled_positions(wrap=False):
            text += "".join(f" {x:19.16f}" for x in place) + "\n"
        if self.is_md:
            text += "\n" + "".join(
                "".join(f" {x:15.8E}" for x in row) + "\n" for row in self.atoms.get_velocities() * FS
            )
        Path("CONTCAR").write_text(text)

    def header(self) -> None:
        """Write the heads of OUTCAR and vasprun.xml."""
        symbols, counts = zip(*self.kinds, strict=True)
        ibrion = int(self.number("IBRION", -1))
        out = " vasp.6.4.3 19Mar24 stand-in for tests, not VASP\n"
        out += "".join(f" POTCAR:    PAW_PBE {symbol} 08Apr2002\n   VRHFIN ={symbol}: s1p3\n" for symbol in symbols)
        out += "\n k-points           NKPTS =      1   k-points in BZ     NKDIM =      1   number of bands"
        out += "    NBANDS=     16\n"
        out += f"   number of dos      NEDOS =    301   number of ions     NIONS = {len(self.atoms):6d}\n"
        out += f"   ions per type =          {' '.join(f'{count:5d}' for count in counts)}\n\n"
        out += f"   ISPIN  = {self.spin:6d}    spin polarized calculation?\n"
        out += f"   NELM   = {self.nelm:6d};   NELMIN=  2; NELMDL= -5     # of ELM steps\n"
        out += f"   EDIFF  = {self.ediff:.1E}   stopping-criterion for ELM\n"
        out += f"   NSW    = {self.nsw:6d}    number of steps for IOM\n   IBRION = {ibrion:6d}    ionic relax\n"
        out += f"   NELECT = {self.electrons:12.4f}    total number of electrons\n\n"
        self.outcar.write(out)
        self.xml.write('<?xml version="1.0" encoding="ISO-8859-1"?>\n<modeling>\n <generator>\n')
        self.xml.write('  <i name="program" type="string">vasp </i>\n  <i name="version" type="string">6.4.3  </i>\n')
        self.xml.write(" </generator>\n <incar>\n </incar>\n <kpoints>\n")
        self.xml.write('  <varray name="kpointlist" >\n' + rows([0.0, 0.0, 0.0]) + "  </varray>\n")
        self.xml.write('  <varray name="weights" >\n' + rows([1.0]) + "  </varray>\n </kpoints>\n <parameters>\n")
        integers = {"NELM": self.nelm, "ISPIN": self.spin, "ISMEAR": 0, "NBANDS": 16}
        self.xml.write('  <separator name="electronic" >\n')
        self.xml.write("".join(f'   <i type="int" name="{name}"> {value:5d}</i>\n' for name, value in integers.items()))
        reals = {"NELECT": self.electrons, "EDIFF": self.ediff, "SIGMA": 0.05, "PSTRESS": 0.0}
        self.xml.write("".join(f'   <i name="{name}"> {value:15.10f}</i>\n' for name, value in reals.items()))
        self.xml.write('  </separator>\n  <separator name="ionic" >\n')
        self.xml.write(
            f'   <i type="int" name="NSW"> {self.nsw:5d}</i>\n   <i type="int" name="IBRION"> {ibrion:5d}</i>\n'
        )
        self.xml.write("  </separator>\n </parameters>\n <atominfo>\n" + self.atom_lists() + " </atominfo>\n")
        self.xml.write(self.structure("initialpos"))

    def atom_lists(self) -> str:
        """Return the lists of atoms and of their kinds for vasprun.xml."""
        text = f"  <atoms> {len(self.atoms):6d} </atoms>\n  <types> {len(self.kinds):6d} </types>\n"
        text += (
            '  <array name="atoms" >\n   <dimension dim="1">ion</dimension>\n   <field type="string">element</field>\n'
        )
        text += '   <field type="int">atomtype</field>\n   <set>\n'
        for place, (kind, count) in enumerate(self.kinds, 1):
            text += f"    <rc><c>{kind:2s}</c><c>{place:4d}</c></rc>\n" * count
        text += '   </set>\n  </array>\n  <array name="atomtypes" >\n   <dimension dim="1">type</dimension>\n'
        text += '   <field type="int">atomspertype</field>\n   <field type="string">element</field>\n'
        text += "   <field>mass</field>\n   <field>valence</field>\n"
        text += '   <field type="string">pseudopotential</field>\n   <set>\n'
        for kind, count in self.kinds:
            text += f"    <rc><c>{count:4d}</c><c>{kind:2s}</c><c>  1.0</c><c>  1.0</c><c>  PAW_PBE {kind}  </c></rc>\n"
        return text + "   </set>\n  </array>\n"


def _groups(symbols: list[str]) -> list[tuple[str, list[str]]]:
    groups: list[tuple[str, list[str]]] = []
    for symbol in symbols:
        if not groups or groups[-1][0] != symbol:
            groups.append((symbol, []))
        groups[-1][1].append(symbol)
    return groups


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Killed:
        sys.stdout.flush()
        os.kill(os.getpid(), signal.SIGKILL)

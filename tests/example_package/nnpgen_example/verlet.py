"""The program of the sampler, for the compute node: dynamics at constant temperature, one line of JSON a frame.

Run as ``python -m nnpgen_example.verlet`` in a folder with ``run.json``, ``start.npz`` and the folder ``model``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.md.nose_hoover_chain import NoseHooverChainNVT
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution, Stationary

from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.models import registry
from aiida_nnpgen.models.calculator import PotentialCalculator

__all__ = ["CONFIG", "END", "FRAMES", "MODEL", "START", "main"]

CONFIG, START, MODEL, FRAMES, END = "run.json", "start.npz", "model", "frames.jsonl", "end.json"


def main(folder: Path) -> None:
    """Run the dynamics, and say at the end how it ended."""
    config = json.loads((folder / CONFIG).read_text())
    conditions = config["conditions"]
    [atoms] = Frames.load(folder / START).without_labels().to_atoms()
    atoms.calc = PotentialCalculator(registry.load_path(config["backend"]).load(folder / MODEL))
    freedoms = 3 * len(atoms) - 3
    MaxwellBoltzmannDistribution(
        atoms, temperature_K=conditions["temperature"], rng=np.random.default_rng(config["seed"]), force_temp=True
    )
    Stationary(atoms)
    # ASE's chain counts the three degrees of freedom that a centre of mass at rest does not have.
    target = conditions["temperature"] * freedoms / (3 * len(atoms))
    chain = NoseHooverChainNVT(
        atoms, conditions["timestep"] * units.fs, target, conditions["thermostat_damping"] * units.fs
    )
    failed = _run(chain, atoms, conditions, folder / FRAMES)
    (folder / END).write_text(json.dumps({"failed_step": failed}))


def _run(chain: NoseHooverChainNVT, atoms: Atoms, conditions: dict[str, Any], path: Path) -> int | None:
    """Write the frames; return the step at which the run became useless."""
    with path.open("w") as handle:
        for step, _ in zip(range(conditions["steps"] + 1), chain.irun(conditions["steps"]), strict=True):
            kinetic = atoms.get_kinetic_energy()
            temperature = 2 * kinetic / ((3 * len(atoms) - 3) * units.kB)
            if not temperature <= conditions["max_temperature"]:
                return step
            if step % conditions["stride"] == 0:
                frame = {"step": step, "temperature": temperature, "kinetic": kinetic}
                frame |= {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces().tolist()}
                frame |= {"positions": atoms.positions.tolist()}
                handle.write(json.dumps(frame) + "\n")
                handle.flush()
    return None


if __name__ == "__main__":
    main(Path.cwd())

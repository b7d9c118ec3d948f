"""Wall time of molecular dynamics as a calculation job over that of bare LAMMPS.

    python benchmarks/sampling.py                                  trains a tiny committee of copper first
    python benchmarks/sampling.py --steps 4000 8000 16000          other lengths
    python benchmarks/sampling.py --models m0 m1 --structure x.xyz  models of one's own, folders with DeePMD files

The same run is timed three ways: LAMMPS alone, LAMMPS with the check that stops hopeless runs, and the job with that
check: submission, files, waiting and parsing included. The last is fitted as a * (LAMMPS alone) + constant. Run it
on a quiet machine; each time is the shortest of the repetitions, which take turns. A tiny model is the hard case:
writing and parsing frames weighs more, the faster a step is. Where runs are shorter than some ten seconds, the slope
is that of the noise.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.io import read

AIM = 1.05
THREADS = ("OMP_NUM_THREADS", "DP_INTRA_OP_PARALLELISM_THREADS", "DP_INTER_OP_PARALLELISM_THREADS")
HOPELESS = 1e6


def main() -> None:
    """Measure, and print a table and the fit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, nargs="+", default=[8000, 24000, 48000])
    parser.add_argument("--stride", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--models", type=Path, nargs="+", help="folders with the files of each model")
    parser.add_argument("--structure", type=Path, help="start, needed with --models")
    parser.add_argument("--temperature", type=float, default=100.0)
    arguments = parser.parse_args()
    os.environ.update(dict.fromkeys(THREADS, "1") | {"TF_CPP_MIN_LOG_LEVEL": "3"})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models, start = arguments.models, read(arguments.structure) if arguments.structure else crystal()
        if models is None:
            models = train_committee(folder / "models", 2)
        conditions = {"ensemble": "nvt", "temperature": arguments.temperature, "timestep": 1.0}
        conditions |= {"stride": arguments.stride, "max_temperature": 1e6}
        inputs = load_profile(folder, models, start)
        rows = [measure(folder, inputs, conditions | {"steps": n}, arguments.repeats) for n in arguments.steps]
    report(arguments.steps, np.array(rows))


def report(steps: Sequence[int], times: np.ndarray) -> None:
    """Print the times and the line through them."""
    print(f"{'steps':>8s}{'LAMMPS':>10s}{'with check':>12s}{'job':>10s}   seconds")
    for n, (bare, watched, job) in zip(steps, times, strict=True):
        print(f"{n:8d}{bare:10.2f}{watched:12.2f}{job:10.2f}")
    for name, column in (("LAMMPS with check", 1), ("job", 2)):
        slope, constant = np.polyfit(times[:, 0], times[:, column], 1)
        print(f"{name} = {slope:.3f} * LAMMPS + {constant:.2f} s (aim: at most {AIM})")


def crystal() -> Atoms:
    """Return copper, 32 atoms."""
    return bulk("Cu", cubic=True) * (2, 2, 2)


def train_committee(folder: Path, count: int) -> list[Path]:
    """Train tiny nets on displaced copper, labelled with effective medium theory."""
    from ase.calculators.emt import EMT

    from aiida_nnpgen.builders.perturb import perturb
    from aiida_nnpgen.common.calculators import evaluate
    from aiida_nnpgen.common.frames import Frames
    from aiida_nnpgen.jobs.files import write_frames

    frames = perturb(crystal(), 40, amplitude=0.15, strain=0.03, seed=1)
    labels = [evaluate(atoms, EMT()) for atoms in frames.to_atoms()]
    labelled = Frames(
        numbers=frames.numbers,
        positions=frames.positions,
        cells=frames.cells,
        energies=np.array([label.energy for label in labels]),
        forces=np.array([label.forces for label in labels]),
        stresses=np.array([label.stress for label in labels]),
    )
    settings = {"cutoff": 4.5, "neuron": [4, 8], "axis_neuron": 4, "fitting_neuron": [16, 16], "steps": 2000}
    made = []
    for member in range(count):
        work = folder / f"training_{member}"
        work.mkdir(parents=True)
        config = {"backend": "aiida_nnpgen.models.deepmd.backend:DEEPMD", "elements": ["Cu"], "settings": settings}
        (work / "config.json").write_text(json.dumps(config | {"seed": member + 1}))
        write_frames(work, "train", [labelled[:36]])
        write_frames(work, "validation", [labelled[36:]])
        run([sys.executable, "-m", "aiida_nnpgen.jobs", "train"], work)
        made.append(work / "model")
    return made


def load_profile(folder: Path, models: Sequence[Path], start: Atoms) -> dict[str, Any]:
    """Create a profile in a folder; return code, models and structure as inputs of the job."""
    os.environ["AIIDA_PATH"] = str(folder)
    import aiida
    from aiida import orm
    from aiida.manage.configuration import create_profile, get_config

    from aiida_nnpgen.cli.local_codes import set_up_codes
    from aiida_nnpgen.data import PotentialData

    create_profile(
        get_config(create=True),
        name="benchmark",
        email="benchmark@localhost",
        storage_backend="core.sqlite_dos",
        storage_config={"filepath": str(folder / "storage")},
    )
    aiida.load_profile("benchmark")
    computer = orm.Computer(
        label="localhost",
        hostname="localhost",
        transport_type="core.local",
        scheduler_type="core.direct",
        workdir=str(folder / "work"),
    ).store()
    computer.set_minimum_job_poll_interval(0.5)
    computer.configure(safe_interval=0.0, use_login_shell=False)
    potentials = {}
    for index, model in enumerate(models):
        description = json.loads((model / "model.json").read_text())
        potentials[f"model_{index}"] = PotentialData(
            {path.name: path for path in model.iterdir()},
            architecture="deepmd",
            version=description["version"],
            elements=description["elements"],
            cutoff=description["model"]["descriptor"]["rcut"],
            seed=description["seed"],
            dtype="float64",
        ).store()
    code = next(code for code in set_up_codes("localhost") if code.label == "nnpgen-lammps")
    return {"code": code, "models": potentials, "structure": orm.StructureData(ase=start).store()}


def measure(folder: Path, inputs: dict[str, Any], conditions: dict[str, Any], repeats: int) -> list[float]:
    """Return the shortest times of bare LAMMPS, of LAMMPS with the check, and of the job."""
    from aiida import orm

    best = [np.inf] * 3
    for repeat in range(repeats):
        job_time, node = run_job(inputs, conditions | {"halt_deviation": HOPELESS})
        end = node.outputs.report["end"]
        if end != "completed":
            raise SystemExit(f"the run ended as `{end}`: {node.outputs.report['message']} Take a better model.")
        prepared = folder / f"bare_{conditions['steps']}_{repeat}"
        times = []
        for name, halt in (("without", None), ("with", HOPELESS)):
            target = prepared / name
            write_inputs(target, inputs, orm.Dict({"conditions": conditions | {"halt_deviation": halt}, "seed": 1}))
            times.append(run_bare(target, inputs["code"]))
        best = [min(pair) for pair in zip(best, [*times, job_time], strict=True)]
    return best


def run_job(inputs: dict[str, Any], conditions: dict[str, Any]) -> tuple[float, Any]:
    """Return the wall time of a calculation job, and the job."""
    from aiida import orm
    from aiida.engine import run_get_node

    from aiida_nnpgen.calculations.samplers.lammps import LammpsCalculation

    start = time.perf_counter()
    _, node = run_get_node(LammpsCalculation, **inputs, conditions=orm.Dict({"conditions": conditions, "seed": 1}))
    return time.perf_counter() - start, node


def write_inputs(target: Path, inputs: dict[str, Any], conditions: Any) -> None:
    """Write the folder that the job would have submitted."""
    from aiida.common.folders import Folder
    from aiida.engine.utils import instantiate_process
    from aiida.manage import get_manager

    from aiida_nnpgen.calculations.samplers.lammps import LammpsCalculation

    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    process = instantiate_process(get_manager().get_runner(), LammpsCalculation, **inputs, conditions=conditions)
    process.prepare_for_submission(Folder(target))


def run_bare(folder: Path, code: Any) -> float:
    """Return the wall time of LAMMPS in a folder."""
    from aiida_nnpgen.samplers import lammps

    script = f"{code.prepend_text}\n{code.filepath_executable} -in {lammps.FILENAME_INPUT} -log {lammps.FILENAME_LOG}"
    start = time.perf_counter()
    run(["bash", "-c", script], folder)
    return time.perf_counter() - start


def run(command: Sequence[str], folder: Path) -> None:
    """Run a command in a folder; stop with its output if it fails."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"`{' '.join(command)[:80]}` failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


if __name__ == "__main__":
    main()

"""Good jobs of every kind, and what their parsers make of what is left of them."""

from __future__ import annotations

import json
import runpy
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import ase.io
import numpy as np
from aiida import orm
from aiida.common import AttributeDict
from aiida.engine import ExitCode
from aiida.plugins import CalculationFactory, ParserFactory
from aiida.plugins.entry_point import format_entry_point_string
from ase import Atoms
from ase.build import bulk

from aiida_nnpgen.calculations.functions.label_from_qe import label_from_qe
from aiida_nnpgen.calculations.functions.label_from_vasp import label_from_vasp
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.data.trajectory import frames_to_trajectory
from aiida_nnpgen.dft.code import Effort
from aiida_nnpgen.dft.cpmd import read_md, read_single_point
from aiida_nnpgen.dft.cpmd.code import CPMD
from aiida_nnpgen.jobs import deviation, diagnose, evaluate, label, md, sample, screen, train
from aiida_nnpgen.jobs.files import MANIFEST, write_frames

__all__ = ["KINDS", "STANDINS", "Job", "Jobs", "add_node", "read"]

ROOT = Path(__file__).parents[1]
STANDINS = ROOT / "standins"
KEPT = ("result.json", "taken.json", "error.json", "stdout.txt", "stderr.txt", "cpmd.out")
NOT_RETRIEVED = ("config.json", "frames.json", "nnpgen.pyz", "filler")
CONDITIONS = {"ensemble": "nvt", "temperature": 300.0, "timestep": 0.5, "steps": 20, "stride": 5}

Outcome = tuple[dict[str, Any], int, str]


@dataclass
class Job:
    """A finished job.

    :ivar name: entry point of its parser, or of the function that makes its labels.
    :ivar folder: what it left.
    :ivar inputs: nodes by link label.
    :ivar node: that the parser is given; None where a function makes the labels.
    """

    name: str
    folder: Path
    inputs: dict[str, Any]
    node: orm.CalcJobNode | None = None

    @property
    def files(self) -> list[str]:
        """Return the files that come back from the computer."""
        paths = sorted(path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file())
        ours = {*NOT_RETRIEVED, *self._given(), "model_0", "model_1"}
        return [str(path) for path in paths if not {path.parts[0], path.name} & ours]

    def _given(self) -> list[str]:
        manifest = self.folder / MANIFEST
        return [f"{kind}.npz" for kind in json.loads(manifest.read_text())] if manifest.exists() else ["frames.npz"]


def springs(folder: Path, *stiffnesses: float) -> list[str]:
    """Write models, and return the names of their folders."""
    names = [f"model_{index}" for index in range(len(stiffnesses))]
    for name, stiffness in zip(names, stiffnesses, strict=True):
        (folder / name).mkdir()
        (folder / name / "spring.json").write_text(json.dumps({"stiffness": stiffness}))
    return names


def pairs(count: int, seed: int = 0) -> Frames:
    """Return frames of two atoms on springs."""
    positions = np.random.default_rng(seed).normal(size=(count, 2, 3))
    energies = 0.5 * (positions**2).sum(axis=(1, 2))
    cells = np.tile(10 * np.eye(3), (count, 1, 1))
    return Frames(numbers=[1, 1], positions=positions, cells=cells, energies=energies, forces=-positions)


def configure(folder: Path, **config: object) -> None:
    """Write the configuration of a job."""
    (folder / "config.json").write_text(json.dumps(config))


class Jobs:
    """One good job of each kind.

    :ivar runs: whether programs of this package are run, or their input is written alone.
    """

    def __init__(self, folder: Path, generate_potential: Callable[..., Any], *, runs: bool = True) -> None:
        self.folder, self.runs = folder, runs
        self.models = {f"models__model_{index}": generate_potential(("H",), seed=index) for index in (0, 1)}

    def _run(self, program: ModuleType) -> None:
        if self.runs:
            program.main(self.folder)

    def label(self) -> Job:
        """Label four frames with EMT, one of which it cannot do."""
        atoms = [bulk("Cu", cubic=True) for _ in range(4)]
        for seed, each in enumerate(atoms):
            each.rattle(0.05, seed=seed)
        keys = [f"frame_{number:04d}" for number in (1, 4, 5, 12)]
        write_frames(self.folder, "frames", [Frames.from_atoms(atoms)])
        configure(self.folder, calculator="ase.calculators.emt:EMT", keys=keys)
        self._run(label)
        if self.runs:
            (self.folder / "labels" / f"{keys[-1]}.npz").unlink()
            (self.folder / "failures" / f"{keys[-1]}.json").write_text('{"reason": "calculator", "detail": "no"}')
        nodes = {f"structures__{key}": orm.StructureData(ase=each) for key, each in zip(keys, atoms, strict=True)}
        return Job("nnpgen.ase_label", self.folder, nodes)

    def md(self) -> Job:
        """Run dynamics with EMT."""
        start = bulk("Cu", cubic=True)
        write_frames(self.folder, "frames", [Frames.from_atoms([start])])
        configure(self.folder, calculator="ase.calculators.emt:EMT", conditions=CONDITIONS, seed=1)
        self._run(md)
        return Job("nnpgen.ase_md", self.folder, _start(start))

    def sample(self) -> Job:
        """Run dynamics with two springs."""
        start = Atoms("H2", positions=[[0.3, 0, 0], [0, 0.5, 0]], cell=[9, 9, 9], pbc=True)
        write_frames(self.folder, "frames", [Frames.from_atoms([start])])
        names = springs(self.folder, 1.0, 2.0)
        configure(self.folder, backend="spring_model:BACKEND", models=names, conditions=CONDITIONS, seed=1)
        self._run(sample)
        return Job("nnpgen.samplers.ase", self.folder, _start(start) | self.models)

    def evaluate(self) -> Job:
        """Compare two springs with labels."""
        write_frames(self.folder, "frames", [pairs(6)])
        configure(self.folder, backend="spring_model:BACKEND", models=springs(self.folder, 1.0, 2.0))
        self._run(evaluate)
        return Job("nnpgen.evaluate", self.folder, self.models)

    def deviation(self) -> Job:
        """Compare two springs with each other."""
        write_frames(self.folder, "frames", [pairs(6).without_labels()])
        configure(self.folder, backend="spring_model:BACKEND", models=springs(self.folder, 1.0, 2.0))
        self._run(deviation)
        node = frames_to_trajectory(pairs(6), np.arange(6))
        return Job("nnpgen.deviation", self.folder, self.models | {"trajectories__run_000": node})

    def diagnose(self) -> Job:
        """Compare the last frames of two runs with a dataset."""
        runs = {"probe_000": pairs(3), "probe_001": pairs(2, seed=1)}
        write_frames(self.folder, "runs", [frames.without_labels() for frames in runs.values()])
        write_frames(self.folder, "dataset", [pairs(8, seed=2).without_labels()])
        configure(self.folder, keys=list(runs), steps=[list(range(len(frames))) for frames in runs.values()])
        self._run(diagnose)
        nodes = {
            f"trajectories__{key}": frames_to_trajectory(frames, np.arange(len(frames))) for key, frames in runs.items()
        }
        return Job("nnpgen.diagnose", self.folder, nodes)

    def screen(self) -> Job:
        """Select of twenty frames."""
        write_frames(self.folder, "candidates", [pairs(20).without_labels()])
        write_frames(self.folder, "dataset", [pairs(8, seed=1)])
        settings = {
            "features": {"reduction": "both", "pca_dims": None},
            "reducer": {"method": "aiida_nnpgen.screening.reducers.pca:PcaReducer", "keywords": {}, "fit_size": None},
            "selector": {"name": "aiida_nnpgen.screening.selectors.closest_pair:thin", "keywords": {}},
            "n_max": 6,
            "geometry": None,
        }
        [name] = springs(self.folder, 1.0)
        configure(self.folder, backend="spring_model:BACKEND", model=name, elements=["H"], settings=settings, seed=1)
        self._run(screen)
        return Job("nnpgen.screen", self.folder, {})

    def train(self) -> Job:
        """Train a spring."""
        write_frames(self.folder, "train", [pairs(5)])
        write_frames(self.folder, "validation", [pairs(2)])
        configure(self.folder, backend="pair_model:BACKEND", elements=["H"], seed=7, settings={"steps": 2})
        self._run(train)
        shutil.rmtree(self.folder / "work", ignore_errors=True)
        settings = {"architecture": "pairs", "elements": ["H"], "seed": 7, "parameters": {}}
        return Job("nnpgen.train", self.folder, {"settings": orm.Dict(settings)})

    def cp2k_label(self) -> Job:
        """Take a batch that CP2K labelled."""
        shutil.copytree(ROOT / "fixtures" / "cp2k" / "batch", self.folder, dirs_exist_ok=True)
        atoms = Frames.load(self.folder / "frames.npz").to_atoms()
        nodes = {f"structures__frame_{row:04d}": orm.StructureData(ase=each) for row, each in enumerate(atoms)}
        return Job("nnpgen.cp2k_label", self.folder, nodes | {"method": orm.Dict({"functional": "PBE"})})

    def cp2k_md(self) -> Job:
        """Take a dynamics of CP2K."""
        shutil.copytree(ROOT / "fixtures" / "cp2k" / "md", self.folder, dirs_exist_ok=True)
        [start] = Frames.load(self.folder / "frames.npz").to_atoms()
        return Job("nnpgen.cp2k_md", self.folder, _start(start, steps=4, stride=2))

    def cpmd_single(self) -> Job:
        """Take a single point of CPMD."""
        return self._cpmd("single_point_pg", read_single_point(ROOT / "fixtures" / "cpmd" / "single_point_pg"), {})

    def cpmd_md(self) -> Job:
        """Take a dynamics of CPMD."""
        conditions = {"conditions": orm.Dict({"conditions": {"steps": 4}, "seed": 1})}
        return self._cpmd("md_pg", read_md(ROOT / "fixtures" / "cpmd" / "md_pg"), conditions)

    def _cpmd(self, name: str, frames: Frames, more: dict[str, Any]) -> Job:
        shutil.copytree(ROOT / "fixtures" / "cpmd" / name, self.folder, dirs_exist_ok=True)
        structure = orm.StructureData(ase=frames.without_labels().to_atoms()[0])
        method = orm.Dict(CPMD.method(Effort.FAST).to_dict())
        return Job("nnpgen.cpmd", self.folder, {"structure": structure, "method": method} | more)

    def lammps(self) -> Job:
        """Take a run of LAMMPS with a committee."""
        shutil.copytree(ROOT / "fixtures" / "lammps" / "completed", self.folder, dirs_exist_ok=True)
        start = ase.io.read(ROOT / "fixtures" / "lammps" / "structure.xyz")
        return Job("nnpgen.samplers.lammps", self.folder, _start(start, steps=130, stride=10) | self.models)

    def qe(self) -> Job:
        """Take a single point of pw.x."""
        shutil.copytree(ROOT / "fixtures" / "qe" / "scf", self.folder, dirs_exist_ok=True)
        cell = [[5.0, 0.0, 0.0], [0.3, 5.2, 0.0], [0.1, 0.2, 5.5]]
        positions = [[2.0, 2.0, 2.0], [2.96, 2.0, 2.0], [1.76, 2.93, 2.0]]
        structure = orm.StructureData(ase=Atoms("OH2", positions=positions, cell=cell, pbc=True))
        return Job("qe", self.folder, {"frame_0001": structure, "method": _method()})

    def vasp(self) -> Job:
        """Write a single point of VASP."""
        write = runpy.run_path(str(ROOT / "importing" / "vasp_files.py"))
        atoms = Atoms("OH2", positions=[[2, 2, 2], [2.96, 2, 2], [1.76, 2.93, 2]], cell=[5, 5.2, 5.5], pbc=True)
        forces = np.array([[[0.5, 0.1, 0.0], [-0.3, 0.0, 0.2], [-0.2, -0.1, -0.2]]])
        bare = Frames.from_atoms([atoms])
        labelled = {"energies": [-14.5], "forces": forces, "stresses": [[0.01, 0.02, 0.03, 0.004, 0.005, 0.006]]}
        frames = Frames(numbers=bare.numbers, positions=bare.positions, cells=bare.cells, **labelled)
        (self.folder / "vasprun.xml").write_text(write["vasprun"](frames, [3]))
        end = " General timing and accounting informations for this job:\n  Total CPU time used (sec):  1.0\n"
        (self.folder / "OUTCAR").write_text(write["outcar"](frames, [3], [True], {"O": 1, "H": 2}) + end)
        return Job("vasp", self.folder, {"frame_0001": orm.StructureData(ase=atoms), "method": _method()})


KINDS = sorted(name for name in vars(Jobs) if not name.startswith("_"))


def _start(atoms: Atoms, **changes: int) -> dict[str, Any]:
    conditions = orm.Dict({"conditions": CONDITIONS | changes, "seed": 1})
    return {"structure": orm.StructureData(ase=atoms), "conditions": conditions}


def _method() -> orm.Dict:
    return orm.Dict({"functional": "PBE", "cutoff": 20.0})


def add_node(job: Job, code: orm.InstalledCode) -> Job:
    """Give a job the node that its parser needs."""
    if job.name.startswith("nnpgen."):
        CalculationFactory(job.name)
        process = format_entry_point_string("aiida.calculations", job.name)
        job.node = orm.CalcJobNode(computer=code.computer, process_type=process)
        if (job.folder / MANIFEST).exists():
            job.node.base.repository.put_object_from_bytes((job.folder / MANIFEST).read_bytes(), MANIFEST)
    return job


class Remembered:
    """A node that asks no database for its inputs, of which each of some ten thousand parsers would need a second."""

    def __init__(self, job: Job) -> None:
        self._node = job.node
        self.inputs = AttributeDict()
        for link, data in job.inputs.items():
            namespace, _, key = link.rpartition("__")
            (self.inputs.setdefault(namespace, AttributeDict()) if namespace else self.inputs)[key] = data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._node, name)


def read(job: Job) -> Outcome:
    """Return outputs, exit status and message of a job, all fit to be stored."""
    retrieved = orm.FolderData()
    for name in KEPT if job.node is not None else job.files:
        if (job.folder / name).is_file():
            retrieved.base.repository.put_object_from_bytes((job.folder / name).read_bytes(), name)
    if job.node is None:
        function = {"qe": label_from_qe, "vasp": label_from_vasp}[job.name]
        facts = orm.Dict({"process": "none", "exit_status": 0, "exit_message": ""})
        outputs, code = function.__wrapped__(facts=facts, calculated=retrieved, **job.inputs), None
    else:
        facts = {"retrieved": retrieved, "node": Remembered(job)}
        parser = type("Hasty", (ParserFactory(job.name),), facts)(job.node)
        with tempfile.TemporaryDirectory() as given:
            for path in job.folder.iterdir():
                # What was kept is not given once more to the one parser that puts both together.
                if job.name != "nnpgen.cpmd" or path.name not in KEPT:
                    (Path(given) / path.name).symlink_to(path)
            code = parser.parse(retrieved_temporary_folder=given)
        outputs = parser.outputs
    for node in dict(outputs).values():
        node._validate()
        assert "\\u0000" not in json.dumps(node.base.attributes.all, allow_nan=False)
    code = code or ExitCode(0)
    code.message.encode() if code.message else b""
    return dict(outputs), code.status, code.message or ""

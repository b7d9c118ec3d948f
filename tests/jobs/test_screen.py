"""Tests of the screening job."""

from __future__ import annotations

import json

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.jobs.files import write_frames
from aiida_nnpgen.jobs.screen import main

BACKEND = '''"""A back end whose features of an atom are its fractional coordinates and its element."""
import numpy as np

class Potential:
    def descriptors(self, frames):
        fractional = frames.positions @ np.linalg.inv(frames.cells)
        numbers = np.broadcast_to(frames.numbers[:, None], (*fractional.shape[:2], 1))
        return np.concatenate([fractional, numbers], axis=2)

class Backend:
    def load(self, folder):
        assert (folder / "weights").read_text() == "some"
        return Potential()

BACKEND = Backend()
'''


def waters(n, seed, numbers=(8, 1, 1)):
    """Return jiggled water molecules."""
    rng = np.random.default_rng(seed)
    molecule = np.array([[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]])
    positions = molecule + rng.normal(scale=0.05, size=(n, 3, 3))
    return Frames(numbers=numbers, positions=positions, cells=[np.eye(3) * 6] * n)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs the job on frames and gives its arrays and its result."""
    (tmp_path / "fake_backend.py").write_text(BACKEND)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights").write_text("some")

    def run_job(candidates, dataset, **changes):
        write_frames(tmp_path, "candidates", candidates)
        write_frames(tmp_path, "dataset", dataset)
        settings = {
            "features": {"reduction": "both", "pca_dims": None},
            "reducer": {"method": "aiida_nnpgen.screening.reducers.pca:PcaReducer", "keywords": {}, "fit_size": None},
            "quantities": [],
            "selector": {"name": "aiida_nnpgen.screening.selectors.closest_pair:thin", "keywords": {}},
            "n_max": 6,
            "geometry": None,
        }
        config = {"backend": "fake_backend:BACKEND", "model": "model", "elements": ["H", "O"], "seed": 1}
        (tmp_path / "config.json").write_text(json.dumps({**config, "settings": {**settings, **changes}}))
        main(tmp_path)
        with np.load(tmp_path / "screen.npz") as archive:
            return dict(archive), json.loads((tmp_path / "result.json").read_text())

    return run_job


OH = {"name": "aiida_nnpgen.screening.quantities:min_distance", "keywords": {"pair": ["O", "H"]}, "weight": 2.0}


def test_screen_job_writes_arrays_and_counts(run):
    """Coordinates of both sets, quantities, selection and reasons are there, and agree."""
    arrays, result = run([waters(20, 1)], [waters(8, 2)], quantities=[OH])
    assert result == {"n_candidates": 20, "n_selected": 6, "dropped": {}}
    assert arrays["candidate_points"].shape == (20, 3)
    assert arrays["dataset_points"].shape == (8, 3)
    assert arrays["candidate_quantities"].shape == (20, 1)
    assert arrays["dataset_quantities"].shape == (8, 1)
    assert arrays["selected"].shape == (6,)
    assert arrays["dropped"].dtype == np.int8


def test_screen_job_counts_candidates_over_all_files(run):
    """Indices go on from file to file; frames that repeat the dataset are not selected."""
    new = waters(4, 3)
    arrays, result = run([waters(10, 2), new], [waters(10, 2)], n_max=4)
    assert arrays["selected"].tolist() == [10, 11, 12, 13]
    assert result["n_candidates"] == 14


def test_screen_job_drops_and_counts_bad_geometries(run):
    """An overlap and a NaN are counted under their reasons and never selected."""
    bad = waters(10, 4)
    bad.positions[2, 1] = bad.positions[2, 0] + 0.1
    bad.positions[7] = np.nan
    arrays, result = run([bad], [waters(5, 5)], geometry={"overlap": 0.5}, n_max=10, quantities=[OH])
    assert result["dropped"] == {"not_finite": 1, "overlap": 1}
    assert arrays["selected"].tolist() == [0, 1, 3, 4, 5, 6, 8, 9]


@pytest.mark.parametrize(("candidates", "dataset"), [([], [waters(5, 1)]), ([waters(5, 1)], []), ([], [])])
def test_screen_job_works_on_nothing(run, candidates, dataset):
    """An empty selection is success."""
    arrays, result = run(candidates, dataset, n_max=3, quantities=[OH])
    assert result["n_selected"] == len(arrays["selected"]) == (3 if candidates else 0)


def test_screen_job_screens_several_compositions_at_once(run):
    """Waters and three hydrogens share one map."""
    arrays, _ = run([waters(6, 1), waters(6, 2, numbers=(1, 1, 1))], [waters(3, 3)])
    assert np.isfinite(arrays["candidate_points"]).all()


QUANTITIES = {
    "volume": {},
    "density": {},
    "min_distance": {"pair": ["O", "H"]},
    "min_distance intra": {"scope": "intra"},
}


@pytest.mark.parametrize("name", QUANTITIES)
def test_screen_job_screens_what_a_quantity_is_defined_for(run, name):
    """A composition without the pair, or a lone atom, is dropped by itself, in the dataset too."""
    path = f"aiida_nnpgen.screening.quantities:{name.split()[0]}"
    atom = Frames(numbers=[1], positions=np.zeros((1, 1, 3)), cells=[np.eye(3) * 7])
    quantity = {"name": path, "keywords": QUANTITIES[name], "weight": 1.0}
    other = Frames(numbers=[1], positions=np.zeros((1, 1, 3)), cells=[np.eye(3) * 6])
    arrays, result = run([atom, waters(4, 1)], [other, waters(2, 2)], quantities=[quantity])
    is_distance = name.startswith("min_distance")
    assert result["dropped"] == ({"no_quantity": 1} if is_distance else {})
    assert arrays["selected"].tolist() == ([1, 2, 3, 4] if is_distance else [0, 1, 2, 3, 4])


def test_screen_job_drops_and_counts_duplicates(run):
    """What is labelled already, and what is there twice, is never selected."""
    arrays, result = run([waters(6, 1), waters(2, 1)], [waters(3, 1)], n_max=9)
    assert result["dropped"] == {"duplicate_of_dataset": 5}
    assert arrays["selected"].tolist() == [3, 4, 5]


def test_screen_job_leaves_no_result_when_it_fails(run, tmp_path):
    """A pair that is not there stops the job before it pretends to have finished."""
    with pytest.raises(InputError, match="`C`"):
        run([waters(6, 1)], [waters(3, 3)], quantities=[{**OH, "keywords": {"pair": ["C", "H"]}}])
    assert not (tmp_path / "result.json").exists()


def test_screen_job_refuses_an_unknown_key(run):
    """A misspelt key of the settings is named with its place."""
    with pytest.raises(InputError, match="settings, geometry: unknown key `overlaps`"):
        run([waters(6, 1)], [waters(3, 3)], geometry={"overlaps": 0.5})

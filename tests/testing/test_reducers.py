"""Every registered reducer passes the suite, and the suite sees one that is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from aiida_nnpgen.common import plugins
from aiida_nnpgen.testing.reducers import ReducerSuite

COMPILED = {"densmap", "umap"}  # numba compiles them anew in every process, for some 20 s
METHODS = [
    pytest.param(name, marks=pytest.mark.slow) if name in COMPILED else name
    for name in plugins.names("nnpgen.reducers")
]


class TestRegisteredReducers(ReducerSuite):
    """All of them, those of other packages too."""

    @pytest.fixture(params=METHODS)
    def name(self, request: pytest.FixtureRequest) -> str:
        """Return one name after another."""
        return str(request.param)


class Constant:
    """A reducer that puts all frames in one place."""

    def fit_transform(self, features: NDArray[np.float64], n_dims: int, seed: int) -> NDArray[np.float64]:
        """Return zeros."""
        self._n_dims = n_dims
        return np.zeros((len(features), n_dims))

    def transform(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return more zeros."""
        return np.zeros((len(features), self._n_dims))


class TestMine(ReducerSuite):
    """A third party names its reducer, and has no more to write."""

    NAME = "aiida_nnpgen.screening.reducers.pca:PcaReducer"


def test_suite_fails_a_reducer_that_loses_neighbourhoods(monkeypatch: pytest.MonkeyPatch) -> None:
    """A map on which all groups coincide does not pass."""
    monkeypatch.setattr("aiida_nnpgen.screening.reducers.pca.PcaReducer", Constant)
    with pytest.raises(AssertionError):
        ReducerSuite().test_reducer_keeps_neighbourhoods(TestMine.NAME)

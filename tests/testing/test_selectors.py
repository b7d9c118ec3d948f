"""Every registered selector passes the suite, and the suite sees one that is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from aiida_nnpgen.common import plugins
from aiida_nnpgen.testing.selectors import SelectorSuite


class TestRegisteredSelectors(SelectorSuite):
    """All of them, those of other packages too."""

    @pytest.fixture(params=plugins.names("nnpgen.selectors"))
    def name(self, request: pytest.FixtureRequest) -> str:
        """Return one name after another."""
        return str(request.param)


def first_ones(points: ArrayLike, n_max: int, fixed: ArrayLike | None = None) -> NDArray[np.int64]:
    """Return the first points, also where there are fewer."""
    return np.arange(n_max)


class TestMine(SelectorSuite):
    """A third party names its selector, and has no more to write."""

    NAME = "aiida_nnpgen.screening.selectors.random:random_choice"


def test_suite_fails_a_selector_of_points_that_are_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """More indices than points do not pass, nor does a selection of none."""
    monkeypatch.setattr("aiida_nnpgen.screening.selectors.random.random_choice", first_ones)
    with pytest.raises(AssertionError):
        SelectorSuite().test_selector_keeps_all_if_there_are_no_more(TestMine.NAME)
    with pytest.raises(pytest.fail.Exception):
        SelectorSuite().test_selector_refuses_to_keep_nothing(TestMine.NAME)

"""The reducers of the package; what every reducer must do is in ``aiida_nnpgen.testing.reducers``."""

from __future__ import annotations

import pytest

from aiida_nnpgen.common import plugins
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.screening import embed
from aiida_nnpgen.testing.reducers import FEATURES


def test_reducers_are_the_four_of_the_package():
    """All of them are found by their entry points."""
    assert {"densmap", "pca", "tsne", "umap"} <= set(plugins.names("nnpgen.reducers"))


@pytest.mark.parametrize(
    ("method", "keywords"),
    [("umap", {"n_neighbors": 1}), ("densmap", {"min_dist": -1.0}), ("tsne", {"perplexity": 0.0})],
)
def test_reducer_refuses_a_value_out_of_range(method, keywords):
    """The wrong value is named before the library sees it."""
    with pytest.raises(InputError, match=next(iter(keywords))):
        embed(FEATURES, method, **keywords)

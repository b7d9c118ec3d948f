"""Going on from a run whose first dataset failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from aiida import orm
from aiida.engine import run_get_node

from aiida_nnpgen.workchains.active_learning import ActiveLearningWorkChain
from aiida_nnpgen.workchains.continuation import continue_from

STRICT = ("  batch_size: 3\n", "  batch_size: 3\n  min_yield: 1.0\n  checks: {max_force: 4.0}\n")


def jobs(node: orm.ProcessNode) -> list[orm.CalcJobNode]:
    """Return all jobs below a process."""
    return [process for process in node.called_descendants if isinstance(process, orm.CalcJobNode)]


@pytest.mark.slow
def test_a_first_dataset_that_failed_is_completed(loop_inputs: Callable[..., dict[str, Any]]) -> None:
    """Finished shards are outputs of the failed run; the next one asks for all parts, and computes none anew."""
    pytest.importorskip("tblite")
    _, failed = run_get_node(ActiveLearningWorkChain, **loop_inputs(STRICT))
    assert failed.exit_status == 455, failed.exit_message
    assert "frames got a label, less than 100%" in failed.exit_message
    assert failed.outputs.datasets
    assert not any(job.base.caching.is_created_from_cache for job in jobs(failed))
    earlier = continue_from(failed)
    assert earlier.datasets == {}
    assert list(earlier.structures) == ["water"]
    _, again = run_get_node(ActiveLearningWorkChain, **loop_inputs(STRICT, earlier=failed))
    assert len(jobs(again)) == len(jobs(failed))
    assert all(job.base.caching.is_created_from_cache for job in jobs(again))

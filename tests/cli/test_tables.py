"""Tests of the tables of the command line."""

from __future__ import annotations

import io

from aiida import orm
from aiida.common.links import LinkType
from rich.console import Console

from aiida_nnpgen.cli.tables import print_summary
from aiida_nnpgen.common.iterations import iteration_key


def test_print_summary_shows_what_was_dropped(aiida_profile: object) -> None:
    """Each iteration that dropped candidates says how many, and why."""
    loop, screening = orm.WorkChainNode(), orm.WorkChainNode()
    loop.set_process_label("ActiveLearningWorkChain")
    loop.store()
    screening.base.links.add_incoming(loop, LinkType.CALL_WORK, iteration_key(0, "screening"))
    screening.store()
    report, counts = orm.Dict({"dropped": {"duplicate_of_dataset": 4}}).store(), orm.Dict({"runs": {}}).store()
    report.base.links.add_incoming(screening, LinkType.RETURN, "report")
    counts.base.links.add_incoming(loop, LinkType.RETURN, f"counts__{iteration_key(0)}")
    text = io.StringIO()
    print_summary(loop, Console(file=text, width=140))
    assert "iteration 0 dropped of those in the window: 4 duplicate of dataset" in text.getvalue()

"""Tests of the tables of the command line."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from aiida import orm
from aiida.common.links import LinkType
from rich.console import Console

from aiida_nnpgen.cli import tables
from aiida_nnpgen.cli.demo.survival import SETTINGS
from aiida_nnpgen.cli.tables import print_summary, print_survival
from aiida_nnpgen.common.iterations import iteration_key
from aiida_nnpgen.common.types import Split
from aiida_nnpgen.data import PotentialData
from aiida_nnpgen.data.lineage import FrameLineage
from aiida_nnpgen.properties import survival


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


def test_print_survival_gives_medians_with_their_band() -> None:
    """A committee whose runs hold has no median within the time, and a share that is not certain."""
    text = io.StringIO()
    curves = {"first": survival([0.1] * 10, [True] * 10), "last": survival([0.5] + [1.0] * 9, [True] + [False] * 9)}
    print_survival(curves, SETTINGS, Console(file=text, width=140))
    first, last = (line.split("│") for line in text.getvalue().splitlines() if line.startswith(("first", "last")))
    assert [cell.strip() for cell in first[1:]] == ["10", "10", "0.10 (0.10 to 0.10)", "0 (0 to 31)"]
    assert [cell.strip() for cell in last[1:]] == ["10", "1", "> 1 (0.50 to > 1)", "90 (47 to 99)"]


def test_print_frames_shows_reasons_as_they_are(
    generate_potential: Callable[..., PotentialData], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Brackets come out as they went in, once."""
    facts = {"dataset": "a", "row": 0, "split": Split.TRAIN, "iteration": 0, "index": 0, "structure": None}
    frame = FrameLineage(**facts, label=None, process=None, reason="[/old] kept")
    monkeypatch.setattr(tables, "frames_of_model", lambda _: [frame])
    text = io.StringIO()
    tables.print_frames(generate_potential(), Console(file=text, width=140, markup=False))
    assert "│ [/old] kept" in text.getvalue()

"""Tests of the tables of the command line."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from aiida import orm
from aiida.common.links import LinkType
from rich.console import Console

from aiida_nnpgen.cli import tables
from aiida_nnpgen.cli.tables import print_stability, print_summary
from aiida_nnpgen.common.iterations import iteration_key
from aiida_nnpgen.common.types import Split
from aiida_nnpgen.data import PotentialData
from aiida_nnpgen.data.lineage import FrameLineage
from aiida_nnpgen.properties import Survival, survival
from aiida_nnpgen.workchains.summary import StabilityRow


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


def stability_row(iteration: int, curve: Survival, cause: str) -> StabilityRow:
    """Return the row of ten probes of 1 ps."""
    held = curve.n_runs - curve.n_failed
    share = tuple(float(values[-1]) for values in (curve.share, curve.low, curve.high))
    facts = {"temperature": 600.0, "target": 1.0, "probes": 10, "held": held, "median": curve.median, "share": share}
    return StabilityRow(iteration=iteration, cause=cause, **facts)  # type: ignore[arg-type]


def test_print_stability_gives_medians_with_their_band() -> None:
    """A committee whose probes hold has no median within the time, and a share that is not certain."""
    text = io.StringIO()
    first, last = survival([0.1] * 10, [True] * 10), survival([0.5] + [1.0] * 9, [True] + [False] * 9)
    rows = [stability_row(0, first, "H-O distance of two molecules: 1.00 Å"), stability_row(3, last, "")]
    print_stability(rows, Console(file=text, width=140))
    lines = text.getvalue().splitlines()
    cells = [[cell.strip() for cell in line.split("│")] for line in lines if line.startswith(("0 ", "3 "))]
    assert cells == [
        ["0", "10", "0", "0.10 (0.10 to 0.10)", "0 (0 to 31)"],
        ["3", "10", "9", "> 1 (0.50 to > 1)", "90 (47 to 99)"],
    ]
    assert lines[-1] == "iteration 0: H-O distance of two molecules: 1.00 Å"


def test_print_stability_says_nothing_without_probes() -> None:
    """A run that measured none has no such table."""
    text = io.StringIO()
    print_stability([], Console(file=text))
    assert text.getvalue() == ""


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

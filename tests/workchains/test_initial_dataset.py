"""A first dataset of several parts, some of which fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from aiida import orm
from aiida.engine import run_get_node

from aiida_nnpgen.config.reference import InitialDatasetSettings
from aiida_nnpgen.workchains.initial_dataset import InitialDatasetWorkChain

COUNT = 2


@pytest.fixture
def run(
    python_code: orm.InstalledCode,
    tmp_path: Path,
    generate_structure: Callable[..., orm.StructureData],
    counting_labeller: Callable[..., orm.Dict],
) -> Callable[..., orm.WorkChainNode]:
    """Return a function that labels displaced copies of two structures, of which the stand-in refuses one."""
    torn = generate_structure().get_ase()
    torn.positions[1, 0] += 1.0
    structures = {"torn": orm.StructureData(ase=torn), "water": generate_structure()}

    def make(min_yield: float, refuse: float = 1.5) -> orm.WorkChainNode:
        wanted = InitialDatasetSettings.model_validate({"perturb": {"count": COUNT}}).model_dump(mode="json")
        keywords = {"log": str(tmp_path / "computed.txt"), "refuse": refuse}
        _, node = run_get_node(
            InitialDatasetWorkChain,
            code=python_code,
            settings=orm.Dict(wanted | {"seed": 1, "elements": ["H", "O"]}),
            labelling=counting_labeller(min_yield, **keywords),
            structures=structures,
        )
        return node

    return make


def test_first_dataset_goes_on_without_a_part_that_failed(run: Callable[..., orm.WorkChainNode]) -> None:
    """Half of the frames is enough for a yield of a half: the failed part has a report, the other a shard."""
    node = run(min_yield=0.5)
    assert node.is_finished_ok, node.exit_message
    assert {key: len(shard) for key, shard in node.outputs.datasets.items()} == {"perturb_water": COUNT}
    assert node.outputs.reports.perturb_torn["reasons"] == {"calculator": COUNT}


@pytest.mark.slow
def test_first_dataset_below_its_yield_keeps_what_is_finished(
    run: Callable[..., orm.WorkChainNode], tmp_path: Path
) -> None:
    """The message tells the share and the part; another try takes the finished labels from the cache."""
    node = run(min_yield=0.6)
    assert node.exit_status == 454
    assert "only 2 of 4 frames got a label, less than 60%" in node.exit_message
    assert "perturb_torn: " in node.exit_message
    assert list(node.outputs.datasets) == ["perturb_water"]
    computed = (tmp_path / "computed.txt").read_text()
    again = run(min_yield=0.5)
    assert again.is_finished_ok
    assert (tmp_path / "computed.txt").read_text() == computed

"""A real loop of two tiny iterations with labels from Quantum ESPRESSO."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiida import orm
from aiida.engine import run_get_node

from aiida_nnpgen.data.lineage import frames_of_model, models_of_frame
from aiida_nnpgen.workchains.active_learning import ActiveLearningWorkChain

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("loop_qe")]

REFERENCE = """\
reference:
  labeller: qe
  protocol: fast
  functional: PBE
  dispersion: none
  cutoff: 30 Ry
  kpoints: [1, 1, 1]
  pseudopotentials: {H: H.sg15-pbe.upf, O: O.sg15-pbe.upf}
  rules: [{match: {volume: {max: 90}}, parameters: {ELECTRONS: {mixing_beta: 0.5}}}]
"""


@pytest.fixture(scope="module")
def qe_loop(
    loop_inputs: Callable[..., dict[str, Any]], pw_code: orm.InstalledCode, upf_folder: Path, fixtures: Path
) -> orm.WorkChainNode:
    """Return the finished loop: two water molecules, displaced, then sampled with a committee of two."""
    inputs = loop_inputs(
        ("water.extxyz", str(fixtures / "loop" / "water_pair.extxyz")),
        ("  reference: {code: nnpgen-python@localhost}", f"  reference: {{code: {pw_code.full_label}}}"),
        ("reference:\n  batch_size: 3\n", REFERENCE),
        ("  perturb: {count: 6,", "  perturb: {count: 5,"),
        ("  aimd: {temperatures: [300 K], timestep: 0.5 fs, length: 20 fs, stride: 5}\n", ""),
        ("test_set:\n  aimd: {temperatures: [400 K], timestep: 0.5 fs, length: 20 fs, stride: 10}\n", ""),
        ("n_max: 5, reducer", "n_max: 2, reducer"),
        ("      n_max: 5\n", "      n_max: 2\n"),
        # A net of so few steps drives atoms into each other soon, and pw.x does not converge there.
        ("length: 0.1 ps", "length: 5 fs"),
        ("stride: 10", "stride: 1"),
        ("volume_ratios: [0.8]", "volume_ratios: [0.9]"),
        ("mode: auto, percentile: 90, calibration: {quantile: 0.05, factor: 1000}", "lo: 0.0001, hi: 50.0"),
        ("lo: 0.01, hi: 20.0", "lo: 0.0001, hi: 50.0"),
        folder=upf_folder,
    )
    _, node = run_get_node(ActiveLearningWorkChain, **inputs)
    return node


def test_loop_ends_with_a_model(qe_loop: orm.WorkChainNode) -> None:
    """Both iterations selected and labelled frames, and a last committee was trained on all of them."""
    assert qe_loop.is_finished_ok, qe_loop.exit_message
    assert sorted(qe_loop.outputs.models) == ["iteration_00", "iteration_01", "iteration_02"]
    assert len(qe_loop.outputs.datasets.iteration_00) == len(qe_loop.outputs.datasets.iteration_01) == 2


def test_lineage_names_each_calculation(qe_loop: orm.WorkChainNode) -> None:
    """Every frame of the last model leads to the pw.x calculation that computed it, and to its structure."""
    frames = frames_of_model(qe_loop.outputs.models.iteration_02.model_0)
    assert len(frames) == 9
    calculations = [orm.load_node(frame.process) for frame in frames]
    assert {node.process_label for node in calculations} == {"PwCalculation"}
    assert len({node.uuid for node in calculations}) == 9
    for frame, calculation in zip(frames, calculations, strict=True):
        assert calculation.inputs.structure.uuid == frame.structure
        later = {model.uuid for model in models_of_frame(calculation.inputs.structure)}
        assert (qe_loop.outputs.models.iteration_02.model_0.uuid in later) == (frame.split == 0)


def test_rules_reach_the_input_of_the_code(qe_loop: orm.WorkChainNode) -> None:
    """Compressed cells were computed with the mixing that the rule gives them, the others without."""
    seen = set()
    for frame in frames_of_model(qe_loop.outputs.models.iteration_02.model_0):
        calculation = orm.load_node(frame.process)
        beta = calculation.inputs.parameters["ELECTRONS"].get("mixing_beta")
        is_small = calculation.inputs.structure.get_cell_volume() <= 90
        assert (beta == 0.5) == is_small
        seen.add(is_small)
    assert seen == {True, False}

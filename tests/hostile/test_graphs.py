"""Graphs that do more than compute, on every way that a model can take to a job."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm
from aiida.engine import CalcJob
from aiida.engine.utils import instantiate_process
from aiida.manage import get_manager
from damage import wanted
from forged_graph import attribute, field, net, node

from aiida_nnpgen.calculations.committee import validate_models
from aiida_nnpgen.calculations.deviation import DeviationCalculation
from aiida_nnpgen.calculations.evaluate import EvaluateCalculation
from aiida_nnpgen.calculations.samplers.ase import AseSamplerCalculation
from aiida_nnpgen.calculations.samplers.lammps import LammpsCalculation
from aiida_nnpgen.calculations.screen import validate_model
from aiida_nnpgen.calculations.train import TrainCalculation
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.common.types import Split
from aiida_nnpgen.data import DatasetData, Origin, PotentialData
from aiida_nnpgen.data.trajectory import frames_to_trajectory
from aiida_nnpgen.models.deepmd.backend import DEEPMD
from aiida_nnpgen.models.deepmd.operations import OPERATIONS

HARM = node("harm", "WriteFile", ["name", "content"])
NESTED = field(8, field(1, 7) + field(2, b"") + field(8, net() + HARM))
GRAPHS = {
    "write": net() + HARM,
    "read": net() + node("harm", "ReadFile", ["name"]),
    "function": net() + field(2, field(1, field(1, field(1, "f")) + field(3, HARM[2:]))),
    "called": net() + node("harm", "PartitionedCall", (), attribute("f", field(10, field(1, "f")))),
    "nested": net() + node("graph", "Const", (), attribute("value", NESTED)) + node("h", "DatasetFromGraph", ["graph"]),
    "network": net() + node("harm", "DebugIdentity", ["a"], attribute("debug_urls", field(1, field(2, "grpc://x:1")))),
    "python": net() + node("harm", "PyFunc", ["a"], attribute("token", field(2, "pyfunc_0"))),
    "loop": net() + node("harm", "NextIteration", ["harm"]),
}
NAMES_OF_OPERATIONS = """
import deepmd.tf.op
from tensorflow.core.framework.op_def_pb2 import OpList
from tensorflow.python.client import pywrap_tf_session as session
names = OpList.FromString(session.TF_GetBuffer(session.TF_GetAllOpList())).op
print("registry", *(operation.name for operation in names))
"""


@pytest.fixture
def forge(
    generate_potential: Callable[..., PotentialData], monkeypatch: pytest.MonkeyPatch
) -> Callable[[bytes], PotentialData]:
    """Return a factory of stored models with a given graph: like those of an archive, they were never validated."""

    def make(content: bytes) -> PotentialData:
        model = generate_potential()
        model.base.repository.put_object_from_bytes(content, "model.pb")
        with monkeypatch.context() as patch:
            patch.setattr(PotentialData, "_validate", lambda _: True)
            return model.store()

    return make


@pytest.fixture
def inputs(
    python_code: orm.InstalledCode,
    generate_labelled: Callable[..., Frames],
    generate_structure: Callable[..., orm.StructureData],
) -> dict[type[CalcJob], dict[str, Any]]:
    """Return what else each calculation with models needs."""
    frames = generate_labelled(2)
    datasets = {"a": DatasetData([frames], [Split.TRAIN] * 2, [Origin(iteration=0, reason="x")] * 2)}
    conditions = {"ensemble": "nvt", "temperature": 300.0, "timestep": 0.5, "steps": 100, "stride": 10}
    settings = {"architecture": "deepmd", "elements": ["O", "H"], "seed": 1, "parameters": {}}
    run = {"structure": generate_structure(), "conditions": orm.Dict({"conditions": conditions, "seed": 1})}
    others: dict[type[CalcJob], dict[str, Any]] = {
        EvaluateCalculation: {"datasets": datasets},
        DeviationCalculation: {"trajectories": {"a": frames_to_trajectory(frames, np.arange(2))}},
        TrainCalculation: {"datasets": datasets, "settings": orm.Dict(settings)},
        LammpsCalculation: run,
        AseSamplerCalculation: run,
    }
    return {calculation: {"code": python_code, **values} for calculation, values in others.items()}


@pytest.mark.parametrize("content", GRAPHS.values(), ids=GRAPHS)
def test_harmful_graph_is_not_loaded(tmp_path: Path, content: bytes) -> None:
    """The program on the computer does not trust what was sent to it."""
    (tmp_path / "model.json").write_text(
        '{"backend": "deepmd", "elements": [], "version": "", "steps": 1, "seed": 1, "model": {}}'
    )
    (tmp_path / "model.pb").write_bytes(content)
    with pytest.raises(InputError, match=r"`model\.pb`"):
        DEEPMD.load(tmp_path)


@pytest.mark.parametrize("content", GRAPHS.values(), ids=GRAPHS)
def test_harmful_graph_is_refused_before_every_launch(
    content: bytes, forge: Callable[[bytes], PotentialData], inputs: dict[type[CalcJob], dict[str, Any]]
) -> None:
    """Evaluation, deviation, training from a parent, screening, and dynamics in LAMMPS and ASE."""
    model = forge(content)
    for calculation, others in inputs.items():
        models = {"parent": model} if calculation is TrainCalculation else {"models": {"model_0": model}}
        with pytest.raises(ValueError, match=r"do not use it"):
            instantiate_process(get_manager().get_runner(), calculation, **others, **models)
    assert "do not use it" in str(validate_model(model, None))


def test_harmless_graph_passes_before_every_launch(
    generate_potential: Callable[..., PotentialData], inputs: dict[type[CalcJob], dict[str, Any]]
) -> None:
    """What is refused above is so for its graph alone."""
    model = generate_potential()
    for calculation, others in inputs.items():
        models = {"parent": model} if calculation is TrainCalculation else {"models": {"model_0": model}}
        instantiate_process(get_manager().get_runner(), calculation, **others, **models)
    assert validate_model(model, None) is None


@pytest.mark.slow
def test_every_other_operation_is_refused(
    tmp_path: Path,
    generate_potential: Callable[..., PotentialData],
    record_property: Callable[[str, object], None],
) -> None:
    """All that TensorFlow and DeePMD-kit register and no model holds; `make fuzz` asks every launch of each."""
    done = subprocess.run(
        [sys.executable, "-c", NAMES_OF_OPERATIONS],
        env={**os.environ, **DEEPMD.environment},
        capture_output=True,
        text=True,
        check=True,
    )
    names = {name for line in done.stdout.splitlines() if line.startswith("registry") for name in line.split()[1:]}
    assert names >= OPERATIONS
    record_property("tried", len(names - OPERATIONS))
    model = generate_potential()
    model.copy_to(tmp_path)
    for index, name in enumerate(sorted(names - OPERATIONS)):
        content = net() + node("harm", name)
        (tmp_path / "model.pb").write_bytes(content)
        with pytest.raises(InputError, match=f"`{name}`"):
            DEEPMD.load(tmp_path)
        if index % 40 == 0 or wanted(0):
            model.base.repository.put_object_from_bytes(content, "model.pb")
            assert f"`{name}`" in str(validate_models({"model_0": model}, None))
            assert f"`{name}`" in str(LammpsCalculation.validate_inputs({"models": {"model_0": model}}, None))

"""Run trainings and predictions that tests look at, in one process: each start of TensorFlow takes ten seconds.

Argument: a folder with the job folders ``first``, ``twin``, ``child``, ``resumed``, ``diverged`` and ``evaluation``,
and frames to predict: strained ones, and one in an orthogonal cell, in ``frames.npz``.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import numpy as np

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.jobs import evaluate, train
from aiida_nnpgen.jobs.files import read_config, read_frames
from aiida_nnpgen.models.deepmd.backend import DEEPMD


def pretend_kill(source: Path, target: Path) -> None:
    """Leave the working folder of a training as a kill between the last two checkpoints would."""
    steps = int(read_config(source)["settings"]["steps"])
    (target / train.WORK).mkdir()
    for path in (source / train.WORK).glob("model.ckpt-*"):
        if f"-{steps}." not in path.name:
            shutil.copyfile(path, target / train.WORK / path.name)
    curve = (source / train.WORK / "lcurve.out").read_text().splitlines()
    (target / train.WORK / "lcurve.out").write_text("\n".join(curve[:-1]) + "\n" + curve[-1][:30])


def forge(source: Path, target: Path) -> str:
    """Add an operation that writes a file to a model, try to load it, and return the message."""
    from tensorflow.core.framework.graph_pb2 import GraphDef

    shutil.copytree(source, target)
    graph = GraphDef()
    graph.ParseFromString((source / "model.pb").read_bytes())
    graph.node.add(op="WriteFile", name="harm")
    (target / "model.pb").write_bytes(graph.SerializeToString())
    try:
        DEEPMD.load(target)
    except InputError as exception:
        return str(exception)
    return "loaded"


def run(root: Path) -> None:
    """Train all models, then predict with the first."""
    train.main(root / "first")
    train.main(root / "twin")
    shutil.copytree(root / "first" / train.MODEL, root / "child" / "parent")
    train.main(root / "child")
    pretend_kill(root / "first", root / "resumed")
    train.main(root / "resumed")
    train.main(root / "diverged")
    shutil.copytree(root / "first" / train.MODEL, root / "evaluation" / "model_0")
    shutil.copytree(root / "child" / train.MODEL, root / "evaluation" / "model_1")
    evaluate.main(root / "evaluation")
    strained, orthogonal = read_frames(root, "frames")
    first, child = (DEEPMD.load(root / "evaluation" / f"model_{index}") for index in range(2))
    first.predict(strained).save(root / "strained.npz")
    np.save(root / "descriptors.npy", first.descriptors(strained))
    first.predict(orthogonal).save(root / "orthogonal_0.npz")
    child.predict(orthogonal).save(root / "orthogonal_1.npz")
    (root / "forged.txt").write_text(forge(root / "first" / train.MODEL, root / "forged"))


if __name__ == "__main__":
    run(Path(sys.argv[1]))

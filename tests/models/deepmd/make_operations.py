"""Print the operations and attributes that frozen models of all settings hold; run by hand when DeePMD-kit changes.

Argument: an empty folder. The last lines are what ``aiida_nnpgen/models/deepmd/operations.py`` must list.
"""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import numpy as np

from aiida_nnpgen.common.frames import Frames
from aiida_nnpgen.models.base import TrainingTask
from aiida_nnpgen.models.deepmd.settings import ACTIVATIONS, PRECISIONS, DeepmdSettings
from aiida_nnpgen.models.deepmd.training import train

_SHORT = {"cutoff": 4.0, "axis_neuron": 2, "steps": 1, "warm_steps": 1, "display_every": 1, "save_every": 1}
# Layers of equal, double and other width, after each of which a skip connection differs; and one layer alone.
_NETS = ((4, 8, 8, 10), (4,))
_FITTING = ((6, 6, 5), (3,))
_ELEMENTS = (("O", "H"), ("H",), ("O", "H", "C"))


def settings() -> Iterator[tuple[DeepmdSettings, tuple[str, ...]]]:
    """Yield every activation with every precision, every combination of flags, every shape, and the defaults."""
    flags = (False, True)
    for activation, precision, flag in itertools.product(ACTIVATIONS, PRECISIONS, flags):
        yield _settings(activation=activation, fitting_activation=activation, precision=precision, resnet_dt=flag)
    for precision, one_side, dt, fitting_dt in itertools.product(PRECISIONS, flags, flags, flags):
        nets = {"type_one_side": one_side, "resnet_dt": dt, "fitting_resnet_dt": fitting_dt}
        yield _settings(precision=precision, **nets)
    for net, fitting, one_side in itertools.product(_NETS, _FITTING, flags):
        yield _settings(neuron=net, fitting_neuron=fitting, type_one_side=one_side)
    for elements, one_side in itertools.product(_ELEMENTS[1:], flags):
        yield _settings(type_one_side=one_side)[0], elements
    yield _settings(activation="gelu", fitting_activation="silu")
    yield DeepmdSettings(**{**_SHORT, "axis_neuron": 16}), _ELEMENTS[0]


def _settings(**changes: object) -> tuple[DeepmdSettings, tuple[str, ...]]:
    nets = {"neuron": _NETS[0], "fitting_neuron": _FITTING[0]}
    return DeepmdSettings(**{**_SHORT, **nets, **changes}), _ELEMENTS[0]


def frames(elements: tuple[str, ...], stress: bool) -> Frames:
    """Return two frames with labels of no meaning."""
    rng = np.random.default_rng(1)
    numbers = [{"H": 1, "C": 6, "O": 8}[element] for element in (*elements, *elements)]
    return Frames(
        numbers=np.array(numbers),
        positions=rng.uniform(0, 5, (2, len(numbers), 3)),
        cells=np.broadcast_to(5 * np.eye(3), (2, 3, 3)).copy(),
        energies=rng.normal(size=2),
        forces=rng.normal(size=(2, len(numbers), 3)),
        stresses=rng.normal(size=(2, 6)) if stress else None,
    )


def count(root: Path) -> tuple[Counter[str], Counter[str], int]:
    """Freeze a model of each setting, and a child of some; return operations, attributes and number of models."""
    from tensorflow.core.framework.graph_pb2 import GraphDef

    operations: Counter[str] = Counter()
    attributes: Counter[str] = Counter()
    models = 0
    for index, (chosen, elements) in enumerate(settings()):
        parent = None
        for generation in range(2 if index % 8 == 0 else 1):
            folder = root / f"{index:03d}_{generation}"
            folder.mkdir()
            task = TrainingTask(
                train=[frames(elements, stress=index % 2 == 0)],
                validation=[],
                elements=elements,
                settings=chosen,
                seed=index,
                parent=parent,
            )
            train(task, folder)
            parent = folder
            graph = GraphDef()
            graph.ParseFromString((folder / "model.pb").read_bytes())
            operations.update({node.op for node in graph.node})
            attributes.update(
                {f"{value.WhichOneof('value')} {key}" for node in graph.node for key, value in node.attr.items()}
            )
            models += 1
            print(models, len(operations), len(attributes), len(graph.node), flush=True)  # noqa: T201
    return operations, attributes, models


if __name__ == "__main__":
    found, keys, number = count(Path(sys.argv[1]).resolve())
    print(f"{number} models of {len(fields(DeepmdSettings))} settings")  # noqa: T201
    for title, names in (("operations", found), ("attributes", keys)):
        print(f"{len(names)} {title}")  # noqa: T201
        for name in sorted(names):
            print(f"    {name}  {names[name]}")  # noqa: T201

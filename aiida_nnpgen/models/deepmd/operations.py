"""What frozen DeepPot-SE models consist of.

Found by freezing a model of every activation function, precision, flag and shape that the settings allow, with
``tests/models/deepmd/make_operations.py``. All of it computes; nothing of it reads or writes files, opens connections,
calls Python, repeats itself or holds another graph.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

__all__ = ["CONSTANT", "HIDDEN_ATTRIBUTES", "OPERATIONS", "SOURCES"]

CONSTANT = "Const"

OPERATIONS = frozenset(
    {
        "AddN",
        "AddV2",
        "BatchMatMulV2",
        "BiasAdd",
        "BroadcastGradientArgs",
        "Cast",
        "ConcatOffset",
        "ConcatV2",
        "Const",
        "ExpandDims",
        "Fill",
        "FloorMod",
        "GatherV2",
        "GeluCustom",
        "GeluGradCustom",
        "GreaterEqual",
        "Identity",
        "MatMul",
        "Maximum",
        "Minimum",
        "Mul",
        "Pack",
        "Pad",
        "Placeholder",
        "ProdEnvMatA",
        "ProdForceSeA",
        "ProdVirialSeA",
        "RealDiv",
        "Relu",
        "Relu6",
        "Relu6Grad",
        "ReluGrad",
        "Reshape",
        "Select",
        "Shape",
        "ShapeN",
        "Sigmoid",
        "SigmoidGrad",
        "Slice",
        "Softplus",
        "StridedSlice",
        "Sub",
        "Sum",
        "Tanh",
        "TanhGrad",
        "Tile",
        "ZerosLike",
    }
)

HIDDEN_ATTRIBUTES = frozenset({"_class", "_has_manual_control_dependencies"})
"""Attributes with an underscore, which any operation may have, and some of which change how it runs."""

SOURCES: Mapping[str, Mapping[int, str]] = MappingProxyType(
    {
        "ProdEnvMatA": {1: "t_type", 2: "t_natoms", 4: "t_mesh"},
        "ProdForceSeA": {1: "ProdEnvMatA:1", 2: "ProdEnvMatA:3", 3: "t_natoms"},
        "ProdVirialSeA": {1: "ProdEnvMatA:1", 2: "ProdEnvMatA:2", 3: "ProdEnvMatA:3", 4: "t_natoms"},
    }
)
"""What feeds the inputs of DeePMD-kit's own operations, which use them as indices without a look."""

"""Look into a frozen graph before it is trusted."""

from __future__ import annotations

from pathlib import Path

from ...common.exceptions import InputError

__all__ = ["check_graph"]

# These reach files or Python too, although TensorFlow counts them as free of side effects.
_FORBIDDEN = frozenset({"MatchingFiles", "PyFuncStateless", "ReadFile"})


def check_graph(path: Path) -> None:
    """Refuse a graph that does anything but compute.

    A frozen net consists of pure functions of its inputs. Operations with side effects, by which a forged file could
    read or write files when it is evaluated, have no place in it.

    :param path: frozen graph (``.pb``).
    :raises InputError: if the file is no graph, or an operation in it is not pure.
    """
    import deepmd.tf.op  # noqa: F401  (registers the operations of DeePMD-kit)
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.python.framework import op_def_registry

    graph = GraphDef()
    try:
        graph.ParseFromString(path.read_bytes())
    except DecodeError as exception:
        raise InputError(f"`{path}` is no frozen model: {exception}") from exception
    if graph.library.function:
        raise InputError(f"`{path}` defines functions of its own, which no frozen DeepPot-SE model does: do not use it")
    for name in sorted({node.op for node in graph.node}):
        definition = op_def_registry.get(name)
        if definition is None or definition.is_stateful or name in _FORBIDDEN:
            raise InputError(
                f"`{path}` holds the operation `{name}`, which no frozen DeepPot-SE model does: do not use it"
            )

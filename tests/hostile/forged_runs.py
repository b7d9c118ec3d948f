"""Runs of the loop as they come in an archive, with the nodes that somebody put around them."""

from __future__ import annotations

from collections.abc import Mapping

from aiida import orm
from aiida.common.links import LinkType


def loop_process(inputs: Mapping[str, orm.Data], outputs: Mapping[str, orm.Data]) -> orm.WorkChainNode:
    """Return a finished run of the loop with these nodes around it."""
    return process("ActiveLearningWorkChain", "active_learning", inputs, outputs).seal()


def process(
    label: str,
    name: str,
    inputs: Mapping[str, orm.Data],
    outputs: Mapping[str, orm.Data],
    **called_by: orm.WorkChainNode,
) -> orm.WorkChainNode:
    """Return a finished work chain.

    :param called_by: the process that called it, by the label of the call.
    """
    node = orm.WorkChainNode(process_type=f"aiida.workflows:nnpgen.{name}")
    node.set_process_label(label)
    for link, data in inputs.items():
        node.base.links.add_incoming(data if data.is_stored else data.store(), LinkType.INPUT_WORK, link)
    for link, caller in called_by.items():
        node.base.links.add_incoming(caller, LinkType.CALL_WORK, link)
    node.set_process_state("finished")
    node.set_exit_status(0)
    node.store()
    for link, data in outputs.items():
        (data if data.is_stored else data.store()).base.links.add_incoming(node, LinkType.RETURN, link)
    return node

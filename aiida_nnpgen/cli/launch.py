"""Load nodes, launch the loop, and watch it."""

from __future__ import annotations

import time
from pathlib import Path

import aiida
from aiida import orm
from aiida.common.exceptions import (
    ConfigurationError,
    InvalidOperation,
    MissingConfigurationError,
    NotExistent,
    ProfileConfigurationError,
)
from aiida.engine import submit
from aiida.engine.daemon.client import get_daemon_client
from rich.console import Console

from ..common.exceptions import InputError, NnpgenError
from ..config.root import ActiveLearningConfig
from ..workchains.active_learning import ActiveLearningWorkChain
from ..workchains.builder import build_inputs
from .progress import Progress
from .tables import make_console

__all__ = ["POLL_INTERVAL", "follow", "load", "load_profile", "load_workchain", "submit_loop"]

POLL_INTERVAL = 2.0
"""Seconds between two looks at a running process."""


def load_profile(name: str | None) -> None:
    """Load an AiiDA profile.

    :raises InputError: if there is none of that name.
    """
    try:
        aiida.load_profile(name)
    except (MissingConfigurationError, ProfileConfigurationError) as exception:
        raise InputError(f"{exception} Create one with `verdi presto`.") from exception


def load(profile: str | None, identifier: str) -> orm.Node:
    """Return a node by pk, UUID or label.

    :raises InputError: if there is none.
    """
    load_profile(profile)
    try:
        return orm.load_node(identifier)
    except (NotExistent, ValueError) as exception:
        raise InputError(f"there is no node `{identifier}`") from exception


def load_workchain(profile: str | None, identifier: str) -> orm.WorkChainNode:
    """Return a work chain by pk, UUID or label.

    :raises InputError: if there is none, or it is another kind of node.
    """
    node = load(profile, identifier)
    if not isinstance(node, orm.WorkChainNode):
        raise InputError(f"<{node.pk}> is a {type(node).__name__}, not a work chain: see `verdi process list -a`")
    return node


def submit_loop(
    profile: str | None, config: ActiveLearningConfig, folder: Path, continue_from: str | None = None
) -> orm.WorkChainNode:
    """Submit the loop to the daemon.

    :raises InputError: if the profile has no broker or no daemon.
    """
    load_profile(profile)
    _check_daemon()
    earlier = load_workchain(profile, continue_from) if continue_from else None
    inputs = build_inputs(config, folder, earlier)
    try:
        return submit(ActiveLearningWorkChain, **inputs)
    except InvalidOperation as exception:
        raise InputError(
            f"the run cannot be submitted: {exception} A profile made by `verdi presto` has a broker; "
            "`verdi daemon start` starts the daemon."
        ) from exception


def _check_daemon() -> None:
    """Refuse to submit what nobody would run."""
    try:
        is_running = get_daemon_client().is_daemon_running
    except ConfigurationError as exception:
        raise InputError(
            f"the profile can have no daemon: {exception}; see `verdi profile configure-broker`"
        ) from exception
    if not is_running:
        raise InputError("the daemon does not run: start it with `verdi daemon start`")


def follow(node: orm.ProcessNode, console: Console | None = None) -> None:
    """Show the progress of a process until it ends.

    :raises NnpgenError: if it failed.
    """
    console = console or make_console()
    progress = Progress(node, console)
    with console.status("starting") as status:
        while True:
            ended = node.is_terminated
            status.update(progress.update())
            if ended:
                break
            time.sleep(POLL_INTERVAL)
    if not node.is_finished_ok:
        state = node.process_state.value if node.process_state else "unknown"
        raise NnpgenError(f"process <{node.pk}> did not succeed ({state}): {node.exit_message or node.exception}")

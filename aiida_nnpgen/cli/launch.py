"""Load nodes, launch the loop, and watch it."""

from __future__ import annotations

import time
from pathlib import Path

import aiida
from aiida import orm
from aiida.common.exceptions import (
    MissingConfigurationError,
    MultipleObjectsError,
    NotExistent,
    ProfileConfigurationError,
)
from aiida.engine import submit
from aiida.engine.daemon.client import get_daemon_client
from aiida.manage import get_manager
from rich.console import Console

from ..common.exceptions import InputError, NnpgenError
from ..config.root import ActiveLearningConfig
from ..workchains.active_learning import ActiveLearningWorkChain
from ..workchains.builder import build_inputs
from .console import make_console
from .progress import Progress

__all__ = ["POLL_INTERVAL", "follow", "load", "load_process", "load_profile", "submit_loop"]

POLL_INTERVAL = 2.0
"""Seconds between two looks at a running process."""


def load_profile(name: str | None) -> None:
    """Load an AiiDA profile.

    :raises InputError: if there is none of that name.
    """
    try:
        aiida.load_profile(name)
    except (MissingConfigurationError, ProfileConfigurationError) as exception:
        raise InputError(f"{exception}: see `verdi profile list`, or make one with `verdi presto`") from exception


def load(profile: str | None, identifier: str) -> orm.Node:
    """Return a node by pk, UUID or label.

    :raises InputError: if there is none.
    """
    load_profile(profile)
    try:
        return orm.load_node(identifier)
    except (NotExistent, ValueError) as exception:
        raise InputError(f"there is no node `{identifier}`") from exception
    except MultipleObjectsError as exception:
        raise InputError(f"several nodes begin with `{identifier}`: give the pk or the whole UUID") from exception


def load_process(profile: str | None, identifier: str) -> orm.ProcessNode:
    """Return a process by pk, UUID or label.

    :raises InputError: if there is none, or it is something else.
    """
    node = load(profile, identifier)
    if not isinstance(node, orm.ProcessNode):
        raise InputError(f"<{node.pk}> is a {type(node).__name__}, not a process: see `verdi process list -a`")
    return node


def _check_daemon() -> None:
    """Check that somebody will run what is submitted.

    :raises InputError: if the profile has no broker, or its daemon is not running.
    """
    profile = get_manager().get_profile()
    name = profile.name if profile else ""
    if profile is None or profile.process_control_backend is None:
        raise InputError(
            f"the profile `{name}` has no broker, without which there is no daemon: make one with `verdi presto`, "
            "or see `verdi profile configure-rabbitmq`"
        )
    if not get_daemon_client(name).is_daemon_running:
        raise InputError(f"the daemon of the profile `{name}` is not running: start it, `verdi -p {name} daemon start`")


def submit_loop(
    profile: str | None, config: ActiveLearningConfig, folder: Path, continue_from: str | None = None
) -> orm.WorkChainNode:
    """Submit the loop to the daemon."""
    load_profile(profile)
    _check_daemon()
    earlier = load_process(profile, continue_from) if continue_from else None
    return submit(ActiveLearningWorkChain, **build_inputs(config, folder, earlier))


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

"""The demo: the whole loop on a laptop, and whether it helped."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

from .profile import PROFILE, ensure_profile, enter_home

__all__ = ["run_demo"]

GROUP = "nnpgen-demo"
CONFIG = "propylene_glycol.yaml"


def run_demo(folder: Path, config: Path | None = None) -> None:
    """Run the loop, or go on with it, and print its result.

    :param folder: home of the demo's AiiDA profile.
    :param config: another configuration than the demo's own.
    """
    enter_home(folder)
    # AiiDA fixes the place of its configuration on import, hence only here.
    from aiida import orm

    from ..console import make_console, plain
    from ..launch import POLL_INTERVAL, load_profile
    from ..local_codes import set_up_codes
    from .loop import run_and_report

    console = make_console()
    console.print(plain(f"AiiDA profile `{PROFILE}` in {folder}"))
    ensure_profile()

    load_profile(PROFILE)
    orm.load_computer("localhost").set_minimum_job_poll_interval(POLL_INTERVAL)
    set_up_codes("localhost")
    if config is not None:
        run_and_report(config, GROUP, console)
        return
    with as_file(files(__package__) / CONFIG) as path:
        run_and_report(path, GROUP, console)

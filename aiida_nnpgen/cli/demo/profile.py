"""An AiiDA profile for the demo, in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ...common.exceptions import NnpgenError

__all__ = ["PROFILE", "ensure_profile", "enter_home"]

PROFILE = "nnpgen-demo"


def enter_home(folder: Path) -> None:
    """Make AiiDA look for its configuration in a folder: profiles elsewhere are not seen, let alone touched.

    This must happen before anything of AiiDA is imported.
    """
    # The profile holds a password, and the repository whatever is computed: nobody else reads them.
    folder.parent.mkdir(parents=True, exist_ok=True)
    for place in (folder, folder / ".aiida"):
        place.mkdir(mode=0o700, exist_ok=True)
    (folder / ".aiida").chmod(0o700)
    os.environ["AIIDA_PATH"] = str(folder)
    os.environ.pop("AIIDA_PROFILE", None)
    # The daemon looks for `verdi` on the path, where an environment that is not activated is not.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"


def ensure_profile() -> None:
    """Create the profile, its computer and its settings where they are missing, and start the daemon.

    SQLite with the built-in ZeroMQ broker: no service is needed.
    """
    if PROFILE not in _verdi("profile", "list"):
        _verdi("presto", "--non-interactive", "--use-zeromq", "--profile-name", PROFILE)
        _verdi("-p", PROFILE, *_LOCAL_TRANSPORT)
        _verdi("-p", PROFILE, "config", "set", "caching.default_enabled", "true")
        _verdi("-p", PROFILE, "config", "set", "transport.task_maximum_attempts", "3")
    if "not running" in _verdi("-p", PROFILE, "daemon", "status", check=False):
        _verdi("-p", PROFILE, "daemon", "start", "1")


_LOCAL_TRANSPORT = (
    *("computer", "configure", "core.local", "localhost", "--non-interactive"),
    *("--safe-interval", "0", "--no-use-login-shell"),
)


def _verdi(*arguments: str, check: bool = True) -> str:
    command = [sys.executable, "-m", "aiida", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if check and done.returncode:
        raise NnpgenError(f"`verdi {' '.join(arguments)}` failed: {(done.stderr or done.stdout).strip()}")
    return done.stdout + done.stderr

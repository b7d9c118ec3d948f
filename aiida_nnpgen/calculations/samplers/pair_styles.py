"""Which pair styles a LAMMPS on this machine has."""

from __future__ import annotations

import re
import subprocess
import tempfile
from functools import lru_cache
from pathlib import Path

from aiida import orm

from ...common.exceptions import InputError
from ...models.base import Backend
from ..environment import default_environment

__all__ = ["check_pair_style"]

_TIMEOUT = 60.0  # s; it starts within two
_STYLES = re.compile(r"^Pair styles:\s*$(.*?)^(?:Info|Total wall|\S[^\n]*:\s*$)", re.MULTILINE | re.DOTALL)


def check_pair_style(code: orm.AbstractCode, backend: Backend) -> None:
    """Ask LAMMPS for its pair styles, where it runs on this machine without a scheduler; it is not asked elsewhere.

    :raises InputError: if it lacks that of an architecture, or does not start.
    """
    computer = code.computer
    if not isinstance(code, orm.InstalledCode) or computer is None:
        return
    if computer.transport_type != "core.local" or computer.scheduler_type != "core.direct":
        return
    style = backend.lammps_interaction(["model"], ["H"], 1).commands[0].split()[1]
    run = f'"{code.filepath_executable}" -in styles.in -log none'
    text = _run("\n".join([computer.get_prepend_text(), code.prepend_text, default_environment(backend), run]))
    if text is None:
        return
    found = _STYLES.search(text)
    if found is None:
        lines = [line for line in text.splitlines() if line.strip()]
        raise InputError(f"`{code.full_label}` does not start as LAMMPS: {lines[-1] if lines else 'it prints nothing'}")
    if style not in found.group(1).split():
        raise InputError(
            f"`{code.full_label}` has no pair style `{style}`: build LAMMPS with it, or set LAMMPS_PLUGIN_PATH "
            "in the code's prepend_text"
        )


@lru_cache
def _run(script: str) -> str | None:
    """Return what LAMMPS prints, as a job would run it; None if it takes too long."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "styles.in").write_text("info styles pair\n")
        command = ["bash", "-c", script]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, timeout=_TIMEOUT, check=False)
        except subprocess.TimeoutExpired:
            return None
    return (done.stdout + done.stderr).decode(errors="replace")

"""The loop under a daemon, in a fresh profile, while processes are killed under it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aiida import orm

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("loop")]

PATIENCE = 400
"""Seconds after which a phase that does not come is a failure."""

INSPECT = """
import json, sys
import aiida
aiida.load_profile("nnpgen-demo")
from aiida import orm
from aiida_nnpgen.cli.launch import load
query = orm.QueryBuilder().append(orm.WorkChainNode, filters={"attributes.process_label": "ActiveLearningWorkChain"})
[[loop]] = query.all()
jobs = orm.QueryBuilder().append(orm.CalcJobNode, project="*").all(flat=True)
labels = [job for job in jobs if job.process_label == "AseLabelCalculation"]
print(json.dumps({
    "ok": loop.is_finished_ok,
    "message": loop.exit_message,
    "labelled": [node.get_ase().positions.tolist() for job in labels for node in job.inputs.structures.values()],
    "datasets": {
        key: [part.positions.tolist() for part in shard.get_frames()] for key, shard in loop.outputs.datasets.items()
    },
    "trainings": sum(job.process_label == "TrainCalculation" for job in jobs),
}))
"""


def processes(home: Path, *words: str) -> list[int]:
    """Return processes that belong to a home, by environment or working directory, whose command has all words."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            belongs = f"AIIDA_PATH={home}".encode() in (entry / "environ").read_bytes().split(b"\0")
            here = (entry / "cwd").readlink().is_relative_to(home)
        except OSError:
            continue
        if (belongs or here) and all(word in command for word in words):
            found.append(int(entry.name))
    return found


def kill(pids: list[int]) -> None:
    """Kill without any chance to clean up."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def wait_for(condition: Callable[[], object], what: str) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.05)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Return the home of a demo; its daemon is stopped afterwards, and whatever still runs in it is killed."""
    home = tmp_path / "home"
    yield home
    stop = [str(Path(sys.executable).parent / "verdi"), "-p", "nnpgen-demo", "daemon", "stop"]
    subprocess.run(stop, env=os.environ | {"AIIDA_PATH": str(home)}, check=False, timeout=60)
    kill(processes(home))


def start(home: Path, config: Path) -> subprocess.Popen[bytes]:
    """Start the demo, or go on with it."""
    command = [str(Path(sys.executable).parent / "nnpgen"), "demo", "--folder", str(home), "--config", str(config)]
    with (home.parent / "demo.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)


def inspect(home: Path) -> dict[str, Any]:
    """Return what the profile of the demo holds."""
    environment = os.environ | {"AIIDA_PATH": str(home)}
    done = subprocess.run([sys.executable, "-c", INSPECT], env=environment, capture_output=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


@pytest.fixture
def first_iteration(fixtures: Path, tmp_path: Path) -> Path:
    """Return the configuration of the tiny loop with the first of its two iterations alone."""
    folder = fixtures / "loop"
    text = (folder / "water.yaml").read_text()
    second = text.rindex("  - sampling:")
    (tmp_path / "water.yaml").write_text(text[:second])
    shutil.copy(folder / "water.extxyz", tmp_path)
    return tmp_path / "water.yaml"


def test_killed_loop_goes_on(home: Path, first_iteration: Path, loop: orm.WorkChainNode) -> None:
    """Killed in training, sampling and labelling, the run ends with the very frames of an undisturbed one."""
    front = start(home, first_iteration)
    # A worker alone: its supervisor starts another.
    wait_for(lambda: processes(home, "nnpgen.pyz train"), "training")
    kill(processes(home, "daemon", "worker"))
    wait_for(lambda: processes(home, "lmp -in"), "sampling")
    kill(processes(home, "daemon", "worker"))
    # Everything that belongs to AiiDA, and the front: the command is given again.
    wait_for(lambda: processes(home, "nnpgen.pyz label"), "labelling")
    kill([pid for pid in processes(home) if pid not in processes(home, "nnpgen.pyz")])
    front.wait()
    front = start(home, first_iteration)
    assert front.wait(timeout=PATIENCE) == 0, (home.parent / "demo.log").read_text()
    result = inspect(home)
    assert result["ok"], result["message"]
    assert result["trainings"] == 2 * 2
    undisturbed = loop.outputs.datasets
    assert set(result["datasets"]) == {key for key in undisturbed if key != "iteration_01"}
    for key, parts in result["datasets"].items():
        for part, positions in zip(undisturbed[key].get_frames(), parts, strict=True):
            np.testing.assert_array_equal(part.positions, positions)
    # No frame was labelled by two jobs, and there was no job for anything else.
    labelled = [np.array(positions).tobytes() for positions in result["labelled"]]
    assert len(labelled) == len(set(labelled)) == len(undisturbed.initial_perturb_water) + len(undisturbed.iteration_00)

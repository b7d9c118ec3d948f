"""A disk that is full at any point of a job: what was finished is kept, the reason is told, and the job can go on."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from aiida import orm
from aiida.engine import run_get_node
from ase.build import bulk
from finished_jobs import STANDINS, Job, Jobs, add_node, read

from aiida_nnpgen.common.dynamics import Conditions
from aiida_nnpgen.common.interaction import Interaction
from aiida_nnpgen.jobs.errors import parse_error
from aiida_nnpgen.jobs.main import PROGRAMS, main
from aiida_nnpgen.samplers.lammps import input_files
from aiida_nnpgen.workchains.labelling import LabellingWorkChain

LEVELS = 10
PAGE = 4096
ROOM = 16
"""kB that are left to a job: its record of errors, what it took, and some labels."""

pytestmark = pytest.mark.usefixtures("pair_backend")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Return a disk of 4 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, check=False).returncode
    except OSError:
        done = 1
    if done:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def free_pages(folder: Path) -> int:
    """Return how many pages a disk has left."""
    return os.statvfs(folder).f_bavail * os.statvfs(folder).f_frsize // PAGE


def leave_free(folder: Path, pages: int) -> None:
    """Fill a disk but for some pages."""
    (folder / "filler").write_bytes(bytes((free_pages(folder) - pages) * PAGE))


@pytest.mark.parametrize("program", PROGRAMS)
def test_full_disk_is_told_and_costs_nothing_that_was_finished(
    program: str,
    disk: Path,
    monkeypatch: pytest.MonkeyPatch,
    generate_potential: Callable[..., Any],
    python_code: orm.InstalledCode,
) -> None:
    """At each of ten fill levels the parser says so, keeps what there is, and with room the job ends well."""
    monkeypatch.syspath_prepend(str(STANDINS))
    ends, kept, needed = set(), [], 0
    for level in range(LEVELS + 1):
        folder = disk / f"level_{level}"
        folder.mkdir()
        job = getattr(Jobs(folder, generate_potential, runs=False), program)()
        add_node(job, python_code)
        monkeypatch.chdir(folder)
        before = free_pages(disk)
        if level:
            leave_free(folder, (level - 1) * needed // (LEVELS - 1))
        status = main([program])
        outputs, exit_status, message = read(job)
        kept.append(len(outputs["labels"].get_stepids()) if "labels" in outputs else 0)
        ends.add(exit_status)
        if status == 0:
            assert exit_status == 0, message
            needed = needed or before - free_pages(disk)
        else:
            assert (status, exit_status) == (3, 412), message
            error = parse_error((folder / "error.json").read_bytes())
            assert error is not None
            assert error.disk_full
            assert kept[-1] >= len(list(folder.glob("labels/*.npz")))
            (folder / "filler").unlink()
            assert main([program]) == 0
            assert read(job)[1] == 0
        (folder / "filler").unlink(missing_ok=True)
        monkeypatch.chdir(disk)
        shutil.rmtree(folder)
    assert ends == {0, 412}
    assert kept[1:] == sorted(kept[1:])
    if program in ("label", "md"):
        assert 0 in kept
        assert any(0 < count < kept[0] for count in kept)


CONDITIONS = {"ensemble": "nvt", "temperature": 90.0, "timestep": 2.0, "steps": 200, "stride": 10}
LENNARD_JONES = Interaction(
    commands=(
        "pair_style lj/cut 6.0",
        "pair_coeff 1 1 0.0104 3.4",
        'fix t all print 10 "$(step) 1 1 1 0.1 1 1" file model_devi.out screen no title "0 1 1 1 0.1 1 1"',
    ),
    deviation_file="model_devi.out",
    force_column=4,
)


def argon(folder: Path, models: dict[str, Any]) -> Job:
    """Write the input of a run in LAMMPS, as long as what it writes does not fit into a page."""
    atoms = bulk("Ar", "fcc", a=5.4, cubic=True) * (3, 3, 3)
    for name, content in input_files(atoms, Conditions(**CONDITIONS), ["Ar"], LENNARD_JONES, 1).items():  # type: ignore[arg-type]
        (folder / name).write_text(content)
    conditions = orm.Dict({"conditions": CONDITIONS, "seed": 1})
    return Job(
        "nnpgen.samplers.lammps", folder, {"structure": orm.StructureData(ase=atoms), "conditions": conditions} | models
    )


def test_full_disk_of_lammps_costs_nothing_that_was_dumped(
    disk: Path,
    lammps: Callable[..., subprocess.CompletedProcess[str]],
    generate_potential: Callable[..., Any],
    python_code: orm.InstalledCode,
) -> None:
    """At each of ten fill levels the good frames are kept; where there is room for a word, it is told."""
    models = Jobs(disk, generate_potential, runs=False).models
    ends, kept, needed = [], [], 0
    for level in range(LEVELS + 1):
        folder = disk / f"level_{level}"
        folder.mkdir()
        job = add_node(argon(folder, models), python_code)
        before = free_pages(disk)
        if level:
            leave_free(folder, (level - 1) * needed // (LEVELS - 1))
        lammps(folder, screen="screen.txt")
        needed = needed or before - free_pages(disk)
        outputs, status, message = read(job)
        ends.append(status)
        kept.append(len(outputs["deviation"].get_array("step")) if "deviation" in outputs else 0)
        assert status == 0 or "no room on the disk" in message or "No space left" in message
        shutil.rmtree(folder)
    assert (ends[0], ends[-1]) == (0, 0)
    assert set(ends[2:-1]) == {412}
    assert ends[1] != 0
    assert kept[1:] == sorted(kept[1:])
    assert len(set(kept[2:])) > LEVELS / 2


@pytest.fixture
def full_code(disk: Path, patient_runner: None) -> orm.InstalledCode:
    """Return this Python on a computer whose disk is full during its first job: an upload would wait for room."""
    computer = orm.Computer(
        label=f"full-{disk.parent.name}",
        hostname="localhost",
        transport_type="core.local",
        scheduler_type="core.direct",
        workdir=str(disk / "work"),
    ).store()
    computer.set_minimum_job_poll_interval(0.1)
    computer.configure(safe_interval=0.0, use_login_shell=False)
    once, free = disk.parent / "filled", f"$(df --output=avail -k {disk} | tail -n 1)"
    fill = f"head -c $(( ({free} - {ROOM}) * 1024 )) /dev/zero > {disk}/filler"
    before = f'export PYTHONPATH="{STANDINS}"\nif [ ! -e {once} ]; then touch {once}; {fill}; fi'
    code = orm.InstalledCode(
        computer=computer,
        filepath_executable=sys.executable,
        prepend_text=before,
        append_text=f"rm -f {disk}/filler",
    )
    code.label = "python"
    return code.store()


def counting(log: Path, attempts: int) -> orm.Dict:
    """Return the settings of a labelling with the calculator that leaves a line for each frame."""
    calculator = {"calculator": "counting_calculator:CountingCalculator", "keywords": {"log": str(log)}}
    values = {"labeller": "ase", "parameters": calculator, "batch_size": 4, "max_attempts": attempts, "min_yield": 0.0}
    return orm.Dict(values | {"checks": {}, "iteration": 0, "validation_fraction": 0.0, "seed": 1})


@pytest.mark.slow
@pytest.mark.parametrize("attempts", [1, 2])
def test_labelling_goes_on_when_there_is_room(
    attempts: int,
    full_code: orm.InstalledCode,
    generate_structure: Callable[..., orm.StructureData],
    tmp_path: Path,
) -> None:
    """Labels from before the disk was full are in the graph, the reason is told, and the rest comes in another job."""
    log = tmp_path / "computed.txt"
    named = {f"frame_{row:04d}": generate_structure(seed=row) for row in range(4)}
    labelled, failures = label(full_code, counting(log, attempts), named)
    first = jobs(labelled)[0]
    assert first.exit_status == 412
    assert "No space left on device" in first.exit_message
    kept = set(first.outputs.labels.get_stepids().tolist())
    assert 0 < len(kept) < len(named)
    if attempts == 1:
        assert set(failures) == {key for key in named if int(key[-4:]) not in kept}
        assert all("No space left on device" in failure["detail"] for failure in failures.values())
        assert len(labelled.outputs.dataset) == len(kept)
        again, failures = label(full_code, counting(log, attempts), {key: named[key] for key in failures})
        assert len(again.outputs.dataset) == len(named) - len(kept)
    assert failures == {}
    # The label that could not be written is the only one that was computed twice.
    lines = log.read_text().splitlines()
    assert (len(set(lines)), len(lines)) == (4, 5)


def label(
    code: orm.InstalledCode, settings: orm.Dict, structures: dict[str, orm.StructureData]
) -> tuple[orm.WorkChainNode, dict[str, Any]]:
    """Return a labelling that succeeded, and the frames that it gave up."""
    record = orm.Dict({key: {"reason": "x"} for key in structures})
    inputs = {"code": code, "settings": settings, "structures": structures, "record": record}
    _, node = run_get_node(LabellingWorkChain, **inputs)
    assert node.is_finished_ok, node.exit_message
    return node, node.outputs.report["failures"]


def jobs(node: orm.WorkChainNode) -> list[orm.CalcJobNode]:
    """Return the jobs of a labelling, in the order of their launch."""
    found = [job for job in node.called_descendants if isinstance(job, orm.CalcJobNode)]
    return sorted(found, key=lambda job: job.pk)

"""Seconds to store, load and extend a dataset, and the bytes that it takes.

    python benchmarks/dataset.py                    1000 frames of 192 atoms, a shard of 100 more
    python benchmarks/dataset.py --frames 10000     more frames

Everything happens in an AiiDA profile of its own (SQLite), which is deleted afterwards. Each time is the best of a few
repetitions with fresh numbers, since equal content would be stored once only.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

COMPARABLE = {"store": 3.5, "load": 4.3, "add a shard": 10.4}
COMPARABLE_MEGABYTES = 20.1
SHARD = 100


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1000)
    parser.add_argument("--atoms", type=int, default=192)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        repository = load_profile(Path(folder))
        measure(repository, arguments.frames, arguments.atoms, arguments.repeats)


def load_profile(folder: Path) -> Path:
    """Create and load a profile in a folder; return where it keeps files."""
    os.environ["AIIDA_PATH"] = str(folder)
    import aiida
    from aiida.manage.configuration import create_profile, get_config

    storage = folder / "storage"
    create_profile(
        get_config(create=True),
        name="benchmark",
        email="benchmark@localhost",
        storage_backend="core.sqlite_dos",
        storage_config={"filepath": str(storage)},
        broker_backend=None,
        broker_config=None,
    )
    aiida.load_profile("benchmark")
    return storage


def measure(repository: Path, n_frames: int, n_atoms: int, repeats: int) -> None:
    """Print the times and sizes."""
    from aiida import orm

    generator = np.random.default_rng(0)
    # The first node of a session opens the database; that is no part of a dataset's cost.
    make_shard(generator, 1, 1).store()
    stored, times = [], {}
    before = size(repository)
    times["store"] = best(repeats, lambda: stored.append(make_shard(generator, n_frames, n_atoms).store()))
    bytes_stored = (size(repository) - before) / repeats
    pks = [node.pk for node in stored]
    times["load"] = best(repeats, lambda: orm.load_node(pks.pop()).get_frames())
    before = size(repository)
    times["add a shard"] = best(repeats, lambda: make_shard(generator, SHARD, n_atoms).store())
    bytes_added = (size(repository) - before) / repeats
    times["  from labels"] = best(repeats, lambda: collect(generator, SHARD, n_atoms))

    print(f"{n_frames} frames of {n_atoms} atoms with labels, shard of {SHARD}")
    print(f"{'':14s}{'seconds':>9s}{'comparable project (1000 frames of 192 atoms)':>48s}")
    for name, seconds in times.items():
        reference = COMPARABLE.get(name)
        print(f"{name:14s}{seconds:9.3f}{'' if reference is None else f'{reference:.1f}':>48s}")
    raw, raw_added = raw_bytes(n_frames, n_atoms), raw_bytes(SHARD, n_atoms)
    print(f"dataset: {bytes_stored / 1e6:.2f} MB in the repository, arrays {raw / 1e6:.2f} MB", end="")
    print(f" (comparable project: {COMPARABLE_MEGABYTES} MB)")
    print(f"shard: {bytes_added / 1e6:.2f} MB in the repository, arrays {raw_added / 1e6:.2f} MB")


def make_shard(generator: np.random.Generator, n_frames: int, n_atoms: int) -> object:
    """Return a dataset of random numbers, with an origin for each row as the loop gives them."""
    from aiida_nnpgen.data import DatasetData, Origin

    origins = [
        Origin(
            iteration=1,
            reason=f"committee deviation {deviation:.3f} eV/Å inside the window, kept by thinning",
            label=f"labels_batch_{row // 20:03d}_0",
            index=row % 20,
            structure=f"structures__frame_{row:04d}",
        )
        for row, deviation in enumerate(generator.random(n_frames).tolist())
    ]
    return DatasetData([make_frames(generator, n_frames, n_atoms)], np.arange(n_frames) % 10 == 9, origins)


def make_frames(generator: np.random.Generator, n_frames: int, n_atoms: int) -> object:
    """Return random frames with labels whose forces sum to zero."""
    from aiida_nnpgen.common.frames import Frames

    forces = generator.normal(size=(n_frames, n_atoms, 3))
    return Frames(
        numbers=np.tile([8, 1, 1], n_atoms // 3 + 1)[:n_atoms],
        positions=generator.normal(size=forces.shape),
        cells=12.0 * np.eye(3) + generator.normal(scale=0.1, size=(n_frames, 3, 3)),
        energies=generator.normal(size=n_frames),
        forces=forces - forces.mean(axis=1, keepdims=True),
        stresses=generator.normal(size=(n_frames, 6)),
    )


def collect(generator: np.random.Generator, n_frames: int, n_atoms: int) -> None:
    """Add a shard as the loop does: from a stored label node, through a calcfunction with all its checks."""
    from aiida import orm

    from aiida_nnpgen.calculations.functions import collect_labels
    from aiida_nnpgen.data.trajectory import frames_to_trajectory

    node = frames_to_trajectory(make_frames(generator, n_frames, n_atoms), np.arange(n_frames))
    node.base.attributes.set("structure_link", "structures__frame_{:04d}")
    checks = {"max_force": 30.0, "max_net_force": 0.1}
    settings = orm.Dict({"checks": checks, "iteration": 1, "validation_fraction": 0.1, "seed": 1})
    report = collect_labels(settings, None, labels_a=node)["report"]
    assert report["labelled"] == n_frames


def best(repeats: int, action: Callable[[], object]) -> float:
    """Return the shortest of several times in seconds."""
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def size(folder: Path) -> int:
    """Return the bytes of all files in a folder, those of the database itself left out."""
    return sum(path.stat().st_size for path in (folder / "container").rglob("*") if path.is_file())


def raw_bytes(n_frames: int, n_atoms: int) -> int:
    """Return the bytes of positions, forces, cells, energies and stresses in double precision."""
    return 8 * n_frames * (6 * n_atoms + 9 + 1 + 6)


if __name__ == "__main__":
    main()

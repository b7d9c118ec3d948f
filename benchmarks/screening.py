"""Seconds and peak memory of thinning and embedding, by size.

    python benchmarks/screening.py                      all tables
    python benchmarks/screening.py --sizes 10000 14000  thinning of these sizes only
    python benchmarks/screening.py --methods pca umap   embedding by these reducers only

Every case runs in a process of its own on one thread, so that the peak memory is its own; the interpreter and the
imports are in it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

N_MAX, N_DATASET = 1000, 10_000
N_FEATURES, PCA_DIMS, FIT_SIZE = 1600, 32, 10_000
ALL_PAIRS_BYTES = 6e9


def all_pairs(points: np.ndarray, n_max: int, fixed: np.ndarray) -> np.ndarray:
    """Thin with the matrix of all distances, the nearest neighbour of each candidate kept up to date."""
    everything = np.concatenate([points, fixed])
    n = len(points)
    squared = sum((points[:, None, axis] - everything[None, :, axis]) ** 2 for axis in range(points.shape[1]))
    squared[np.arange(n), np.arange(n)] = np.inf
    nearest = squared.argmin(axis=1)
    distance = squared[np.arange(n), nearest]
    alive = np.ones(n, dtype=bool)
    for _ in range(n - n_max):
        i = int(distance.argmin())
        j = int(nearest[i])
        loser = i
        if j < n:
            rows = squared[[i, j]]
            rows[0, j] = rows[1, i] = np.inf
            of_i, of_j = rows.min(axis=1)
            loser = min(i, j) if (of_i < of_j) == (i < j) and of_i != of_j else max(i, j)
        alive[loser] = False
        squared[:, loser] = np.inf
        distance[loser] = np.inf
        for row in np.flatnonzero(alive & (nearest == loser)):
            nearest[row] = squared[row].argmin()
            distance[row] = squared[row, nearest[row]]
    return np.flatnonzero(alive)


def thinning(n: int, n_dims: int, which: str) -> dict[str, object]:
    """Thin uniform points; also tell which were kept, in short."""
    from aiida_nnpgen.screening import thin

    rng = np.random.default_rng(0)
    points, fixed = rng.random((n, n_dims)), rng.random((N_DATASET, n_dims))
    function: Callable[..., np.ndarray] = thin if which == "thin" else all_pairs
    start = time.perf_counter()
    kept = function(points, N_MAX, fixed)
    return {"seconds": time.perf_counter() - start, "kept": int(np.bitwise_xor.reduce(kept * 2_654_435_761))}


def embedding(n: int, method: str) -> dict[str, object]:
    """Embed features that lie in clusters: PCA first, the map fitted to a diverse part of large sets."""
    from aiida_nnpgen.screening import embed

    rng = np.random.default_rng(0)
    centres = rng.normal(size=(20, 12))
    low = centres[rng.integers(20, size=n)] + 0.4 * rng.normal(size=(n, 12))
    features = low @ rng.normal(size=(12, N_FEATURES))
    start = time.perf_counter()
    reduced = embed(features, "pca", n_dims=PCA_DIMS)
    embed(reduced, method, seed=1, fit_size=FIT_SIZE if n > 2 * FIT_SIZE else None)
    return {"seconds": time.perf_counter() - start}


def measure(*case: str) -> dict[str, object]:
    """Run one case in a process of its own."""
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
    environment = {**os.environ, **one_thread, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, __file__, "--case", *case]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    result: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return result


def run_case(kind: str, *arguments: str) -> None:
    """Run one case here and print what it took."""
    if kind == "thinning":
        result = thinning(int(arguments[0]), int(arguments[1]), arguments[2])
    else:
        result = embedding(int(arguments[0]), arguments[1])
    result["gib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps(result))


def show_thinning(sizes: list[int]) -> None:
    """Print the table of thinning."""
    print(f"thinning to {N_MAX} in the presence of {N_DATASET}")
    print(f"{'n':>9} {'axes':>4} {'s':>8} {'GiB':>6} {'exponent':>8}   {'all pairs: s':>12} {'GiB':>6} {'ratio':>6}")
    for n_dims in (2, 3):
        before: tuple[int, float] | None = None
        for n in sizes:
            found = measure("thinning", str(n), str(n_dims), "thin")
            seconds = float(found["seconds"])
            exponent = f"{math.log(seconds / before[1]) / math.log(n / before[0]):8.2f}" if before else " " * 8
            line = f"{n:>9} {n_dims:>4} {seconds:8.2f} {found['gib']:6.2f} {exponent}"
            if n * (n + N_DATASET) * 8 < ALL_PAIRS_BYTES:
                other = measure("thinning", str(n), str(n_dims), "all_pairs")
                same = "" if other["kept"] == found["kept"] else "  DIFFERENT"
                line += f"   {other['seconds']:12.2f} {other['gib']:6.2f} {other['seconds'] / seconds:6.0f}{same}"
            print(line, flush=True)
            before = (n, seconds)


def show_embedding(sizes: list[int], methods: list[str]) -> None:
    """Print the table of embedding."""
    parts = f"fitted to {FIT_SIZE} of more than {2 * FIT_SIZE}"
    print(f"\nembedding of {N_FEATURES} features, PCA to {PCA_DIMS} first, {parts}")
    print(f"{'n':>9} {'method':>8} {'s':>8} {'GiB':>6}")
    for n in sizes:
        for method in methods:
            found = measure("embedding", str(n), method)
            print(f"{n:>9} {method:>8} {found['seconds']:8.1f} {found['gib']:6.2f}", flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 14_000, 100_000, 1_000_000])
    parser.add_argument("--embedding-sizes", type=int, nargs="*", default=[14_000, 100_000])
    parser.add_argument("--methods", nargs="*", default=["pca", "tsne", "umap", "densmap"])
    options = parser.parse_args()
    if options.case:
        run_case(*options.case)
        return
    show_thinning(options.sizes)
    show_embedding(options.embedding_sizes, options.methods)


if __name__ == "__main__":
    main()

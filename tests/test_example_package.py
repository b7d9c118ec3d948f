"""A package of somebody else's registers a model, a sampler and a reference code by its entry points alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent / "example_package"


@pytest.mark.slow
def test_example_package_passes_the_suites_and_runs_a_loop(tmp_path: Path) -> None:
    """It is installed beside this package, and its own tests run the public suites and a loop of its three parts."""
    source, site = tmp_path / "source", tmp_path / "site"
    shutil.copytree(PACKAGE, source, ignore=shutil.ignore_patterns("__pycache__"))
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([sys.executable, *install, "--target", str(site), str(source)], check=True)
    plugins = ["-p", "aiida.tools.pytest_fixtures", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", *plugins, "test_example.py"]
    environment = os.environ | {"PYTHONPATH": str(site)}
    done = subprocess.run(command, cwd=source, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-10_000:]
    assert " failed" not in done.stdout

"""The science layer and the jobs know no AiiDA."""

from __future__ import annotations

import subprocess
import sys

import pytest

PACKAGES = (
    "common",
    "models",
    "samplers",
    "dft",
    "screening",
    "properties",
    "builders",
    "jobs",
    "config",
    "importing",
)

PROGRAM = """
import importlib, pkgutil, sys

class Block:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "aiida":
            raise ImportError("aiida is blocked")

sys.meta_path.insert(0, Block())
package = importlib.import_module(sys.argv[1])
names = [module.name for module in pkgutil.walk_packages(package.__path__, sys.argv[1] + ".")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""


@pytest.mark.parametrize("package", PACKAGES)
def test_layer_imports_without_aiida(package: str) -> None:
    """Every module of the package can be imported where AiiDA cannot."""
    command = [sys.executable, "-c", PROGRAM, f"aiida_nnpgen.{package}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().isdigit()


def test_blocking_aiida_is_noticed() -> None:
    """The test above can fail: a package that needs AiiDA does not import."""
    command = [sys.executable, "-c", PROGRAM, "aiida_nnpgen.calculations"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "aiida is blocked" in done.stderr

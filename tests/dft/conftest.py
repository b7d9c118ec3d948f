"""Stand-ins for programs that are not free, run without a new interpreter."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import chdir, redirect_stdout
from importlib.util import module_from_spec, spec_from_file_location
from io import StringIO
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

STANDINS = Path(__file__).parents[1] / "standins"


@pytest.fixture(scope="session")
def call_standin() -> Callable[..., tuple[int | None, str]]:
    """Return a function that calls a stand-in in a folder, and returns its status and what it printed.

    The status is None where it was killed. Keywords are troubles.
    """

    def call(name: str, folder: Path, *arguments: str, **trouble: Any) -> tuple[int | None, str]:
        spec = spec_from_file_location(f"standin_{name}", STANDINS / f"{name}.py")
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        told = folder / "trouble.json"
        told.write_text(json.dumps(trouble))
        printed = StringIO()
        with chdir(folder), redirect_stdout(printed), mock.patch.dict(os.environ, {"STANDIN_TROUBLE": str(told)}):
            try:
                return module.main(*arguments), printed.getvalue()
            except module.Killed:
                return None, printed.getvalue()

    return call

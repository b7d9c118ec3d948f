"""Prepare jobs without running them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiida.common import CalcInfo
from aiida.common.folders import Folder
from aiida.engine import CalcJob
from aiida.engine.utils import instantiate_process
from aiida.manage import get_manager


class PreparedJob(NamedTuple):
    """What a job would submit.

    :ivar folder: holds the files.
    :ivar info: how to run, what to copy and to retrieve, what to keep out of the repository.
    """

    folder: Path
    info: CalcInfo


@pytest.fixture
def prepare(aiida_profile: object, tmp_path: Path) -> Callable[..., PreparedJob]:
    """Return a function that validates inputs and writes the files of a job."""

    def run(calculation: type[CalcJob], **inputs: Any) -> PreparedJob:
        folder = tmp_path / "job"
        folder.mkdir()
        process = instantiate_process(get_manager().get_runner(), calculation, **inputs)
        return PreparedJob(folder, process.prepare_for_submission(Folder(folder)))

    return run

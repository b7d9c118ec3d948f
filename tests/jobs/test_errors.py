"""The record of an error, for which there is room."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from aiida_nnpgen.common.exceptions import OutputError
from aiida_nnpgen.jobs.errors import JobError, parse_error, record_error, release_error, reserve_error


def test_error_is_written_in_the_room_that_was_reserved(tmp_path: Path) -> None:
    """The file keeps its length and place, so that no disk is too full for it."""
    reserve_error(tmp_path)
    path = tmp_path / "error.json"
    before = path.stat()
    assert parse_error(path.read_bytes()) is None
    record_error(tmp_path, OSError(errno.ENOSPC, "No space left on device"))
    assert (path.stat().st_size, path.stat().st_ino) == (before.st_size, before.st_ino)
    error = parse_error(path.read_bytes())
    assert error is not None
    assert (error.type, error.disk_full) == ("OSError", True)
    release_error(tmp_path)
    assert not path.exists()


@pytest.mark.parametrize("text", ["wrong", "\x00" * 10_000, "Å" * 10_000, "a\nb"])
def test_error_of_any_text_is_read_again(tmp_path: Path, text: str) -> None:
    """Long or strange words are cut and marked, on one line."""
    reserve_error(tmp_path)
    record_error(tmp_path, ValueError(text))
    error = parse_error((tmp_path / "error.json").read_bytes())
    assert error is not None
    assert error.type == "ValueError"
    assert not error.disk_full
    assert "\n" not in error.message


def test_empty_error_means_that_there_was_no_room() -> None:
    """What a program leaves that cannot write a byte; blocks that a crash left empty say nothing."""
    assert parse_error(b"") == JobError("OSError", "there was no room for `error.json`", disk_full=True)
    assert parse_error(bytes(4096)) is None
    with pytest.raises(OutputError, match=r"`error\.json`"):
        parse_error(b'{"type": 3}')

"""Files that are whole or not there, and read with suspicion."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest

from aiida_nnpgen.common.exceptions import OutputError
from aiida_nnpgen.common.files import (
    Column,
    is_disk_full,
    parse_object,
    read_arrays,
    read_object,
    write_arrays,
    write_atomically,
    write_object,
)

SHAPE = {"name": str, "size": (float, None), "parts": [{"count": int}], "by_key": {...: bool}}
GOOD = b'{"name": "a", "size": 1, "parts": [{"count": 2}], "by_key": {"x": true}, "more": []}'


def test_write_atomically_leaves_the_old_file_where_it_fails(tmp_path: Path) -> None:
    """Half a file never bears the name, and takes no room."""
    write_object(tmp_path / "a.json", {"number": 1})

    def fail(handle: BinaryIO) -> None:
        handle.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space") as info:
        write_atomically(tmp_path / "a.json", fail)
    assert is_disk_full(info.value)
    assert read_object(tmp_path / "a.json", {"number": int}) == {"number": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]


def test_is_disk_full_looks_at_what_led_to_an_error() -> None:
    """An error that wraps another one has its reason."""
    error = ValueError("cannot go on")
    error.__cause__ = OSError(errno.EDQUOT, "quota")
    assert is_disk_full(error)
    assert is_disk_full(RuntimeError("the code said: No space left on device"))
    assert not is_disk_full(OSError(errno.EACCES, "Permission denied"))


def test_parse_object_takes_what_fits() -> None:
    """Further keys are nobody's business; text is made printable."""
    assert parse_object(GOOD, "a.json", SHAPE)["parts"] == [{"count": 2}]
    assert parse_object(GOOD.replace(b'"a"', b'"a\\u0000\\ud800"'), "a.json", SHAPE)["name"] == "a\ufffd\ufffd"


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (GOOD, b"", "cannot be read"),
        (GOOD, b"[]", "no mapping"),
        (GOOD, b"[" * 100_000, "cannot be read"),
        (b'"a"', b"1", "`name` is `1`"),
        (b'"name"', b'"nome"', "`name` is missing"),
        (b'"size": 1', b'"size": NaN', "no number"),
        (b'"size": 1', b'"size": 1e999', "no number"),
        (b'"size": 1', b'"size": true', "`size`"),
        (b'"count": 2', b'"count": 2.5', "`count`"),
        (b'"count": 2', b'"count": ' + b"9" * 5000, "cannot be read"),
        (b'"count": 2', b'"count": ' + b"9" * 30, "too large"),
        (b"true", b"1", "`x` is `1`"),
        (b"[{", b"[[], {", "no mapping"),
    ],
)
def test_parse_object_names_the_file_and_what_is_wrong(old: bytes, new: bytes, what: str) -> None:
    """Whatever stands there, the error is the same."""
    with pytest.raises(OutputError, match=r"`a\.json`") as info:
        parse_object(GOOD.replace(old, new), "a.json", SHAPE)
    assert what in str(info.value)


@pytest.mark.parametrize(
    ("arrays", "column"),
    [
        ({"b": np.zeros(3)}, Column()),
        ({"a": np.zeros((3, 3))}, Column()),
        ({"a": np.zeros(4)}, Column((3,))),
        ({"a": np.zeros(3)}, Column(kind="i")),
        ({"a": np.zeros(3, dtype=complex)}, Column()),
        ({"a": np.array([None])}, Column()),
        ({"a": np.array(["x"])}, Column()),
        ({"a": np.array([1.0, np.nan])}, Column(is_finite=True)),
    ],
)
def test_read_arrays_refuses_what_does_not_fit(tmp_path: Path, arrays: dict[str, Any], column: Column) -> None:
    """Name, shape, type, and numbers that are none; objects are never unpacked."""
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(OutputError, match=r"`a\.npz`"):
        read_arrays(tmp_path / "a.npz", {"a": column})


def test_read_arrays_returns_columns_in_their_type(tmp_path: Path) -> None:
    """Arrays that nobody asked for stay in the file."""
    write_arrays(tmp_path / "a.npz", {"a": np.float32([1, 2]), "b": np.int8(3), "c": np.array("text")})
    arrays = read_arrays(tmp_path / "a.npz", {"a": Column((2,)), "b": Column((), "i"), "c": Column((), "U")})
    assert (arrays["a"].dtype, arrays["b"].dtype, str(arrays["c"])) == (np.float64, np.int64, "text")
    assert set(read_arrays(tmp_path / "a.npz", {"a": Column()})) == {"a"}


def test_read_arrays_refuses_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    """They are no archives either."""
    for path in (tmp_path / "none.npz", tmp_path):
        with pytest.raises(OutputError, match=path.name):
            read_arrays(path)

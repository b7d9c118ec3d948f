"""Text that programs wrote."""

from __future__ import annotations

from aiida_nnpgen.common.text import disk_full_line, printable


def test_printable_marks_what_no_database_takes() -> None:
    """Control characters and lone surrogates go, lines and other scripts stay; long text is cut."""
    assert printable("a\x00b\x1b[1mc\ud800\n\tÅ") == "a\ufffdb\ufffd[1mc\ufffd\n\tÅ"
    assert printable("x" * 30, 10) == "x" * 9 + "…"


def test_disk_full_line_is_the_line_that_says_so() -> None:
    """Of a text of any length, that line alone; None where none does."""
    assert disk_full_line("one\nforrtl:  No space left on device (28)\nthree") == "forrtl: No space left on device (28)"
    assert disk_full_line("write: Disk quota exceeded") == "write: Disk quota exceeded"
    assert disk_full_line("all is well") is None
    assert len(disk_full_line("x" * 100_000 + "No space left on device") or "") < 300

"""What VASP says about itself: whether it ended, and why it stopped."""

from __future__ import annotations

import re

__all__ = ["has_ended", "read_error", "read_kill"]

_END = "General timing and accounting informations for this job"
_BOX = re.compile(r"^ ?\|(.*)\|\s*$")
_ART = re.compile(r"E{5,} +R{4,}")
_PLAIN = re.compile(
    r"(VERY BAD NEWS.*|internal error.*|.*\bERROR\b.*|Error .*|LAPACK: Routine.*failed.*|.*segmentation fault.*)",
    re.IGNORECASE,
)
_HARMLESS = re.compile(r"I REFUSE TO CONTINUE|WARNING", re.IGNORECASE)


_KILL = re.compile(r"^.*(?:DUE TO TIME LIMIT|oom[-_ ]kill|out[- ]of[- ]memory|walltime .*exceeded).*$", re.I | re.M)


def has_ended(outcar: str) -> bool:
    """Return whether VASP came to its last lines."""
    return _END in outcar[-20_000:]


def read_kill(text: str) -> str | None:
    """Return the line in which a scheduler says that it ended a job for its time or its memory; None if there is none.

    :param text: the scheduler's standard error.
    """
    found = _KILL.search(text)
    return " ".join(found.group().split())[:300] if found else None


def read_error(text: str) -> str | None:
    """Return why VASP stopped, in one line; None if it does not say so.

    :param text: its standard output: errors are in a box under the word ERROR, older ones are a line.
    """
    words: list[str] = []
    is_error = False
    for line in text.splitlines():
        box = _BOX.match(line)
        if box is None:
            if words:
                break
            is_error = False
        elif _ART.search(line):
            is_error = True
        elif is_error and re.search(r"[a-z]{2}", box.group(1)) and not _HARMLESS.search(box.group(1)):
            words += box.group(1).split()
    if words:
        return " ".join(words)[:300]
    plain = [found.group(1) for line in text.splitlines() if (found := _PLAIN.match(line.strip()))]
    good = [line for line in plain if not _HARMLESS.search(line)]
    return " ".join(good[0].split())[:300] if good else None

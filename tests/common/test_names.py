"""Names of files that may come from anywhere."""

from __future__ import annotations

import pytest

from aiida_nnpgen.common.names import is_component, is_plain


@pytest.mark.parametrize("name", ["a", "model.pb", ".a", "_scheduler-stdout.txt", "...", "A-1_b", "x" * 255])
def test_plain_names(name: str) -> None:
    """Letters, digits and three signs."""
    assert is_plain(name)
    assert is_component(name)


@pytest.mark.parametrize("name", ["a b", "run (1)", "ä", "-rf", "$HOME", "~", "*", "a'b"])
def test_names_of_users(name: str) -> None:
    """They stay inside, and are no names of ours."""
    assert is_component(name)
    assert not is_plain(name)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/a", "a\\b", "a\n", "a\x00", "\u202ea", "x" * 256, "ä" * 128])
def test_names_that_lead_out_or_cannot_be_shown(name: str) -> None:
    """Nobody's."""
    assert not is_component(name)
    assert not is_plain(name)

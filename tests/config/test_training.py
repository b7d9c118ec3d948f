"""Settings of a training."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from aiida_nnpgen.config.training import TrainingSettings


def test_warm_start_is_done_where_it_can() -> None:
    """Left out, it follows the architecture, and the settings say what is done."""
    assert TrainingSettings().warm_start is True


def test_warm_start_is_not_done_where_it_cannot(backend_without: Callable[[str], str]) -> None:
    """An architecture without warm start is trained from scratch, and the stored settings validate to themselves."""
    settings = TrainingSettings(architecture=backend_without("warm_start"))
    assert settings.warm_start is False
    assert TrainingSettings.model_validate(settings.model_dump()) == settings


def test_warm_start_is_refused_where_it_cannot(backend_without: Callable[[str], str]) -> None:
    """Who asks for it is told."""
    with pytest.raises(ValidationError, match="`no_warm_start` cannot start from an earlier model"):
        TrainingSettings(architecture=backend_without("warm_start"), warm_start=True)

"""Settings of what the user already has."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from aiida_nnpgen.config.existing import ExistingSettings
from aiida_nnpgen.config.reference import InitialDatasetSettings


def test_existing_data_alone_make_a_first_dataset() -> None:
    """Neither displacements nor dynamics are needed, and what is stored validates to itself."""
    settings = InitialDatasetSettings(existing=[{"name": "old", "path": "a.extxyz", "units": {"length": "bohr"}}])
    stored = settings.model_dump(mode="json")
    assert InitialDatasetSettings.model_validate(stored) == settings
    assert stored["existing"][0]["path"] == "a.extxyz"
    assert settings.existing[0].units is not None
    assert settings.existing[0].units.file_units().length == "bohr"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "pdb"}, "`pdb` is no format"),
        ({"units": {"force": "Ha"}}, "`Ha` is no unit of force"),
        ({"units": {"volume": "Å³"}}, "Extra inputs"),
        ({"max_frames": 0}, "greater than or equal to 1"),
        ({"name": "a__b"}, "pattern"),
        ({"labels": True}, "Extra inputs"),
    ],
)
def test_existing_settings_name_what_is_wrong(changes: dict[str, object], message: str) -> None:
    """Each wrong value is refused."""
    with pytest.raises(ValidationError, match=message):
        ExistingSettings(**({"name": "old", "path": "a.extxyz"} | changes))


def test_initial_dataset_needs_a_source_and_distinct_names() -> None:
    """Nothing at all, and two entries of one name, are refused."""
    with pytest.raises(ValidationError, match="at least one of `perturb`, `aimd` and `existing`"):
        InitialDatasetSettings()
    entry = {"name": "old", "path": "a.extxyz"}
    with pytest.raises(ValidationError, match="two entries of `existing` are named `old`"):
        InitialDatasetSettings(existing=[entry, entry])

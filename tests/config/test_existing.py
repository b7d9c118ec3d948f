"""Settings of what the user already has."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from aiida_nnpgen.config.existing import ExistingSettings
from aiida_nnpgen.config.reference import InitialDatasetSettings
from aiida_nnpgen.importing import FileUnits, LabelKeys


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
        ({"name": "a__b"}, "single underscores"),
        ({"labels": True}, "Extra inputs"),
        ({"keys": {"force": "REF_forces"}}, "keyword argument"),
        ({"type_map": ["O", "Hx"]}, "`Hx` in `type_map` is no element"),
        ({"strict": "perhaps"}, "valid boolean"),
    ],
)
def test_existing_settings_name_what_is_wrong(changes: dict[str, object], message: str) -> None:
    """Each wrong value is refused."""
    with pytest.raises(ValidationError, match=message):
        ExistingSettings(**({"name": "old", "path": "a.extxyz"} | changes))


def test_existing_settings_take_hints_about_files() -> None:
    """Names of labels and of types reach the readers; units are declared by writing them, if only `{}`."""
    wanted = {"name": "old", "path": "a", "keys": {"energy": "REF_energy"}, "type_map": ["H", "O"], "units": {}}
    settings = ExistingSettings(**wanted)
    assert settings.keys == LabelKeys(energy="REF_energy")
    assert settings.type_map == ["H", "O"]
    assert settings.units is not None
    assert ExistingSettings(name="old", path="a").units is None
    assert ExistingSettings.model_validate(settings.model_dump(mode="json")) == settings


@pytest.mark.parametrize("angstrom", ["\u212b", "A\u030a", "\u00c5"])
def test_units_are_taken_in_each_spelling(angstrom: str) -> None:
    """Letters that look alike are the same unit."""
    settings = ExistingSettings(name="old", path="a", units={"force": f"eV/{angstrom}", "length": angstrom})
    assert settings.units is not None
    assert settings.units.file_units() == FileUnits()


def test_initial_dataset_needs_a_source_and_distinct_names() -> None:
    """Nothing at all, and two entries of one name, are refused."""
    with pytest.raises(ValidationError, match="at least one of `perturb`, `aimd` and `existing`"):
        InitialDatasetSettings()
    entry = {"name": "old", "path": "a.extxyz"}
    with pytest.raises(ValidationError, match="two entries of `existing` are named `old`"):
        InitialDatasetSettings(existing=[entry, entry])

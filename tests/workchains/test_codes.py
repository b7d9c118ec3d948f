"""From the codes in a configuration to nodes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from aiida import orm

from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.config.load import parse_config
from aiida_nnpgen.config.root import ActiveLearningConfig
from aiida_nnpgen.workchains.codes import codes_and_options

pytestmark = pytest.mark.usefixtures("aiida_profile")
Make = Callable[[str, orm.Computer], orm.InstalledCode]


@pytest.fixture
def config(fixtures: Path) -> Callable[[str], ActiveLearningConfig]:
    """Return a factory of configurations whose trainings run with a code."""
    text = (fixtures / "loop" / "water.yaml").read_text()
    old = "training: {code: nnpgen-python@localhost}"
    return lambda label: parse_config(text.replace(old, f"training: {{code: {label}}}"), "x")


@pytest.fixture
def make() -> Make:
    """Return a factory of stored codes."""

    def generate(label: str, computer: orm.Computer) -> orm.InstalledCode:
        return orm.InstalledCode(label=label, computer=computer, filepath_executable="/bin/true").store()

    return generate


def new_computer(label: str) -> orm.Computer:
    """Return a computer that nobody has configured."""
    return orm.Computer(
        label=label, hostname="localhost", transport_type="core.local", scheduler_type="core.direct", workdir="/tmp"
    ).store()


def test_codes_and_options_names_codes_that_a_label_may_mean(
    config: Callable[[str], ActiveLearningConfig], make: Make, aiida_localhost: orm.Computer
) -> None:
    """On two computers, or twice on one."""
    make("twin", aiida_localhost)
    make("twin", new_computer("other"))
    with pytest.raises(
        InputError, match=r"^codes.training.code: several codes are called `twin`: give `twin@"
    ) as caught:
        codes_and_options(config("twin"))
    assert all(f"`twin@{label}`" in str(caught.value) for label in (aiida_localhost.label, "other"))
    twin = make("twin", aiida_localhost)
    with pytest.raises(InputError, match=rf"`{twin.pk}`"):
        codes_and_options(config("twin"))


def test_codes_and_options_needs_a_computer_that_can_be_used(
    config: Callable[[str], ActiveLearningConfig], make: Make
) -> None:
    """Not configured, and disabled; both would be found when the first job is sent."""
    computer = new_computer("cluster")
    make("remote", computer)
    with pytest.raises(
        InputError, match=r"training.code: .*`cluster` is not configured: run `verdi computer configure"
    ):
        codes_and_options(config("remote"))
    computer.configure(safe_interval=0, use_login_shell=False)
    computer.get_authinfo(orm.User.collection.get_default()).enabled = False
    with pytest.raises(InputError, match=r"`cluster` is disabled: run `verdi computer enable cluster"):
        codes_and_options(config("remote"))

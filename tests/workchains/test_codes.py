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

pytestmark = pytest.mark.usefixtures("aiida_profile_clean")
Make = Callable[[str, orm.Computer], orm.InstalledCode]


@pytest.fixture
def config(fixtures: Path) -> ActiveLearningConfig:
    """Return a configuration whose trainings run with the code `own`."""
    text = (fixtures / "loop" / "water.yaml").read_text()
    return parse_config(text.replace("training: {code: nnpgen-python@localhost}", "training: {code: own}"), "x")


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
    config: ActiveLearningConfig, make: Make, aiida_localhost: orm.Computer
) -> None:
    """On two computers, or twice on one."""
    make("own", aiida_localhost)
    make("own", new_computer("other"))
    with pytest.raises(InputError, match=r"^codes.training.code: several codes are called `own`: give `own@") as caught:
        codes_and_options(config)
    assert all(f"`own@{label}`" in str(caught.value) for label in (aiida_localhost.label, "other"))
    twin = make("own", aiida_localhost)
    with pytest.raises(InputError, match=rf"`{twin.pk}`"):
        codes_and_options(config)


def test_codes_and_options_needs_a_computer_that_can_be_used(config: ActiveLearningConfig, make: Make) -> None:
    """Not configured, and disabled; both would be found when the first job is sent."""
    computer = new_computer("cluster")
    make("own", computer)
    with pytest.raises(
        InputError, match=r"training.code: .*`cluster` is not configured: run `verdi computer configure"
    ):
        codes_and_options(config)
    computer.configure(safe_interval=0, use_login_shell=False)
    computer.get_authinfo(orm.User.collection.get_default()).enabled = False
    with pytest.raises(InputError, match=r"`cluster` is disabled: run `verdi computer enable cluster"):
        codes_and_options(config)

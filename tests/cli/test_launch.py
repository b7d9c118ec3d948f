"""What the command says where AiiDA is not set up, or a node is another one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from aiida import orm
from click.testing import CliRunner, Result

from aiida_nnpgen.cli import launch
from aiida_nnpgen.cli.main import nnpgen

pytestmark = pytest.mark.usefixtures("aiida_profile")


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Return a function that runs the command in the profile of the tests."""
    monkeypatch.setattr(launch, "load_profile", lambda name: None)
    return lambda *arguments: CliRunner().invoke(nnpgen, [str(item) for item in arguments])


def assert_says(result: Result, *texts: str) -> None:
    """Check that a command ended with a message in place of a traceback."""
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.output.startswith("Error: ")
    for text in texts:
        assert text in result.output


@pytest.mark.parametrize("arguments", [("summary",), ("plot", "map"), ("plot", "map", "-i", "0")], ids=" ".join)
def test_a_process_of_another_kind_is_said(call: Callable[..., Result], arguments: tuple[str, ...]) -> None:
    """A calculation is no run of the loop and no screening."""
    node = orm.CalcFunctionNode()
    node.set_process_label("double")
    command, *rest = arguments
    result = call(command, *rest[:1], node.store().pk, *rest[1:])
    assert_says(result, f"<{node.pk}> ")


def test_run_needs_a_daemon(call: Callable[..., Result], fixtures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a broker, and without a daemon, nothing is submitted."""
    config, before = fixtures / "loop" / "water.yaml", orm.QueryBuilder().append(orm.Node).count()
    monkeypatch.setattr("aiida.manage.configuration.profile.Profile.process_control_backend", None)
    assert_says(call("run", config), "has no broker")
    monkeypatch.setattr("aiida.manage.configuration.profile.Profile.process_control_backend", "core.zeromq")
    assert_says(call("run", config), "is not running", "daemon start")
    assert orm.QueryBuilder().append(orm.Node).count() == before

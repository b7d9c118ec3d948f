"""Errors that are foreseen, as a user sees them."""

from __future__ import annotations

from pathlib import Path

import aiida
import pytest
from aiida import orm
from aiida.common import exceptions
from click.testing import CliRunner, Result
from sqlalchemy.exc import OperationalError

from aiida_nnpgen.cli.main import nnpgen

PROCESS_COMMANDS = [["summary"], ["plot", "map"], ["lineage", "model"], ["lineage", "frame"]]


def call(*arguments: str) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(nnpgen, arguments)


@pytest.mark.parametrize("command", PROCESS_COMMANDS, ids=" ".join)
@pytest.mark.parametrize("identifier", ["99999999", "no-such-label", "ffffffff"])
def test_nnpgen_names_a_node_that_is_not_there(aiida_profile: object, command: list[str], identifier: str) -> None:
    """One line with the identifier."""
    done = call(*command, identifier)
    assert done.exit_code == 1
    assert done.output == f"Error: there is no node `{identifier}`\n"


@pytest.mark.parametrize("command", PROCESS_COMMANDS, ids=" ".join)
def test_nnpgen_refuses_a_node_of_another_kind(aiida_profile: object, command: list[str]) -> None:
    """One line with its type."""
    node = orm.Int(3).store()
    done = call(*command, str(node.pk))
    assert done.exit_code == 1
    assert done.output.startswith(f"Error: <{node.pk}> is a Int, not a ")


def test_nnpgen_names_a_computer_and_a_profile_that_are_not_there(aiida_profile: object) -> None:
    """One line each."""
    assert "there is no computer `nowhere`" in call("codes", "nowhere").output
    done = call("-p", "nobody", "codes")
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert "nobody" in done.output


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (exceptions.MissingConfigurationError("no config"), "verdi presto"),
        (exceptions.UnreachableStorage("cannot\nconnect"), "verdi status"),
        (exceptions.IncompatibleStorageSchema("main_0001"), "verdi storage migrate"),
        (exceptions.CorruptStorage("bad"), "verdi status"),
        (exceptions.LockedProfileError("locked"), "wait"),
        (exceptions.MultipleObjectsError("two"), "UUID"),
        (ConnectionRefusedError("5672"), "broker"),
        (OperationalError("select", None, Exception("no such host")), "storage"),
    ],
)
def test_nnpgen_turns_errors_of_aiida_into_one_line(
    monkeypatch: pytest.MonkeyPatch, error: Exception, advice: str
) -> None:
    """Each says what to do."""

    def fail(name: str | None) -> None:
        raise error

    monkeypatch.setattr(aiida, "load_profile", fail)
    done = call("codes")
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert done.output.startswith("Error: ")
    assert advice in done.output


def test_nnpgen_run_names_a_daemon_that_does_not_run(aiida_profile: object, fixtures: Path) -> None:
    """Nothing is submitted that nobody would run."""
    before = orm.QueryBuilder().append(orm.Node).count()
    done = call("run", str(fixtures / "loop" / "water.yaml"))
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert "daemon" in done.output
    assert orm.QueryBuilder().append(orm.Node).count() == before


def test_nnpgen_keeps_the_traceback_of_what_nobody_foresaw(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake in the program is no message."""

    def fail(name: str | None) -> None:
        raise ZeroDivisionError("one")

    monkeypatch.setattr(aiida, "load_profile", fail)
    assert isinstance(call("codes").exception, ZeroDivisionError)

"""Parse folders as if a job had left them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiida import orm
from aiida.common.links import LinkType
from aiida.plugins import CalculationFactory, ParserFactory
from aiida.plugins.entry_point import format_entry_point_string

from aiida_nnpgen.jobs.files import MANIFEST


class Parsed(NamedTuple):
    """What a parser made.

    :ivar outputs: nodes by link label.
    :ivar status: exit status, 0 if the job went well.
    :ivar message: exit message.
    """

    outputs: dict[str, Any]
    status: int
    message: str


@pytest.fixture
def parse(python_code: orm.InstalledCode) -> Callable[..., Parsed]:
    """Return a function that runs the parser of a calculation.

    Texts in ``kept`` are the files that the repository keeps, ``folder`` is what is there for parsing alone. A failed
    job has exit status 0 all the same here, unless the parser says otherwise. ``manifest`` is what it was given.
    """

    def run(name: str, inputs: dict[str, orm.Data], folder: Path, manifest: str | None = None, **kept: str) -> Parsed:
        CalculationFactory(name)
        node = orm.CalcJobNode(
            computer=python_code.computer, process_type=format_entry_point_string("aiida.calculations", name)
        )
        for label, data in inputs.items():
            node.base.links.add_incoming(data.store(), LinkType.INPUT_CALC, label)
        if manifest is not None:
            node.base.repository.put_object_from_bytes(manifest.encode(), MANIFEST)
        node.store()
        retrieved = orm.FolderData()
        for filename, content in kept.items():
            retrieved.base.repository.put_object_from_bytes(content.encode(), f"{filename}.json")
        retrieved.base.links.add_incoming(node, LinkType.CREATE, "retrieved")
        retrieved.store()
        outputs, process = ParserFactory(name).parse_from_node(
            node, store_provenance=False, retrieved_temporary_folder=str(folder)
        )
        return Parsed(dict(outputs), process.exit_status, process.exit_message)

    return run

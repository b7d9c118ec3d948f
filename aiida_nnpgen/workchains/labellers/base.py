"""What every labeller has in common: structures in, labelled frames out, with a reason for each that failed."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any, ClassVar

from aiida import orm
from aiida.engine import while_
from aiida.engine.processes.workchains.workchain import WorkChainSpec
from aiida.plugins import CalculationFactory

from ...calculations.base import EXIT_CODES
from ...calculations.functions import change_method, give_up_frames, plan_methods
from ...common.limits import MAX_LINKS
from ...data.labels import labelled_keys
from ...data.trajectory import structures_to_frames
from ...dft import registry
from ...dft.attempts import Batch, Limits, Outcome, next_batches
from ...dft.code import DftCode
from ...dft.label import LabelFailure
from ...dft.method import Method
from ..caching import cached
from ..pool import PoolWorkChain
from ..ports import REFERENCE_PORTS, declare_ports, optional_output, reason_of
from .pseudopotentials import load_pseudopotentials

__all__ = ["LabellerWorkChain"]


class LabellerWorkChain(PoolWorkChain):
    """Contract of a labeller.

    Each label node is a trajectory with ``energies`` (eV), ``forces`` (eV/Å) and ``stresses`` (eV/Å³, tension
    positive) in the order of atoms of the input structures. Its step ids are the numbers in the keys of its structures,
    and its attribute ``structure_link`` is the format of the link label by which they entered its creator. Each
    node in ``failures`` maps keys to ``reason`` and ``detail``; a frame that fails and is labelled by a later job has a
    label. A frame that is in neither is lost, never silently: the labeller lists it in ``failures`` itself.

    As it stands, this class submits batches to the calculation ``nnpgen.<name>_label``, which makes these nodes, and
    asks :func:`~aiida_nnpgen.dft.attempts.next_batches` what comes after each. A code of one frame per job, or one that
    AiiDA runs through somebody else's work chain, overrides :meth:`start` and :meth:`gather`.
    """

    NAME: ClassVar[str]
    """Name of the code in the entry point group ``nnpgen.dft``."""

    @classmethod
    def define(cls, spec: WorkChainSpec) -> None:
        super().define(spec)
        declare_ports(spec, *REFERENCE_PORTS, "structures")
        spec.input("settings", valid_type=orm.Dict, help="Settings of the reference method.")
        spec.input("record", valid_type=orm.Dict, required=False, help="Per frame, which start it comes from.")
        spec.output_namespace("labels", valid_type=orm.TrajectoryData, dynamic=True, help="Labelled frames, per job.")
        spec.output_namespace("failures", valid_type=orm.Dict, dynamic=True, help="Frames that failed, per job.")
        spec.outline(cls.setup, while_(cls.pool_is_busy)(cls.advance_pool), cls.results)

    @classmethod
    def code_facts(cls) -> DftCode:
        """Return what is known about the code."""
        return registry.load(cls.NAME)

    @classmethod
    def load_pseudopotentials(
        cls, wanted: str | dict[str, str] | None, elements: Collection[str], folder: Path
    ) -> dict[str, orm.Data]:
        """Return the pseudopotential of each element.

        :param wanted: label of a family, or a file per element.
        :param folder: where relative file names start.
        :raises InputError: if the family, a file or an element is missing.
        """
        return load_pseudopotentials(cls.code_facts().PSEUDOPOTENTIALS, wanted, elements, folder)

    def setup(self) -> None:
        """Decide the method of each frame, and divide the frames into batches of one method and one composition."""
        structures, settings = self.inputs.structures, self.inputs.settings
        size = settings["batch_size"] if self.code_facts().BATCHES else 1
        keys = sorted(structures)
        self.ctx.methods, self.ctx.batches = {}, {}
        self.fill_pool([])
        for start in range(0, len(keys), MAX_LINKS):
            part = {key: structures[key] for key in keys[start : start + MAX_LINKS]}
            record = {"record": self.inputs.record} if "record" in self.inputs else {}
            plan = plan_methods(settings, **record, **part)
            assignment = plan["assignment"].get_dict()
            for name, method in plan["methods"].items():
                self.ctx.methods[f"{start}_{name}"] = method
                alike = {key: node for key, node in part.items() if assignment[key] == name}
                for group, _ in structures_to_frames(alike):
                    for first in range(0, len(group), size):
                        frames = tuple(group[first : first + size])
                        self.enqueue(Batch(number=len(self.ctx.batches), frames=frames, method=f"{start}_{name}"))

    def enqueue(self, batch: Batch) -> None:
        """Make the method of a batch, if there is none yet, and let the batch wait for its turn."""
        self.ctx.batches[batch.key] = batch
        if batch.remedy is not None and _method_name(batch) not in self.ctx.methods:
            self.ctx.methods[_method_name(batch)] = change_method(
                self.ctx.methods[batch.method],
                orm.Str(self.NAME),
                orm.Str(batch.remedy.reason.value),
                orm.Int(batch.remedy.number),
            )
        self.ctx.queue.append(batch.key)

    def launch(self, key: str) -> orm.ProcessNode:
        """Submit one batch."""
        batch = self.ctx.batches[key]
        return self.start(batch, self.structures_of(batch), self.method_of(batch))

    @classmethod
    def calculation(cls) -> str:
        """Return the entry point of the calculation that labels a batch."""
        return f"nnpgen.{cls.NAME}_label"

    def start(self, batch: Batch, structures: dict[str, orm.StructureData], method: orm.Dict) -> orm.ProcessNode:
        """Submit the job of a batch, with the key of the batch as its call link label.

        Labels are deterministic, so one that exists is never computed again.
        """
        calculation = CalculationFactory(self.calculation())
        with cached(calculation):
            return self.submit(
                calculation,
                code=self.inputs.code,
                method=method,
                metadata={"options": self.options(batch), "call_link_label": batch.key},
                **self.structure_input(structures),
                **self.pseudopotentials(structures),
            )

    def structure_input(self, structures: dict[str, orm.StructureData]) -> dict[str, Any]:
        """Return the input of the calculation with the structures of a batch."""
        return {"structures": structures}

    def structures_of(self, batch: Batch) -> dict[str, orm.StructureData]:
        """Return the structures of a batch by their keys."""
        return {frame: self.inputs.structures[frame] for frame in batch.frames}

    def method_of(self, batch: Batch) -> orm.Dict:
        """Return the level of theory of a batch, with its remedy."""
        return self.ctx.methods[_method_name(batch)]

    def options(self, batch: Batch) -> dict[str, Any]:
        """Return the scheduler options of a batch."""
        return {**self.inputs.options, **(self.inputs.larger_options if batch.has_larger_options else {})}

    def pseudopotentials(self, structures: dict[str, orm.StructureData]) -> dict[str, Any]:
        """Return the input with the pseudopotentials of the elements that are there, if the code needs any."""
        if self.code_facts().PSEUDOPOTENTIALS is None:
            return {}
        elements = set().union(*(node.get_symbols_set() for node in structures.values()))
        return {"pseudopotentials": {element: self.inputs.pseudopotentials[element] for element in sorted(elements)}}

    def gather(self, batch: Batch, node: orm.ProcessNode) -> tuple[orm.TrajectoryData | None, orm.Dict | None]:
        """Return the labels and the failures that a job left."""
        return optional_output(node, "labels"), optional_output(node, "failures")

    def is_hopeless(self, node: orm.ProcessNode) -> bool:
        """Return whether a job stopped with an error of its own, and would again; other processes have other codes."""
        is_ours = node.process_type == f"aiida.calculations:{self.calculation()}"
        return is_ours and node.exit_status == EXIT_CODES["ERROR_JOB_FAILED"][0]

    def inspect_child(self, key: str, node: orm.ProcessNode) -> None:
        """Attach what there is; try again what may still succeed, and record what is given up."""
        batch = self.ctx.batches[key]
        labels, failures = self.gather(batch, node)
        facts = failures.get_dict() if failures is not None else {}
        if labels is not None:
            self.out(f"labels.{key}", labels)
        if facts:
            self.out(f"failures.{key}", failures)
        outcome = Outcome(
            done=frozenset(labelled_keys(labels) if labels is not None else ()),
            failed={frame: item["reason"] for frame, item in facts.items()},
            is_hopeless=self.is_hopeless(node),
        )
        larger = bool(self.inputs.larger_options)
        limits = Limits(max_attempts=self.inputs.settings["max_attempts"], has_larger_options=larger)
        decision = next_batches(batch, outcome, self._remedies(batch), limits)
        for following in decision.batches:
            self.report(f"{key} <{node.pk}>: {len(following.frames)} frames come again as {following.key}")
            self.enqueue(following)
        if decision.given_up:
            self.report(f"{key} <{node.pk}>: {len(decision.given_up)} frames are given up: {reason_of(node)}")
            last = {"process": node.uuid, "exit_status": node.exit_status, "detail": node.exit_message}
            self.out(f"failures.{key}_given_up", give_up_frames(orm.List(list(decision.given_up)), orm.Dict(last)))

    def _remedies(self, batch: Batch) -> Callable[[LabelFailure, int], bool]:
        """Return whether the code has another way to a label, by reason and number."""
        method = Method.from_dict(self.ctx.methods[batch.method].get_dict())
        return lambda reason, number: self.code_facts().remedy(method, reason, number) is not None

    def results(self) -> None:
        """Conclude; outputs were attached as they came."""


def _method_name(batch: Batch) -> str:
    """Return the name of a level of theory with its remedy."""
    return batch.method if batch.remedy is None else f"{batch.method}_{batch.remedy}"

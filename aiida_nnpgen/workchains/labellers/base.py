"""What every labeller has in common: structures in, labelled frames out, with a reason for each that failed."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any, ClassVar, cast

from aiida import orm
from aiida.common.exceptions import MultipleObjectsError, NotExistent
from aiida.engine import while_
from aiida.engine.processes.workchains.workchain import WorkChainSpec
from aiida.plugins import CalculationFactory, DataFactory

from ...calculations.functions import change_method, give_up_frames, plan_methods
from ...common import plugins
from ...common.exceptions import InputError
from ...common.limits import MAX_LINKS
from ...data.labels import labelled_keys
from ...data.trajectory import structures_to_frames
from ...dft.code import RECOVERABLE, DftCode
from ...dft.label import LabelFailure
from ...dft.method import Method
from ..caching import cached
from ..pool import PoolWorkChain
from ..ports import larger_options_port, optional_output, reason_of

__all__ = ["LabellerWorkChain"]

HOPELESS = 310
"""Exit status of a job that stopped with an error of its own: it would stop again."""


class LabellerWorkChain(PoolWorkChain):
    """Contract of a labeller.

    Each label node is a trajectory with ``energies`` (eV), ``forces`` (eV/Å) and ``stresses`` (eV/Å³, tension
    positive) in the order of atoms of the input structures. Its step ids are the numbers in the keys of its structures,
    and its attribute ``structure_link`` is the format of the link label by which they entered its creator. Each
    node in ``failures`` maps keys to ``reason`` and ``detail``; a frame that fails and is labelled by a later job has a
    label. A frame that is in neither is lost, never silently: the labeller lists it in ``failures`` itself.

    As it stands, this class submits batches to the calculation ``nnpgen.<name>_label``, which makes these nodes. A code
    that AiiDA runs through somebody else's work chain overrides :meth:`start` and :meth:`gather`.
    """

    NAME: ClassVar[str]
    """Name of the code in the entry point group ``nnpgen.dft``."""

    @classmethod
    def define(cls, spec: WorkChainSpec) -> None:
        super().define(spec)
        spec.input("code", valid_type=orm.AbstractCode, help="Code of the labeller.")
        spec.input("options", valid_type=dict, default=dict, non_db=True, help="Scheduler options of the jobs.")
        larger_options_port(spec)
        spec.input("settings", valid_type=orm.Dict, help="Settings of the reference method.")
        spec.input("record", valid_type=orm.Dict, required=False, help="Per frame, which start it comes from.")
        spec.input_namespace(
            "pseudopotentials", valid_type=orm.Data, required=False, help="One per element, if the code needs them."
        )
        spec.input_namespace(
            "structures", valid_type=orm.StructureData, help="Frames, with keys `frame_0000` and so on."
        )
        spec.output_namespace("labels", valid_type=orm.TrajectoryData, dynamic=True, help="Labelled frames, per job.")
        spec.output_namespace("failures", valid_type=orm.Dict, dynamic=True, help="Frames that failed, per job.")
        spec.outline(cls.setup, while_(cls.pool_is_busy)(cls.advance_pool), cls.results)

    @classmethod
    def code_facts(cls) -> DftCode:
        """Return what is known about the code."""
        return cast(DftCode, plugins.load("nnpgen.dft", cls.NAME))

    @classmethod
    def load_pseudopotentials(
        cls, wanted: str | dict[str, str] | None, elements: Collection[str], folder: Path
    ) -> dict[str, orm.Data]:
        """Return the pseudopotential of each element.

        :param wanted: label of a family, or a file per element.
        :param folder: where relative file names start.
        :raises InputError: if the family, a file or an element is missing.
        """
        kind = cls.code_facts().PSEUDOPOTENTIALS
        if wanted is None or kind is None:
            return {}
        if isinstance(wanted, str):
            return _from_family(wanted, elements)
        missing = sorted(set(elements) - set(wanted))
        if missing:
            raise InputError(f"reference.pseudopotentials: no file for `{missing[0]}`")
        found = {}
        for element in sorted(elements):
            path = folder / wanted[element]
            try:
                found[element] = DataFactory(kind)(path.open("rb"), filename=path.name)
            except (OSError, ValueError) as exception:
                raise InputError(f"reference.pseudopotentials.{element}: `{path}`: {exception}") from exception
        return found

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
                        key = f"batch_{len(self.ctx.batches):03d}_0"
                        self._line_up(key, f"{start}_{name}", group[first : first + size])

    def _line_up(self, key: str, method: str, frames: list[str], is_larger: bool = False) -> None:
        self.ctx.batches[key] = {"method": method, "frames": frames, "is_larger": is_larger}
        self.ctx.queue.append(key)

    def launch(self, key: str) -> orm.ProcessNode:
        """Submit one batch."""
        batch = self.ctx.batches[key]
        structures = {frame: self.inputs.structures[frame] for frame in batch["frames"]}
        return self.start(key, structures, self.ctx.methods[batch["method"]])

    def start(self, key: str, structures: dict[str, orm.StructureData], method: orm.Dict) -> orm.ProcessNode:
        """Submit the job of a batch; labels are deterministic, so one that exists is never computed again."""
        name = f"nnpgen.{self.NAME}_label"
        with cached(f"aiida.calculations:{name}"):
            return self.submit(
                CalculationFactory(name),
                code=self.inputs.code,
                structures=structures,
                method=method,
                metadata={"options": self.options(key), "call_link_label": key},
                **self.pseudopotentials(structures),
            )

    def options(self, key: str) -> dict[str, Any]:
        """Return the scheduler options of a batch."""
        larger = self.inputs.larger_options if self.ctx.batches[key]["is_larger"] else {}
        return {**self.inputs.options, **larger}

    def pseudopotentials(self, structures: dict[str, orm.StructureData]) -> dict[str, Any]:
        """Return the input with the pseudopotentials of the elements that are there, if the code needs any."""
        if self.code_facts().PSEUDOPOTENTIALS is None:
            return {}
        elements = set().union(*(node.get_symbols_set() for node in structures.values()))
        return {"pseudopotentials": {element: self.inputs.pseudopotentials[element] for element in sorted(elements)}}

    def gather(self, key: str, node: orm.ProcessNode) -> tuple[orm.TrajectoryData | None, orm.Dict | None]:
        """Return the labels and the failures that a job left."""
        return optional_output(node, "labels"), optional_output(node, "failures")

    def inspect_child(self, key: str, node: orm.ProcessNode) -> None:
        """Attach what there is; line up again what may still succeed, or give it up after enough attempts."""
        labels, failures = self.gather(key, node)
        frames, done, failed = self.ctx.batches[key]["frames"], set(), {}
        if labels is not None:
            self.out(f"labels.{key}", labels)
            done = labelled_keys(labels)
        if failures is not None and failures.get_dict():
            self.out(f"failures.{key}", failures)
            failed = {frame: facts["reason"] for frame, facts in failures.get_dict().items()}
        for reason in sorted(set(failed.values())):
            again = [frame for frame in frames if failed.get(frame) == reason]
            if reason == LabelFailure.OUT_OF_LIMITS:
                self._enlarge(key, again)
            elif reason in RECOVERABLE:
                self._remedy(key, LabelFailure(reason), again)
        undone = [frame for frame in frames if frame not in done and frame not in failed]
        if undone:
            self._repeat(key, node, undone)

    def _next(self, key: str) -> tuple[str, int] | None:
        """Return key stem and number of the next attempt; None if there were enough."""
        stem, _, attempt = key.rpartition("_")
        following = int(attempt) + 1
        return (stem, following) if following < self.inputs.settings["max_attempts"] else None

    def _remedy(self, key: str, reason: LabelFailure, frames: list[str]) -> None:
        """Line up frames with a method that may find what the last one did not find, if there is one."""
        following, present = self._next(key), self.ctx.batches[key]["method"]
        if following is None:
            return
        stem, attempt = following
        first = present.partition("@")[0]
        method = Method.from_dict(self.ctx.methods[first].get_dict())
        if self.code_facts().remedy(method, reason, attempt) is None:
            return
        name = f"{first}@{reason.value}_{attempt}"
        if name not in self.ctx.methods:
            self.ctx.methods[name] = change_method(
                self.ctx.methods[first], orm.Str(self.NAME), orm.Str(reason.value), orm.Int(attempt)
            )
        self.report(f"{key}: {len(frames)} frames failed with {reason.value}; attempt {attempt} with a changed input")
        larger = self._grows(key, was_cut=reason is LabelFailure.NO_OUTPUT)
        self._line_up(f"{stem}x{reason.value}_{attempt}", name, frames, larger)

    def _grows(self, key: str, was_cut: bool) -> bool:
        """Return whether the next attempt has the larger options: many a job that had too little does not say so."""
        return self.ctx.batches[key]["is_larger"] or (was_cut and bool(self.inputs.larger_options))

    def _enlarge(self, key: str, frames: list[str]) -> None:
        """Line up frames whose job had too little time or memory, if there is more to be had."""
        following, batch = self._next(key), self.ctx.batches[key]
        if following is None or batch["is_larger"] or not self.inputs.larger_options:
            return
        self.report(f"{key} had too little time or memory; attempt {following[1]} has the larger options")
        self._line_up(f"{following[0]}xlarger_{following[1]}", batch["method"], frames, is_larger=True)

    def _repeat(self, key: str, node: orm.ProcessNode, frames: list[str]) -> None:
        """Line up frames that a job left undone, or give them up."""
        self.report(f"{key} <{node.pk}> left {len(frames)} frames: {reason_of(node)}")
        following = self._next(key)
        if following and node.exit_status != HOPELESS:
            larger = self._grows(key, was_cut=True)
            self._line_up(f"{following[0]}_{following[1]}", self.ctx.batches[key]["method"], frames, larger)
            return
        facts = {"process": node.uuid, "exit_status": node.exit_status, "detail": node.exit_message}
        self.out(f"failures.{key}_given_up", give_up_frames(orm.List(frames), orm.Dict(facts)))

    def results(self) -> None:
        """Conclude; outputs were attached as they came."""


def _from_family(label: str, elements: Collection[str]) -> dict[str, orm.Data]:
    try:
        family = orm.load_group(label)
        pseudos: dict[str, orm.Data] = family.get_pseudos(elements=sorted(elements))
    except (NotExistent, MultipleObjectsError, ValueError) as exception:
        raise InputError(f"reference.pseudopotentials: `{label}`: {exception}") from exception
    except AttributeError:
        raise InputError(f"reference.pseudopotentials: group `{label}` is no family of pseudopotentials") from None
    return pseudos

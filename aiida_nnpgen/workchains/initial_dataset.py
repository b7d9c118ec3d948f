"""Make a first dataset: random displacements, ab initio molecular dynamics, and what is there already."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import ExitCode, if_, while_
from aiida.engine.processes.workchains.workchain import WorkChainSpec
from aiida.plugins import WorkflowFactory

from ..calculations.base import define_exit_codes
from ..calculations.functions import (
    collect_labels,
    import_frames,
    import_structures,
    perturb_structure,
    plan_aimd,
    plan_existing,
    plan_methods,
)
from ..common.limits import MAX_LINKS
from ..data import DatasetData
from ..importing import FileStatus
from .labelling import LabellingWorkChain
from .pool import PoolWorkChain
from .ports import REFERENCE_PORTS, declare_ports, optional_output, reason_of

__all__ = ["InitialDatasetWorkChain"]

PERTURB = "perturb_"
"""What the keys of the displaced structures begin with."""
EXISTING = "existing_"
"""What the keys of imported data begin with."""
_MAX_TOLD = 3  # files or parts that a message names


class InitialDatasetWorkChain(PoolWorkChain):
    """Import frames; label displaced and imported structures; run dynamics with the reference method."""

    @classmethod
    def define(cls, spec: WorkChainSpec) -> None:
        super().define(spec)
        declare_ports(spec, *REFERENCE_PORTS, "structures", structures={"help": "Starting structures."})
        spec.input("settings", valid_type=orm.Dict, help="Settings of the first dataset, with their seed.")
        spec.input("labelling", valid_type=orm.Dict, help="Settings of the reference method, and of the split.")
        spec.input_namespace(
            "existing",
            valid_type=(orm.SinglefileData, orm.FolderData),
            required=False,
            help="Files and folders by the names in `existing` of the settings.",
        )
        spec.output_namespace("datasets", valid_type=DatasetData, dynamic=True, help="The shards.")
        spec.output_namespace("reports", valid_type=orm.Dict, dynamic=True, help="Yield and failures of each shard.")
        define_exit_codes(spec, "ERROR_INITIAL_DATASET_FAILED")
        spec.outline(
            cls.import_existing,
            cls.setup,
            while_(cls.pool_is_busy)(cls.advance_pool),
            if_(cls.should_collect_aimd)(cls.collect_aimd),
            cls.results,
        )

    def import_existing(self) -> ExitCode | None:
        """Read what is there already, before anything is computed; files that cannot be used are passed over."""
        self.ctx.imported = {}
        for name, plan in sorted(plan_existing(self.inputs.settings, self.inputs.labelling).items()):
            if name not in self.inputs.get("existing", {}):
                return self._fail(f"`existing` has no file for `{name}`")
            made = import_frames(plan, self.inputs.existing[name])
            report = made["report"].get_dict()
            self.out(f"reports.{EXISTING}{name}", made["report"])
            self.report(f"`{name}`: {report['labelled']} frames with labels, {report['unlabelled']} to be labelled")
            if bad := _bad_files(report):
                self.report(f"`{name}`: {len(bad)} of {len(report['files'])} files cannot be used, as {bad[0]}")
            if reason := _problem(plan, report, self.inputs.settings.get("elements")):
                return self._fail(reason)
            for key, shard in made.get("datasets", {}).items():
                self.out(f"datasets.{EXISTING}{name}_{key}", shard)
            for key, node in made.get("unlabelled", {}).items():
                for first in range(0, len(node.get_stepids()), MAX_LINKS):
                    self.ctx.imported[f"{EXISTING}{name}_{key}_{first:05d}"] = (name, node, first)
        return None

    def setup(self) -> None:
        """Line up the dynamics runs, and the labelling of displaced and imported structures."""
        keys: list[str] = []
        if self.inputs.settings["aimd"]:
            self.ctx.methods = plan_methods(self.inputs.labelling, **self.inputs.structures)
            self.ctx.aimd = plan_aimd(self.inputs.settings, orm.List(sorted(self.inputs.structures)))
            keys += sorted(self.ctx.aimd)
        if self.inputs.settings["perturb"]:
            keys += [f"{PERTURB}{key}" for key in sorted(self.inputs.structures)]
        keys += sorted(self.ctx.imported)
        self.fill_pool(keys)
        runs = sum(not _is_labelling(key) for key in keys)
        self.report(f"{runs} runs with the reference method, {len(keys) - runs} sets of structures to label")

    def launch(self, key: str) -> orm.ProcessNode:
        """Submit one run, or the labelling of one structure's displaced copies, or of imported structures."""
        return self._launch_labelling(key) if _is_labelling(key) else self._launch_run(key)

    def _launch_labelling(self, key: str) -> orm.ProcessNode:
        if key in self.ctx.imported:
            name, node, first = self.ctx.imported[key]
            made = import_structures(orm.Str(name), orm.Int(first), node)
        else:
            name = key.removeprefix(PERTURB)
            made = perturb_structure(self.inputs.settings, orm.Str(name), self.inputs.structures[name])
        return self.submit(
            LabellingWorkChain,
            code=self.inputs.code,
            options=self.inputs.options,
            larger_options=self.inputs.larger_options,
            max_concurrent=1,
            settings=self.inputs.labelling,
            structures=dict(made["structures"]),
            pseudopotentials=dict(self.inputs.get("pseudopotentials", {})),
            record=made["record"],
            metadata={"call_link_label": key},
        )

    def _launch_run(self, key: str) -> orm.ProcessNode:
        run = self.ctx.aimd[key]
        method = self.ctx.methods["methods"][self.ctx.methods["assignment"][run["structure"]]]
        return self.submit(
            WorkflowFactory(f"nnpgen.aimd.{self.inputs.labelling['labeller']}"),
            code=self.inputs.code,
            structure=self.inputs.structures[run["structure"]],
            conditions=run,
            method=method,
            options=self.inputs.options,
            pseudopotentials=self._pseudopotentials(run["structure"]),
            metadata={"call_link_label": key},
        )

    def _pseudopotentials(self, structure: str) -> dict[str, orm.Data]:
        elements = self.inputs.structures[structure].get_symbols_set()
        given = self.inputs.get("pseudopotentials", {})
        return {element: node for element, node in given.items() if element in elements}

    def inspect_child(self, key: str, node: orm.ProcessNode) -> None:
        """Attach the shard of labelled structures; dynamics runs are collected together."""
        if _is_labelling(key):
            if "report" in node.outputs:
                self.out(f"reports.{key}", node.outputs.report)
            if "dataset" in node.outputs:
                self.out(f"datasets.{key}", node.outputs.dataset)
        if not node.is_finished_ok:
            self.report(f"{key} <{node.pk}>: {reason_of(node)}")

    def _runs(self) -> dict[str, orm.ProcessNode]:
        return {key: node for key, node in sorted(self.ctx.children.items()) if not _is_labelling(key)}

    def should_collect_aimd(self) -> bool:
        """Return whether there were dynamics runs."""
        return bool(self._runs())

    def collect_aimd(self) -> None:
        """Make a shard of all dynamics runs."""
        nodes = {f"labels_{key}": node.outputs.labels for key, node in self._runs().items() if "labels" in node.outputs}
        nodes |= {f"planned_{key}": self.ctx.aimd[key] for key in self._runs()}
        collected = collect_labels(self.inputs.labelling, **nodes)
        self.out("reports.aimd", collected["report"])
        self.ctx.aimd_report = collected["report"]
        if "dataset" in collected:
            self.out("datasets.aimd", collected["dataset"])

    def results(self) -> ExitCode | None:
        """Fail if all parts together gave nothing, or too little; one that failed is no reason by itself."""
        reason = self._shortage()
        return self._fail(reason) if reason else None

    def _fail(self, reason: str) -> ExitCode:
        code: ExitCode = self.exit_codes.ERROR_INITIAL_DATASET_FAILED.format(reason=reason)
        return code

    def _shortage(self) -> str | None:
        """Return what there is too little of, over all that was asked of the reference method."""
        labelled = asked = 0
        for key, node in self.ctx.children.items():
            if _is_labelling(key):
                report = optional_output(node, "report")
                labelled += report["labelled"] if report else 0
                asked += len(node.inputs.structures)
        if "aimd_report" in self.ctx:
            labelled += self.ctx.aimd_report["labelled"]
            asked += self.ctx.aimd_report["labelled"] + self.ctx.aimd_report["failed"]
        needed = self.inputs.labelling["min_yield"]
        if not asked or (labelled and labelled / asked >= needed):
            return None
        failed = [
            f"{key}: {reason_of(node)}" for key, node in sorted(self.ctx.children.items()) if not node.is_finished_ok
        ]
        told = "; ".join(failed[:_MAX_TOLD]) or "see the reports"
        return f"only {labelled} of {asked} frames got a label, less than {needed:.0%} ({told})"


def _is_labelling(key: str) -> bool:
    """Return whether a child labels structures, other than a dynamics run, whose frames are labels themselves."""
    return key.startswith((PERTURB, EXISTING))


def _bad_files(report: dict[str, Any]) -> list[str]:
    """Return the files that cannot be used, with the reason of each."""
    bad = (FileStatus.UNREADABLE, FileStatus.WRONG_UNITS)
    return [f"`{file['path']}`: {file['detail']}" for file in report["files"] if file["status"] in bad]


def _problem(plan: orm.Dict, report: dict[str, Any], elements: list[str] | None) -> str | None:
    """Return why an import cannot be used as it is.

    :param plan: one entry of ``existing``.
    :param elements: of the model; None: any.
    """
    name = plan["name"]
    if plan.get("strict", False) and (bad := _bad_files(report)):
        return f"existing `{name}`: {bad[0]}"
    foreign = sorted(set(report["elements"]) - set(elements or report["elements"]))
    if foreign:
        return f"existing `{name}` holds {', '.join(foreign)}, missing from training.elements {elements}"
    if report["labelled"] or report["unlabelled"]:
        return None
    details = _bad_files(report) or [
        f"`{file['path']}`: {'; '.join(file['notes']) or file['detail'] or file['reasons'] or 'no frames'}"
        for file in report["files"]
    ]
    told = "; ".join(details[:_MAX_TOLD]) or "no files"
    if count := report["unlabelled_left_out"]:
        return (
            f"existing `{name}` has {count} structures without labels and no frame with: set `label: true` to compute "
            f"them, or `keys` if labels are there under other names ({told})"
        )
    return f"existing `{name}` has no usable frame ({told})"

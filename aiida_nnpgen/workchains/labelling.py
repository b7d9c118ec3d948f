"""Label structures with the reference method."""

from __future__ import annotations

from typing import Any

from aiida import orm
from aiida.engine import ExitCode, WorkChain
from aiida.engine.processes.workchains.workchain import WorkChainSpec
from aiida.plugins import WorkflowFactory

from ..calculations.base import define_exit_codes
from ..calculations.functions import collect_labels
from ..data import DatasetData
from .ports import REFERENCE_PORTS, declare_ports, output_namespace, reason_of

__all__ = ["LabellingWorkChain"]


class LabellingWorkChain(WorkChain):
    """Hand structures to the labeller, and collect what passes the checks into a shard."""

    @classmethod
    def define(cls, spec: WorkChainSpec) -> None:
        super().define(spec)
        declare_ports(spec, *REFERENCE_PORTS, "max_concurrent", "structures")
        spec.input("settings", valid_type=orm.Dict, help="Settings of the reference method, and of the split.")
        spec.input("record", valid_type=orm.Dict, help="Per frame, why it was chosen.")
        spec.output("dataset", valid_type=DatasetData, required=False, help="The new shard.")
        spec.output("report", valid_type=orm.Dict, help="Counts, yield, and a reason for each frame that failed.")
        define_exit_codes(spec, "ERROR_YIELD_TOO_LOW")
        spec.outline(cls.run_labeller, cls.inspect_labeller)

    def run_labeller(self) -> None:
        """Submit the labeller."""
        settings = self.inputs.settings.get_dict()
        inputs: dict[str, Any] = {
            "code": self.inputs.code,
            "options": self.inputs.options,
            "larger_options": self.inputs.larger_options,
            "structures": dict(self.inputs.structures),
            "pseudopotentials": dict(self.inputs.get("pseudopotentials", {})),
            "settings": self.inputs.settings,
            "record": self.inputs.record,
            "max_concurrent": self.inputs.max_concurrent,
            "metadata": {"call_link_label": "labeller"},
        }
        self.to_context(labeller=self.submit(WorkflowFactory(f"nnpgen.labellers.{settings['labeller']}"), **inputs))

    def inspect_labeller(self) -> ExitCode | None:
        """Collect the labels, and decide whether there are enough."""
        nodes = {
            f"{kind}_{key}": node
            for kind in ("labels", "failures")
            for key, node in output_namespace(self.ctx.labeller, kind).items()
        }
        collected = collect_labels(self.inputs.settings, self.inputs.record, **nodes)
        self.out("report", collected["report"])
        if "dataset" in collected:
            self.out("dataset", collected["dataset"])
        report, needed = collected["report"].get_dict(), self.inputs.settings["min_yield"]
        self.report(f"{report['labelled']} frames labelled, {report['failed']} failed {report['reasons'] or ''}")
        if report["yield"] < needed or not report["labelled"]:
            return self.exit_codes.ERROR_YIELD_TOO_LOW.format(
                share=report["yield"], needed=needed, reasons=report["reasons"] or reason_of(self.ctx.labeller)
            )
        return None

"""What molecular dynamics with every reference code has in common: a structure in, labelled frames out."""

from __future__ import annotations

from typing import ClassVar

from aiida import orm
from aiida.engine import ExitCode, WorkChain
from aiida.engine.processes.workchains.workchain import WorkChainSpec
from aiida.plugins import CalculationFactory

from ...calculations.base import define_exit_codes
from ..caching import cached
from ..ports import declare_ports, optional_output, reason_of

__all__ = ["AimdWorkChain"]


class AimdWorkChain(WorkChain):
    """Contract of dynamics with a reference code.

    The label node is a trajectory with ``energies`` (eV), ``forces`` (eV/Å) and ``stresses`` (eV/Å³, tension positive,
    without the kinetic part of the ions) in the order of atoms of the structure; its step ids are time steps and its
    attribute ``structure_link`` names the link by which the structure entered its creator. Each frame is a label.

    As it stands, this class submits the calculation ``nnpgen.<name>_md``, which does it all in one job. For a code that
    can go on with a dynamics, or that AiiDA runs through somebody else's work chain, see
    :class:`~aiida_nnpgen.workchains.aimd.continued.ContinuedAimdWorkChain`.
    """

    NAME: ClassVar[str]
    """Name of the code in the entry point group ``nnpgen.dft``."""

    @classmethod
    def define(cls, spec: WorkChainSpec) -> None:
        super().define(spec)
        declare_ports(spec, "code", "options", "pseudopotentials")
        spec.input("structure", valid_type=orm.StructureData, help="Start of the run.")
        spec.input("conditions", valid_type=orm.Dict, help="Conditions and seed, as the plan of the phase gives them.")
        spec.input("method", valid_type=orm.Dict, help="Level of theory.")
        spec.output("labels", valid_type=orm.TrajectoryData, required=False, help="Good frames, with their labels.")
        spec.output("report", valid_type=orm.Dict, required=False, help="How the run ended.")
        define_exit_codes(spec, "ERROR_RUN_FAILED")
        spec.outline(cls.run_dynamics, cls.inspect_dynamics)

    @classmethod
    def calculation(cls) -> str:
        """Return the entry point of the calculation that runs a dynamics."""
        return f"nnpgen.{cls.NAME}_md"

    def run_dynamics(self) -> None:
        """Submit the run."""
        self.to_context(run=self.start())

    def start(self) -> orm.ProcessNode:
        """Submit the job."""
        pseudopotentials = self.inputs.get("pseudopotentials", {})
        calculation = CalculationFactory(self.calculation())
        with cached(calculation):
            return self.submit(
                calculation,
                code=self.inputs.code,
                structure=self.inputs.structure,
                conditions=self.inputs.conditions,
                method=self.inputs.method,
                metadata={"options": self.inputs.options, "call_link_label": "run"},
                **({"pseudopotentials": dict(pseudopotentials)} if pseudopotentials else {}),
            )

    def inspect_dynamics(self) -> ExitCode | None:
        """Attach what there is."""
        node = self.ctx.run
        for name in ("labels", "report"):
            output = optional_output(node, name)
            if output is not None:
                self.out(name, output)
        return None if node.is_finished_ok else self.exit_codes.ERROR_RUN_FAILED.format(reason=reason_of(node))

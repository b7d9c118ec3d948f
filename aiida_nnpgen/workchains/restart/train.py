"""Train one model, going on after an interruption."""

from __future__ import annotations

from aiida import orm
from aiida.engine import ProcessHandlerReport, process_handler, while_
from aiida.engine.processes.workchains.workchain import WorkChainSpec

from ...calculations.train import TrainCalculation
from ..caching import CachedRestartWorkChain

__all__ = ["TrainBaseWorkChain"]


class TrainBaseWorkChain(CachedRestartWorkChain):
    """Run a training until it is done, from its checkpoints where it was cut."""

    _process_class = TrainCalculation

    @classmethod
    def define(cls, spec: WorkChainSpec) -> None:
        super().define(spec)
        spec.expose_inputs(TrainCalculation, namespace="train")
        spec.expose_outputs(TrainCalculation)
        spec.outline(
            cls.setup,
            while_(cls.should_run_process)(cls.run_process, cls.inspect_process),
            cls.results,
        )

    def setup(self) -> None:
        """Take the inputs as they are for the first attempt."""
        super().setup()
        self.ctx.inputs = self.exposed_inputs(TrainCalculation, "train")

    @process_handler(
        priority=100,
        exit_codes=[
            TrainCalculation.exit_codes.ERROR_INTERRUPTED,
            TrainCalculation.exit_codes.ERROR_OUT_OF_MEMORY,
            TrainCalculation.exit_codes.ERROR_DISK_FULL,
        ],
    )
    def handle_interruption(self, calculation: orm.CalcJobNode) -> ProcessHandlerReport:
        """Go on from the checkpoints in the folder of the interrupted job."""
        self.ctx.inputs.restart_folder = calculation.outputs.remote_folder
        self.report(f"training <{calculation.pk}> was interrupted: going on from its checkpoint")
        return ProcessHandlerReport(True)

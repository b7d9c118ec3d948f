"""What every labeller has in common: structures in, labelled frames out, with a reason for each that failed."""

from __future__ import annotations

from aiida import orm
from aiida.engine import while_
from aiida.engine.processes.workchains.workchain import WorkChainSpec

from ..pool import PoolWorkChain

__all__ = ["LabellerWorkChain"]


class LabellerWorkChain(PoolWorkChain):
    """Contract of a labeller.

    Each label node is a trajectory with ``energies`` (eV), ``forces`` (eV/Å) and ``stresses`` (eV/Å³, tension
    positive) in the order of atoms of the input structures. Its step ids are the numbers in the keys of its structures,
    and its attribute ``structure_link`` is the format of the link label by which they entered its creator. Each
    node in ``failures`` maps keys to ``reason`` and ``detail``. A frame that is in neither is lost, never silently: the
    labeller lists it in ``failures`` itself.
    """

    @classmethod
    def define(cls, spec: WorkChainSpec) -> None:
        super().define(spec)
        spec.input("code", valid_type=orm.AbstractCode, help="Code of the labeller.")
        spec.input("options", valid_type=dict, default=dict, non_db=True, help="Scheduler options of the jobs.")
        spec.input("settings", valid_type=orm.Dict, help="Settings of the reference method.")
        spec.input_namespace(
            "structures", valid_type=orm.StructureData, help="Frames, with keys `frame_0000` and so on."
        )
        spec.output_namespace("labels", valid_type=orm.TrajectoryData, dynamic=True, help="Labelled frames, per job.")
        spec.output_namespace("failures", valid_type=orm.Dict, dynamic=True, help="Frames that failed, per job.")
        spec.outline(cls.setup, while_(cls.pool_is_busy)(cls.advance_pool), cls.results)

    def setup(self) -> None:
        """Line up the jobs."""
        raise NotImplementedError

    def results(self) -> None:
        """Conclude; outputs were attached as they came."""

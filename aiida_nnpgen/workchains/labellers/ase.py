"""Label with any ASE calculator, many frames per job."""

from __future__ import annotations

from contextlib import nullcontext

from aiida import orm
from aiida.manage.caching import enable_caching, get_use_cache

from ...calculations.ase_label import AseLabelCalculation
from ...calculations.functions import give_up_frames, plan_calculator
from ...data.trajectory import structures_to_frames
from .base import LabellerWorkChain

__all__ = ["AseLabellerWorkChain"]

LABEL = "aiida.calculations:nnpgen.ase_label"
"""How caching knows the jobs."""


class AseLabellerWorkChain(LabellerWorkChain):
    """Label batches; what an interrupted job left undone goes into the next one."""

    def setup(self) -> None:
        """Divide the frames into batches of one composition."""
        size = self.inputs.settings["batch_size"]
        groups = [keys for keys, _ in structures_to_frames(self.inputs.structures)]
        chunks = [keys[start : start + size] for keys in groups for start in range(0, len(keys), size)]
        self.ctx.batches = {f"batch_{index:03d}_0": keys for index, keys in enumerate(chunks)}
        self.ctx.parameters = plan_calculator(self.inputs.settings)
        self.fill_pool(sorted(self.ctx.batches))

    def launch(self, key: str) -> orm.ProcessNode:
        """Submit one batch; labels are deterministic, so one that exists is never computed again."""
        # Leaving the context of AiiDA also ends one that surrounds it, hence none where caching is on already.
        is_cached = get_use_cache(identifier=LABEL)
        with nullcontext() if is_cached else enable_caching(identifier=LABEL):
            return self.submit(
                AseLabelCalculation,
                code=self.inputs.code,
                structures={frame: self.inputs.structures[frame] for frame in self.ctx.batches[key]},
                parameters=self.ctx.parameters,
                metadata={"options": self.inputs.options, "call_link_label": key},
            )

    def inspect_child(self, key: str, node: orm.ProcessNode) -> None:
        """Attach what there is; line up the frames that a job left undone, or give them up after enough attempts."""
        done: set[str] = set()
        if "labels" in node.outputs:
            self.out(f"labels.{key}", node.outputs.labels)
            done |= {f"frame_{step:04d}" for step in node.outputs.labels.get_stepids()}
        if "failures" in node.outputs:
            self.out(f"failures.{key}", node.outputs.failures)
            done |= set(node.outputs.failures.get_dict())
        undone = [frame for frame in self.ctx.batches[key] if frame not in done]
        if not undone:
            return
        stem, _, attempt = key.rpartition("_")
        self.report(f"{key} <{node.pk}> left {len(undone)} frames: {node.exit_message or node.process_state}")
        # A job that stops with an error of its own would stop again.
        if int(attempt) + 1 < self.inputs.settings["max_attempts"] and node.exit_status != 310:
            following = f"{stem}_{int(attempt) + 1}"
            self.ctx.batches[following] = undone
            self.ctx.queue.append(following)
            return
        facts = {"process": node.uuid, "exit_status": node.exit_status, "detail": node.exit_message}
        self.out(f"failures.{key}_given_up", give_up_frames(orm.List(undone), orm.Dict(facts)))

"""What a run of the loop did, as rows: one per iteration and ensemble."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import inf, nan
from statistics import fmean

from aiida import orm

from ..common.iterations import FINAL, by_iteration, iteration_key
from ..data.labels import link_key
from .ports import output_namespace
from .stability import describe_diagnosis

__all__ = ["ErrorRow", "SamplingRow", "StabilityRow", "drops", "errors", "sampling_table", "stability_table"]


@dataclass(frozen=True, kw_only=True)
class SamplingRow:
    """One ensemble of one iteration, as in Table 1 of Matsumura et al.; failed probes have rows of their own.

    :ivar temperatures: K, of all its runs.
    :ivar unstable: runs that failed.
    :ivar candidates: frames inside the trust window.
    """

    iteration: int
    ensemble: str
    temperatures: tuple[float, ...]
    runs: int
    unstable: int
    sampled: int
    candidates: int
    selected: int
    labelled: int


@dataclass(frozen=True, kw_only=True)
class ErrorRow:
    """Errors of a committee on the test set, as means over its members: eV/atom and eV/Å.

    :ivar iteration: its number, or ``final``.

    :ivar offset_rmse: of the energy after a fit of one offset per element; NaN for runs of before it was measured.
    """

    iteration: int | str
    energy_rmse: float
    offset_rmse: float
    force_rmse: float


@dataclass(frozen=True, kw_only=True)
class StabilityRow:
    """How long probes of a committee hold.

    :ivar iteration: number of the committee, or ``final``.
    :ivar target: ps.
    :ivar median: ps, and both ends of its interval of 95 % confidence; infinite: later than the target.
    :ivar share: of the probes that hold until the target, by Kaplan and Meier, and both ends of its interval.
    :ivar cause: what makes them fail, in a sentence; empty if none failed.
    """

    iteration: int | str
    temperature: float
    target: float
    probes: int
    held: int
    median: tuple[float, ...]
    share: tuple[float, ...]
    cause: str


def sampling_table(process: orm.ProcessNode) -> list[SamplingRow]:
    """Return the rows of a run of the loop, as far as it has come."""
    rows = []
    records, shards = (by_iteration(output_namespace(process, name)) for name in ("records", "datasets"))
    for iteration, counts in by_iteration(output_namespace(process, "counts")).items():
        runs = _runs(process, iteration_key(iteration, "sampling"))
        runs |= {
            key: probe
            for key, probe in _runs(process, iteration_key(iteration, "stability")).items()
            if key in counts["runs"]
        }
        record, shard = records.get(iteration), shards.get(iteration)
        chosen = record.get_dict() if record else {}
        origins = shard.origins if shard else []
        selected = Counter(entry["trajectory"] for entry in chosen.values())
        labelled = Counter(chosen[link_key(origin.structure)]["trajectory"] for origin in origins)
        rows += _rows(iteration, counts["runs"], runs, selected, labelled)
    return rows


def drops(process: orm.ProcessNode) -> dict[int, dict[str, int]]:
    """Return how many candidates each iteration dropped before the map, by reason."""
    found = {}
    for iteration in by_iteration(output_namespace(process, "counts")):
        label = iteration_key(iteration, "screening")
        link = process.base.links.get_outgoing(orm.WorkChainNode, link_label_filter=label).first()
        if link is not None and "report" in link.node.outputs:
            found[iteration] = dict(link.node.outputs.report["dropped"])
    return {iteration: reasons for iteration, reasons in found.items() if reasons}


def errors(process: orm.ProcessNode) -> list[ErrorRow]:
    """Return the errors on the test set, iteration by iteration."""
    rows = []
    for iteration, node in _committees(process, "errors").items():
        names = ("energy", "energy_after_offsets", "forces")
        energy, offset, force = (
            _mean([member.get(name, _UNKNOWN)["rmse"] for member in node["models"]]) for name in names
        )
        rows.append(ErrorRow(iteration=iteration, energy_rmse=energy, offset_rmse=offset, force_rmse=force))
    return rows


def _committees(process: orm.ProcessNode, name: str) -> dict[int | str, orm.Dict]:
    """Return an output of each committee, those of the iterations first."""
    nodes = output_namespace(process, name)
    found: dict[int | str, orm.Dict] = dict(by_iteration(nodes).items())
    return found | ({FINAL: nodes[FINAL]} if FINAL in nodes else {})


def stability_table(process: orm.ProcessNode) -> list[StabilityRow]:
    """Return how long the probes of each committee held, and what made them fail."""
    rows, diagnoses = [], _committees(process, "diagnoses")
    for iteration, node in _committees(process, "survival").items():
        values = node.get_dict()
        cause = describe_diagnosis(diagnoses[iteration].get_dict()) if iteration in diagnoses else ""
        rows.append(
            StabilityRow(
                iteration=iteration,
                temperature=values["temperature"],
                target=values["target"],
                probes=values["planned"],
                held=values["held"],
                median=tuple(inf if value is None else value for value in values["median"]),
                share=tuple(values["share"]),
                cause=cause,
            )
        )
    return rows


_UNKNOWN: dict[str, float | None] = {"rmse": None}


def _mean(values: list[float | None]) -> float:
    """Return the mean; NaN if a member predicted something that is not finite."""
    return fmean(nan if value is None else value for value in values)


def _rows(
    iteration: int,
    counts: dict[str, dict[str, int]],
    runs: dict[str, orm.ProcessNode],
    selected: Counter[str],
    labelled: Counter[str],
) -> list[SamplingRow]:
    groups: dict[str, list[str]] = {}
    for key, node in sorted(runs.items()):
        conditions = node.inputs.conditions["conditions"]
        name = conditions["ensemble"]
        if name == "nemd":
            name += f" {conditions['volume_ratio']:g}"
        if "last_frames" in node.inputs:
            name += " probe"
        groups.setdefault(name, []).append(key)
    return [
        SamplingRow(
            iteration=iteration,
            ensemble=name,
            temperatures=tuple(sorted({runs[key].inputs.conditions["conditions"]["temperature"] for key in keys})),
            runs=len(keys),
            unstable=sum(not runs[key].is_finished_ok for key in keys),
            sampled=sum(sum(counts.get(key, {}).values()) for key in keys),
            candidates=sum(counts.get(key, {}).get("candidate", 0) for key in keys),
            selected=sum(selected[key] for key in keys),
            labelled=sum(labelled[key] for key in keys),
        )
        for name, keys in groups.items()
    ]


def _runs(process: orm.ProcessNode, label: str) -> dict[str, orm.ProcessNode]:
    """Return the runs of a sampling phase by their call link label."""
    phase = process.base.links.get_outgoing(orm.WorkChainNode, link_label_filter=label).first()
    if phase is None:
        return {}
    return {link.link_label: link.node for link in phase.node.base.links.get_outgoing(orm.CalcJobNode).all()}

"""What a run of the loop did, as rows: one per iteration and ensemble.

The run may have come in an archive: whatever its nodes do not say as ours do is an InputError that names the node.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import inf, nan
from statistics import fmean
from typing import Any

from aiida import orm

from ..common.iterations import FINAL, by_iteration, iteration_key
from ..data import DatasetData
from ..data.checks import read_values, refuse
from ..data.labels import link_key
from .ports import input_namespace, output_namespace
from .stability import DIAGNOSIS, describe_diagnosis

__all__ = ["ErrorRow", "SamplingRow", "StabilityRow", "drops", "errors", "sampling_table", "stability_table"]

_COUNTS = {"runs": {...: {...: int}}}
_RECORD = {...: {"trajectory": str}}
_REPORT = {"dropped": {...: int}}
_RMSE = {"rmse": (float, None)}
_ERRORS = {"models": [{"energy": _RMSE, "forces": _RMSE}]}
_OFFSETS = {"models": [{"energy_after_offsets": _RMSE}]}
_SURVIVAL = {
    "temperature": float,
    "target": float,
    "planned": int,
    "held": int,
    "median": [(float, None)],
    "share": [float],
}
_CONDITIONS = {"conditions": {"ensemble": str, "temperature": float}}
_NEMD = {"conditions": {"volume_ratio": float}}


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
    for iteration, node in by_iteration(output_namespace(process, "counts")).items():
        counts = read_values(node, _COUNTS)["runs"]
        runs = _runs(process, iteration_key(iteration, "sampling"))
        runs |= {
            key: probe
            for key, probe in _runs(process, iteration_key(iteration, "stability")).items()
            if key in counts["runs"]
        }
        record, shard = records.get(iteration), shards.get(iteration)
        chosen = {} if record is None else read_values(record, _RECORD)
        selected = Counter(entry["trajectory"] for entry in chosen.values())
        labelled = Counter() if shard is None else _labelled(shard, chosen)
        rows += _rows(iteration, counts, runs, selected, labelled)
    return rows


def _labelled(shard: orm.Data, chosen: dict[str, dict[str, str]]) -> Counter[str]:
    """Return how many frames of each run are in a shard.

    :param chosen: by key of the frame, where it comes from.
    """
    if not isinstance(shard, DatasetData):
        raise refuse(shard, "it stands where a dataset should")
    keys = [link_key(origin.structure) or "" for origin in shard.origins]
    if foreign := [key for key in keys if key not in chosen]:
        raise refuse(shard, f"its frame `{foreign[0]}` was never selected")
    return Counter(chosen[key]["trajectory"] for key in keys)


def drops(process: orm.ProcessNode) -> dict[int, dict[str, int]]:
    """Return how many candidates each iteration dropped before the map, by reason."""
    found = {}
    for iteration in by_iteration(output_namespace(process, "counts")):
        label = iteration_key(iteration, "screening")
        link = process.base.links.get_outgoing(orm.WorkChainNode, link_label_filter=label).first()
        report = None if link is None else output_namespace(link.node).get("report")
        if report is not None:
            found[iteration] = read_values(report, _REPORT)["dropped"]
    return {iteration: reasons for iteration, reasons in found.items() if reasons}


def errors(process: orm.ProcessNode) -> list[ErrorRow]:
    """Return the errors on the test set, iteration by iteration."""
    rows = []
    for iteration, node in _committees(process, "errors").items():
        members = read_values(node, _ERRORS)["models"]
        energy, force = (_mean([member[name]["rmse"] for member in members]) for name in ("energy", "forces"))
        # Runs of before there was such a measurement lack it.
        has_offsets = bool(members) and all("energy_after_offsets" in member for member in members)
        offsets = read_values(node, _OFFSETS)["models"] if has_offsets else []
        offset = _mean([member["energy_after_offsets"]["rmse"] for member in offsets])
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
        values = read_values(node, _SURVIVAL)
        if not len(values["median"]) == len(values["share"]) == 3:
            raise refuse(node, "`median` and `share` must have both ends of their intervals")
        cause = ""
        if iteration in diagnoses:
            cause = describe_diagnosis(read_values(diagnoses[iteration], DIAGNOSIS))
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


def _mean(values: list[float | None]) -> float:
    """Return the mean; NaN if a member predicted something that is not finite, or there is none."""
    return fmean(nan if value is None else value for value in values) if values else nan


def _rows(
    iteration: int,
    counts: dict[str, dict[str, int]],
    runs: dict[str, orm.ProcessNode],
    selected: Counter[str],
    labelled: Counter[str],
) -> list[SamplingRow]:
    groups: dict[str, list[str]] = {}
    temperatures: dict[str, float] = {}
    for key, node in sorted(runs.items()):
        ensemble, temperatures[key] = _conditions(node)
        groups.setdefault(ensemble, []).append(key)
    return [
        SamplingRow(
            iteration=iteration,
            ensemble=name,
            temperatures=tuple(sorted({temperatures[key] for key in keys})),
            runs=len(keys),
            unstable=sum(not runs[key].is_finished_ok for key in keys),
            sampled=sum(sum(counts.get(key, {}).values()) for key in keys),
            candidates=sum(counts.get(key, {}).get("candidate", 0) for key in keys),
            selected=sum(selected[key] for key in keys),
            labelled=sum(labelled[key] for key in keys),
        )
        for name, keys in groups.items()
    ]


def _conditions(run: orm.ProcessNode) -> tuple[str, float]:
    """Return the ensemble of a run, with its strain if it has one, and its temperature."""
    node = input_namespace(run).get("conditions")
    values: dict[str, Any] = read_values(node, _CONDITIONS)["conditions"]
    if "last_frames" in input_namespace(run):
        return f"{values['ensemble']} probe", values["temperature"]
    if values["ensemble"] != "nemd":
        return values["ensemble"], values["temperature"]
    ratio = read_values(node, _NEMD)["conditions"]["volume_ratio"]
    return f"nemd {ratio:g}", values["temperature"]


def _runs(process: orm.ProcessNode, label: str) -> dict[str, orm.ProcessNode]:
    """Return the runs of a sampling phase by their call link label."""
    phase = process.base.links.get_outgoing(orm.WorkChainNode, link_label_filter=label).first()
    if phase is None:
        return {}
    return {link.link_label: link.node for link in phase.node.base.links.get_outgoing(orm.CalcJobNode).all()}

"""Calcfunctions: the only place, beside parsers, where derived data nodes are made."""

from .assign_levels import assign_levels
from .build_liquid import build_liquid
from .choose_window import choose_window
from .collect_labels import collect_labels
from .count_runs import count_runs
from .decide_stop import decide_stop
from .give_up_frames import give_up_frames
from .import_frames import import_frames, import_structures
from .measure_survival import measure_survival
from .perturb_structure import perturb_structure
from .plan_aimd import plan_aimd
from .plan_appended import plan_appended
from .plan_existing import plan_existing
from .plan_final import plan_final
from .plan_initial_dataset import plan_initial_dataset
from .plan_iteration import plan_iteration
from .plan_members import plan_members
from .plan_methods import change_method, plan_methods
from .plan_probes import plan_probes
from .plan_runs import plan_runs
from .record_selection import record_selection
from .select_structures import select_structures
from .take_last_frames import take_last_frames

__all__ = [
    "assign_levels",
    "build_liquid",
    "change_method",
    "choose_window",
    "collect_labels",
    "count_runs",
    "decide_stop",
    "give_up_frames",
    "import_frames",
    "import_structures",
    "measure_survival",
    "perturb_structure",
    "plan_aimd",
    "plan_appended",
    "plan_existing",
    "plan_final",
    "plan_initial_dataset",
    "plan_iteration",
    "plan_members",
    "plan_methods",
    "plan_probes",
    "plan_runs",
    "record_selection",
    "select_structures",
    "take_last_frames",
]

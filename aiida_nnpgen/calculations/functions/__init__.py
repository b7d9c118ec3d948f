"""Calcfunctions: the only place, beside parsers, where derived data nodes are made."""

from .build_liquid import build_liquid
from .collect_labels import collect_labels
from .decide_stop import decide_stop
from .give_up_frames import give_up_frames
from .import_frames import import_frames, import_structures
from .perturb_structure import perturb_structure
from .plan import plan_aimd, plan_existing, plan_initial_dataset, plan_iteration, plan_members, plan_runs
from .plan_methods import change_method, plan_methods
from .select_structures import record_selection, select_structures
from .window import assign_levels, choose_window

__all__ = [
    "assign_levels",
    "build_liquid",
    "change_method",
    "choose_window",
    "collect_labels",
    "decide_stop",
    "give_up_frames",
    "import_frames",
    "import_structures",
    "perturb_structure",
    "plan_aimd",
    "plan_existing",
    "plan_initial_dataset",
    "plan_iteration",
    "plan_members",
    "plan_methods",
    "plan_runs",
    "record_selection",
    "select_structures",
]

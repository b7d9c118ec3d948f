"""Choose the trust window of an iteration."""

from __future__ import annotations

import numpy as np
from aiida import orm
from aiida.engine import ExitCode, calcfunction

from ...common.exceptions import InputError
from ...data.deviations import force_deviation
from ...jobs.config import build
from ...screening.calibration import calibrate_window
from ...screening.settings import WindowSettings
from ..base import EXIT_CODES

__all__ = ["choose_window"]


@calcfunction
def choose_window(
    settings: orm.Dict,
    evaluation: orm.ArrayData | None = None,
    committee: orm.ArrayData | None = None,
    **deviations: orm.ArrayData,
) -> dict[str, orm.Dict] | ExitCode:
    """Return the trust window of an iteration, and in mode ``auto`` the calibration behind it.

    :param settings: of the screening.
    :param evaluation: deviation and force error of validation frames; without it the window is as set.
    :param committee: deviations that a job measured where the sampler's are not enough.
    :param deviations: per run, steps and deviations of the frames that were sampled.
    """
    window = build(WindowSettings, settings.get("window", {}), "settings, window")
    chosen = {name: getattr(window, name) for name in ("lo", "hi", "energy", "stress")}
    if window.mode == "fixed" or evaluation is None:
        return {"window": orm.Dict(chosen)}
    sampled = [force_deviation(key, node, committee) for key, node in sorted(deviations.items())]
    try:
        calibration = calibrate_window(
            evaluation.get_array("deviation"),
            evaluation.get_array("force_error_driving"),
            np.concatenate(sampled) if sampled else None,
            window.calibration,
        )
    except InputError as exception:
        status, message = EXIT_CODES["ERROR_NO_WINDOW"]
        return ExitCode(status, message.format(message=exception))
    chosen |= {"lo": calibration.lo, "hi": calibration.hi}
    return {"window": orm.Dict(chosen), "calibration": orm.Dict(calibration.as_dict())}

"""Record frames whose job left nothing."""

from __future__ import annotations

from aiida import orm
from aiida.engine import calcfunction

__all__ = ["give_up_frames"]


@calcfunction
def give_up_frames(keys: orm.List, facts: orm.Dict) -> orm.Dict:
    """Return the reason of failure for each frame.

    :param keys: keys of the frames.
    :param facts: UUID, exit status and message of the last job that tried.
    """
    return orm.Dict({key: {"reason": "job_failed", **facts.get_dict()} for key in keys.get_list()})

"""What an architecture wants in the environment of its jobs."""

from __future__ import annotations

import shlex

from ..models.base import Backend

__all__ = ["default_environment"]


def default_environment(backend: Backend) -> str:
    """Return lines for the job script that set the variables of an architecture where nobody has set them.

    They run after the option ``environment_variables`` and after the texts of computer and code, so what the user says
    there holds.
    """
    return "\n".join(
        f'[ -n "${{{name}+set}}" ] || export {name}={shlex.quote(value)}' for name, value in backend.environment.items()
    )

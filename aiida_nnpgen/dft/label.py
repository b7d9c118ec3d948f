"""What makes a label: energy, forces and stress that can be right."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..common.exceptions import InputError, UnphysicalError
from ..common.text import printable

__all__ = ["NO_LIMITS", "LabelChecks", "LabelFailure", "LabelProblem", "RefusedLabelError", "check_label"]


class LabelFailure(StrEnum):
    """Why a frame has no label."""

    CALCULATOR = "calculator"  # the code raised an error or ended abnormally
    OUT_OF_LIMITS = "out_of_limits"  # the job had too little time or memory
    NO_OUTPUT = "no_output"  # the code's output is missing or truncated
    NOT_CONVERGED = "not_converged"  # the self-consistent field did not converge
    WRONG_SIZE = "wrong_size"  # not one force per atom, or not six stress components
    NOT_FINITE = "not_finite"  # NaN or infinity
    ALL_ZERO = "all_zero"  # every force is exactly zero: nothing was computed
    NET_FORCE = "net_force"  # the forces do not sum to zero: the method is not converged
    LARGE_FORCE = "large_force"  # a force beyond what is worth learning


class RefusedLabelError(UnphysicalError):
    """The files are whole, but what they hold is no label.

    :ivar reason: the kind of failure, to be counted.
    """

    def __init__(self, reason: LabelFailure, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class LabelChecks:
    """Limits that a label must keep.

    The sum of all forces is zero in a converged calculation. Errors of the single forces, such as those of a density
    grid that atoms move across, add up like steps in random directions, with the root of the number of atoms: the sum
    over that root is about the error of one force, whatever the size of the cell. Sums that were met in good data: 0.16
    eV/Å for 192 atoms of the water that comes with DeePMD-kit, and about as much in dynamics with CP2K, which is 0.01
    eV/Å here. BLYP with the hard GTH oxygen on a poor mesh shows up to 1.5 eV/Å (0.03 Ha/bohr), which is an error. The
    default is 0.1 eV/Å for the sum over four atoms and 0.7 eV/Å for that over 192.

    :ivar max_force: largest length of the force on one atom in eV/Å; None: no limit.
    :ivar max_net_force: largest length of the sum of all forces over the root of the number of atoms in eV/Å; None: no
        limit.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}

    max_force: float | None = 30.0
    max_net_force: float | None = 0.05

    def __post_init__(self) -> None:
        for name in ("max_force", "max_net_force"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise InputError(f"`{name}` must be positive or none, not `{value}`")


NO_LIMITS = LabelChecks(max_force=None, max_net_force=None)
"""For readers: what a user may set is judged where labels are collected, so that it costs no second calculation."""


@dataclass(frozen=True)
class LabelProblem:
    """Why a label was refused.

    :ivar reason: the kind of failure, to be counted.
    :ivar detail: one sentence with the numbers.
    """

    reason: LabelFailure
    detail: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "detail", printable(self.detail))  # it may quote a damaged file

    def __str__(self) -> str:
        return f"{self.reason.value}: {self.detail}"

    def record(self, process: str | None) -> dict[str, str | None]:
        """Return what is kept of a frame that failed.

        :param process: UUID of the job.
        """
        return {"reason": self.reason.value, "detail": self.detail, "process": process}


def check_label(
    energy: float,
    forces: NDArray[np.float64],
    stress: NDArray[np.float64] | None,
    n_atoms: int,
    checks: LabelChecks,
    *,
    symmetry_forbids_forces: bool = False,
) -> LabelProblem | None:
    """Return why a label cannot be used, or None if it can.

    Forces of exactly zero mean that nothing was computed, unless symmetry forbids them and there is a stress.

    :param energy: eV.
    :param forces: eV/Å, (n_atoms, 3).
    :param stress: eV/Å³, (6,); None or six NaN: the method gives none, which is allowed.
    :param n_atoms: number of atoms of the structure that was to be labelled.
    :param checks: limits of the physical checks.
    :param symmetry_forbids_forces: as :mod:`~aiida_nnpgen.dft.symmetry` says.
    """
    if np.shape(forces) != (n_atoms, 3):
        return LabelProblem(LabelFailure.WRONG_SIZE, f"forces have shape {np.shape(forces)}, expected {(n_atoms, 3)}")
    if stress is not None and np.shape(stress) != (6,):
        return LabelProblem(LabelFailure.WRONG_SIZE, f"stress has shape {np.shape(stress)}, expected (6,)")
    # Six NaN say that there is no stress; some NaN say that it went wrong.
    stress_is_good = stress is None or bool(np.all(np.isnan(stress)) or np.all(np.isfinite(stress)))
    if not (math.isfinite(energy) and np.all(np.isfinite(forces)) and stress_is_good):
        return LabelProblem(LabelFailure.NOT_FINITE, "energy, forces or stress hold NaN or infinity")
    has_stress = stress is not None and bool(np.any(np.nan_to_num(stress)))
    if n_atoms > 1 and not np.any(forces) and not (symmetry_forbids_forces and has_stress):
        return LabelProblem(LabelFailure.ALL_ZERO, "every force is exactly zero")
    return _check_limits(forces, checks)


def _check_limits(forces: NDArray[np.float64], checks: LabelChecks) -> LabelProblem | None:
    net = float(np.linalg.norm(forces.sum(axis=0)))
    root = math.sqrt(len(forces))
    if checks.max_net_force is not None and net > checks.max_net_force * root:
        detail = f"the forces on {len(forces)} atoms sum to {net:.3g} eV/Å, above {checks.max_net_force * root:.3g}"
        return LabelProblem(LabelFailure.NET_FORCE, detail)
    lengths = np.linalg.norm(forces, axis=1)
    atom = int(lengths.argmax())
    if checks.max_force is not None and lengths[atom] > checks.max_force:
        detail = f"the force on atom {atom} is {lengths[atom]:.3g} eV/Å, above {checks.max_force:g}"
        return LabelProblem(LabelFailure.LARGE_FORCE, detail)
    return None

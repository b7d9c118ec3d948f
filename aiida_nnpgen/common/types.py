"""Closed sets of words that are part of the public interface."""

from __future__ import annotations

from enum import IntEnum, StrEnum

__all__ = ["Ensemble", "PressureCoupling", "Purpose", "RunEnd", "Split", "Thermostat", "TrustLevel"]


class Ensemble(StrEnum):
    """What is held fixed, or driven, in a molecular dynamics run."""

    NVT = "nvt"  # constant number, volume, temperature
    NPT = "npt"  # constant number, pressure, temperature
    NEMD = "nemd"  # nonequilibrium: the box is scaled at a constant rate under a thermostat


class PressureCoupling(StrEnum):
    """Which cell parameters the barostat moves."""

    ISO = "iso"  # one common factor
    ANISO = "aniso"  # three lengths, independently
    TRI = "tri"  # three lengths and three tilts


class Thermostat(StrEnum):
    """How the temperature is controlled."""

    NOSE_HOOVER = "nose_hoover"  # deterministic chain
    LANGEVIN = "langevin"  # friction and random force
    CSVR = "csvr"  # stochastic rescaling of velocities


class Purpose(StrEnum):
    """What labels that are made before there is a model are for: a section of the configuration."""

    INITIAL_DATASET = "initial_dataset"  # the first that models are trained on
    TEST_SET = "test_set"  # held out: models are measured by it and never trained on it

    @property
    def shards(self) -> str:
        """Return the port of the loop that its shards go through."""
        return {Purpose.INITIAL_DATASET: "datasets", Purpose.TEST_SET: "test_sets"}[self]


class TrustLevel(IntEnum):
    """Where the committee deviation of a frame lies relative to the trust window [lo, hi)."""

    KNOWN = 0  # below lo: the committee agrees
    CANDIDATE = 1  # inside: worth a label
    FAILED = 2  # at or above hi, or not a usable number


class Split(IntEnum):
    """What a row of a dataset is used for."""

    TRAIN = 0
    VALIDATION = 1


class RunEnd(StrEnum):
    """How a molecular dynamics run ended."""

    COMPLETED = "completed"  # all steps, nothing suspicious
    HALTED = "halted"  # stopped by the deviation criterion: hopeless
    LOST_ATOMS = "lost_atoms"  # the code stopped because atoms left the box
    MISSING_ATOMS = "missing_atoms"  # the code went on with fewer atoms
    NOT_FINITE = "not_finite"  # NaN or infinity, or the all-zero deviation that follows it
    UNPHYSICAL = "unphysical"  # bounded, but temperature or deviation beyond any sense
    INTERRUPTED = "interrupted"  # killed from outside (walltime, memory) before the last step

    @property
    def is_failure(self) -> bool:
        """Return whether the physics failed, as opposed to a run that ended well or was cut."""
        return self not in (RunEnd.COMPLETED, RunEnd.INTERRUPTED)

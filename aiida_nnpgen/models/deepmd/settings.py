"""Settings of a DeepPot-SE training.

The nets are those of the publication (25-50-100 and 120-120-120, cutoff 6 Å); steps, learning rate and prefactors are
those with which DP-GEN trains. Precision is single: it drives molecular dynamics at twice the speed of double.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

from ...common.exceptions import InputError

__all__ = ["ACTIVATIONS", "PRECISIONS", "DeepmdSettings"]

PRECISIONS = ("float32", "float64")
ACTIVATIONS = ("gelu", "linear", "relu", "relu6", "sigmoid", "silu", "softplus", "tanh")

_NETS = ("neuron", "fitting_neuron")
_COUNTS = (
    *("axis_neuron", "steps", "display_every", "save_every", "warm_steps", "validation_frames"),
    *("decay_steps", "warm_decay_steps"),
)
_POSITIVE = ("cutoff", "cutoff_smooth", "start_lr", "stop_lr", "warm_start_lr", "warm_stop_lr", "sel_margin")
_PREFACTORS = tuple(
    f"{prefix}{label}_{end}"
    for label in ("energy", "force", "virial")
    for prefix, end in (("", "start"), ("", "limit"), ("warm_", "start"))
)


@dataclass(frozen=True, kw_only=True)
class DeepmdSettings:
    """Everything that can be set of a DeepPot-SE training.

    :ivar cutoff: radius of the neighbourhood in Å.
    :ivar cutoff_smooth: distance in Å from which the weight of a neighbour falls.
    :ivar neuron: layers of the embedding net.
    :ivar axis_neuron: columns of the embedding that form the second factor of the descriptor.
    :ivar type_one_side: one embedding net per neighbour's element, not per pair of elements.
    :ivar resnet_dt: learn the step of the skip connections of the embedding net.
    :ivar activation: activation function of the embedding net.
    :ivar sel: largest number of neighbours per element, in the order of the elements. None: those of the parent, or
        else estimated from the frames.
    :ivar sel_margin: factor on estimated neighbour numbers, which hold down to 70 % of the volume without it.
    :ivar fitting_neuron: layers of the fitting net.
    :ivar fitting_resnet_dt: learn the step of the skip connections of the fitting net.
    :ivar fitting_activation: activation function of the fitting net.
    :ivar precision: number format of both nets.
    :ivar steps: optimisation steps of a training from scratch.
    :ivar start_lr: learning rate at the first step.
    :ivar stop_lr: learning rate at the last step; it falls exponentially.
    :ivar decay_steps: steps between two falls of the learning rate. None: a 200th of all steps, at most 5000.
    :ivar batch_size: frames per step, or ``auto``: at least 32 atoms.
    :ivar energy_start: prefactor of the energy in the loss at the first step; likewise ``force_start`` and
        ``virial_start``.
    :ivar energy_limit: prefactor that the energy tends to as the learning rate tends to zero; likewise the others.
        Frames without stress do not enter the virial part.
    :ivar display_every: steps between two rows of the learning curve.
    :ivar save_every: steps between two checkpoints, a multiple of ``display_every``.
    :ivar validation_frames: validation frames of one composition behind a row of the learning curve.
    :ivar warm_steps: optimisation steps of a training that starts from a parent.
    :ivar warm_start_lr: learning rate at the first step after a parent; likewise ``warm_stop_lr``,
        ``warm_decay_steps``, ``warm_energy_start``, ``warm_force_start`` and ``warm_virial_start``.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    cutoff: float = 6.0
    cutoff_smooth: float = 0.5
    neuron: tuple[int, ...] = (25, 50, 100)
    axis_neuron: int = 16
    type_one_side: bool = True
    resnet_dt: bool = False
    activation: str = "tanh"
    sel: tuple[int, ...] | None = None
    sel_margin: float = 1.0

    fitting_neuron: tuple[int, ...] = (120, 120, 120)
    fitting_resnet_dt: bool = True
    fitting_activation: str = "tanh"
    precision: str = "float32"

    steps: int = 400_000
    start_lr: float = 1e-3
    stop_lr: float = 3.51e-8
    decay_steps: int | None = None
    batch_size: int | Literal["auto"] = "auto"
    energy_start: float = 0.02
    energy_limit: float = 1.0
    force_start: float = 1000.0
    force_limit: float = 1.0
    virial_start: float = 0.02
    virial_limit: float = 1.0
    display_every: int = 100
    save_every: int = 1000
    validation_frames: int = 10

    warm_steps: int = 100_000
    warm_start_lr: float = 1e-4
    warm_stop_lr: float = 3.51e-8
    warm_decay_steps: int | None = None
    warm_energy_start: float = 0.1
    warm_force_start: float = 100.0
    warm_virial_start: float = 0.1

    def __post_init__(self) -> None:
        for name in _NETS:
            object.__setattr__(self, name, _counts(name, getattr(self, name)))
        if self.sel is not None:
            object.__setattr__(self, "sel", _counts("sel", self.sel))
        for name in _COUNTS:
            value = getattr(self, name)
            if not (value is None and name.endswith("decay_steps")):
                _check_count(name, value)
        for name in (*_POSITIVE, *_PREFACTORS):
            _check_number(name, getattr(self, name), positive=name in _POSITIVE)
        for name, choices in (
            ("precision", PRECISIONS),
            ("activation", ACTIVATIONS),
            ("fitting_activation", ACTIVATIONS),
        ):
            if getattr(self, name) not in choices:
                raise InputError(f"`{name}` is `{getattr(self, name)}`: choose one of {', '.join(choices)}")
        for name in ("type_one_side", "resnet_dt", "fitting_resnet_dt"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(f"`{name}` must be true or false, not `{getattr(self, name)}`")
        if self.batch_size != "auto":
            _check_count("batch_size", self.batch_size)
        self._check_relations()

    def _check_relations(self) -> None:
        """Check what two settings must fulfil together."""
        if self.cutoff_smooth >= self.cutoff:
            raise InputError(f"`cutoff_smooth` (`{self.cutoff_smooth}`) must be below `cutoff` (`{self.cutoff}`)")
        if self.axis_neuron > self.neuron[-1]:
            raise InputError(f"`axis_neuron` (`{self.axis_neuron}`) exceeds the last layer of `neuron` {self.neuron}")
        for prefix in ("", "warm_"):
            start, stop = getattr(self, f"{prefix}start_lr"), getattr(self, f"{prefix}stop_lr")
            if stop > start:
                raise InputError(f"`{prefix}stop_lr` (`{stop}`) must not exceed `{prefix}start_lr` (`{start}`)")
        if self.save_every % self.display_every:
            raise InputError(
                f"`save_every` (`{self.save_every}`) must be a multiple of `display_every` (`{self.display_every}`), "
                "because checkpoints are written there only"
            )
        if not any(getattr(self, name) > 0 for name in ("energy_start", "force_start")):
            raise InputError("`energy_start` and `force_start` are both `0`: nothing would be learned")

    def warm(self) -> DeepmdSettings:
        """Return the settings with which a training that starts from a parent runs."""
        return replace(
            self,
            steps=self.warm_steps,
            start_lr=self.warm_start_lr,
            stop_lr=self.warm_stop_lr,
            decay_steps=self.warm_decay_steps,
            energy_start=self.warm_energy_start,
            force_start=self.warm_force_start,
            virial_start=self.warm_virial_start,
        )


def _counts(name: str, values: Sequence[int]) -> tuple[int, ...]:
    """Return a non-empty sequence of positive integers as a tuple."""
    if isinstance(values, str) or not isinstance(values, Sequence) or not values:
        raise InputError(f"`{name}` must be a list of positive integers, not `{values}`")
    for value in values:
        _check_count(name, value)
    return tuple(values)


def _check_count(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"`{name}` must be a positive integer, not `{value}`")


def _check_number(name: str, value: object, *, positive: bool) -> None:
    valid = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not valid or value < 0 or (positive and value == 0):  # type: ignore[operator]
        raise InputError(
            f"`{name}` must be a finite {'positive' if positive else 'non-negative'} number, not `{value}`"
        )

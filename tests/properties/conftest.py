"""Synthetic series, and how often error bars hold the truth."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from aiida_nnpgen.properties import Estimate, PropertyWarning

Coverage = Callable[[Callable[[np.random.Generator], Estimate], float], float]


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a generator that is the same in every test."""
    return np.random.default_rng(1)


@pytest.fixture
def coverage() -> Coverage:
    """Return a function that gives the share of 200 estimates whose error bar holds the true value."""

    def share(estimate: Callable[[np.random.Generator], Estimate], truth: float) -> float:
        generator = np.random.default_rng(2026)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PropertyWarning)
            results = [estimate(generator) for _ in range(200)]
        return float(np.mean([abs(value - truth) <= uncertainty for value, uncertainty in results]))

    return share


@pytest.fixture
def ar1() -> Callable[[np.random.Generator, int, float], NDArray[np.float64]]:
    """Return a function that makes an autoregressive series of unit variance from its generator, length and memory."""

    def series(generator: np.random.Generator, length: int, memory: float) -> NDArray[np.float64]:
        start = 20 * round(1 / (1 - memory))
        noise = generator.normal(size=length + start) * np.sqrt(1 - memory**2)
        return np.asarray(lfilter([1.0], [1.0, -memory], noise)[start:])

    return series

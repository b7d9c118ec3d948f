"""Data nodes."""

from .dataset import DatasetData, Origin
from .potential import PotentialData

__all__ = ["DatasetData", "Origin", "PotentialData"]

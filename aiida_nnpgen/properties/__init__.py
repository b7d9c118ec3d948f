"""What one wants to know of a model or of its dynamics, with an uncertainty. Plain arrays, no AiiDA.

The classes and functions below are the stable interface.
"""

from .survival import Survival, survival

__all__ = ["Survival", "survival"]

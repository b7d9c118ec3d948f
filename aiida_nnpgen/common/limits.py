"""How much may be asked of one process."""

from __future__ import annotations

__all__ = ["MAX_LINKS"]

MAX_LINKS = 80
"""Most nodes that go into, or come out of, one process in a namespace.

What a process costs AiiDA grows with the square of its links: a calculation function takes 1.6 s with 100 inputs and
34 s with 1000. Of some hundred links that are bearable, the other ports need a few.
"""

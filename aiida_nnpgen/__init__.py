"""Neural network potentials that hold for nanoseconds, made by active learning in AiiDA."""

__version__ = "0.1.0"

"""A package that gives aiida-nnpgen an architecture, a sampler and a reference code, by entry points alone."""

__version__ = "0.1"

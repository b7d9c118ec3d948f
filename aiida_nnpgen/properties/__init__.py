"""What one wants to know of a model or of its dynamics, with an uncertainty. Plain arrays, no AiiDA.

The classes and functions below are the stable interface.
"""

from .blocks import Convergence, Estimate, block_average, convergence, jackknife, statistical_inefficiency
from .checks import PropertyWarning
from .density import density
from .diffusion import Displacement, displacement, finite_size_correction, linear_range, self_diffusion
from .fluctuations import enthalpies, isothermal_compressibility, thermal_expansion
from .rdf import RadialDistribution, radial_distribution, rdf_difference
from .survival import Survival, survival

__all__ = [
    "Convergence",
    "Displacement",
    "Estimate",
    "PropertyWarning",
    "RadialDistribution",
    "Survival",
    "block_average",
    "convergence",
    "density",
    "displacement",
    "enthalpies",
    "finite_size_correction",
    "isothermal_compressibility",
    "jackknife",
    "linear_range",
    "radial_distribution",
    "rdf_difference",
    "self_diffusion",
    "statistical_inefficiency",
    "survival",
    "thermal_expansion",
]

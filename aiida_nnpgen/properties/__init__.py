"""What one wants to know of a model or of its dynamics, with an uncertainty. Plain arrays, no AiiDA.

The classes and functions below are the stable interface.
"""

from .blocks import Convergence, Estimate, block_average, convergence, jackknife
from .checks import PropertyWarning
from .density import density
from .diffusion import Displacement, displacement, linear_range, self_diffusion
from .eos import EquationOfState, birch_murnaghan
from .finite_size import finite_size_correction
from .fluctuations import enthalpies, isothermal_compressibility, thermal_expansion
from .inefficiency import statistical_inefficiency
from .rdf import RadialDistribution, radial_distribution, rdf_difference
from .scan import volume_scan
from .survival import Survival, survival

__all__ = [
    "Convergence",
    "Displacement",
    "EquationOfState",
    "Estimate",
    "PropertyWarning",
    "RadialDistribution",
    "Survival",
    "birch_murnaghan",
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
    "volume_scan",
]

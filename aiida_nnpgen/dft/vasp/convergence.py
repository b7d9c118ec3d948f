"""Whether electrons are converged, by what was computed: not by what is printed.

VASP up to 5.4 prints `aborting loop because EDIFF is reached` also where it had no iterations left, and vasprun.xml has
no word for it at all.
"""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["EDIFF", "NELM", "why_unconverged"]

NELM, EDIFF = 60.0, 1e-4
"""What VASP takes where INCAR does not say how many iterations, and which change of the energy in eV is none."""


def why_unconverged(energies: Sequence[float], nelm: float, ediff: float) -> str | None:
    """Return what speaks against the electrons of a step; None: nothing.

    :param energies: eV, free energy of each electronic iteration; NaN where it is not printed.
    """
    if len(energies) < nelm or (len(energies) > 1 and abs(energies[-1] - energies[-2]) < ediff):
        return None
    limit = f" = {ediff:g} eV" if ediff else ""  # vasprun.xml has eight decimals
    return f"{len(energies)} electronic iterations, all that NELM allows, without reaching EDIFF{limit}"

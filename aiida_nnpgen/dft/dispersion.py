"""Constants of dispersion corrections that codes do not choose by themselves."""

from __future__ import annotations

__all__ = ["D2_SCALES"]

D2_SCALES = {"PBE": 0.75, "BLYP": 1.2, "BP": 1.05, "REVPBE": 1.25, "B3LYP": 1.05, "PBE0": 0.6}
"""Scale s6 of D2 for each functional.

J. Comput. Chem. 27, 1787 (2006) has PBE, BLYP, BP and B3LYP; revPBE and PBE0 are on the web page of its authors.
"""

"""Keywords of pw.x: which are the labeller's own, and which look misspelt."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any

from ...common.exceptions import InputError
from ..text import check_words
from .kinds import check_kind

__all__ = ["SECTIONS", "check_keywords"]

# From INPUT_PW of Quantum ESPRESSO 6.7: what a label may need, and what is near enough to it to be mistaken for it.
_KNOWN = {
    "CONTROL": "disk_io etot_conv_thr forc_conv_thr max_seconds title verbosity wf_collect tefield dipfield gate",
    "SYSTEM": (
        "assume_isolated constrained_magnetization degauss dftd3_threebody dftd3_version ecfixed ecutfock ecutrho "
        "ecutvcut ecutwfc edir eamp emaxpos eopreg esm_bc exx_fraction exxdiv_treatment force_symmorphic input_dft "
        "lambda lda_plus_u lda_plus_u_kind lspinorb nbnd no_t_rev noinv noncolin nosym nosym_evc nqx1 nqx2 nqx3 nr1 "
        "nr1s nr2 nr2s nr3 nr3s nspin occupations one_atom_occupations q2sigma qcutz screening_parameter smearing "
        "london_c6 london_rcut london_rvdw london_s6 starting_charge starting_magnetization tot_charge "
        "tot_magnetization ts_vdw_econv_thr ts_vdw_isolated use_all_frac vdw_corr x_gamma_extrapolation xdm_a1 xdm_a2"
    ),
    "ELECTRONS": (
        "adaptive_thr conv_thr conv_thr_init conv_thr_multi diago_cg_maxiter diago_david_ndim diago_full_acc "
        "diago_thr_init diagonalization electron_maxstep mixing_beta mixing_fixed_ns mixing_mode mixing_ndim "
        "real_space startingwfc tqr"
    ),
    "IONS": "pot_extrapolation refold_pos remove_rigid_rot wfc_extrapolation",
}

_KEYWORD = re.compile(r"[A-Za-z0-9_-]+(\(\d+(,\d+)*\))?")
_OWN = {
    "CONTROL": "calculation dt iprint lkpoint_dir nstep outdir prefix pseudo_dir restart_mode tprnfor tstress wfcdir",
    "SYSTEM": "a b c celldm cosab cosac cosbc ibrav nat ntyp space_group",
    "ELECTRONS": "efield scf_must_converge startingpot",
    "IONS": "delta_t ion_dynamics ion_positions ion_temperature ion_velocities nraise tempw tolp upscale",
}

SECTIONS = tuple(_KNOWN)
"""Namelists that a user may add to."""


def check_keywords(parameters: Mapping[str, Any]) -> None:
    """Check the user's own words.

    What is unknown and resembles nothing is left to pw.x: other versions know more.

    :param parameters: namelists, each with keywords.
    :raises InputError: naming a namelist or keyword that is misspelt, or that is not the user's.
    """
    check_words(parameters, "parameters", forbidden="'\"\\", key=_KEYWORD)
    for section, values in parameters.items():
        if section not in SECTIONS:
            hint = f"write `{section.upper()}`" if section.upper() in SECTIONS else f"choose from {', '.join(SECTIONS)}"
            raise InputError(f"`parameters.{section}` is no namelist of a label in pw.x: {hint}")
        if not isinstance(values, Mapping):
            raise InputError(f"`parameters.{section}` must map keywords to values, not be `{values}`")
        for keyword, value in values.items():
            _check_keyword(section, keyword)
            check_kind(f"parameters.{section}.{keyword}", keyword, value)


def _check_keyword(section: str, keyword: str) -> None:
    name = keyword.partition("(")[0]
    if name.lower() in _OWN[section].split():
        raise InputError(f"`parameters.{section}.{keyword}` is not for the user: the labeller sets it")
    if name != name.lower():
        raise InputError(f"`parameters.{section}.{keyword}` must be in lower case: write `{keyword.lower()}`")
    if name in _KNOWN[section].split():
        return
    for other in SECTIONS:
        if name in _KNOWN[other].split():
            raise InputError(f"`parameters.{section}.{keyword}` belongs into `{other}`")
    close = difflib.get_close_matches(name, _KNOWN[section].split(), n=1, cutoff=0.8)
    if close:
        raise InputError(f"`parameters.{section}.{keyword}` is no keyword of pw.x: did you mean `{close[0]}`?")

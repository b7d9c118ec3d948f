"""Which kind of value a keyword of pw.x takes, as far as it is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ase.data import chemical_symbols

from ...common.exceptions import InputError

__all__ = ["check_kind"]

# From INPUT_PW of Quantum ESPRESSO 5.0 to 6.7; a keyword that is not here may take anything.
_REAL = (
    "block_1 block_2 block_height conv_thr conv_thr_init conv_thr_multi degauss diago_thr_init dt eamp ecfixed "
    "ecutfock ecutrho ecutvcut ecutwfc emaxpos eopreg esm_efield esm_w etot_conv_thr exx_fraction forc_conv_thr lambda "
    "localization_thr london_rcut london_s6 max_seconds mixing_beta q2sigma qcutz screening_parameter tot_charge "
    "tot_magnetization ts_vdw_econv_thr xdm_a1 xdm_a2 zgate"
)
_INTEGER = (
    "dftd3_version diago_cg_maxiter diago_david_ndim edir electron_maxstep esm_nfit lda_plus_u_kind mixing_fixed_ns "
    "mixing_ndim nbnd nqx1 nqx2 nqx3 nr1 nr1s nr2 nr2s nr3 nr3s nspin report"
)
_LOGICAL = (
    "adaptive_thr block dftd3_threebody diago_full_acc dipfield force_symmorphic gate lda_plus_u lspinorb no_t_rev "
    "noinv noncolin nosym nosym_evc one_atom_occupations real_space refold_pos relaxz remove_rigid_rot "
    "starting_spin_angle tefield tqr ts_vdw_isolated use_all_frac wf_collect x_gamma_extrapolation xdm"
)
_TEXT = (
    "assume_isolated constrained_magnetization diagonalization disk_io esm_bc exxdiv_treatment input_dft mixing_mode "
    "occupations pot_extrapolation smearing startingwfc title u_projection_type vdw_corr verbosity wfc_extrapolation"
)
_PER_ELEMENT = (
    "angle1 angle2 hubbard_alpha hubbard_beta hubbard_j0 hubbard_u london_c6 london_rvdw starting_charge "
    "starting_magnetization"
)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_KINDS = [
    (frozenset(_REAL.split()), "a number", _is_number),
    (frozenset(_INTEGER.split()), "a whole number", lambda value: _is_number(value) and value == int(value)),
    (frozenset(_LOGICAL.split()), "true or false", lambda value: isinstance(value, bool)),
    (frozenset(_TEXT.split()), "a text", lambda value: isinstance(value, str)),
]


def check_kind(place: str, keyword: str, value: Any) -> None:
    """Check the kind of a value; mappings are for what pw.x takes for each element.

    :param place: of the keyword, for the message.
    :raises InputError: naming the value and what it must be.
    """
    name = keyword.partition("(")[0]
    if isinstance(value, Mapping):
        if name not in _PER_ELEMENT.split():
            raise InputError(f"`{place}` must be a value, not `{dict(value)}`")
        for element, number in value.items():
            if element not in chemical_symbols[1:] or not _is_number(number):
                raise InputError(f"`{place}` must map elements to numbers, not `{element}` to `{number}`")
        return
    for names, words, holds in _KINDS:
        if name in names and value is not None and not holds(value):
            raise InputError(f"`{place}` must be {words}, not `{value}`")

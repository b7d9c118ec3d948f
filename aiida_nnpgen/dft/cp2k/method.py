"""A level of theory as the part of CP2K's input that says how energy, forces and stress are computed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from ...common.exceptions import InputError
from ..dispersion import D2_SCALES
from ..method import Dispersion, Method
from .tree import Tree, check_tree, normalise, overlay

__all__ = ["FUNCTIONALS", "force_eval", "solves_by_diagonalisation", "user_tree"]

_R_DISPERSION = 12.0  # Å; CP2K's own is 10.58


@dataclass(frozen=True, kw_only=True)
class Functional:
    """How CP2K and its data files name a functional.

    :ivar section: content of ``XC_FUNCTIONAL``.
    :ivar potential: set of pseudopotentials in ``GTH_POTENTIALS``.
    :ivar d3: its name in the table of D3; None: not there.
    """

    section: Mapping[str, Any] = field(default_factory=dict)
    potential: str
    d3: str | None = None


FUNCTIONALS = {
    "BLYP": Functional(section={"_": "BLYP"}, potential="GTH-BLYP", d3="BLYP"),
    "BP": Functional(section={"_": "BP"}, potential="GTH-BP", d3="BP86"),
    "LDA": Functional(section={"_": "PADE"}, potential="GTH-PADE"),
    "OLYP": Functional(section={"_": "OLYP"}, potential="GTH-OLYP", d3="OLYP"),
    "PBE": Functional(section={"_": "PBE"}, potential="GTH-PBE", d3="PBE"),
    "PBESOL": Functional(section={"PBE": {"PARAMETRIZATION": "PBESOL"}}, potential="GTH-PBE", d3="PBEsol"),
    "REVPBE": Functional(section={"PBE": {"PARAMETRIZATION": "REVPBE"}}, potential="GTH-PBE", d3="revPBE"),
}
"""Functionals that one word is enough for; any other goes through ``parameters``."""


def user_tree(method: Method) -> Tree:
    """Return the parameters of a method as a tree.

    :raises InputError: if something in them cannot be.
    """
    tree = normalise(method.parameters)
    check_tree(tree)
    return tree


def solves_by_diagonalisation(method: Method) -> bool:
    """Return whether the orbitals come from diagonalisation, which k-points and smearing need."""
    dft = user_tree(method).get("FORCE_EVAL", {}).get("DFT", {})
    scf = dft.get("SCF", {})
    return _has_mesh(method) or "KPOINTS" in dft or bool(scf.get("DIAGONALIZATION") or scf.get("SMEAR"))


def _has_mesh(method: Method) -> bool:
    return method.kpoints not in (None, (1, 1, 1))


def force_eval(method: Method, elements: Collection[str]) -> Tree:
    """Return the sections ``GLOBAL`` and ``FORCE_EVAL`` as far as the method says them.

    :param elements: those of the structure; none to check what does not depend on it.
    :raises InputError: if the method cannot be had from CP2K.
    """
    user = user_tree(method)
    dft: Tree = {
        "BASIS_SET_FILE_NAME": "BASIS_MOLOPT",
        "POTENTIAL_FILE_NAME": "GTH_POTENTIALS",
        "CHARGE": method.charge,
        "MGRID": {} if method.cutoff is None else {"CUTOFF": float(method.cutoff)},
        "QS": {},
        "SCF": {"SCF_GUESS": "ATOMIC", **_solver(method)},
        "XC": _exchange_correlation(method, user),
    }
    if method.multiplicity is not None:
        dft |= {"MULTIPLICITY": method.multiplicity, "UKS": True}
    if method.kpoints is not None and _has_mesh(method):
        points = [f"{' '.join(map(repr, point))} {weight}" for point, weight in _mesh(method.kpoints)]
        dft["KPOINTS"] = {"SCHEME": "GENERAL", "UNITS": "B_VECTOR", "WAVEFUNCTIONS": "COMPLEX", "KPOINT": points}
    if method.magmoms:
        dft["UKS"] = True
    tree = overlay({"GLOBAL": {}, "FORCE_EVAL": {"DFT": dft, "SUBSYS": {"KIND": {}}}}, user)
    scf = tree["FORCE_EVAL"]["DFT"]["SCF"]
    if scf.get("SMEAR") and not scf.get("ADDED_MOS"):
        raise InputError("parameters.FORCE_EVAL/DFT/SCF: `SMEAR` needs `ADDED_MOS`, the number of empty orbitals")
    if method.magmoms and method.multiplicity is None and not scf.get("SMEAR"):
        raise InputError("`magmoms` with fixed occupations needs `multiplicity`; or take `kind: metal`")
    if "OUTER_SCF" in scf and "EPS_SCF" in scf:
        scf["OUTER_SCF"] = {"EPS_SCF": scf["EPS_SCF"]} | scf["OUTER_SCF"]
    subsystem = tree["FORCE_EVAL"]["SUBSYS"]
    subsystem["KIND"] = _kinds(method, subsystem["KIND"], elements)
    return tree


def _solver(method: Method) -> Tree:
    """Return the default way to the orbitals: orbital transformation where it can be used."""
    if solves_by_diagonalisation(method):
        mixing = {"METHOD": "BROYDEN_MIXING", "ALPHA": 0.3, "NBROYDEN": 8}
        return {"MAX_SCF": 100, "DIAGONALIZATION": {"ALGORITHM": "STANDARD"}, "MIXING": mixing}
    transformation = {"MINIMIZER": "DIIS", "PRECONDITIONER": "FULL_SINGLE_INVERSE"}
    return {"MAX_SCF": 20, "OT": transformation, "OUTER_SCF": {"MAX_SCF": 10}}


def _functional(method: Method) -> Functional | None:
    name = (method.functional or "").upper()
    if method.functional is not None and name not in FUNCTIONALS:
        raise InputError(
            f"`functional`: `{method.functional}` is none of {', '.join(FUNCTIONALS)}: leave it out and describe it in "
            "`parameters.FORCE_EVAL.DFT.XC.XC_FUNCTIONAL`, with POTENTIAL in `parameters.FORCE_EVAL.SUBSYS.KIND`"
        )
    return FUNCTIONALS.get(name)


def _exchange_correlation(method: Method, user: Tree) -> Tree:
    functional = _functional(method)
    given = user.get("FORCE_EVAL", {}).get("DFT", {}).get("XC", {})
    if functional is None and "XC_FUNCTIONAL" not in given:
        raise InputError(f"`functional` is missing: give one of {', '.join(FUNCTIONALS)}")
    section: Tree = {} if functional is None else {"XC_FUNCTIONAL": dict(functional.section)}
    if method.dispersion is Dispersion.NONE:
        return section
    pair: Tree = {"R_CUTOFF": _R_DISPERSION}
    if method.dispersion is Dispersion.D2:
        scale = D2_SCALES.get((method.functional or "").upper())
        if scale is None:
            raise InputError(f"`dispersion`: D2 has no published scaling for `{method.functional}`: use d3 or none")
        pair |= {"TYPE": "DFTD2", "SCALING": scale}
    else:
        if functional is None or functional.d3 is None:
            raise InputError(f"`dispersion`: D3 has no parameters for `{method.functional}`: use none")
        pair |= {"TYPE": "DFTD3(BJ)", "PARAMETER_FILE_NAME": "dftd3.dat", "REFERENCE_FUNCTIONAL": functional.d3}
    return section | {"VDW_POTENTIAL": {"POTENTIAL_TYPE": "PAIR_POTENTIAL", "PAIR_POTENTIAL": pair}}


def _kinds(method: Method, given: Mapping[str, Mapping[str, Any]], elements: Collection[str]) -> Tree:
    """Return basis set and pseudopotential of each element."""
    functional = _functional(method)
    base = {"POTENTIAL": functional.potential} if functional else {}
    kinds: Tree = {}
    for element in sorted(elements):
        moment = {"MAGNETIZATION": float(method.magmoms[element])} if element in method.magmoms else {}
        kinds[element] = {**base, **moment, **given.get("DEFAULT", {}), **given.get(element, {})}
        for keyword in ("BASIS_SET", "POTENTIAL"):
            if keyword not in kinds[element]:
                raise InputError(f"parameters.FORCE_EVAL/SUBSYS/KIND: `{keyword}` of `{element}` is missing")
    return kinds


def _mesh(mesh: tuple[int, int, int]) -> list[tuple[tuple[float, ...], int]]:
    """Return the points of a mesh around the Gamma point, one of each pair k and -k, with their weights.

    CP2K's own MONKHORST-PACK leaves the Gamma point out where a number is even.
    """
    points: dict[tuple[int, ...], int] = {}
    for point in product(*(range(number) for number in mesh)):
        opposite = tuple(-index % number for index, number in zip(point, mesh, strict=True))
        key = min(point, opposite)
        points[key] = points.get(key, 0) + 1
    return [
        (tuple(index / number for index, number in zip(point, mesh, strict=True)), weight)
        for point, weight in points.items()
    ]

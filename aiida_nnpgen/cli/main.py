"""The command ``nnpgen``."""

from __future__ import annotations

from pathlib import Path

import click

from ..common.text import visible
from .errors import describe_error

__all__ = ["nnpgen"]


class _Group(click.Group):
    """Group that shows errors that were foreseen as messages, not as tracebacks."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as exception:
            message = describe_error(exception)
            if message is None:
                raise
            raise click.ClickException(visible(message)) from exception


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("-p", "--profile", help="AiiDA profile; the default one if absent.")
@click.version_option(package_name="aiida-nnpgen")
@click.pass_context
def nnpgen(ctx: click.Context, profile: str | None) -> None:
    """Make neural network potentials by active learning."""
    ctx.obj = profile


@nnpgen.command()
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def validate(config: Path) -> None:
    """Check a configuration file without AiiDA, and say at which level of theory structures are computed."""
    from ..config.load import load_config
    from .levels import print_import_paths, print_levels

    settings = load_config(config)
    print_levels(settings.reference, settings.structures, config.parent)
    print_import_paths(settings)
    click.echo(visible(f"{config} is valid: {len(settings.iterations())} iterations"))


@nnpgen.command()
@click.argument("config", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--continue-from", metavar="PROCESS", help="Earlier run (pk or UUID) whose data and models to go on with."
)
@click.option("--watch/--no-watch", default=True, help="Show the progress until the run ends.")
@click.pass_obj
def run(profile: str | None, config: Path, continue_from: str | None, watch: bool) -> None:
    """Launch the loop that a configuration file describes."""
    from ..config.load import load_config
    from .launch import follow, submit_loop

    settings = load_config(config)
    node = submit_loop(profile, settings, config.parent, continue_from)
    click.echo(f"submitted <{node.pk}>: see `nnpgen summary {node.pk}` and `verdi process status {node.pk}`")
    if watch:
        follow(node)


@nnpgen.command()
@click.argument("process")
@click.pass_obj
def summary(profile: str | None, process: str) -> None:
    """Show what a run has done so far."""
    from .launch import load_process
    from .tables import print_summary

    print_summary(load_process(profile, process))


@nnpgen.command()
@click.argument("computer", default="localhost")
@click.pass_obj
def codes(profile: str | None, computer: str) -> None:
    """Set up this environment's Python and LAMMPS as codes on a computer."""
    from .launch import load_profile
    from .local_codes import set_up_codes

    load_profile(profile)
    found = set_up_codes(computer)
    for code in found:
        click.echo(visible(f"{code.full_label}: {code.filepath_executable}"))
    if all(code.label != "nnpgen-lammps" for code in found):
        click.echo("nnpgen-lammps: no architecture that is installed here brings LAMMPS; see `verdi code create`")


@nnpgen.group()
def lineage() -> None:
    """Ask which frames trained which model."""


@lineage.command("model")
@click.argument("potential")
@click.pass_obj
def lineage_model(profile: str | None, potential: str) -> None:
    """List every frame that trained a model."""
    from .launch import load
    from .tables import print_frames

    print_frames(load(profile, potential))


@lineage.command("frame")
@click.argument("structure")
@click.pass_obj
def lineage_frame(profile: str | None, structure: str) -> None:
    """List every model that a frame trained."""
    from .launch import load
    from .tables import print_models

    print_models(load(profile, structure))


@nnpgen.command()
@click.argument("kind", type=click.Choice(["map", "volume", "histogram"]))
@click.argument("process")
@click.option("-i", "--iteration", type=int, help="Of a run of the loop; without it PROCESS is a screening.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Otherwise KIND.png.")
@click.pass_obj
def plot(profile: str | None, kind: str, process: str, iteration: int | None, output: Path | None) -> None:
    """Draw a screening: the 2D map, the 3D view, or the histogram of the third quantity."""
    from ..workchains import pictures
    from .launch import load_process

    node = load_process(profile, process)
    if iteration is not None:
        node = pictures.screening_of(node, iteration)
    output = output or Path(f"{kind}.png")
    getattr(pictures, f"screening_{kind}")(node).savefig(output, dpi=150)
    click.echo(visible(f"wrote {output}"))


@nnpgen.command()
@click.option("--folder", default=".demo", type=click.Path(file_okay=False, path_type=Path), help="Home of the demo.")
@click.option("--config", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Run this instead.")
def demo(folder: Path, config: Path | None) -> None:
    """Run the loop on liquid propylene glycol, in an AiiDA profile of its own."""
    from .demo.run import run_demo

    run_demo(folder.resolve(), config)

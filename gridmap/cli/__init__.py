"""The ``gridmap`` command. Exit codes: 0 ok, 1 a finding or failure, 2 wrong usage; no traceback without --debug."""

from __future__ import annotations

import importlib
import keyword
import sys

import click

from gridmap import __version__
from gridmap.errors import BadInput, GridmapError

# module -> the commands it defines; a module is imported when one of its commands is asked for
COMMANDS = {
    "serve": ["serve", "demo", "sleep"],
    "setup": ["init", "doctor"],
    "accounts": ["sign-in-link", "user"],
    "certificates": ["cert", "keys"],
    "communities": ["community"],
    "coverage": ["coverage", "export"],
    "grids": ["grids", "import"],
    "plans": ["plan"],
    "streets": ["streets"],
    "working": ["setting"],
    "worklist": ["due"],
}
WHERE = {command: module for module, commands in COMMANDS.items() for command in commands}


class Lazy(click.Group):
    """Import a command's module when it is asked for: ``--help`` and ``version`` stay quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every command's name."""
        return sorted([*super().list_commands(ctx), *WHERE])

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Return one command."""
        if name not in WHERE:
            return super().get_command(ctx, name)
        module = importlib.import_module(f"gridmap.cli.{WHERE[name]}")
        own = name.replace("-", "_") + "_" * keyword.iskeyword(name)
        command: click.Command = getattr(module, own)
        return command


@click.group(cls=Lazy, invoke_without_command=True)
@click.option("--debug", is_flag=True, expose_value=False, help="出错时显示完整的技术信息 / show the traceback")
@click.pass_context
def gridmap(ctx: click.Context) -> None:
    """社区网格地图 / the map on which a community runs its grid work."""
    if ctx.invoked_subcommand is None:
        from gridmap.cli.setup import tell_what_is_here

        tell_what_is_here()


@gridmap.command()
def version() -> None:
    """显示版本 / print the version."""
    click.echo(__version__)


def main(arguments: list[str] | None = None) -> None:
    """Run the command; turn our errors into one sentence and an exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        gridmap.main(arguments, prog_name="gridmap")
    except GridmapError as error:
        if "--debug" in arguments:
            raise
        click.echo(f"✗ {error}", err=True)
        sys.exit(2 if isinstance(error, BadInput) else 1)
    except Exception as error:  # a person gets a sentence; --debug tells the rest
        if "--debug" in arguments:
            raise
        told = f"出了意外，加 --debug 看详情 / something unforeseen, add --debug for details ({type(error).__name__})"
        click.echo(f"✗ {told}", err=True)
        sys.exit(1)

"""Set up and examine this machine: ``gridmap init``, ``gridmap doctor``, and what ``gridmap`` alone tells."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click
from sqlalchemy.exc import DBAPIError

from gridmap import __version__
from gridmap.cli import edge
from gridmap.cli.streets import build_missing
from gridmap.ops import doctor as looks
from gridmap.ops.cluster import Cluster
from gridmap.ops.setup import ready_database
from gridmap.services import communities


@click.command()
def init() -> None:
    """建立或升级数据库 / make the database or bring it to this release."""
    ready = ready_database(edge.settings())
    click.echo("✓ 数据库已就绪 / the database is ready" + ("（已唤醒 / woken）" if ready.woken else ""))
    if made := build_missing():
        click.echo(f"✓ 已生成路网 / streets to walk: {' '.join(made)}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="输出 JSON / print JSON")
def doctor(*, as_json: bool) -> None:
    """检查这台机器，并给出修复命令 / examine this machine and name the command that repairs."""
    findings = looks.examine(edge.settings())
    if as_json:
        edge.print_json([asdict(f) for f in findings])
    else:
        for finding in findings:
            mark = "✓" if finding.ok else "✗"
            click.echo(
                f"{mark} {finding.name:<10} {finding.detail}" + (f"\n  → {finding.repair}" if finding.repair else "")
            )
    sys.exit(0 if all(f.ok for f in findings) else 1)


def tell_what_is_here() -> None:
    """Tell what is on this machine and the next step; wakes nothing."""
    settings = edge.settings()
    click.echo(f"gridmap {__version__}   {settings.home}")
    cluster = Cluster(settings.home)
    if not settings.database_url and not cluster.answers():
        here = (cluster.data / "PG_VERSION").exists()
        click.echo("数据库在休眠 / the database sleeps" if here else "还没有数据库 / no database yet")
        click.echo("下一步 / next:  scripts/demo" + ("   scripts/gridmap serve" if here else ""))
        return
    try:
        with edge.transaction(edge.OPERATOR) as con:
            known = communities.listing(con, edge.OPERATOR)
    except DBAPIError:
        click.echo("下一步 / next:  scripts/gridmap init")
        return
    for one in known:
        click.echo(f"  {one['code']}  {one['name']}")
    click.echo("下一步 / next:  " + ("scripts/gridmap serve" if known else "scripts/demo"))
    click.echo("帮助 / help:  scripts/gridmap --help")

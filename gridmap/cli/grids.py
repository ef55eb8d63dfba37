"""Grids at the command line: ``gridmap grids effect``."""

from __future__ import annotations

import click

from gridmap.cli import edge
from gridmap.cli.edge import OPERATOR
from gridmap.domain.actors import Actor, Machine
from gridmap.services import accounts, communities, coverage, publishing

COMMUNITY = click.option("--community", "code", default="", metavar="CODE", help="社区编码 / which community")
JSON = click.option("--json", "as_json", is_flag=True, help="输出 JSON / print JSON")


@click.group()
def grids() -> None:
    """网格和边界 / grids and their borders."""


@grids.command()
@COMMUNITY
@JSON
def effect(code: str, *, as_json: bool) -> None:
    """让到了日子的边界方案生效；不运行也会由当天第一次访问完成 / let approved borders that are due take effect."""
    found = {name: due(community_id) for name, community_id in _communities(code).items()}
    if as_json:
        edge.print_json({"effect": found})
        return
    total = sum(map(len, found.values()))
    click.echo(f"✓ 生效的边界方案 {total} 个 / took effect: {total}")


def due(community_id: int) -> list[int]:
    """Let a community's approved drafts take effect whose day has come; return their numbers."""
    job = Actor(Machine.JOB, community_id)
    with edge.transaction(job) as con:
        return publishing.take_effect(con, job, on=coverage.days(con, job).today)


def _communities(code: str) -> dict[str, int]:
    """Return the loaded communities by code: the one that is meant, or all."""
    with edge.transaction(OPERATOR) as con:
        wanted = accounts.find_community(con, OPERATOR, code)[0] if code else 0
        known = communities.listing(con, OPERATOR)
    return {str(one["code"]): one["id"] for one in known if one["loaded_at"] and wanted in {0, one["id"]}}

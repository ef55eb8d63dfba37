"""How a community works, at the command line: ``gridmap setting [NAME [VALUE]]``."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from gridmap.cli import edge
from gridmap.cli.edge import OPERATOR
from gridmap.domain.actors import Actor, Machine
from gridmap.errors import BadInput
from gridmap.services import accounts, working

SWITCHES = {"on": True, "off": False}


@click.command()
@click.argument("name", required=False)
@click.argument("value", required=False)
@click.option("--community", "code", default="", metavar="CODE", help="社区编码 / which community")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON / print JSON")
def setting(name: str | None, value: str | None, code: str, as_json: bool) -> None:
    """查看或修改社区的工作设置 / show or change how a community works, as in: setting navigation on."""
    with edge.transaction(OPERATOR) as con:
        community_id, _ = accounts.find_community(con, OPERATOR, code)
    actor = Actor(Machine.JOB, community_id)
    with edge.transaction(actor) as con:
        if name is not None and value is not None:
            now = working.change_setting(con, actor, changes={name: _read(value)})
        else:
            now = working.setting(con, actor)
    told = asdict(now)
    if name is not None and name not in told:
        raise BadInput("没有“%(name)s”这个设置，或它的值写得不对", name=name)
    shown = told if name is None else {name: told[name]}
    if as_json:
        edge.print_json(shown)
        return
    for key, held in shown.items():
        click.echo(f"{key:<22} {json.dumps(held, ensure_ascii=False)}")


def _read(raw: str) -> object:
    """Return what a value means: on, off, or JSON."""
    if raw in SWITCHES:
        return SWITCHES[raw]
    try:
        return json.loads(raw)
    except ValueError as error:
        raise BadInput("值“%(raw)s”看不懂：写 on、off、一个数，或 JSON", raw=raw) from error

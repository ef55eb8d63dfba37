"""Streets at the command line: ``gridmap streets list | unreached | build | reach``."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table

from gridmap.cli import edge
from gridmap.cli.edge import OPERATOR
from gridmap.domain.actors import Actor, Machine
from gridmap.domain.unreached import CLOSED_GATE, FAR, NO_STREET, STRAY, WALL
from gridmap.services import communities
from gridmap.services import streets as wishes

COMMUNITY = click.option("--community", "code", default="", metavar="CODE", help="社区编码 / which community")
ON = click.option("--on", "day", default="", metavar="DATE", help="哪一天，如 2026-03-01；默认今天 / as of a date")
JSON = click.option("--json", "as_json", is_flag=True, help="输出 JSON / print JSON")

KINDS = {
    "primary": "主干路",
    "secondary": "次干路",
    "residential": "街巷",
    "service": "内部道路",
    "pedestrian": "步行街",
    "footway": "人行道",
    "path": "小径",
    "compound": "小区小路",
    "gate": "大门",
    "steps": "台阶",
    "lift": "电梯",
}
REASONS = {
    NO_STREET: "没有任何道路",
    CLOSED_GATE: "被关闭的大门隔开",
    STRAY: "附近的路没有接上路网",
    WALL: "附近的路隔着围墙",
    FAR: "离路太远",
}


@click.group()
def streets() -> None:
    """人走的路 / the streets people walk."""


@streets.command("list")
@COMMUNITY
@ON
@JSON
def listing(code: str, day: str, *, as_json: bool) -> None:
    """显示路网的构成 / the network in figures."""
    with edge.asking(code, day) as (con, actor, on):
        found = wishes.summary(con, actor, on=on)
    if as_json:
        edge.print_json({"on": on, **asdict(found)})
        return
    table = Table(title=f"路网 {on}")
    table.add_column("类型")
    table.add_column("段", justify="right")
    table.add_column("公里", justify="right")
    for kind, (count, km) in found.kinds.items():
        table.add_row(KINDS.get(kind, kind), str(count), f"{km:.2f}")
    Console().print(table)
    median, most, farthest = found.access_m
    click.echo(f"分成 {found.pieces} 块，最大一块占 {found.main_share:.1%}")
    ties = found.entrances
    click.echo(f"单元入口：{ties['ok']} 个已接上，{ties['far']} 个离路太远，{ties['unreachable']} 个走不到")
    click.echo(f"入口到路：中位数 {median:.1f} 米，90% 以内 {most:.1f} 米，最远 {farthest:.1f} 米")


@streets.command()
@COMMUNITY
@ON
@JSON
def unreached(code: str, day: str, *, as_json: bool) -> None:
    """列出路到不了或离路太远的单元入口 / entrances no street leads to as it should."""
    with edge.asking(code, day) as (con, actor, on):
        found = wishes.unreached(con, actor, on=on)
    if as_json:
        edge.print_json({"on": on, "entrances": [asdict(one) for one in found]})
        return
    table = Table(title=f"走不到或太远的入口 {on}")
    for heading in ("入口", "原因"):
        table.add_column(heading)
    for heading in ("到路（米）", "更近但不算的路（米）", "户"):
        table.add_column(heading, justify="right")
    for one in found:
        far = [("–" if metres is None else f"{metres:.0f}") for metres in (one.distance_m, one.nearer_m)]
        table.add_row(one.title, REASONS[one.reason], *far, str(one.households))
    Console().print(table)
    click.echo(f"{len(found)} 个入口，{sum(one.households for one in found)} 户")


@streets.command()
@JSON
def build(*, as_json: bool) -> None:
    """为还没有路网的社区生成路网 / make the network of communities that have none."""
    made = build_missing()
    if as_json:
        edge.print_json({"built": made})
    else:
        click.echo(f"✓ 新建路网 {len(made)} 个 / networks made: {' '.join(made) or '–'}")


def build_missing() -> list[str]:
    """Make the network of every loaded community that has none; return their codes."""
    with edge.transaction(OPERATOR) as con:
        known = [one for one in communities.listing(con, OPERATOR) if one["loaded_at"] and not one["network_mark"]]
    for one in known:
        job = Actor(Machine.JOB, one["id"])
        with edge.transaction(job) as con:
            wishes.build(con, job, on=datetime.now(ZoneInfo(one["timezone"])).date())
    return [str(one["code"]) for one in known]


@streets.command()
@click.argument("minutes", type=int)
@click.option(
    "--at", "place", nargs=2, type=float, help="经度 纬度；默认服务中心 / LON LAT, the service centre by default"
)
@COMMUNITY
@ON
@JSON
def reach(minutes: int, place: tuple[float, float] | None, code: str, day: str, *, as_json: bool) -> None:
    """几分钟内能走到哪里、住着多少户 / what lies within MINUTES on foot, and how many homes."""
    with edge.asking(code, day) as (con, actor, on):
        lon, lat = place or wishes.centre(con, actor)
        found = wishes.reach(con, actor, lon=lon, lat=lat, minutes=minutes, on=on)
    by_grid = {str(grid): n for grid, n in sorted(found.homes.by_grid.items())}
    told = {"on": on, "lon": lon, "lat": lat, "minutes": minutes, "homes": found.homes.total, "grids": by_grid}
    if as_json:
        edge.print_json(told | {"lines": found.lines, "area": found.area})
    else:
        click.echo(f"{minutes} 分钟内：{found.homes.total} 户，{len(by_grid)} 个网格")

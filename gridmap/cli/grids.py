"""Grids at the command line: ``gridmap grids check | effect``, ``gridmap export grids``, ``gridmap import grids``."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import click

from gridmap.cli import edge
from gridmap.cli.edge import OPERATOR
from gridmap.domain.actors import Actor, Machine
from gridmap.domain.border_systems import Reading
from gridmap.domain.crs import STORE_SRID
from gridmap.errors import BadInput
from gridmap.files import borders, borders_out
from gridmap.services import accounts, border_files, communities, coverage, effects, publishing

COMMUNITY = click.option("--community", "code", default="", metavar="CODE", help="社区编码 / which community")
JSON = click.option("--json", "as_json", is_flag=True, help="输出 JSON / print JSON")
CRS = "4490、4326、4544、4523、3857 等编号，或 gcj02、bd09"

# What keeps the grids from being a partition of the homes; the rest of the list is advice.
WRONG = {
    "unreadable": "读不出的网格",
    "invalid": "自己相交的网格",
    "pieces": "分成几块的网格",
    "overlap": "重叠",
    "gap": "缝隙",
    "beyond": "超出社区范围",
    "node": "角点与邻格对不上",
    "unassigned": "不在任何网格内的楼",
    "orphan": "住户所在网格与楼不同",
    "misplaced": "楼登记在别的网格",
}
ADVICE = {
    "cut": "被边界切开的楼",
    "island": "包在别格里的网格",
    "no_worker": "没有网格员",
    "large": "户数偏多",
    "small": "户数偏少",
    "number": "编号次序不对",
}
QUESTIONS = {
    "overlap": "重叠",
    "gap": "没有画到",
    "apart": "不相连的一块",
    "beyond": "超出社区范围，没有采用",
    "lost": "整个被别的面盖住",
    "loose": "线头没有接上（长度，米）",
}


@click.group()
def grids() -> None:
    """网格和边界 / grids and their borders."""


@grids.command()
@COMMUNITY
@click.option("--on", "day", default="", metavar="DATE", help="哪一天；默认今天 / as of a date")
@click.option("--plan", "plan_id", type=int, help="检查一个方案 / check a draft instead")
@JSON
def check(code: str, day: str, plan_id: int | None, *, as_json: bool) -> None:
    """检查缝隙、重叠和落单的楼与户，有就以 1 退出 / find gaps, overlaps, orphans; exit 1 when there are any."""
    with edge.asking(code, day) as (con, actor, on):
        found = effects.faults(con, actor, plan_id=plan_id, on=on)
    wrong = Counter(one.kind for one in found if one.kind not in ADVICE)
    advice = Counter(one.kind for one in found if one.kind in ADVICE)
    if as_json:
        faults = [
            {"kind": one.kind, "grids": list(one.keys), "building": one.building_id, "at": [v / 1e7 for v in one.at]}
            for one in found
        ]
        edge.print_json({"on": on, "ok": not wrong, "wrong": wrong, "advice": advice, "faults": faults})
    else:
        for kind, n in wrong.items():
            click.echo(f"✗ {WRONG.get(kind, kind)}：{n} 处")
        for kind, n in advice.items():
            click.echo(f"· {ADVICE[kind]}：{n} 处")
        if not wrong:
            click.echo("✓ 没有缝隙、重叠和落单的楼、户")
    if wrong:
        raise click.exceptions.Exit(1)


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


@click.command("grids")
@COMMUNITY
@click.option("--as-of", "day", default="", metavar="DATE", help="哪一天的边界；默认今天 / as of a date")
@click.option("--plan", "plan_id", type=int, help="导出一个方案，带改动图层 / a draft, with a difference layer")
@click.option("--crs", default=str(STORE_SRID), show_default=True, help=CRS)
@click.option(
    "--out",
    "file",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help=".gpkg .zip .geojson .kml .dxf",
)
def export_grids(code: str, day: str, plan_id: int | None, crs: str, file: Path) -> None:
    """把网格边界写入文件 / write the borders of grids to a file."""
    with edge.asking(code, day) as (con, actor, on):
        found = border_files.handed(con, actor, on=on, plan_id=plan_id)
        data = borders_out.written(found, file.suffix.lower().removeprefix("."), border_files.reading(crs))
    try:
        file.write_bytes(data)
    except OSError as error:
        raise BadInput("写不了文件 %(file)s：%(why)s", file=str(file), why=error.strerror or "") from error
    more = f"，改动 {len(found.difference)} 块" if found.difference else ""
    click.echo(f"✓ {file}：{len(found.grids)} 个网格{more}")


@click.group("import")
def import_() -> None:
    """导入文件 / read files."""


@import_.command("grids")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@COMMUNITY
@click.option("--crs", default="", help=f"坐标系；默认按图形猜 / {CRS}")
@click.option("--swapped", is_flag=True, help="坐标是先北后东 / the north coordinate comes first")
@click.option("--layer", default="", help="图层名 / which layer")
@click.option("--dry-run", is_flag=True, help="只看结果，不建方案 / tell, and write nothing")
@JSON
def import_grids(file: Path, code: str, crs: str, layer: str, *, swapped: bool, dry_run: bool, as_json: bool) -> None:
    """把文件里的边界做成方案（不直接生效）/ make a draft of the borders in FILE; never straight to live."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadInput("没有权限读取文件：%(file)s", file=file.name) from error
    paper = borders.read(data, file.name, layer=layer)
    wished = Reading(border_files.reading(crs).system, swapped) if crs else None
    plan_id = 0
    with edge.asking(code, "") as (con, actor, on):
        if dry_run:
            found = border_files.survey(con, actor, paper=paper, on=on, wished=wished)
        else:
            plan_id, found = border_files.begin(con, actor, paper=paper, at=datetime.now(UTC), on=on, wished=wished)
    if as_json:
        edge.print_json(border_files.told(found) | {"plan_id": plan_id or None})
        return
    _tell(found)
    click.echo(f"✓ 已建方案 {plan_id}" if plan_id else "没有建方案（--dry-run）")


def _tell(found: border_files.Survey) -> None:
    """Print what was made of a file, for people."""
    guess, paper = found.guess, found.paper
    how = "指定" if guess.chosen else "推断"
    click.echo(
        f"{paper.kind}，坐标系 {guess.reading}（{how}；文件写的是 {paper.crs or '无'}），偏差 {guess.misfit_m:.1f} 米"
    )
    click.echo(f"{len(found.areas)} 个面 → {len(found.grids)} 个网格，{found.changed} 个与现在不同")
    if found.gone:
        click.echo(f"撤销网格：{'、'.join(map(str, found.gone))} 号")
    click.echo(f"自动合上的碎片：{found.slivers} 处")
    for one in border_files.told(found)["questions"]:
        where = ",".join(f"{v:.6f}" for v in one["at"])
        click.echo(f"? {QUESTIONS[one['kind']]}：{one['area_m2']:.0f} 平方米，第 {one['rows']} 行，{where}")

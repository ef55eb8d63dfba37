"""Communities at the command line: ``gridmap community create | list | remove``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from gridmap.cli import edge
from gridmap.cli.edge import OPERATOR
from gridmap.domain.actors import Actor, Machine
from gridmap.domain.people import invent_people
from gridmap.domain.simulation import invent_history
from gridmap.domain.towns import History, People, Report, Town
from gridmap.errors import BadInput, NotFound
from gridmap.files.osm_town import Wish, read_town
from gridmap.services import communities
from gridmap.store.database import become

JSON = click.option("--json", "as_json", is_flag=True, help="输出 JSON / print JSON")
DAY = click.DateTime(formats=["%Y-%m-%d"])

READ = {
    "streets": "道路（段）",
    "barriers": "围墙、栅栏（段）",
    "areas": "公园、水面、学校等（块）",
    "compounds": "有名称的小区",
    "buildings": "建筑",
    "buildings_lived_in": "其中住宅",
    "homes_estimated": "估计户数",
    "households_invented": "虚构户数",
    "entrances": "入口",
    "entrances_mapped": "其中地图上标出的",
    "places": "地点",
    "facilities": "便民设施",
    "grids": "网格",
}
MEASURES = {
    "blocks": "划分用的街块",
    "load_max_over_mean": "最重网格 / 平均",
    "street_km": "可步行道路（公里）",
    "network_pieces": "路网分成几块",
    "largest_piece_share": "最大一块占",
    "homes_unreachable": "走不到的住户（估计）",
    "street_distance_median_m": "楼到路：中位数（米）",
    "street_distance_p95_m": "楼到路：95% 以内（米）",
    "street_distance_max_m": "楼到路：最远（米）",
}


@click.group()
def community() -> None:
    """社区 / communities."""


@community.command()
@click.argument("name")
@click.option(
    "--osm",
    "file",
    required=True,
    type=click.Path(path_type=Path),
    help="OpenStreetMap 文件（.osm.pbf 或 .osm）/ an extract",
)
@click.option("--grids", "count", required=True, type=int, help="划成几个网格 / how many grids to draft")
@click.option("--code", default="", help="社区编码；不给则编一个本地编码 / its code")
@click.option("--invent-households", is_flag=True, help="虚构住户和一年的走访，页面上会注明 / invent households")
@click.option("--on", "day", type=DAY, help="导入日期，默认今天 / the day of the import")
@click.option("--timezone", default="", help="时区，默认按位置推定 / IANA time zone")
@click.option("--seed", type=int, default=7, show_default=True, help="随机种子 / seed")
@JSON
def create(
    name: str,
    file: Path,
    count: int,
    code: str,
    *,
    invent_households: bool,
    day: datetime | None,
    timezone: str,
    seed: int,
    as_json: bool,
) -> None:
    """从 OpenStreetMap 文件建一个社区 / build a community from an OpenStreetMap extract."""
    if seed < 0:
        raise BadInput("随机种子不能是负数")
    on = day.date() if day else None
    _refuse_taken(code)
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), console=console, transient=True
    ) as bar:
        task = bar.add_task("读取地图、划分网格", total=1.0)

        def tell(sentence: str, share: float) -> None:
            bar.update(task, description=sentence, completed=share)

        wish = Wish(name=name, grids=count, on=on or datetime.now(UTC).date(), code=code, timezone=timezone, seed=seed)
        town, report = read_town(file, wish)
        town, on = _dated(town, on)
        people, history = None, None
        if invent_households:
            tell("虚构住户和一年的走访", 0.2)
            town, people, history = _peopled(town, report, on, seed)
        _keep(town, people, history, on, tell)
    if as_json:
        edge.print_json({**_facts(town), "on": on, **_report_facts(report)})
    else:
        _print_report(town, report)


def _refuse_taken(code: str) -> None:
    """Refuse a code that is taken before the long work begins."""
    if not code:
        return
    with edge.transaction(OPERATOR) as con:
        if any(row["code"] == code for row in communities.listing(con, OPERATOR)):
            raise BadInput("已有编码为 %(code)s 的社区", code=code)


def _dated(town: Town, on: date | None) -> tuple[Town, date]:
    """Return the town with the day of its import: the one given, else today where the town is."""
    today = datetime.now(ZoneInfo(town.timezone)).date()
    if on and on > today:
        raise BadInput("导入日期不能晚于今天（%(today)s）", today=today)
    day = on or today
    return replace(town, facilities=town.facilities.assign(opened_on=day)), day


def _peopled(town: Town, report: Report, on: date, seed: int) -> tuple[Town, People, History]:
    if not report.read["homes_estimated"]:
        raise BadInput("地图里没有住宅楼，无法虚构住户。请去掉 --invent-households")
    people = invent_people(town, on, seed)
    report.read["households_invented"] = len(people.households)
    return replace(town, invented="people"), people, invent_history(town, people, on, seed)


def _keep(
    town: Town, people: People | None, history: History | None, on: date, tell: Callable[[str, float], None]
) -> None:
    """Create and load in one transaction: whatever stops it, nothing is left behind."""
    with edge.transaction(OPERATOR) as con:
        job = Actor(Machine.JOB, communities.create(con, OPERATOR, town=town))
        become(con, job)
        communities.load(con, job, town=town, people=people, history=history, on=on, progress=tell)


def _facts(town: Town) -> dict[str, object]:
    names = ("code", "name", "epsg", "timezone", "invented", "attribution")
    return {name: getattr(town, name) for name in names}


def _report_facts(report: Report) -> dict[str, object]:
    notes = [{"text": sentence % {"n": n}, "count": n} for sentence, n in report.notes.items()]
    return {"read": report.read, "measures": report.measures, "notes": notes}


def _print_report(town: Town, report: Report) -> None:
    console = Console()
    table = Table(title=f"{town.name} · {town.code}", show_header=False)
    table.add_column(justify="left")
    table.add_column(justify="right")
    for key, called in READ.items():
        if key in report.read:
            table.add_row(called, f"{report.read[key]:,}")
    table.add_section()
    for measure, figure in report.measures.items():
        table.add_row(MEASURES[measure], f"{figure:,g}")
    console.print(table)
    for sentence, n in report.notes.items():
        console.print(f"· {sentence % {'n': n}}", highlight=False, markup=False)
    console.print(f"{town.attribution} · EPSG:{town.epsg} · {town.timezone}", highlight=False, markup=False)
    console.print(
        f"下一步 / next:  gridmap user add NAME --role secretary --name 姓名 --community {town.code} --password",
        highlight=False,
        markup=False,
    )


@community.command("list")
@JSON
def list_communities(*, as_json: bool) -> None:
    """列出社区 / list the communities."""
    with edge.transaction(OPERATOR) as con:
        rows = communities.listing(con, OPERATOR)
    if as_json:
        edge.print_json(rows)
        return
    table = Table("编码", "名称", "虚构", "数据来源", "状态")
    stated = {"all": "全部虚构", "people": "住户虚构", "none": "无"}
    for row in rows:
        ready = "可用" if row["loaded_at"] else "导入未完成"
        table.add_row(row["code"], row["name"], stated[row["invented"]], row["attribution"], ready)
    Console().print(table)


@community.command()
@click.argument("code")
@click.option("--yes", is_flag=True, help="确认删除 / really remove it")
def remove(code: str, *, yes: bool) -> None:
    """删除一个社区和它的全部数据 / remove a community and everything in it."""
    with edge.transaction(OPERATOR) as con:
        found = [row for row in communities.listing(con, OPERATOR) if row["code"] == code]
        if not found:
            raise NotFound("没有编码为 %(code)s 的社区", code=code)
        if not yes:
            raise BadInput("这会删除“%(name)s”的全部数据。确定的话请加 --yes", name=found[0]["name"])
        communities.remove(con, OPERATOR, community_id=found[0]["id"])
    click.echo(f"已删除 {code} {found[0]['name']}")

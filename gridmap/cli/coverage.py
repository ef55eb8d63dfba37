"""Coverage at the command line: ``gridmap coverage`` and ``gridmap export``, the figures of the page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection

from gridmap.cli import edge
from gridmap.cli.edge import OPERATOR
from gridmap.cli.grids import export_grids
from gridmap.domain.actors import Actor, Machine
from gridmap.domain.coverage import Counts, Overview
from gridmap.domain.figures import of_overview
from gridmap.domain.groups import BY_CODE, GROUPS
from gridmap.errors import BadInput
from gridmap.files.coverage import overview_sheet, stamp
from gridmap.files.sheets import to_csv, to_xlsx
from gridmap.services import accounts, exports
from gridmap.services import coverage as wishes
from gridmap.store.coverage import Calendar

COMMUNITY = click.option("--community", "code", default="", metavar="CODE", help="社区编码 / which community")
ON = click.option("--on", "day", default="", metavar="DATE", help="哪一天，如 2026-03-01；默认今天 / as of a date")
GROUP = click.option(
    "--group",
    type=click.Choice([group.code for group in GROUPS if not group.restricted]),
    help="只看一个特殊群体 / one special group",
)
WRITERS = {".xlsx": to_xlsx, ".csv": to_csv}


@dataclass(frozen=True)
class _Asked:
    """What the options mean in one community."""

    actor: Actor
    on: date
    calendar: Calendar


@contextmanager
def _asking(code: str, day: str) -> Iterator[tuple[Connection, _Asked]]:
    """Yield a connection with the program's rights in the community that is meant, and the day."""
    with edge.transaction(OPERATOR) as con:
        community_id, _ = accounts.find_community(con, OPERATOR, code)
    actor = Actor(Machine.JOB, community_id)
    with edge.transaction(actor) as con:
        calendar = wishes.days(con, actor)
        yield con, _Asked(actor, _day(day) if day else calendar.today, calendar)


def _day(raw: str) -> date:
    """Return the date that was typed.

    Raises
    ------
    BadInput
        When it is none.
    """
    try:
        return date.fromisoformat(raw)
    except ValueError as error:
        raise BadInput("日期 %(raw)s 写得不对：要写成 2026-03-01", raw=raw) from error


def _per_cent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _line(name: str, worker: str, counts: Counts) -> list[str]:
    return [
        name,
        worker,
        str(counts.base),
        str(counts.covered),
        _per_cent(counts.coverage_share),
        str(counts.overdue),
        _per_cent(counts.special_share),
        _per_cent(counts.contact_rate),
        str(counts.open_needs),
    ]


def _print(found: Overview) -> None:
    """Print the overview as a table for people."""
    title = f"走访覆盖 {found.on}" + (f" {BY_CODE[found.group].name}" if found.group else "")
    table = Table(title=title)
    table.add_column("网格")
    table.add_column("网格员")
    for heading in ("应走访", "已覆盖", "覆盖率", "到期未访", "特殊群体", "见面率", "诉求"):
        table.add_column(heading, justify="right")
    for grid in found.grids:
        table.add_row(*_line(grid.name, grid.worker_name or "–", grid.counts))
    table.add_section()
    table.add_row(*_line("合计", str(found.workers), found.total))
    Console().print(table)
    if found.previous is not None:
        click.echo(f"上期 {found.previous_on}：覆盖率 {_per_cent(found.previous.coverage_share)}")


@click.command()
@COMMUNITY
@ON
@GROUP
@click.option("--json", "as_json", is_flag=True, help="输出 JSON / print JSON")
def coverage(code: str, day: str, group: str | None, *, as_json: bool) -> None:
    """显示某一天的走访覆盖情况，与页面数字一致 / the coverage figures of a day, as the page shows them."""
    with _asking(code, day) as (con, asked):
        found = wishes.overview(con, asked.actor, on=asked.on, group=group)
    if as_json:
        edge.print_json(of_overview(found))
    else:
        _print(found)


@click.group()
def export() -> None:
    """导出表格 / export tables."""


export.add_command(export_grids)


@export.command("coverage")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@COMMUNITY
@ON
@GROUP
def export_coverage(file: Path, code: str, day: str, group: str | None) -> None:
    """把覆盖情况写入 FILE（.xlsx 或 .csv）/ write the coverage figures to FILE."""
    if file.suffix.lower() not in WRITERS:
        raise BadInput("文件名要以 .xlsx 或 .csv 结尾：%(file)s", file=file.name)
    with _asking(code, day) as (con, asked):
        found = exports.overview(con, asked.actor, on=asked.on, group=group)
    here = asked.calendar
    at = datetime.now(ZoneInfo(asked.calendar.timezone))
    sheet = overview_sheet(
        found,
        stamp(community=here.name, code=here.code, invented=here.invented, user="命令行", at=at),
    )
    try:
        file.write_bytes(WRITERS[file.suffix.lower()](sheet))
    except OSError as error:
        raise BadInput("写不了文件 %(file)s：%(why)s", file=str(file), why=error.strerror or "") from error
    click.echo(f"✓ {file}：{len(found.grids)} 个网格")

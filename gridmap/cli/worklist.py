"""What there is to do, at the command line: ``gridmap due``."""

from __future__ import annotations

from datetime import date
from typing import Any

import click
from flask_babel import gettext
from rich.console import Console
from rich.table import Table

from gridmap.cli import edge
from gridmap.cli.edge import OPERATOR
from gridmap.cli.language import in_words
from gridmap.domain.actors import Actor, Machine
from gridmap.domain.worklist import Errand, Reason, Task, Urgency, Worklist
from gridmap.errors import BadInput
from gridmap.services import accounts, coverage, worklist
from gridmap.web.reasons import urgency_words, words

ORDER = (Urgency.MUST, Urgency.SHOULD, Urgency.MAY)


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


def _span(seconds: tuple[int, int]) -> str:
    return "–".join(f"{s // 3600:02}:{s // 60 % 60:02}" for s in seconds)


def _reason(reason: Reason) -> dict[str, Any]:
    return {"code": reason.code, **reason.values}


def _task(task: Task, address: str) -> dict[str, Any]:
    return {
        "household_id": task.household_id,
        "address": address,
        "entrance_id": task.entrance_id,
        "floor": task.floor,
        "urgency": task.urgency,
        "weight": task.weight,
        "chance": task.chance,
        "windows_s": task.windows,
        "service_s": task.service_s,
        "knock_s": task.knock_s,
        "pinned": task.pinned,
        "purposes": task.purposes,
        "materials": task.materials,
        "reasons": [_reason(reason) for reason in task.reasons],
    }


def _errand(errand: Errand) -> dict[str, Any]:
    return {
        "errand_id": errand.errand_id,
        "kind": errand.kind,
        "title": errand.title,
        "lon": errand.lon,
        "lat": errand.lat,
        "service_s": errand.service_s,
        "windows_s": errand.windows,
    }


def _print(found: Worklist, ordered: list[Task], addresses: dict[int, str]) -> None:
    """Print the list for people."""
    table = Table(title=f"{found.on} {gettext('应走访')}")
    weight = gettext("分量")
    for heading in ("", gettext("住户"), weight, gettext("可敲门"), gettext("原因")):
        table.add_column(heading, justify="right" if heading == weight else "left")
    for task in ordered:
        hours = " ".join(_span(window) for window in task.windows) or gettext("今天没有能上门的时间")
        why = " · ".join(words(reason) for reason in task.reasons)
        row = (urgency_words(task.urgency), addresses[task.household_id], str(task.weight), hours, why)
        table.add_row(*row)
    on_the_way = gettext("途中要办的事")
    for errand in found.errands:
        table.add_row(on_the_way, errand.title, "", " ".join(_span(window) for window in errand.windows), "")
    console = Console()
    console.print(table)
    count = " · ".join(f"{urgency_words(u)} {sum(t.urgency is u for t in ordered)}" for u in ORDER)
    console.print(f"{count} · {on_the_way} {len(found.errands)}", highlight=False)


@click.command()
@click.option("--grid", "grid_code", required=True, metavar="CODE", help="网格编码 / the grid's code")
@click.option("--community", "code", default="", metavar="CODE", help="社区编码 / which community")
@click.option("--on", "day", default="", metavar="DATE", help="哪一天，如 2026-03-01；默认今天 / the day")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON / print JSON")
def due(grid_code: str, code: str, day: str, *, as_json: bool) -> None:
    """列出一个网格某一天要走访的住户和原因 / what a grid asks for on a day, and why."""
    with edge.transaction(OPERATOR) as con:
        community_id, _ = accounts.find_community(con, OPERATOR, code)
    actor = Actor(Machine.JOB, community_id)
    with edge.transaction(actor) as con:
        on = _day(day) if day else coverage.days(con, actor).today
        grid_id = worklist.grid_of_code(con, actor, grid_code=grid_code)
        found = worklist.worklist(con, actor, grid_ids=[grid_id], on=on)
        addresses = worklist.addresses(con, actor, household_ids=[task.household_id for task in found.tasks])
    ordered = sorted(found.tasks, key=lambda task: (-task.weight, task.household_id))
    if as_json:
        told = [_task(task, addresses[task.household_id]) for task in ordered]
        edge.print_json({"on": found.on, "grid": grid_code, "tasks": told, "errands": [*map(_errand, found.errands)]})
        return
    with in_words():
        _print(found, ordered, addresses)

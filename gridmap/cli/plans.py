"""Plans at the command line: ``gridmap plan visits``, ``plan week`` and ``plan batch``."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click
from flask_babel import gettext, lazy_gettext
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection

from gridmap.cli import edge
from gridmap.cli.edge import OPERATOR
from gridmap.cli.language import in_words
from gridmap.domain import days
from gridmap.domain.actors import Actor, Machine
from gridmap.domain.hours import Walked
from gridmap.domain.plans import Omitted, PlanDraft, PlanLine, PlanRow, StopKind
from gridmap.domain.worklist import Urgency
from gridmap.errors import BadInput
from gridmap.ops.executor import executor
from gridmap.services import accounts, coverage, plans, proposals
from gridmap.services.proposals import Proposal
from gridmap.web import reasons

COMMUNITY = click.option("--community", "code", default="", metavar="CODE", help="社区编码 / which community")
ON = click.option("--on", "day", default="", metavar="DATE", help="哪一天，如 2026-03-01；默认今天 / the day")
GRID = click.option("--grid", "grid_code", required=True, metavar="CODE", help="网格编码 / the grid's code")
SEED = click.option("--seed", type=int, default=plans.SEED, show_default=True, help="随机种子 / seed of the search")
ITERATIONS = click.option("--iterations", type=int, help="搜索次数 / turns of the search")
JSON = click.option("--json", "as_json", is_flag=True, help="输出 JSON / print JSON")
MATRIX = click.option(
    "--matrix",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="把问题和答案写入 FILE，供任何人核对 / write problem and answer for anyone to check",
)
SHOWN_LEFT = 10  # of the doors left out; ``--json`` tells all
ENDS = {StopKind.START: lazy_gettext("出发"), StopKind.END: lazy_gettext("结束")}


@contextmanager
def _asking(code: str, day: str) -> Iterator[tuple[Connection, Actor, date]]:
    """Yield a connection with the program's rights in the community that is meant, and the day."""
    with edge.transaction(OPERATOR) as con:
        community_id, _ = accounts.find_community(con, OPERATOR, code)
    actor = Actor(Machine.JOB, community_id)
    with edge.transaction(actor) as con:
        yield con, actor, _day(day) if day else coverage.days(con, actor).today


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


@click.group()
def plan() -> None:
    """安排走访 / plan visits."""


@plan.command()
@GRID
@COMMUNITY
@ON
@click.option("--minutes", type=int, metavar="N", help="能走多少分钟；默认按班次 / minutes there are")
@click.option(
    "--hours",
    "when",
    type=click.Choice(["usual", "best"]),
    default="usual",
    show_default=True,
    help="按平常的时间，还是会建议的时间 / at the usual hours, or at those that would be offered",
)
@SEED
@ITERATIONS
@JSON
@MATRIX
def visits(
    grid_code: str,
    code: str,
    day: str,
    minutes: int | None,
    when: str,
    seed: int,
    iterations: int | None,
    matrix: Path | None,
    *,
    as_json: bool,
) -> None:
    """安排一个网格一天的走访，只显示不保存 / plan a day of one grid; nothing is kept."""
    best = when == "best"
    _propose(grid_code, code, day, minutes, seed, iterations, matrix, as_json=as_json, best_hours=best)


@plan.command()
@GRID
@COMMUNITY
@ON
@click.option("--minutes", type=int, metavar="N", help="每天多少分钟；默认按班次 / minutes of each day")
@SEED
@ITERATIONS
@JSON
@MATRIX
def week(
    grid_code: str,
    code: str,
    day: str,
    minutes: int | None,
    seed: int,
    iterations: int | None,
    matrix: Path | None,
    *,
    as_json: bool,
) -> None:
    """安排一个网格一周的走访，要紧的排在前两天 / plan a week of one grid, what must be on its first days."""
    _propose(grid_code, code, day, minutes, seed, iterations, matrix, as_json=as_json, week=True)


def _propose(
    grid_code: str,
    code: str,
    day: str,
    minutes: int | None,
    seed: int,
    iterations: int | None,
    matrix: Path | None,
    *,
    as_json: bool,
    week: bool = False,
    best_hours: bool = False,
) -> None:
    begun = time.monotonic()
    with _asking(code, day) as (con, actor, on):
        found = proposals.propose(
            con,
            actor,
            grid_code=grid_code,
            on=on,
            minutes=minutes,
            seed=seed,
            iterations=iterations,
            week=week,
            best_hours=best_hours,
        )
    took = time.monotonic() - begun
    if matrix is not None:
        _write(matrix, found)
    if as_json:
        edge.print_json(_told(found, grid_code))
        return
    with in_words():
        for draft in found.drafts:
            _print_day(found, draft)
        _print_hours(found)
        _print_sum(found, took)
        _print_left(found)


def _write(file: Path, found: Proposal) -> None:
    try:
        file.write_text(json.dumps(_matrix(found)), encoding="utf-8")
    except OSError as error:
        raise BadInput("写不了文件 %(file)s：%(why)s", file=str(file), why=error.strerror or "") from error


def _matrix(found: Proposal) -> dict[str, Any]:
    """Return the problem and the answer as plain numbers: all it takes to check them."""
    problem, composed = found.ready.composed.problem, found.ready.composed
    windows = [
        problem.windows_s[a:b].tolist() for a, b in zip(problem.windows_at, problem.windows_at[1:], strict=False)
    ]
    return {
        "places": [
            *({"kind": kind, "shift": i} for i in range(len(composed.walks)) for kind in ("start", "end")),
            *({"kind": "door" if c.inside else "errand", "household_id": c.household_id, "errand_id": c.errand_id}
              for c in composed.candidates),
        ],
        "travel_s": problem.travel_s.tolist(),
        "service_s": problem.service_s.tolist(),
        "weight": problem.weight.tolist(),
        "band_until_s": problem.band_until_s.tolist(),
        "windows_s": windows,
        "required": problem.required.tolist(),
        "allowed": problem.allowed.tolist(),
        "shifts": [[s.start, s.end, s.opens_s, s.closes_s] for s in problem.shifts],
        "routes": [list(route) for route in found.answer.solved.routes],
        "objective": found.answer.solved.objective,
        "bound": found.answer.solved.bound,
        "seed": found.answer.solved.seed,
        "iterations": found.answer.solved.iterations,
    }  # fmt: skip


def _told(found: Proposal, grid_code: str) -> dict[str, Any]:
    solved = found.answer.solved
    return {
        "grid": grid_code,
        "objective": solved.objective,
        "bound": solved.bound,
        "seed": solved.seed,
        "iterations": solved.iterations,
        "travel_s": solved.travel_s,
        "input_hash": found.drafts[0].input_hash.hex(),
        "days": [
            {
                "on": draft.on,
                "worker_id": draft.worker_id or None,
                "status": {"choice": draft.choice_status, "order": draft.order_status},
                "shift_s": [draft.start_s, draft.end_s],
                "stops": [_stop(found, row) for row in draft.rows],
            }
            for draft in found.drafts
        ],
        "hours": _tried(found),
        "left_out": [_left(found, o) for draft in found.drafts for o in draft.omitted],
    }


def _tried(found: Proposal) -> dict[str, Any] | None:
    """Return every start that was tried, with the doors expected to open and what all stops are worth."""
    if found.hours is None:
        return None

    def one(walked: Walked) -> dict[str, Any]:
        told = {"start": reasons.clock(walked.opens_s), "met": walked.met / 100, "worth": walked.worth}
        return told | {"keeps_what_is_owed": walked.owed >= found.hours.now.owed if found.hours else True}

    best = found.hours.best
    tried = [one(walked) for walked in found.hours.tried]
    return {"usual": one(found.hours.now), "best": one(best) if best else None, "tried": tried}


def _stop(found: Proposal, row: PlanRow) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "household_id": row.household_id,
        "errand_id": row.errand_id,
        "address": _title(found, row),
        "urgency": row.urgency,
        "arrive": reasons.clock(row.arrive_s),
        "start": reasons.clock(row.start_s),
        "leave": reasons.clock(row.leave_s),
        "arrive_s": row.arrive_s,
        "start_s": row.start_s,
        "leave_s": row.leave_s,
        "walk_s": row.walk_s,
        "walk_m": row.walk_m,
        "vertical_s": row.vertical_s,
        "chance": row.chance,
        "reasons": [{"code": r.code, **r.values} for r in row.reasons],
    }


def _left(found: Proposal, omitted: Omitted) -> dict[str, Any]:
    return {
        "household_id": omitted.household_id,
        "address": found.homes[omitted.household_id].address,
        "urgency": omitted.urgency,
        "condition": omitted.condition,
        **{k: v for k, v in omitted.values.items() if k != "household_id"},
        **({"instead_of": omitted.values["household_id"]} if "household_id" in omitted.values else {}),
    }


def _title(found: Proposal, row: PlanRow) -> str:
    if row.household_id is not None:
        return found.homes[row.household_id].address
    if row.errand_id is not None:
        return found.errands[row.errand_id]
    return str(ENDS[row.kind]) if row.kind in ENDS else ""


def _print_day(found: Proposal, draft: PlanDraft) -> None:
    """Print one day's stops for people."""
    doors = sum(1 for row in draft.rows if row.household_id is not None)
    proven = gettext("顺序已证明最短") if draft.order_status == "optimal" else gettext("顺序是找到的最好")
    table = Table(title=f"{draft.on} {gettext('%(n)s 户', n=doors)} · {proven}")
    numbers = (gettext("步行"), gettext("上下楼"))
    for heading in (gettext("时间"), gettext("去哪里"), gettext("紧要"), *numbers, gettext("理由")):
        table.add_column(heading, justify="right" if heading in numbers else "left")
    for row in draft.rows:
        table.add_row(
            reasons.clock(row.start_s),
            _title(found, row),
            reasons.urgency_words(row.urgency) if row.urgency else "",
            gettext("%(n)s 米", n=row.walk_m) if row.walk_m else "",
            gettext("%(n)s 秒", n=row.vertical_s) if row.vertical_s else "",
            " · ".join(reasons.words(reason) for reason in row.reasons),
        )
    Console().print(table)


def _print_hours(found: Proposal) -> None:
    """Print whether other hours than the usual ones were taken, and what they bring."""
    if found.hours is None:
        return
    best = found.hours.best
    if best is None:
        click.echo(gettext("没有更好的出发时间"))
    else:
        at = reasons.clock(best.opens_s)
        click.echo(gettext("改到 %(at)s 出发，预计多见到 %(n)s 户", at=at, n=found.hours.more))


def _print_sum(found: Proposal, took: float) -> None:
    """Print how good the answer is, and what anyone needs to find it again."""
    solved = found.answer.solved
    gap = f"{100 * (solved.bound - solved.objective) / max(solved.bound, 1):.1f}"
    told = gettext(
        "目标 %(value)s，上界 %(bound)s（差 %(gap)s%%）", value=solved.objective, bound=solved.bound, gap=gap
    )
    again = gettext("种子 %(seed)s，搜索 %(n)s 次", seed=solved.seed, n=solved.iterations)
    click.echo(f"{told} · {again} · {gettext('%(n)s 秒', n=f'{took:.1f}')}")


def _print_left(found: Proposal) -> None:
    """Print the doors that matter most of those left out, each with what would bring it in."""
    left = [o for draft in found.drafts for o in draft.omitted]
    urgent = [o for o in left if o.urgency != Urgency.MAY]
    if left:
        click.echo(gettext("没排进 %(n)s 户", n=len(left)))
        click.echo(gettext("其中应该去或必须去的 %(n)s 户；每一户都写明怎样才能排进来。", n=len(urgent)))
    for omitted in urgent[:SHOWN_LEFT]:
        one = days.left_out(omitted, found.homes)
        click.echo(f"  {one.address} · {reasons.urgency_words(one.urgency)} · {reasons.condition_words(one)}")


@plan.command()
@COMMUNITY
@ON
@SEED
@ITERATIONS
@click.option("--processes", type=click.IntRange(1, 256), help="用几个进程；默认每个核一个 / processes of the pool")
@JSON
def batch(code: str, day: str, seed: int, iterations: int | None, processes: int | None, *, as_json: bool) -> None:
    """为每位网格员安排一天的走访并保存 / plan the day of every worker and keep it."""
    with _asking(code, day) as (_, actor, on):
        pass
    begun = time.monotonic()
    with executor(edge.settings(), processes=processes) as pool:
        made = plans.batch(
            edge.transaction, actor, on=on, executor=pool, at=datetime.now(UTC), seed=seed, iterations=iterations
        )
    took = time.monotonic() - begun
    with edge.transaction(actor) as con:
        lines = plans.listing(con, actor, on=on)
    if as_json:
        edge.print_json(
            {"on": on, "seconds": round(took, 2), "made": len(made.made), "begun": made.begun, "idle": made.idle}
            | {"plans": [_line(line) for line in lines]}
        )
        return
    with in_words():
        _print_lines(lines, on)
    click.echo(f"✓ {on}：安排了 {len(made.made)} 位，{len(made.begun)} 位已在路上，{took:.1f} 秒")


def _line(line: PlanLine) -> dict[str, Any]:
    names = ("worker_id", "plan_id", "doors", "must", "should", "may", "errands", "left_out", "minutes", "walk_m",
             "choice", "order", "objective", "bound")  # fmt: skip
    return {"grids": [code for code, _ in line.grids]} | {name: getattr(line, name) for name in names}


def _print_lines(lines: list[PlanLine], on: date) -> None:
    """Print the list of a day's plans for people."""
    table = Table(title=f"{on} {gettext('走访计划')}")
    table.add_column(gettext("网格员"))
    table.add_column(gettext("网格"))
    for heading in (
        *(gettext("户数"), gettext("必须去"), gettext("应该去"), gettext("顺路去")),
        *(gettext("没排进"), gettext("分钟"), gettext("步行公里")),
    ):
        table.add_column(heading, justify="right")
    for line in lines:
        numbers = (line.doors, line.must, line.should, line.may, line.left_out, line.minutes)
        table.add_row(
            line.worker_name,
            "、".join(name for _, name in line.grids),
            *(str(n) for n in numbers),
            f"{line.walk_m / 1000:.1f}",
        )
    Console().print(table)

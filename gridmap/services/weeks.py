"""A worker's week, for himself and for his leaders: looked at, never kept.

What was walked and what is planned is read from the plans that are kept. The days that have none are thought over as
one problem, as known now. Nothing of that outlook is kept: each morning is planned from what is known that morning
(who opened, what happened overnight, who has moved), and a kept outlook would only pretend to know it earlier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import Connection

from gridmap.domain import days as rows_of
from gridmap.domain import weeks
from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.plans import LeftOut, PlanDraft, PlanRow
from gridmap.domain.weeks import Standing, Week, WeekDay
from gridmap.domain.worklist import Urgency
from gridmap.errors import BadInput, NotFound
from gridmap.services import access, planning, plans, proposals, working
from gridmap.services.coverage import as_job, days
from gridmap.services.planning import Turn, Wanted
from gridmap.store import days as day_store
from gridmap.store import households
from gridmap.store import plans as store

READERS = (Role.SECRETARY, Role.CLERK, Role.WORKER)
ITERATIONS = 400  # turns of the search: a look ahead for a page, not the plan one walks by


def week(
    con: Connection,
    actor: Actor,
    *,
    on: date,
    today: date,
    at: datetime,
    worker_id: int | None = None,
) -> Week:
    """Return the week of ``on`` of a worker: his own for a worker, anybody's for a leader.

    Raises
    ------
    BadInput
        When a leader names nobody.
    NotFound
        When there is no such worker, or a worker asks for another's.
    """
    access.require(actor, *READERS)
    asked, c = _whose(actor, worker_id), actor.community_id
    mine = sorted(actor.grid_ids) if actor.role is Role.WORKER else None
    kept = _kept(con, c, asked, weeks.days_of(on), today, mine)
    with as_job(con, actor):
        job = Actor(Machine.JOB, c)
        name = day_store.worker_name(con, c, asked)
        if name is None:
            raise NotFound("没有这位网格员")
        duties = working.duties(con, job, on=max(on, today)).get(asked, ())
        grids = day_store.grids(con, c, duties)
        drafts = _outlook(con, job, asked, [d for d in weeks.days_of(on) if d >= today and d not in kept], today, at)
    found = dict(kept)
    for draft in drafts:
        found[draft.on] = weeks.weekday(draft.on, Standing.OUTLOOK, _seen(draft.rows, mine))
    ordered = tuple(found.get(day) or WeekDay(day, Standing.OFF) for day in weeks.days_of(on))
    ends = {one[0] for day in ordered for one in (day.first, day.last) if one}
    homes = households.homes(con, c, sorted(ends), grid_ids=mine)
    return Week(
        asked,
        name,
        tuple((i, *grids[i]) for i in duties if i in grids),
        ordered,
        {household_id: home.address for household_id, home in homes.items()},
        _left(con, c, drafts, mine),
    )


def _whose(actor: Actor, worker_id: int | None) -> int:
    if actor.role is Role.WORKER:
        if worker_id not in {None, actor.worker_id} or not actor.worker_id:
            raise NotFound("没有这位网格员")
        return actor.worker_id
    if worker_id is None:
        raise BadInput("请选一位网格员")
    return worker_id


def _kept(
    con: Connection, community_id: int, worker_id: int, asked: Sequence[date], today: date, mine: list[int] | None
) -> dict[date, WeekDay]:
    """Return the days that have a plan, and those that are over without one."""
    found = {}
    for day in asked:
        plan = store.current(con, community_id, worker_id, on=day)
        if plan is None:
            if day < today:
                found[day] = WeekDay(day, Standing.OFF)
            continue
        rows = store.rows(con, community_id, plan.plan_id, grid_ids=mine)
        left = store.omitted(con, community_id, plan.plan_id, grid_ids=mine)
        must = sum(one.urgency is Urgency.MUST for one in left)
        standing = Standing.OVER if day < today else Standing.PLANNED
        found[day] = weeks.weekday(day, standing, rows, plan_id=plan.plan_id, left_must=must)
    return found


def _outlook(
    con: Connection, job: Actor, worker_id: int, ahead: Sequence[date], today: date, at: datetime
) -> tuple[PlanDraft, ...]:
    """Think the days over that have no plan yet, without what stands in anybody's plan from today on."""
    now_s = planning.local_second(at, days(con, job).timezone, today)
    turns = []
    for day in ahead:
        for turn in plans.turns_of(con, job, on=day, worker_ids=[worker_id]).get(worker_id, ()):
            turns += _left_of(turn, now_s if day == today else 0)
    if not turns:
        return ()
    span = [d for d in weeks.days_of(ahead[0]) if d >= today]
    taken = {h for day in span for h in store.taken(con, job.community_id, on=day, but=())}
    errands = {e for day in span for e in store.errands_taken(con, job.community_id, on=day, but=())}
    wanted = Wanted(without=frozenset(taken), without_errands=frozenset(errands))
    ready, answer = proposals.over_days(con, job, turns=turns, wanted=wanted, seed=plans.SEED, iterations=ITERATIONS)
    return planning.drafts(ready, answer, seed=plans.SEED, iterations=ITERATIONS)


def _left_of(turn: Turn, now_s: int) -> list[Turn]:
    """Return what is left of a turn, if anything."""
    return [replace(turn, opens_s=max(turn.opens_s, now_s))] if turn.closes_s > now_s else []


def _seen(rows: Sequence[PlanRow], mine: list[int] | None) -> list[PlanRow]:
    return [row for row in rows if mine is None or row.grid_id in mine]


def _left(
    con: Connection, community_id: int, drafts: Sequence[PlanDraft], mine: list[int] | None
) -> tuple[LeftOut, ...]:
    """Return the doors that must be visited and find no room in the days to come."""
    left = [o for draft in drafts for o in draft.omitted if o.urgency is Urgency.MUST]
    ids = {o.household_id for o in left} | {int(o.values["household_id"]) for o in left if "household_id" in o.values}
    homes = households.homes(con, community_id, sorted(ids), grid_ids=mine)
    return tuple(rows_of.left_out(o, homes) for o in left if o.household_id in homes)

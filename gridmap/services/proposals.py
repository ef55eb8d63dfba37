"""Plans that are looked at and not kept: a grid's day with any number of minutes, or its week."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sqlalchemy import Connection

from gridmap.domain import planning as thinking
from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.hours import Found
from gridmap.domain.households import Home
from gridmap.domain.plans import PlanDraft
from gridmap.domain.working import MINUTE_S
from gridmap.domain.worklist import Urgency
from gridmap.errors import BadInput
from gridmap.services import access, planning, worklist
from gridmap.services.coverage import as_job
from gridmap.services.planning import Ready, Turn, Wanted
from gridmap.services.plans import ITERATIONS, LONGEST_MIN, MOST_ITERATIONS, SEED, SHORTEST_MIN
from gridmap.store import households, working
from gridmap.store import plans as store

WEEK_DAYS = 7
EARLY_DAYS = 2  # of the days of a week that are worked: what must be visited is visited on one of these
MOST_SEED = 2**31 - 1


@dataclass(frozen=True)
class Proposal:
    """What was found: one draft for each day, the problem behind it, and where its doors are."""

    ready: Ready
    answer: thinking.Answer
    drafts: tuple[PlanDraft, ...]
    homes: dict[int, Home]
    errands: dict[int, str]
    hours: Found | None = None


def propose(
    con: Connection,
    actor: Actor,
    *,
    grid_code: str,
    on: date,
    minutes: int | None = None,
    seed: int = SEED,
    iterations: int | None = None,
    week: bool = False,
    best_hours: bool = False,
) -> Proposal:
    """Plan one walk through a grid on a day, or one on each working day of the week that begins then; keep nothing.

    With ``best_hours`` the one walk takes the hours that would be offered to its worker in place of the usual ones.

    Raises
    ------
    BadInput
        When minutes, seed or iterations make no sense, there is no such grid, or nobody works in that week.
    """
    access.require(actor, Role.SECRETARY, Role.CLERK, Machine.JOB)
    _check(minutes, seed, iterations)
    budget = iterations or ITERATIONS
    with as_job(con, actor):
        job = Actor(Machine.JOB, actor.community_id)
        turns = _turns(con, job, grid_code, on, minutes, week=week)
        tried = None
        if week:
            ready, answer = over_days(con, job, turns=turns, wanted=Wanted(), seed=seed, iterations=budget)
        else:
            ready = planning.gather(con, job, turns)
            tried = _hours(con, job, ready) if best_hours else None
            if tried and tried.best:
                better = replace(turns[0], opens_s=tried.best.opens_s, closes_s=tried.best.closes_s)
                ready = planning.gather(con, job, [better])
            answer = thinking.answer(ready.composed.problem, seed, budget)
        drafts = planning.drafts(ready, answer, seed=seed, iterations=budget)
        ids = [c.household_id for c in ready.composed.candidates if c.household_id is not None]
        homes = households.homes(con, job.community_id, ids)
    errands = {e.errand_id: e.title for e in ready.ground.errands.values()}
    return Proposal(ready, answer, drafts, homes, errands, tried)


def _hours(con: Connection, job: Actor, ready: Ready) -> Found | None:
    """Try other hours for a walk as known in the morning of its day; None when there is nothing to walk for."""
    if not ready.composed.candidates:
        return None
    how = worklist.setting(con, job)
    return ready.hours(setting=how, known_s=MINUTE_S * how.quiet_until_min)


def over_days(
    con: Connection, actor: Actor, *, turns: Sequence[Turn], wanted: Wanted, seed: int, iterations: int
) -> tuple[Ready, thinking.Answer]:
    """Think some days over as one problem: what must be visited comes on the first two of them if that is possible."""
    access.require(actor, Machine.JOB)
    ready = planning.gather(con, actor, turns, wanted=replace(wanted, early_days=_early(turns)))
    answer = thinking.answer(ready.composed.problem, seed, iterations)
    if _missed(ready, answer):
        ready = planning.gather(con, actor, turns, wanted=wanted)
        answer = thinking.answer(ready.composed.problem, seed, iterations, answer.solved.routes)
    return ready, answer


def _check(minutes: int | None, seed: int, iterations: int | None) -> None:
    if minutes is not None and not SHORTEST_MIN <= minutes <= LONGEST_MIN:
        raise BadInput("走访时间要在 %(low)s 到 %(high)s 分钟之间", low=SHORTEST_MIN, high=LONGEST_MIN)
    if not 0 <= seed <= MOST_SEED:
        raise BadInput("种子要在 0 到 %(most)s 之间", most=MOST_SEED)
    if iterations is not None and not 1 <= iterations <= MOST_ITERATIONS:
        raise BadInput("搜索次数要在 1 到 %(most)s 之间", most=MOST_ITERATIONS)


def _turns(con: Connection, job: Actor, grid_code: str, on: date, minutes: int | None, *, week: bool) -> list[Turn]:
    """Return the walks through one grid: of whoever is its main worker, in the usual hours unless minutes are given."""
    grid_id = store.grid_id(con, job.community_id, grid_code)
    if grid_id is None:
        raise BadInput("没有编码为 %(code)s 的网格", code=grid_code)
    how = worklist.setting(con, job)
    centre = store.base(con, job.community_id, grid_id, on=on)
    if centre is None:
        raise BadInput("%(on)s 没有编码为 %(code)s 的网格", on=on, code=grid_code)
    opens_s = 60 * how.shift_start_min
    closes_s = min(opens_s + 60 * minutes, 86_400) if minutes is not None else 60 * how.shift_end_min
    duty = [w for w, g, kind in working.on_duty(con, job.community_id, on=on) if g == grid_id and kind == "main"]
    turn = Turn(duty[0] if duty else 0, (grid_id,), on, opens_s, closes_s, centre[1:], centre[1:])
    if not week:
        return [turn]
    ahead = [on + timedelta(days=i) for i in range(WEEK_DAYS)]
    found = [replace(turn, on=day) for day in ahead if how.working_weekday_bits >> day.weekday() & 1]
    if not found:
        raise BadInput("这一周没有工作日")
    return found


def _early(turns: Sequence[Turn]) -> int:
    """Return before which day of the problem a door must be visited: within the first days that are worked."""
    worked = sorted({(turn.on - turns[0].on).days for turn in turns})
    return worked[min(EARLY_DAYS, len(worked)) - 1] + 1


def _missed(ready: Ready, answer: thinking.Answer) -> bool:
    """Tell whether a door that must be visited is left out, which more days might cure."""
    inside = {place for route in answer.solved.routes for place in route}
    tasks = ready.ground.tasks
    return any(
        c.household_id in tasks and tasks[c.household_id].urgency is Urgency.MUST and c.days is not None
        for i, c in enumerate(ready.composed.candidates, start=ready.composed.first)
        if c.household_id is not None and i not in inside
    )

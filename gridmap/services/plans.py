"""Plans: make one for a worker's day, tell it, make it anew on the way, make all of a morning's at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from gridmap.domain import planning as thinking
from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.plans import Day, End, PlanDraft, PlanLine, StopState
from gridmap.domain.routes.problem import DAY_S
from gridmap.errors import BadInput, Conflict, NotFound
from gridmap.services import access, planning, replanning, working
from gridmap.services.coverage import as_job, days
from gridmap.services.days import Frame, tell
from gridmap.services.planning import Ready, Turn, drafts, gather
from gridmap.services.replanning import Changes
from gridmap.store import audit
from gridmap.store import days as day_store
from gridmap.store import plans as store
from gridmap.store.coverage import Calendar
from gridmap.store.plans import StoredPlan

LEADERS = (Role.SECRETARY, Role.CLERK)
READERS = (*LEADERS, Role.WORKER, Machine.JOB)
MAKERS = (Role.SECRETARY, Role.WORKER, Machine.JOB)

ITERATIONS = 8_000  # turns of the search for a day: half a second, within 1 % of ten times as many
SEED = 1
SHORTEST_MIN, LONGEST_MIN = 1, 720
MOST_ITERATIONS = 1_000_000

Transaction = Callable[[Actor], AbstractContextManager[Connection]]


# --- one plan ----------------------------------------------------------------------------------------------------


def make(
    con: Connection,
    actor: Actor,
    *,
    worker_id: int,
    on: date,
    at: datetime | None = None,
    seed: int = SEED,
    iterations: int | None = None,
    start_s: int | None = None,
    minutes: int | None = None,
) -> int:
    """Make and keep the plan of a worker's day; return its id, 0 when there is nothing to do.

    Workers who share a grid with him and have no plan yet get theirs at the same time, from one problem, so that no
    door is in two plans.

    Raises
    ------
    BadInput
        When the day is over, or the hours make no sense.
    Conflict
        When he is off that day, or is on his way already: then he plans anew from where he is.
    NotFound
        When there is no such worker on duty, or a worker asks for another's plan.
    """
    access.require(actor, *MAKERS)
    _whose(actor, worker_id)
    with as_job(con, actor):
        return _make(con, actor, worker_id, on, at, seed, iterations or ITERATIONS, start_s, minutes)


def _make(
    con: Connection,
    actor: Actor,
    worker_id: int,
    on: date,
    at: datetime | None,
    seed: int,
    iterations: int,
    start_s: int | None,
    minutes: int | None,
) -> int:
    job = Actor(Machine.JOB, actor.community_id)
    store.lock(con, job.community_id)
    _check_ahead(days(con, job), on, at)
    kept = store.current(con, job.community_id, worker_id, on=on)
    if kept and store.begun(con, job.community_id, kept.plan_id):
        raise Conflict("今天的走访已经开始：请从现在的位置重新安排")
    turns = turns_of(con, job, on=on)
    if worker_id not in turns:
        raise Conflict("%(on)s 没有排班", on=on)
    mine = turns[worker_id]
    if start_s is not None or minutes is not None:
        turns = {worker_id: (_cut(mine, start_s, minutes),)}
    else:
        free = {w for w in turns if w == worker_id or store.current(con, job.community_id, w, on=on) is None}
        turns = {w: t for w, t in turns.items() if w in free and w in _sharing(turns, worker_id, free)}
    ready = _ready(con, job, turns, on, at)
    if not ready.composed.candidates:
        return 0
    answer = thinking.answer(ready.composed.problem, seed, iterations)
    made = {d.worker_id: _keep(con, job, d, at) for d in drafts(ready, answer, seed=seed, iterations=iterations)}
    return made[worker_id]


def _ready(con: Connection, job: Actor, turns: Mapping[int, Sequence[Turn]], on: date, at: datetime | None) -> Ready:
    """Gather what some workers' turns of one day need, without what stands in the plans of others."""
    calendar = days(con, job)
    flat = [turn for mine in turns.values() for turn in mine]
    begun = at if at is not None and planning.local_second(at, calendar.timezone, on) >= 0 else None
    wanted = replanning.around_others(con, job, flat, on, calendar.timezone, but=tuple(turns))
    return gather(con, job, flat, at=begun, wanted=wanted)


def _keep(con: Connection, job: Actor, draft: PlanDraft, at: datetime | None) -> int:
    before = store.current(con, job.community_id, draft.worker_id, on=draft.on)
    return store.keep(con, job.community_id, draft, made_at=at, replaces_id=before.plan_id if before else None)


def _cut(turns: Sequence[Turn], start_s: int | None, minutes: int | None) -> Turn:
    """Return one turn with other hours than the shift has."""
    begin = turns[0].opens_s if start_s is None else start_s
    end = turns[-1].closes_s if minutes is None else begin + 60 * _minutes(minutes)
    if not 0 <= begin <= end <= DAY_S:
        raise BadInput("走访时间要在同一天内")
    return replace(turns[0], opens_s=begin, closes_s=end)


def _minutes(minutes: int) -> int:
    if not SHORTEST_MIN <= minutes <= LONGEST_MIN:
        raise BadInput("走访时间要在 %(low)s 到 %(high)s 分钟之间", low=SHORTEST_MIN, high=LONGEST_MIN)
    return minutes


def _check_ahead(calendar: Calendar, on: date, at: datetime | None) -> None:
    if _is_over(calendar, on, at):
        raise BadInput("%(on)s 已经过去，不能再安排", on=on)


def _is_over(calendar: Calendar, on: date, at: datetime | None) -> bool:
    return at is not None and on < at.astimezone(ZoneInfo(calendar.timezone)).date()


def _whose(actor: Actor, worker_id: int | None) -> int:
    """Return whose plan is asked for: a worker sees his own."""
    if actor.role is Role.WORKER:
        if worker_id not in {None, actor.worker_id} or not actor.worker_id:
            raise NotFound("没有这个计划")
        return actor.worker_id
    if worker_id is None:
        raise BadInput("请选一位网格员")
    return worker_id


def turns_of(
    con: Connection, actor: Actor, *, on: date, worker_ids: Sequence[int] | None = None
) -> dict[int, tuple[Turn, ...]]:
    """Return the walks of a day of all workers on duty, or of some: hours, grids, from where to where."""
    access.require(actor, Machine.JOB)
    duties = working.duties(con, actor, on=on)
    asked = [w for w in duties if worker_ids is None or w in worker_ids]
    found: dict[int, tuple[Turn, ...]] = {}
    for worker_id, begin, end, start, finish in working.shifts_of(con, actor, worker_ids=asked, on=on):
        centre = store.base(con, actor.community_id, duties[worker_id][0], on=on)
        if centre is not None:
            turn = Turn(worker_id, duties[worker_id], on, begin, end, start or centre[1:], finish or centre[1:])
            found[worker_id] = (*found.get(worker_id, ()), turn)
    return found


def _sharing(turns: Mapping[int, Sequence[Turn]], worker_id: int, free: set[int]) -> set[int]:
    """Return the workers who share grids with one, or with one who does."""
    grids = {w: set(t[0].grid_ids) for w, t in turns.items() if w in free}
    found, grew = {worker_id}, True
    while grew:
        near = {w for w in grids if any(grids[w] & grids[o] for o in found)}
        grew = not near <= found
        found |= near
    return found


# --- what a plan tells -------------------------------------------------------------------------------------------


def day(
    con: Connection, actor: Actor, *, on: date, at: datetime, worker_id: int | None = None, make: bool = True
) -> Day:
    """Return a worker's day in full; where none is planned yet and ``make`` is set, it is planned now.

    A worker gets his own; a leader anybody's. A day without anything to do, or one that is over and was never
    planned, has no stops and ``plan_id`` 0.

    Raises
    ------
    NotFound
        When there is no such worker, or it is another's and a worker asks.
    """
    access.require(actor, *READERS)
    asked = _whose(actor, worker_id)
    c = actor.community_id
    kept = store.current(con, c, asked, on=on)
    if kept is None and make:
        with as_job(con, actor):
            job = Actor(Machine.JOB, c)
            ahead = not _is_over(days(con, job), on, at) and asked in turns_of(con, job, on=on)
            plan_id = _make(con, actor, asked, on, at, SEED, ITERATIONS, None, None) if ahead else 0
            kept = store.by_id(con, c, plan_id) if plan_id else None
    if kept is None:
        return _empty(con, actor, asked, on)
    return _told(con, actor, kept, at)


def by_id(con: Connection, actor: Actor, *, plan_id: int, at: datetime) -> Day:
    """Return a plan in full, current or replaced.

    Raises
    ------
    NotFound
        When there is none, or it is another worker's.
    """
    access.require(actor, *READERS)
    kept = store.by_id(con, actor.community_id, plan_id)
    if kept is None or (actor.role is Role.WORKER and kept.worker_id != actor.worker_id):
        raise NotFound("没有这个计划")
    return _told(con, actor, kept, at)


def _told(con: Connection, actor: Actor, plan: StoredPlan, at: datetime) -> Day:
    own = sorted(actor.grid_ids) if actor.role is Role.WORKER else None
    rows = store.rows(con, actor.community_id, plan.plan_id, grid_ids=own)
    left = store.omitted(con, actor.community_id, plan.plan_id, grid_ids=own)
    if actor.account_id:
        audit.write(con, actor, "plan.view", subject=str(plan.plan_id), on=plan.on)
    return tell(con, actor, plan, rows, left, _frame(con, actor, plan.worker_id, plan.on), at=at)


def _frame(con: Connection, actor: Actor, worker_id: int, on: date) -> Frame:
    with as_job(con, actor):
        job = Actor(Machine.JOB, actor.community_id)
        name = day_store.worker_name(con, actor.community_id, worker_id)
        duties = working.duties(con, job, on=on).get(worker_id, ())
        turns = turns_of(con, job, on=on, worker_ids=[worker_id]).get(worker_id, ())
        centre = store.base(con, actor.community_id, duties[0], on=on) if duties else None
        timezone = days(con, job).timezone
    if name is None:
        raise NotFound("没有这位网格员")
    base = centre or ("", 0.0, 0.0)
    start = turns[0].start if turns else base[1:]
    end = (turns[-1].end or start) if turns else base[1:]
    hours = (turns[0].opens_s, turns[-1].closes_s) if turns else (0, 0)
    return Frame(
        timezone,
        worker_id,
        name,
        duties,
        hours,
        (base[0] if start == base[1:] else "", *start),
        (base[0] if end == base[1:] else "", *end),
    )


def _empty(con: Connection, actor: Actor, worker_id: int, on: date) -> Day:
    """Return a day on which nothing is planned."""
    frame = _frame(con, actor, worker_id, on)
    known = day_store.grids(con, actor.community_id, frame.grid_ids)
    return Day(
        on,
        frame.timezone,
        worker_id,
        frame.worker_name,
        tuple((i, *known[i]) for i in frame.grid_ids if i in known),
        0,
        None,
        frame.shift_s,
        End(*frame.start, frame.shift_s[0]),
        End(*frame.end, frame.shift_s[0]),
        (),
        (),
        (),
        (),
        0,
        0,
        0,
        thinking.OPTIMAL,
        thinking.OPTIMAL,
        0,
        0,
        0,
        0,
        ("start", "end"),
        ((0, 0), (0, 0)),
    )


def listing(con: Connection, actor: Actor, *, on: date) -> list[PlanLine]:
    """Return every worker on duty on a day with what his plan comes to."""
    access.require(actor, *LEADERS, Machine.JOB)
    return store.listing(con, actor.community_id, on=on)


def mark_done(
    con: Connection,
    actor: Actor,
    *,
    household_ids: Sequence[int] = (),
    errand_ids: Sequence[int] = (),
    on: date,
    state: StopState = StopState.DONE,
) -> int:
    """Mark stops of the day's current plans as done (or as planned again); return how many changed."""
    access.require(actor, *READERS)
    return store.mark(con, actor.community_id, household_ids=household_ids, errand_ids=errand_ids, on=on, state=state)


# --- on the way --------------------------------------------------------------------------------------------------


def replan(
    con: Connection,
    actor: Actor,
    *,
    plan_id: int,
    at: datetime,
    done: Sequence[int] = (),
    skipped: Sequence[int] = (),
    skipped_errands: Sequence[int] = (),
    not_home: Mapping[int, str] | None = None,
    minutes_left: int | None = None,
    emergency: int | None = None,
    here: tuple[float, float] | None = None,
) -> Day:
    """Plan the rest of a day anew from a moment on; nothing of ``here`` is kept.

    What is done stays as it was; skipped doors and errands are out (an errand is asked for again on another day); a
    door where nobody was at home comes back after 90 minutes ("today") or on another day; an emergency is the very
    next stop; promises stand.

    Raises
    ------
    Conflict
        When the plan was replaced by another meanwhile.
    NotFound
        When there is no such plan, or it is another worker's.
    BadInput
        When the minutes make no sense, or the emergency is not in his grids.
    """
    access.require(actor, *MAKERS)
    if minutes_left is not None:
        _minutes(minutes_left)
    changes = Changes(
        frozenset(done),
        frozenset(skipped),
        dict(not_home or {}),
        minutes_left,
        emergency,
        here,
        frozenset(skipped_errands),
    )
    with as_job(con, actor):
        job = Actor(Machine.JOB, actor.community_id)
        store.lock(con, job.community_id)
        plan = store.by_id(con, job.community_id, plan_id, for_update=True)
        if plan is None or (actor.role is Role.WORKER and plan.worker_id != actor.worker_id):
            raise NotFound("没有这个计划")
        if not plan.current:
            raise Conflict("计划已经更新：请刷新后再试")
        turns = turns_of(con, job, on=plan.on, worker_ids=[plan.worker_id]).get(plan.worker_id, ())
        draft = replanning.replan(con, job, plan, turns, changes, at=at)
        kept_id = store.keep(con, job.community_id, replanning.unlocated(draft, here), made_at=at, replaces_id=plan_id)
        kept = store.by_id(con, job.community_id, kept_id)
    if kept is None:
        raise NotFound("没有这个计划")
    frame = _frame(con, actor, kept.worker_id, kept.on)
    return tell(con, actor, kept, draft.rows, draft.omitted, frame, at=at, here=here)


# --- all of a morning --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Batch:
    """What came of planning for everybody.

    Attributes
    ----------
    made : plan by worker; begun : workers who are on their way already and were left alone; idle : nothing to do
    """

    made: dict[int, int]
    begun: tuple[int, ...]
    idle: tuple[int, ...]


def batch(
    transaction: Transaction,
    actor: Actor,
    *,
    on: date,
    executor: Executor,
    at: datetime | None = None,
    seed: int = SEED,
    iterations: int | None = None,
) -> Batch:
    """Plan a day for every worker on duty; whoever is on his way already keeps his plan.

    Problems are gathered in one transaction, solved by ``executor`` (processes of this machine or of a cluster; they
    get numbers, no names), and kept in another.

    Raises
    ------
    BadInput
        When the day is over.
    """
    access.require(actor, Role.SECRETARY, Machine.JOB)
    budget = iterations or ITERATIONS
    job = Actor(Machine.JOB, actor.community_id)
    with transaction(actor) as con, as_job(con, actor):
        _check_ahead(days(con, job), on, at)
        turns = turns_of(con, job, on=on)
        begun, before = _state(con, job, turns, on)
        free = {w: t for w, t in turns.items() if w not in begun}
        readies = [_ready(con, job, {w: free[w] for w in part}, on, at) for part in _parts(free)]
    futures = [executor.submit(thinking.answer, ready.composed.problem, seed, budget) for ready in readies]
    answers = [future.result() for future in futures]
    made: dict[int, int] = {}
    with transaction(actor) as con, as_job(con, actor):
        store.lock(con, job.community_id)
        late, now = _state(con, job, turns, on)
        for ready, answer in zip(readies, answers, strict=True):
            workers = {turn.worker_id for turn in ready.turns}
            if ready.composed.candidates and not workers & late and all(before[w] == now[w] for w in workers):
                told = planning.on_connection(ready, con, job)
                for draft in drafts(told, answer, seed=seed, iterations=budget):
                    made[draft.worker_id] = _keep(con, job, draft, at)
        begun |= late
    idle = tuple(sorted(w for w in turns if w not in begun and w not in made))
    return Batch(made, tuple(sorted(begun)), idle)


def _state(con: Connection, job: Actor, workers: Iterable[int], on: date) -> tuple[set[int], dict[int, int]]:
    """Return who is on his way already, and each worker's current plan (0 = none)."""
    plans = {w: store.current(con, job.community_id, w, on=on) for w in workers}
    begun = {w for w, plan in plans.items() if plan and store.begun(con, job.community_id, plan.plan_id)}
    return begun, {w: plan.plan_id if plan else 0 for w, plan in plans.items()}


def _parts(turns: Mapping[int, Sequence[Turn]]) -> list[list[int]]:
    """Return the workers in parts that share no grid with another part: each is a problem of its own."""
    found: list[list[int]] = []
    left = dict.fromkeys(turns)
    while left:
        part = _sharing(turns, next(iter(left)), set(left))
        found.append([w for w in turns if w in part])
        left = dict.fromkeys(w for w in left if w not in part)
    return found

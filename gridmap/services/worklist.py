"""What there is to do at which doors on a day; events, promises and the chance that a door opens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import Connection

from gridmap.domain import answering
from gridmap.domain.actors import Actor, Role
from gridmap.domain.rules import NEVER_YET, day_number, state_on, states
from gridmap.domain.working import WorkSetting, may_ring
from gridmap.domain.worklist import (
    AUDIENCES,
    EVENT_KINDS,
    Doors,
    Errand,
    Floats,
    Occasions,
    Promise,
    When,
    Worklist,
    minutes_of,
    tasks,
    visit_by,
)
from gridmap.errors import BadInput, NotFound
from gridmap.services import access
from gridmap.services.coverage import as_job, days, decided, end_of, ensure
from gridmap.services.working import READERS, change_setting, duties, set_shift, setting, shifts_of
from gridmap.store import coverage, households, working
from gridmap.store import worklist as store
from gridmap.store.coverage import Calendar, Scope

__all__ = [
    "READERS",
    "add_event",
    "add_promise",
    "addresses",
    "cancel_event",
    "cancel_promise",
    "change_setting",
    "check_promise",
    "duties",
    "grid_of_code",
    "learn",
    "promises",
    "rates",
    "set_shift",
    "setting",
    "shifts_of",
    "worklist",
]

AHEAD_DAYS = 60  # what is owed later than that depends on too much that will happen until then
ERRAND_DAYS = 7  # an errand that was not done is asked for again for so many days
LONGEST_PROMISE_H = 12


def rates(con: Connection, actor: Actor, calendar: Calendar) -> answering.Rates:
    """Return how likely doors open in this community; summed from the counts of buildings once a day."""
    access.require(actor, *READERS)
    c, today = actor.community_id, _known_until(calendar)
    summed_on, sums = working.answer_sums(con, c)
    if summed_on is None or summed_on < today:
        with as_job(con, actor):
            coverage.lock(con, c)
            if working.answer_sums(con, c)[0] == summed_on:  # nobody did it while we waited
                working.sum_answers(con, c, on=today)
            _, sums = working.answer_sums(con, c)
    return answering.learn(sums)


def _known_until(calendar: Calendar) -> date:
    return max(calendar.today, calendar.decided_on or calendar.today)


def _check_day(calendar: Calendar, on: date) -> None:
    last = _known_until(calendar) + timedelta(days=AHEAD_DAYS)
    if on > last:
        raise BadInput("日期 %(on)s 太远：最晚可以看到 %(last)s", on=on, last=last)
    if calendar.first_day is not None and on < calendar.first_day:
        raise BadInput("%(on)s 还没有数据：最早的数据是 %(first)s", on=on, first=calendar.first_day)


def _check_grids(con: Connection, actor: Actor, grid_ids: Sequence[int]) -> tuple[int, ...]:
    """Return the grids that are asked for, each once; a worker has his own only."""
    for grid_id in grid_ids:
        access.require_grid(actor, grid_id)
    if set(grid_ids) - set(store.grids(con, actor.community_id)):
        raise NotFound("没有这个网格")
    return tuple(sorted(set(grid_ids)))


def grid_of_code(con: Connection, actor: Actor, *, grid_code: str) -> int:
    """Return the grid with a code.

    Raises
    ------
    NotFound
        When there is none, or it is not the worker's.
    """
    access.require(actor, *READERS)
    grid_id = store.grid_of_code(con, actor.community_id, grid_code)
    if grid_id is None:
        raise NotFound("没有这个网格")
    access.require_grid(actor, grid_id)
    return grid_id


def addresses(con: Connection, actor: Actor, *, household_ids: Sequence[int]) -> dict[int, str]:
    """Return the addresses of some households, those the actor may see."""
    access.require(actor, *READERS)
    own = sorted(actor.grid_ids) if actor.role is Role.WORKER else None
    found = households.homes(con, actor.community_id, household_ids, grid_ids=own)
    return {household_id: home.address for household_id, home in found.items()}


def worklist(
    con: Connection, actor: Actor, *, grid_ids: Sequence[int], on: date, at: datetime | None = None
) -> Worklist:
    """Return all that some grids ask for on a day.

    Today and the days to come stand on what was decided last; a past day is decided again from history. What was
    promised, announced or left open is as known at ``at``, by default the end of ``on``; how many hours an event has
    left is then told from the end of the morning's quiet.

    Raises
    ------
    BadInput
        When the day is too far away or before the first data.
    NotFound
        When there is no such grid, or it is not the worker's.
    """
    access.require(actor, *READERS)
    calendar = days(con, actor)
    _check_day(calendar, on)
    grids = _check_grids(con, actor, grid_ids)
    zone, how = ZoneInfo(calendar.timezone), setting(con, actor)
    known_at = at or end_of(on, calendar.timezone)
    asked_at = at or datetime.combine(on, time(), zone) + timedelta(minutes=how.quiet_until_min)
    if not grids:
        return Worklist(on, (), (), ())
    doors = _doors(con, actor, calendar, grids, on)
    rules = coverage.rules(con, actor.community_id, min(on, _known_until(calendar)))
    when = When(on, asked_at, zone, how, rules)
    since = on - timedelta(days=ERRAND_DAYS)
    errands = store.errands(con, actor.community_id, grids, since=since, on=on, at=known_at)
    known = _known(con, actor.community_id, grids, doors, when, known_at, errands)
    return Worklist(on, grids, tasks(doors, known, when), tuple(errands))


def _doors(con: Connection, actor: Actor, calendar: Calendar, grids: tuple[int, ...], on: date) -> Doors:
    """Return the households of some grids as they are, or were, or will be on a day."""
    c, day = actor.community_id, day_number(on)
    ensure(con, actor, calendar, min(on, _known_until(calendar)))
    decided_on = max(calendar.decided_on or on, min(on, _known_until(calendar)))
    rows = store.doors(con, c, grids, everybody=on < decided_on)
    chance = _chances(con, actor, calendar, rows, on)
    if on >= decided_on:
        state = state_on(day, rows.due_on, rows.overdue_on, rows.state_fresh, rows.state_due, rows.state_late)
        return Doors(
            rows.household_id,
            rows.grid_id,
            rows.building_id,
            rows.entrance_id,
            rows.floor,
            rows.room,
            state,
            rows.group_bits,
            rows.period_days,
            rows.mode_bits,
            rows.overdue_on,
            rows.last_effective_on,
            rows.last_try_on,
            rows.tries,
            chance,
        )
    with as_job(con, actor):
        made = decided(con, calendar, Scope(c, ids=tuple(rows.household_id.tolist())), on)
    here = np.isin(rows.household_id, made.household_id)
    return Doors(
        rows.household_id[here],
        rows.grid_id[here],
        rows.building_id[here],
        rows.entrance_id[here],
        rows.floor[here],
        tuple(room for room, kept in zip(rows.room, here, strict=True) if kept),
        states(made, on),
        made.group_bits,
        made.period_days,
        made.mode_bits,
        made.overdue_on,
        made.last_effective_on,
        made.last_try_on,
        made.tries,
        chance[here],
    )


def _chances(con: Connection, actor: Actor, calendar: Calendar, rows: store.DoorRows, on: date) -> Floats:
    """Return the chance by band on the day that each door's building opens."""
    weekend = answering.is_weekend(on.weekday())
    known = rates(con, actor, calendar)
    buildings, first, which = np.unique(rows.building_id, return_index=True, return_inverse=True)
    counted = working.answers(con, actor.community_id, buildings.tolist(), weekend=weekend)
    none = np.zeros(len(answering.BANDS), np.int64)
    found = np.zeros((len(buildings), len(answering.BANDS)))
    for i, building_id in enumerate(buildings.tolist()):
        knocks, answers = counted.get(building_id, (none, none))
        found[i] = answering.chances(known, rows.kind[first[i]], weekend=weekend, knocks=knocks, answers=answers)
    chance: Floats = found[which]
    return chance


def _earliest(doors: Doors, told: list[tuple[int, int]]) -> dict[int, int]:
    """Return the earliest follow-up of each household that no effective visit has answered from its day on."""
    last: dict[int, int] = dict(zip(doors.household_id.tolist(), doors.last_effective_on.tolist(), strict=True))
    found: dict[int, int] = {}
    for household_id, day in told:
        if last.get(household_id, NEVER_YET) < day:
            found[household_id] = min(day, found.get(household_id, day))
    return found


def _known(
    con: Connection,
    c: int,
    grids: tuple[int, ...],
    doors: Doors,
    when: When,
    known_at: datetime,
    errands: list[Errand],
) -> Occasions:
    """Return what is known of the households at a moment beside what was decided."""
    ids = doors.household_id.tolist()
    begin, end = datetime.combine(when.on, time(), when.zone), end_of(when.on, str(when.zone))
    events = store.events(con, c, grids, at=known_at)
    promises = store.promises(con, c, grids, begin=begin, end=end)
    since = min([begin, *(event.happened_at for event in events)])
    asked = {event.household_id for event in events} | {promise.household_id for promise in promises}
    materials = store.materials(con, c, on=when.on)
    codes = sorted({m.audience for m in materials if m.audience} & set(AUDIENCES))
    return Occasions(
        events,
        promises,
        store.contacts(con, c, asked, since=since, until=known_at) if asked else (),
        _earliest(doors, store.follow_ups(con, c, grids, on=when.on, end=known_at)),
        store.still_open(con, c, "hazard", ids, at=known_at),
        store.still_open(con, c, "need", ids, at=known_at),
        frozenset(store.still_open(con, c, "dispute", ids, at=known_at)),
        frozenset(e.household_id for e in errands if e.kind == "joint" and e.household_id is not None),
        store.at_home(con, c, ids, on=when.on),
        materials,
        store.audiences(con, c, ids, year=when.on.year, codes=codes),
        frozenset(store.delivered(con, c, ids, at=known_at)) if materials else frozenset(),
    )


def learn(con: Connection, actor: Actor, *, building_ids: Sequence[int] | None = None) -> int:
    """Count anew how often doors of some buildings (None = all) opened, after visits to them; return the changed.

    Counted, not added up: a visit that was sent twice or taken back leaves no trace.
    """
    access.require(actor, *READERS)
    with as_job(con, actor):
        coverage.lock(con, actor.community_id)
        timezone = days(con, actor).timezone
        return working.count_answers(con, actor.community_id, timezone=timezone, building_ids=building_ids)


# --- events and promises ---------------------------------------------------------------------------------------------


def _own_household(con: Connection, actor: Actor, household_id: int) -> int:
    """Return the grid of a household the actor may write about."""
    grid_id = store.grid_of(con, actor.community_id, household_id)
    if grid_id is None:
        raise NotFound("没有这一户")
    if actor.role is Role.WORKER and grid_id not in actor.grid_ids:
        raise NotFound("没有这一户")
    return grid_id


def add_event(
    con: Connection, actor: Actor, *, household_id: int, kind: str, happened_at: datetime, at: datetime
) -> int:
    """Keep that something happened to a household which asks for a visit within a day; return the event's id.

    Raises
    ------
    BadInput
        When there is no such kind, or it has not happened yet.
    NotFound
        When there is no such household, or it is not in one of the worker's grids.
    """
    access.require(actor, *READERS)
    if kind not in EVENT_KINDS:
        raise BadInput("没有“%(kind)s”这类事件", kind=kind)
    if happened_at > at:
        raise BadInput("事件的时间不能晚于现在")
    return store.put_event(
        con,
        actor.community_id,
        household_id=household_id,
        grid_id=_own_household(con, actor, household_id),
        kind=kind,
        happened_at=happened_at,
        visit_by=visit_by(happened_at),
        at=at,
    )


def cancel_event(con: Connection, actor: Actor, *, event_id: int, at: datetime) -> None:
    """Take an event back: it was a mistake, or has settled itself.

    Raises
    ------
    NotFound
        When there is none that stands, or it is not in one of the worker's grids.
    """
    access.require(actor, *READERS)
    if not store.cancel(con, actor.community_id, "household_event", event_id, at=at):
        raise NotFound("没有这个事件，或已撤回")


def check_promise(starts_at: datetime, ends_at: datetime, *, how: WorkSetting, zone: ZoneInfo, at: datetime) -> None:
    """Refuse a promise that could not be kept without ringing in quiet hours, or that is over already.

    Raises
    ------
    BadInput
        With the reason in words.
    """
    begin, end = starts_at.astimezone(zone), ends_at.astimezone(zone)
    if not timedelta(0) < ends_at - starts_at <= timedelta(hours=LONGEST_PROMISE_H) or begin.date() != end.date():
        raise BadInput("约定要在同一天内，开始早于结束")
    if ends_at <= at:
        raise BadInput("约定的时间已经过去")
    told = minutes_of(Promise(0, 0, 0, starts_at, ends_at), zone)
    if not may_ring(how, *told):
        raise BadInput(
            "%(begin)s–%(end)s 有一部分在不打扰时段内：请约在 %(low)s 到 %(high)s 之间",
            begin=_clock(told[0]),
            end=_clock(told[1]),
            low=_clock(how.quiet_until_min),
            high=_clock(how.quiet_from_min),
        )


def _clock(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def add_promise(
    con: Connection, actor: Actor, *, household_id: int, starts_at: datetime, ends_at: datetime, at: datetime
) -> int:
    """Keep an appointment with a household; return its id.

    Raises
    ------
    BadInput
        When it lies in quiet hours or in the past.
    NotFound
        When there is no such household, or it is not in one of the worker's grids.
    """
    access.require(actor, *READERS)
    zone = ZoneInfo(days(con, actor).timezone)
    check_promise(starts_at, ends_at, how=setting(con, actor), zone=zone, at=at)
    return store.put_promise(
        con,
        actor.community_id,
        household_id=household_id,
        grid_id=_own_household(con, actor, household_id),
        starts_at=starts_at,
        ends_at=ends_at,
        at=at,
    )


def cancel_promise(con: Connection, actor: Actor, *, appointment_id: int, at: datetime) -> None:
    """Cancel an appointment.

    Raises
    ------
    NotFound
        When there is none that stands, or it is not in one of the worker's grids.
    """
    access.require(actor, *READERS)
    if not store.cancel(con, actor.community_id, "appointment", appointment_id, at=at):
        raise NotFound("没有这个约定，或已取消")


def promises(con: Connection, actor: Actor, *, on: date) -> list[Promise]:
    """Return the appointments of a day that stand, kept or not; a worker's own grids only."""
    access.require(actor, *READERS)
    zone = ZoneInfo(days(con, actor).timezone)
    grids = sorted(actor.grid_ids) if actor.role is Role.WORKER else store.grids(con, actor.community_id)
    begin = datetime.combine(on, time(), zone)
    return list(store.promises(con, actor.community_id, grids, begin=begin, end=end_of(on, str(zone))))

"""Coverage: what is due, what is covered, and the lists behind every number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.coverage import (
    CONTACT_DAYS,
    EVERYWHERE,
    Overview,
    State,
    previous_day,
    protected,
    shared_groups,
    total,
)
from gridmap.domain.groups import BIT, BY_CODE
from gridmap.domain.households import Door, Doors, Home, by_urgency, without_groups
from gridmap.domain.rules import NO_DAY, Decisions, day_number, day_of, decide
from gridmap.domain.rules import states as states_of
from gridmap.domain.tallies import merged, tally
from gridmap.errors import BadInput, Forbidden, NotFound
from gridmap.services import access
from gridmap.store import coverage, grid_stats, grids, households
from gridmap.store.coverage import Calendar, Scope
from gridmap.store.database import become

READERS = (Role.SECRETARY, Role.CLERK, Role.WORKER, Role.PLANNER, Machine.JOB)


@contextmanager
def as_job(con: Connection, actor: Actor) -> Iterator[None]:
    """Count with the program's own rights, then give the actor his back.

    Figures of a grid are the same whoever asks first, and a planner may not see the groups they are counted from.
    The program itself keeps them: there is nothing to give back.
    """
    access.require(actor, *READERS)
    become(con, Actor(Machine.JOB, actor.community_id))
    yield
    if actor.role is not Machine.JOB:
        become(con, actor)


def days(con: Connection, actor: Actor) -> Calendar:
    """Return the community's own days.

    Raises
    ------
    NotFound
        When there is no such community.
    """
    access.require(actor, *READERS)
    found = coverage.calendar(con, actor.community_id)
    if found is None:
        raise NotFound("没有这个社区")
    return found


def check_day(calendar: Calendar, on: date) -> None:
    """Refuse a day of which nothing can be known.

    Raises
    ------
    BadInput
        When the day is in the future or before the first data.
    """
    latest = max(calendar.today, calendar.decided_on or calendar.today)
    if on > latest:
        raise BadInput("日期 %(on)s 还没有到：请选 %(latest)s 或更早的一天", on=on, latest=latest)
    if calendar.first_day is not None and on < calendar.first_day:
        raise BadInput("%(on)s 还没有数据：最早的数据是 %(first)s", on=on, first=calendar.first_day)


def check_group(group: str | None) -> str | None:
    """Return the code of a group that may be counted; None for every household.

    Raises
    ------
    BadInput
        When there is no such group, or it belongs to another authority.
    """
    if not group:
        return None
    if group not in BY_CODE or BY_CODE[group].restricted:
        raise BadInput("没有“%(group)s”这个群体", group=group)
    return group


def end_of(on: date, timezone: str) -> datetime:
    """Return the end of a local day."""
    return datetime.combine(on + timedelta(days=1), time.min, ZoneInfo(timezone))


def decided(con: Connection, calendar: Calendar, scope: Scope, on: date) -> Decisions:
    """Decide for some households as known at the end of a day."""
    return decide(coverage.facts(con, scope, on=on, end=end_of(on, calendar.timezone), timezone=calendar.timezone), on)


def _count_past(con: Connection, calendar: Calendar, community_id: int, on: date) -> None:
    """Count a day that is over, from history, and keep the figures for good."""
    end = end_of(on, calendar.timezone)
    parts = []
    for scope in coverage.scopes(con, community_id):
        facts = coverage.facts(con, scope, on=on, end=end, timezone=calendar.timezone)
        parts.append(tally(decide(facts, on), facts.visits, coverage.open_needs(con, scope, end=end), on))
    grid_stats.keep_past(con, community_id, merged(parts), on=on)


def _count_today(
    con: Connection, calendar: Calendar, community_id: int, on: date, grid_ids: list[int] | None = None
) -> None:
    end = end_of(on, calendar.timezone)
    since = end_of(on - timedelta(days=CONTACT_DAYS), calendar.timezone)
    grid_stats.count_today(con, community_id, on=on, since=since, end=end, grid_ids=grid_ids)


def _decide_again(
    con: Connection, calendar: Calendar, community_id: int, on: date, household_ids: list[int] | None
) -> int:
    """Decide some households (None = all) for ``on`` and keep it; return how many changed."""
    if household_ids is None:
        scopes = coverage.scopes(con, community_id)
    else:
        scopes = iter([Scope(community_id, ids=tuple(household_ids))])
    return sum(coverage.keep(con, community_id, decided(con, calendar, scope, on), on=on) for scope in scopes)


def recompute(con: Connection, actor: Actor, *, on: date, household_ids: list[int] | None = None) -> int:
    """Decide households anew (None = all) after one of their facts changed, and count their grids; return the changed.

    To be called in the transaction of the change, with today's local date.

    Raises
    ------
    BadInput
        When some household has no spell on the day: nobody knows what it is, so no figure would be true.
    """
    access.require(actor, Role.SECRETARY, Role.CLERK, Role.WORKER, Machine.JOB)
    with as_job(con, actor):
        coverage.lock(con, actor.community_id)
        calendar = days(con, actor)
        on = max(on, calendar.decided_on or on)  # what is decided never goes back a day
        if household_ids is None and (missing := coverage.without_spell(con, actor.community_id, on=on)):
            raise BadInput("有 %(n)s 户没有 %(on)s 的居住状态记录，无法计算覆盖情况", n=missing, on=on)
        begun = calendar.decided_on == on and grid_stats.is_kept(con, actor.community_id, on=on, final=False)
        if not begun or household_ids is None:
            changed = _begin_day(con, calendar, actor.community_id, on, everybody=True)
        else:
            changed = _decide_again(con, calendar, actor.community_id, on, household_ids)
            grid_ids = coverage.grids_of(con, actor.community_id, household_ids)
            _count_today(con, calendar, actor.community_id, on, grid_ids)
            coverage.mark_decided(con, actor.community_id, on=on, changed=changed)
    return changed


def _begin_day(con: Connection, calendar: Calendar, community_id: int, on: date, *, everybody: bool = False) -> int:
    """Close the day before, decide what the change of the date changes (or everybody), and count every grid."""
    after = calendar.decided_on
    ids = None
    if after is not None and after < on:
        grid_stats.close(con, community_id, on=after)
    _take_borders(con, community_id, on)
    if after is not None and not everybody:
        known_at = end_of(after, calendar.timezone)
        ids = coverage.households_changed_between(con, community_id, after=after, until=on, known_at=known_at)
    changed = _decide_again(con, calendar, community_id, on, ids) if ids is None or ids else 0
    _count_today(con, calendar, community_id, on)
    coverage.mark_decided(con, community_id, on=on, changed=changed)
    return changed


def _take_borders(con: Connection, community_id: int, on: date) -> None:
    """Let borders take effect whose day has come, before the day is counted."""
    from gridmap.services import taking_effect  # a day begins with borders, and borders are counted like a day

    taking_effect.take_due(con, Actor(Machine.JOB, community_id), on=on)


def recount(con: Connection, actor: Actor, *, on: date, household_ids: Sequence[int], grid_ids: Sequence[int]) -> None:
    """Decide households that changed grid anew, and count their old and new grids: of the day that has begun."""
    access.require(actor, Machine.JOB)
    calendar = days(con, actor)
    changed = _decide_again(con, calendar, actor.community_id, on, list(household_ids)) if household_ids else 0
    _count_today(con, calendar, actor.community_id, on, list(grid_ids))
    coverage.mark_decided(con, actor.community_id, on=on, changed=changed)


def ensure(con: Connection, actor: Actor, calendar: Calendar, on: date) -> None:
    """See to it that the figures of a day are kept; nothing to do for all but its first reader."""
    access.require(actor, *READERS)
    community_id = actor.community_id
    past = calendar.decided_on is not None and on < calendar.decided_on
    if (past or on == calendar.decided_on) and grid_stats.is_kept(con, community_id, on=on, final=past):
        return
    with as_job(con, actor):
        coverage.lock(con, community_id)
        fresh = days(con, actor)  # another may have done it while we waited
        if fresh.decided_on is not None and on < fresh.decided_on:
            if not grid_stats.is_kept(con, community_id, on=on, final=True):
                _count_past(con, fresh, community_id, on)
        elif on != fresh.decided_on or not grid_stats.is_kept(con, community_id, on=on, final=False):
            _begin_day(con, fresh, community_id, on)


def overview(con: Connection, actor: Actor, *, on: date, group: str | None = None) -> Overview:
    """Return the figures of every grid the actor may see, their sum, and the same one period earlier.

    Raises
    ------
    BadInput
        When the day is in the future or before the first data, or there is no such group.
    """
    access.require(actor, *READERS)
    group = check_group(group)
    calendar = days(con, actor)
    check_day(calendar, on)
    previous_on = previous_day(on, calendar.first_day) if calendar.first_day else None
    ensure(con, actor, calendar, on)
    if previous_on is not None:
        ensure(con, actor, calendar, previous_on)
    own = sorted(actor.grid_ids) if actor.role is Role.WORKER else None
    found = grid_stats.read(con, actor.community_id, on=on, previous_on=previous_on, group=group or "", grid_ids=own)
    previous = [g.previous for g in found if g.previous is not None]
    made = Overview(
        on,
        previous_on,
        group,
        total(g.counts for g in found),
        None if previous_on is None else total(previous),
        tuple(found),
    )
    return protected(made) if actor.role is Role.PLANNER else made


def states(con: Connection, actor: Actor, *, on: date, grid_id: int) -> dict[int, int]:
    """Return the state of each household of one grid on a day, by household id.

    Raises
    ------
    NotFound
        When there is no such grid, or it is not the worker's.
    """
    access.require(actor, *READERS)
    made, homes = _of_grid(con, actor, on=on, grid_id=grid_id)
    found = zip(made.household_id.tolist(), states_of(made, on).tolist(), strict=True)
    return {household_id: state for household_id, state in found if household_id in homes}


def _of_grid(con: Connection, actor: Actor, *, on: date, grid_id: int) -> tuple[Decisions, dict[int, Home]]:
    """Return what was decided of a grid's households on a day, and where those are that the actor may see today."""
    own = sorted(actor.grid_ids) if actor.role is Role.WORKER else None
    calendar = days(con, actor)
    check_day(calendar, on)
    if grid_id != EVERYWHERE:
        access.require_grid(actor, grid_id)
        if not grids.exists(con, actor.community_id, grid_id):
            raise NotFound("没有这个网格")
    with as_job(con, actor):
        asked = own if grid_id == EVERYWHERE else [grid_id]
        ids = coverage.households_in(con, actor.community_id, asked, on=on)
        made = decided(con, calendar, Scope(actor.community_id, ids=tuple(ids)), on)
    return made, households.homes(con, actor.community_id, ids, grid_ids=own)


def _door(decisions: Decisions, i: int, state: int, home: Home, day: int) -> Door:
    due_on, overdue_on = int(decisions.due_on[i]), int(decisions.overdue_on[i])
    bits = int(decisions.group_bits[i])
    return Door(
        home.household_id,
        home.address,
        State(state),
        int(decisions.tries[i]),
        day_of(int(decisions.last_effective_on[i])),
        day_of(due_on),
        day_of(overdue_on),
        max(day - overdue_on + 1, 0) if overdue_on != NO_DAY else 0,
        tuple(code for code, bit in shared_groups() if bits & bit),
        None,
        home.lon,
        home.lat,
    )


def doors(
    con: Connection,
    actor: Actor,
    *,
    grid_id: int,
    on: date,
    state: State | None = None,
    overdue: bool = False,
    group: str | None = None,
    offset: int = 0,
    limit: int = 50,
) -> Doors:
    """Return a page of one grid's doors, or ``EVERYWHERE``, on a day, the most urgent first: the list behind a number.

    ``state`` keeps one state, ``overdue`` all whose period has ended (whatever their state is called), ``group``
    one special group. A planner gets addresses and states, but neither groups nor dates that would tell the rule.

    Raises
    ------
    Forbidden
        When a planner asks for the doors of a group.
    NotFound
        When there is no such grid, or it is not the worker's.
    """
    access.require(actor, *READERS)
    group = check_group(group)
    full = actor.role is not Role.PLANNER
    if group and not full:
        raise Forbidden("您的角色不能按群体查看住户名单")
    made, homes = _of_grid(con, actor, on=on, grid_id=grid_id)
    day, bit = day_number(on), BIT[group] if group else 0
    found = by_urgency(
        _door(made, i, state_now, homes[household_id], day)
        for i, (household_id, state_now) in enumerate(
            zip(made.household_id.tolist(), states_of(made, on).tolist(), strict=True)
        )
        if household_id in homes
        and (state is None or state_now == state)
        and (not overdue or made.overdue_on[i] <= day)
        and made.group_bits[i] & bit == bit
    )
    rows = found[offset : offset + limit]
    if not full:
        return Doors(on, grid_id, state, group, tuple(without_groups(row) for row in rows), len(found), offset, limit)
    why = households.reasons(con, actor.community_id, [row.household_id for row in rows], on=on)
    told = tuple(replace(row, reason=why.get(row.household_id)) for row in rows)
    return Doors(on, grid_id, state, group, told, len(found), offset, limit)

"""Better hours for the demo's workers: offered before they set out, taken whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text

from gridmap.domain import hours as thinking
from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.plans import Day
from gridmap.domain.working import WorkSetting
from gridmap.errors import Conflict, Forbidden, NotFound
from gridmap.services import hours, plans, working, worklist
from gridmap.services.hours import Offer
from gridmap.store import plans as store
from gridmap.store.database import Database, become

ON = date(2026, 11, 23)  # a Monday, the day after the demo's
ZONE = ZoneInfo("Asia/Shanghai")
AT = datetime(2026, 11, 23, 8, 30, tzinfo=ZONE)
FEW = 400
NINE = 9 * 3600


@pytest.fixture
def con(demo: Database) -> Iterator[Connection]:
    """Yield a connection to the demo community whose work is undone."""
    with demo.engine.connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()


@pytest.fixture
def job(con: Connection, demo_id: int) -> Actor:
    """Return the program itself, with its rights taken."""
    actor = Actor(Machine.JOB, demo_id)
    become(con, actor)
    return actor


@dataclass(frozen=True)
class Known:
    """A worker with a plan for which better hours are offered."""

    worker_id: int
    plan_id: int
    offer: Offer


@pytest.fixture
def known(con: Connection, job: Actor) -> Known:
    """Return the first worker of the demo to whom hours are offered when nothing is promised to anybody."""
    con.execute(text("DELETE FROM appointment WHERE community_id = :c"), {"c": job.community_id})
    for worker_id, turns in plans.turns_of(con, job, on=ON).items():
        if len(turns) == 1:
            plan_id = plans.make(con, job, worker_id=worker_id, on=ON, at=AT, iterations=FEW)
            if found := hours.offer(con, job, plan_id=plan_id, at=AT):
                return Known(worker_id, plan_id, found)
    raise AssertionError("nobody is offered any hours")


def met(day: Day) -> int:
    return sum(door.chance for stop in day.stops for door in stop.doors)


def owed(day: Day) -> set[int]:
    return {d.household_id for s in day.stops for d in s.doors if d.urgency == "must" or d.pinned_s}


def test_an_offer_taken_is_a_plan_of_its_own_and_more_doors_are_expected(
    con: Connection, job: Actor, known: Known
) -> None:
    before = plans.by_id(con, job, plan_id=known.plan_id, at=AT)
    made = hours.take(con, job, plan_id=known.plan_id, opens_s=known.offer.opens_s, at=AT)
    after = plans.by_id(con, job, plan_id=made, at=AT)
    assert before.shift_s == (NINE, 12 * 3600)
    assert after.shift_s == (known.offer.opens_s, known.offer.opens_s + 3 * 3600)
    assert met(after) - met(before) >= thinking.LEAST_MORE - 100  # told from few turns of the search
    assert owed(before) <= owed(after)
    told = [door.start_s for stop in after.stops for door in stop.doors]
    assert after.shift_s[0] <= min(told) <= max(told) <= after.shift_s[1]
    kept = [store.by_id(con, job.community_id, plan_id) for plan_id in (known.plan_id, made)]
    assert [(one.current, one.replaces_id) for one in kept if one] == [(False, None), (True, known.plan_id)]


def test_an_offer_leaves_the_plan_alone_until_it_is_taken(con: Connection, job: Actor, known: Known) -> None:
    current = store.current(con, job.community_id, known.worker_id, on=ON)
    assert current is not None
    assert current.plan_id == known.plan_id
    assert working.shifts_of(con, job, worker_ids=[known.worker_id], on=ON)[0][1:3] == (NINE, 12 * 3600)
    assert hours.offer(con, job, plan_id=known.plan_id, at=AT) == known.offer


def test_what_was_taken_can_be_taken_back_and_holds_when_everybody_is_planned_anew(
    con: Connection, job: Actor, known: Known
) -> None:
    made = hours.take(con, job, plan_id=known.plan_id, opens_s=known.offer.opens_s, at=AT)
    again = plans.make(con, job, worker_id=known.worker_id, on=ON, at=AT, iterations=FEW)
    assert plans.by_id(con, job, plan_id=again, at=AT).shift_s[0] == known.offer.opens_s
    with pytest.raises(Conflict):
        hours.take(con, job, plan_id=made, opens_s=NINE, at=AT)  # it was replaced meanwhile
    back = hours.take(con, job, plan_id=again, opens_s=NINE, at=AT + timedelta(minutes=40))
    assert plans.by_id(con, job, plan_id=back, at=AT).shift_s[0] == NINE
    rows = con.execute(
        text('SELECT count(*) FROM shift WHERE worker_id = :w AND "on" = :on'), {"w": known.worker_id, "on": ON}
    )
    assert rows.scalar_one() == 0  # the usual hours need no row


def test_hours_the_office_set_are_not_changed(con: Connection, job: Actor, known: Known) -> None:
    working.set_shift(con, job, worker_id=known.worker_id, on=ON, spans=[(540, 720, None, None)])
    assert hours.offer(con, job, plan_id=known.plan_id, at=AT) is None
    with pytest.raises(Conflict):
        hours.take(con, job, plan_id=known.plan_id, opens_s=known.offer.opens_s, at=AT)
    with pytest.raises(Conflict):
        working.choose_shift(con, job, worker_id=known.worker_id, on=ON, opens_s=36_000, closes_s=46_800)


def test_a_community_may_do_without_offers(con: Connection, job: Actor, known: Known) -> None:
    working.change_setting(con, job, changes={"offer_hours": False})
    assert hours.offer(con, job, plan_id=known.plan_id, at=AT) is None
    with pytest.raises(Conflict):
        hours.take(con, job, plan_id=known.plan_id, opens_s=known.offer.opens_s, at=AT)


def test_on_the_way_and_after_the_day_nothing_is_offered(con: Connection, job: Actor, known: Known) -> None:
    assert hours.offer(con, job, plan_id=known.plan_id, at=AT + timedelta(days=1)) is None
    evening = datetime(2026, 11, 23, 17, 40, tzinfo=ZONE)  # three hours more and it is quiet
    assert hours.offer(con, job, plan_id=known.plan_id, at=evening) is None
    day = plans.by_id(con, job, plan_id=known.plan_id, at=AT)
    first = day.stops[0].doors[0].household_id if day.stops[0].doors else day.stops[1].doors[0].household_id
    plans.mark_done(con, job, household_ids=[first], on=ON)
    assert hours.offer(con, job, plan_id=known.plan_id, at=AT) is None
    with pytest.raises(Conflict):
        hours.take(con, job, plan_id=known.plan_id, opens_s=known.offer.opens_s, at=AT)


def test_quiet_hours_and_odd_minutes_cannot_be_taken(con: Connection, job: Actor, known: Known) -> None:
    for clock in (0, 8 * 3600, NINE + 1, 18 * 3600, 86_399):
        with pytest.raises(Conflict):
            hours.take(con, job, plan_id=known.plan_id, opens_s=clock, at=AT)


def test_a_promise_made_meanwhile_keeps_the_walk_where_it_is(con: Connection, job: Actor, known: Known) -> None:
    day = plans.by_id(con, job, plan_id=known.plan_id, at=AT)
    door = next(d for s in day.stops for d in s.doors)
    begin, end = AT.replace(hour=10), AT.replace(hour=11)
    worklist.add_promise(con, job, household_id=door.household_id, starts_at=begin, ends_at=end, at=AT)
    made = plans.make(con, job, worker_id=known.worker_id, on=ON, at=AT, iterations=FEW)
    assert door.household_id in owed(plans.by_id(con, job, plan_id=made, at=AT))
    assert hours.offer(con, job, plan_id=made, at=AT) is None
    with pytest.raises(Conflict):
        hours.take(con, job, plan_id=made, opens_s=known.offer.opens_s, at=AT)


def test_a_worker_asks_for_his_own_plan_and_nobody_elses(con: Connection, job: Actor, known: Known) -> None:
    duties = working.duties(con, job, on=ON)
    own, other = (
        Actor(Role.WORKER, job.community_id, frozenset(duties[w]), worker_id=w)
        for w in (known.worker_id, next(w for w in duties if w != known.worker_id))
    )
    become(con, other)
    with pytest.raises(NotFound):
        hours.offer(con, other, plan_id=known.plan_id, at=AT)
    with pytest.raises(NotFound):
        hours.take(con, other, plan_id=known.plan_id, opens_s=known.offer.opens_s, at=AT)
    clerk = Actor(Role.CLERK, job.community_id)
    become(con, clerk)
    assert hours.offer(con, clerk, plan_id=known.plan_id, at=AT) == known.offer
    with pytest.raises(Forbidden):
        hours.take(con, clerk, plan_id=known.plan_id, opens_s=known.offer.opens_s, at=AT)
    become(con, own)
    assert hours.offer(con, own, plan_id=known.plan_id, at=AT) == known.offer
    made = hours.take(con, own, plan_id=known.plan_id, opens_s=known.offer.opens_s, at=AT)
    assert plans.by_id(con, own, plan_id=made, at=AT).doors_all > 0


def test_every_offer_of_a_morning_can_be_taken(con: Connection, job: Actor, *, nightly: bool) -> None:
    offered = 0
    for worker_id, turns in list(plans.turns_of(con, job, on=ON).items())[: None if nightly else 6]:
        plan_id = plans.make(con, job, worker_id=worker_id, on=ON, at=AT, iterations=FEW)
        found = hours.offer(con, job, plan_id=plan_id, at=AT)
        assert found is None or len(turns) == 1
        if found:
            offered += 1
            before, made = (
                plans.by_id(con, job, plan_id=plan_id, at=AT),
                hours.take(con, job, plan_id=plan_id, opens_s=found.opens_s, at=AT),
            )
            assert owed(before) <= owed(plans.by_id(con, job, plan_id=made, at=AT))
    assert offered
    assert WorkSetting().offer_hours

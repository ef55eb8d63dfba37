"""What becomes of a visit: what it changes, what it leaves alone, who decides when it cannot be counted."""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from outbox import visit_body
from pictures import PLAIN
from small_world import World, at
from sqlalchemy import Connection, text

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.coverage import State
from gridmap.domain.visits import Kind, Receipt, Why
from gridmap.domain.visits import State as Fate
from gridmap.errors import BadInput, Conflict, Forbidden, NotFound
from gridmap.services import coverage, held, visits
from gridmap.store.database import become

DAY = date(2026, 9, 1)
NOON = at(DAY, 12)


@dataclass
class Office:
    """A small world with a worker for each of its two grids, and a secretary."""

    world: World
    workers: list[Actor]
    secretary: Actor

    @property
    def con(self) -> Connection:
        """Return the test's connection."""
        return self.world.con

    def send(
        self,
        actor: Actor,
        body: dict[str, Any],
        moment: datetime = NOON,
        *,
        kind: str = Kind.VISIT,
        submission_id: UUID | None = None,
        ahead: timedelta = timedelta(),
    ) -> tuple[UUID, Receipt]:
        """Send a document as somebody; return its id and what he is told."""
        made = submission_id or uuid.uuid4()
        become(self.con, actor)
        receipt = visits.submit(
            self.con, actor, submission_id=made, kind=kind, version=1, captured_at=moment + ahead,
            sent_at=moment + ahead, text=json.dumps(body), at=moment,
        )  # fmt: skip
        return made, receipt

    def visit(
        self, household_id: int, moment: datetime = NOON, *, sent: datetime | None = None, **changes: Any
    ) -> UUID:
        """Let the first worker keep a visit made at a moment."""
        body = visit_body(household_id, self.world.grids[0], moment, **changes)
        made, receipt = self.send(self.workers[0], body, sent or moment)
        assert receipt.state is Fate.KEPT, receipt
        return made

    def rows(self, query: str, **values: Any) -> list[Any]:
        """Return what the program itself can read."""
        become(self.con, Actor(Machine.JOB, self.world.community_id))
        return list(self.con.execute(text(query), {"c": self.world.community_id, **values}))

    def one(self, query: str, **values: Any) -> Any:
        """Return the one row there is, or its one value."""
        (found,) = self.rows(query, **values)
        return found[0] if len(found) == 1 else tuple(found)

    def state(self, household_id: int, on: date = DAY) -> State:
        """Return what the secretary's list calls a household on a day."""
        become(self.con, self.secretary)
        grid = self.world.grid_of(household_id)
        return State(coverage.states(self.con, self.secretary, on=on, grid_id=grid)[household_id])

    def waiting(self, actor: Actor | None = None) -> list[Any]:
        """Return what waits for a decision, as somebody sees it; the secretary unless told who."""
        become(self.con, actor or self.secretary)
        return held.listing(self.con, actor or self.secretary)

    def move(self, household_id: int, grid: int) -> None:
        """Draw the border anew: the household is in another grid from today on."""
        self.rows("SELECT 1")
        self.con.execute(
            text("UPDATE household SET grid_id = :g WHERE community_id = :c AND id = :h"),
            {"g": self.world.grids[grid], "c": self.world.community_id, "h": household_id},
        )
        self.world.end_spell(household_id, DAY)
        self.world.spell(household_id, grid, "occupied", DAY)

    def approve(self, submission_id: UUID, moment: datetime = NOON, household_id: int | None = None) -> None:
        """Let the secretary keep something."""
        become(self.con, self.secretary)
        held.approve(self.con, self.secretary, submission_id=submission_id, household_id=household_id, at=moment)


@pytest.fixture
def office(con: Connection, community_id: int) -> Office:
    world = World(con, community_id)
    become(con, Actor(Machine.OPERATOR))
    ids = [
        con.execute(
            text(
                "INSERT INTO account (community_id, username, name, role, worker_id)"
                " VALUES (:c, :u, :u, :r, :w) RETURNING id"
            ),
            {"c": community_id, "u": name, "r": role, "w": worker},
        ).scalar_one()
        for name, role, worker in [
            ("first", "worker", world.workers[0]),
            ("second", "worker", world.workers[1]),
            ("boss", "secretary", None),
        ]
    ]
    workers = [
        Actor(Role.WORKER, community_id, frozenset([world.grids[i]]), ids[i], worker_id=world.workers[i])
        for i in (0, 1)
    ]
    become(con, Actor(Machine.JOB, community_id))
    return Office(world, workers, Actor(Role.SECRETARY, community_id, account_id=ids[2]))


def test_a_visit_writes_all_that_was_told_at_the_door(office: Office) -> None:
    home = office.world.household()
    person = office.world.resident(home, "甲")
    material = office.world.put("material", code="guide", name="手册", valid_from=DAY - timedelta(days=9))
    made = office.visit(
        home,
        resident_id=person,
        materials=[material],
        needs=[{"kind": "repair", "summary": "灯不亮"}, {"kind": "care", "summary": "买药"}],
        hazards=[{"kind": "gas", "note": "软管老化"}],
        dispute={"summary": "漏水"},
        consent="given",
        follow_up_on="2026-09-08",
        note="好",
        availability=[{"weekdays": [0, 6], "from_min": 1080, "until_min": 1200}],
        appointment={"starts_at": at(DAY + timedelta(days=2), 15).isoformat(),
                     "ends_at": at(DAY + timedelta(days=2), 16).isoformat()},
        event={"kind": "fall", "happened_at": at(DAY, 9).isoformat()},
    )  # fmt: skip
    for table, count in [
        ("need", 2), ("hazard", 1), ("dispute", 1), ("material_delivery", 1), ("availability", 1), ("appointment", 1),
    ]:  # fmt: skip
        assert office.one(f"SELECT count(*) FROM {table} WHERE visit_id = :v", v=made) == count, table
    assert office.one("SELECT weekday_bits FROM availability WHERE visit_id = :v", v=made) == 0b1000001
    assert office.one("SELECT visit_by - happened_at FROM household_event") == timedelta(hours=24)
    row = office.rows("SELECT worker_id, made_in_grid_id, resident_id, recorded_at, consent, note FROM visit")
    assert tuple(row[0]) == (office.world.workers[0], office.world.grids[0], person, NOON, "given", "好")
    assert office.state(home) is State.COVERED
    assert office.one("SELECT last_effective_on FROM household WHERE id = :h", h=home) == DAY
    counts = office.rows("SELECT knocks, answers FROM answer_count")
    assert [tuple(row) for row in counts] == [(1, 1)]  # the building has learned that its doors open


def test_nobody_home_is_a_try_and_no_contact(office: Office) -> None:
    home = office.world.household()
    office.visit(home, result="nobody")
    assert office.state(home) is State.NO_ANSWER
    assert office.one("SELECT tries FROM household WHERE id = :h", h=home) == 1


def test_moved_is_known_from_the_day_it_is_told_and_yesterday_stays(office: Office) -> None:
    home = office.world.household()
    office.visit(home, at(DAY - timedelta(days=20)))
    office.visit(home, at(DAY - timedelta(days=3)), sent=NOON, result="moved")
    assert office.state(home) is State.MOVED
    assert office.state(home, DAY - timedelta(days=1)) is State.COVERED
    office.visit(home, NOON + timedelta(hours=1))  # somebody new lives there
    assert office.state(home) is State.COVERED


def test_an_older_finding_that_arrives_late_changes_nothing(office: Office) -> None:
    home = office.world.household()
    office.visit(home, at(DAY, 11))
    office.visit(home, at(DAY, 10), sent=NOON, result="moved")
    assert office.state(home) is State.COVERED
    assert office.one("SELECT count(*) FROM household_spell WHERE household_id = :h", h=home) == 1


def test_a_clear_refusal_stands_until_consent_is_given(office: Office) -> None:
    home = office.world.household()
    office.visit(home, at(DAY, 9), result="refused", consent="withheld")
    assert office.one("SELECT standing FROM household WHERE id = :h", h=home) == "refused"
    later = at(DAY + timedelta(days=1))
    office.visit(home, later)
    assert office.one("SELECT standing FROM household WHERE id = :h", h=home) == "refused"
    office.visit(home, later + timedelta(hours=1), consent="given")
    assert office.one("SELECT standing FROM household WHERE id = :h", h=home) == "occupied"


HOURS = {"weekdays": [1], "from_min": 600, "until_min": 700}


def test_what_was_told_last_of_hours_and_promises_stands_in_whatever_order_it_arrives(office: Office) -> None:
    home, thursday = office.world.household(), at(DAY + timedelta(days=2), 15)

    def promise(starts: datetime) -> dict[str, str]:
        return {"starts_at": starts.isoformat(), "ends_at": (starts + timedelta(hours=1)).isoformat()}

    first = office.visit(home, at(DAY, 9), availability=[HOURS], appointment=promise(thursday))
    last = office.visit(
        home, at(DAY, 11), availability=[HOURS | {"from_min": 610}], appointment=promise(thursday + timedelta(days=1))
    )
    between = office.visit(
        home, at(DAY, 10), sent=NOON, availability=[HOURS | {"from_min": 620}],
        appointment=promise(thursday + timedelta(days=2)),
    )  # fmt: skip
    assert office.rows("SELECT visit_id FROM availability WHERE valid_to IS NULL") == [(last,)]
    assert office.rows("SELECT visit_id FROM appointment WHERE cancelled_at IS NULL") == [(last,)]
    assert office.one("SELECT count(*) FROM appointment WHERE visit_id IN (:a, :b)", a=first, b=between) == 2
    office.visit(home, NOON, result="refused")
    assert office.rows("SELECT visit_id FROM appointment WHERE cancelled_at IS NULL") == []


def test_who_lives_there_no_more_costs_no_visit_but_unknown_material_waits(office: Office) -> None:
    home, other = office.world.household(), office.world.household()
    stranger = office.world.resident(other, "乙")
    made = office.visit(home, resident_id=stranger)
    assert office.one("SELECT resident_id FROM visit WHERE id = :v", v=made) is None
    _, receipt = office.send(office.workers[0], visit_body(home, office.world.grids[0], NOON, materials=[77]))
    assert (receipt.state, receipt.reason) == (Fate.HELD, Why.UNKNOWN_MATERIAL)


# --- held ----------------------------------------------------------------------------------------------------------


def test_a_promise_at_night_waits_while_its_visit_counts(office: Office) -> None:
    home, night = office.world.household(), at(DAY + timedelta(days=1), 22)
    body = visit_body(
        home, office.world.grids[0], NOON,
        appointment={"starts_at": night.isoformat(), "ends_at": (night + timedelta(minutes=20)).isoformat()},
    )  # fmt: skip
    made, receipt = office.send(office.workers[0], body)
    assert (receipt.state, receipt.reason) == (Fate.HELD, Why.QUIET)
    assert office.state(home) is State.COVERED
    assert office.one("SELECT count(*) FROM appointment") == 0
    (item,) = office.waiting()
    assert item.counted
    office.approve(made)
    assert office.rows("SELECT starts_at FROM appointment") == [(night,)]
    assert office.one("SELECT count(*) FROM visit WHERE id = :v", v=made) == 1
    assert office.waiting() == []


def test_a_household_that_moved_to_another_grid_loses_nobodys_work(office: Office) -> None:
    """The lesson others learned for three months of pay disputes: the scope moved, and the work was silently lost."""
    home, made_at = office.world.household(), at(DAY - timedelta(days=2), 10)
    body = visit_body(home, office.world.grids[0], made_at, needs=[{"kind": "care", "summary": "买药"}])
    office.move(home, 1)
    made, receipt = office.send(office.workers[0], body)
    assert (receipt.state, receipt.reason) == (Fate.HELD, Why.ELSEWHERE)
    assert office.one("SELECT count(*) FROM visit") == 0
    (own,) = office.waiting(office.workers[0])
    assert (own.submission_id, own.address, own.home_grid) == (made, None, None)  # where it is now is not told him
    assert office.waiting(office.workers[1]) == []
    (item,) = office.waiting()
    assert (item.household_id, item.home_grid, item.worker_name) == (home, "第2网格", "员1")
    decided = NOON + timedelta(days=1)
    office.approve(made, decided)
    row = office.rows("SELECT household_id, grid_id, made_in_grid_id, worker_id, visited_at, recorded_at FROM visit")
    assert tuple(row[0]) == (
        home, office.world.grids[1], office.world.grids[0], office.world.workers[0], made_at, decided,
    )  # fmt: skip
    assert office.one("SELECT last_effective_on FROM household WHERE id = :h", h=home) == made_at.date()
    assert office.one("SELECT count(*) FROM need WHERE visit_id = :v", v=made) == 1
    assert office.state(home, DAY) is State.NEVER  # known only from the decision on
    assert office.state(home, decided.date()) is State.COVERED
    _, again = office.send(office.workers[0], body, submission_id=made)
    assert again.state is Fate.KEPT


def test_a_household_that_is_gone_or_never_was_looks_the_same_to_the_worker(office: Office) -> None:
    gone, elsewhere = office.world.household(), office.world.household(1)
    office.rows("SELECT 1")
    office.con.execute(text("DELETE FROM household WHERE id = :h"), {"h": gone})
    found = [
        office.send(office.workers[0], visit_body(home, office.world.grids[0], NOON))[1]
        for home in (gone, elsewhere, 2**60)
    ]
    assert {(receipt.state, receipt.reason) for receipt in found} == {(Fate.HELD, Why.ELSEWHERE)}
    shown = [(i.address, i.home_grid) for i in office.waiting(office.workers[0])]
    assert shown == [(None, None)] * 3


def test_a_leader_keeps_a_visit_for_another_household(office: Office) -> None:
    gone, right = office.world.household(), office.world.household(1)
    made, _ = office.send(office.workers[0], visit_body(10**9 + gone, office.world.grids[0], NOON))
    with pytest.raises(BadInput):
        office.approve(made)
    # what failed changed nothing in the same transaction of a real request; here the test goes on in its own
    office.con.execute(text("UPDATE submission SET state = 'held' WHERE id = :i"), {"i": made})
    office.approve(made, household_id=right)
    assert office.state(right) is State.COVERED
    assert office.one("SELECT made_in_grid_id FROM visit") == office.world.grids[0]


def test_a_worker_who_changed_grids_has_his_work_held_not_lost(office: Office) -> None:
    home = office.world.household()
    gone_over = replace(office.workers[0], grid_ids=frozenset([office.world.grids[1]]))
    made, receipt = office.send(gone_over, visit_body(home, office.world.grids[0], NOON))
    assert (receipt.state, receipt.reason) == (Fate.HELD, Why.NOT_ASSIGNED)
    office.approve(made)
    assert office.state(home) is State.COVERED
    assert office.one("SELECT worker_id FROM visit") == office.world.workers[0]


def test_a_leader_may_record_anywhere(office: Office) -> None:
    home = office.world.household(1)
    _, receipt = office.send(office.secretary, visit_body(home, office.world.grids[1], NOON, mode="phone"))
    assert receipt.state is Fate.KEPT
    assert office.one("SELECT worker_id FROM visit") is None


def test_what_is_dropped_needs_a_reason_stays_and_counts_nowhere(office: Office) -> None:
    home = office.world.household()
    body = visit_body(home, office.world.grids[0], NOON + timedelta(days=2))
    made, receipt = office.send(office.workers[0], body)
    assert receipt.reason == Why.FUTURE
    become(office.con, office.secretary)
    with pytest.raises(BadInput):
        held.drop(office.con, office.secretary, submission_id=made, note="", at=NOON)
    held.drop(office.con, office.secretary, submission_id=made, note="手机坏了", at=NOON)
    for decide in (
        lambda: office.approve(made),
        lambda: held.drop(office.con, office.secretary, submission_id=made, note="x", at=NOON),
    ):
        become(office.con, office.secretary)
        with pytest.raises(Conflict):
            decide()
    assert office.rows("SELECT state, decision_note, body IS NOT NULL FROM submission") == [
        ("dropped", "手机坏了", True)
    ]
    assert office.one("SELECT count(*) FROM visit") == 0
    _, again = office.send(office.workers[0], body, submission_id=made)
    assert again.state is Fate.DROPPED


def test_only_leaders_decide(office: Office) -> None:
    become(office.con, office.workers[0])
    with pytest.raises(Forbidden):
        held.drop(office.con, office.workers[0], submission_id=uuid.uuid4(), note="x", at=NOON)
    with pytest.raises(Forbidden):
        held.approve(office.con, office.workers[0], submission_id=uuid.uuid4(), at=NOON)
    with pytest.raises(NotFound):
        office.approve(uuid.uuid4())


def test_a_visit_that_waits_for_the_figures_of_a_closed_day_is_known_from_the_next(office: Office) -> None:
    home = office.world.household()
    tomorrow = DAY + timedelta(days=1)
    become(office.con, office.secretary)
    coverage.recompute(office.con, office.secretary, on=tomorrow)  # midnight passed, and somebody looked already
    before = coverage.overview(office.con, office.secretary, on=DAY)
    made = office.visit(home, at(DAY, 23))
    assert office.one("SELECT recorded_at FROM visit WHERE id = :v", v=made) == at(tomorrow, 0)
    become(office.con, office.secretary)
    assert coverage.overview(office.con, office.secretary, on=DAY) == before
    assert office.state(home, tomorrow) is State.COVERED


# --- withdrawn -----------------------------------------------------------------------------------------------------


def withdraw(office: Office, made: UUID, home: int, moment: datetime, actor: Actor | None = None) -> Receipt:
    body = {"visit_id": str(made), "household_id": home, "in_grid_id": office.world.grids[0]}
    return office.send(actor or office.workers[0], body, moment, kind=Kind.WITHDRAWAL)[1]


def test_a_withdrawn_visit_counts_until_it_was_withdrawn_and_no_longer(office: Office) -> None:
    home = office.world.household()
    office.visit(home, at(DAY - timedelta(days=80)))
    made = office.visit(home, at(DAY, 10), result="moved", needs=[{"kind": "care", "summary": "买药"}])
    assert office.state(home) is State.MOVED
    next_day = NOON + timedelta(days=1)
    assert withdraw(office, made, home, next_day).state is Fate.KEPT
    assert office.state(home, next_day.date()) is State.DUE_SOON
    assert office.state(home, DAY) is State.MOVED
    assert office.one("SELECT last_effective_on FROM household WHERE id = :h", h=home) == DAY - timedelta(days=80)
    assert office.one("SELECT count(*) FROM need WHERE closed_at IS NULL") == 0
    become(office.con, office.secretary)
    today = coverage.overview(office.con, office.secretary, on=next_day.date())
    assert (today.total.attempts, today.total.open_needs) == (0, 0)
    then = coverage.overview(office.con, office.secretary, on=DAY)
    assert (then.total.attempts, then.total.open_needs) == (1, 1)


def test_only_ones_own_visits_of_a_week_are_withdrawn(office: Office) -> None:
    home = office.world.household()
    made = office.visit(home)
    both = replace(office.workers[1], grid_ids=frozenset(office.world.grids))
    assert withdraw(office, made, home, NOON, both).reason == Why.NO_VISIT
    assert withdraw(office, made, home, NOON + timedelta(days=8)).reason == Why.TOO_LATE
    assert office.one("SELECT withdrawn_at FROM visit") is None
    office.approve(
        next(i.submission_id for i in office.waiting() if i.reason == Why.TOO_LATE), NOON + timedelta(days=9)
    )
    assert office.one("SELECT withdrawn_at FROM visit") == NOON + timedelta(days=9)


def test_a_withdrawal_that_overtakes_its_visit_waits_for_it(office: Office) -> None:
    home, made = office.world.household(), uuid.uuid4()
    assert withdraw(office, made, home, NOON).reason == Why.NO_VISIT
    body = visit_body(home, office.world.grids[0], NOON)
    assert office.send(office.workers[0], body, submission_id=made)[1].state is Fate.KEPT
    assert office.one("SELECT withdrawn_at FROM visit WHERE id = :v", v=made) == NOON
    assert office.state(home) is State.NEVER
    assert office.waiting() == []


# --- beside the visit ----------------------------------------------------------------------------------------------


def test_a_picture_is_kept_once_and_shown_to_whom_it_concerns(office: Office) -> None:
    home = office.world.household()
    made = office.visit(home)
    body = {
        "visit_id": str(made), "household_id": home, "in_grid_id": office.world.grids[0], "taken_at": NOON.isoformat(),
        "jpeg": base64.b64encode(PLAIN).decode(),
    }  # fmt: skip
    picture, receipt = office.send(office.workers[0], body, kind=Kind.PHOTO)
    assert receipt.state is Fate.KEPT
    assert office.one("SELECT body FROM submission WHERE id = :i", i=picture) == ""
    assert office.send(office.workers[0], body, kind=Kind.PHOTO, submission_id=picture)[1] == receipt
    with pytest.raises(Conflict):
        office.send(office.workers[0], body | {"jpeg": ""}, kind=Kind.PHOTO, submission_id=picture)
    for actor in (office.workers[0], office.secretary):
        become(office.con, actor)
        assert held.photo(office.con, actor, photo_id=picture) == PLAIN
    colleague = replace(office.workers[1], grid_ids=frozenset(office.world.grids))
    become(office.con, colleague)
    with pytest.raises(NotFound):
        held.photo(office.con, colleague, photo_id=picture)
    office.move(home, 1)
    become(office.con, office.workers[0])
    with pytest.raises(NotFound):
        held.photo(office.con, office.workers[0], photo_id=picture)


def test_a_joint_visit_is_done_when_somebody_was_met(office: Office) -> None:
    home = office.world.household()
    become(office.con, Actor(Machine.JOB, office.world.community_id))
    for on, kind in ((DAY, "joint"), (DAY + timedelta(days=1), "joint"), (DAY, "environment")):
        office.con.execute(
            text(
                'INSERT INTO errand (community_id, grid_id, kind, title, household_id, "on", minutes, at)'
                " VALUES (:c, :g, :k, '联合入户', :h, :on, 20, ST_SetSRID(ST_MakePoint(105.2815, 27.3005), 4490))"
            ),
            {"c": office.world.community_id, "g": office.world.grids[0], "k": kind, "h": home, "on": on},
        )
    office.visit(home, NOON, result="nobody")
    assert office.rows("SELECT done_at FROM errand WHERE done_at IS NOT NULL") == []
    office.visit(home, NOON)
    assert office.rows("SELECT done_at FROM errand ORDER BY id") == [(NOON,), (None,), (None,)]


def test_an_errand_is_done_once_and_only_where_one_works(office: Office) -> None:
    office.rows("SELECT 1")
    errands = [
        office.con.execute(
            text(
                'INSERT INTO errand (community_id, grid_id, kind, title, "on", minutes, at)'
                " VALUES (:c, :g, 'facility', '检查充电点', :on, 5, ST_SetSRID(ST_MakePoint(105.2815, 27.3005), 4490))"
                " RETURNING id"
            ),
            {"c": office.world.community_id, "g": grid, "on": DAY},
        ).scalar_one()
        for grid in office.world.grids
    ]

    def done(errand: int, moment: datetime) -> Receipt:
        body = {"errand_id": errand, "in_grid_id": office.world.grids[0], "done_at": moment.isoformat()}
        return office.send(office.workers[0], body, moment, kind=Kind.ERRAND)[1]

    assert done(errands[0], NOON).state is Fate.KEPT
    assert done(errands[0], NOON + timedelta(hours=1)).state is Fate.KEPT
    assert done(errands[1], NOON).reason == Why.NO_ERRAND
    assert office.rows("SELECT done_at FROM errand ORDER BY id") == [(NOON,), (None,)]


def test_the_door_is_done_in_the_plan_of_the_day(office: Office) -> None:
    home = office.world.household()
    office.rows("SELECT 1")
    plan = office.world.put(
        "plan", worker_id=office.world.workers[0], grid_id=office.world.grids[0], on=DAY, start_s=0, end_s=9, seed=1,
        iterations=1, solver="x", network_mark=0, input_hash=bytes(32), choice_status="optimal",
        order_status="optimal", objective=0, bound=0,
    )  # fmt: skip
    office.world.put(
        "plan_stop", None, plan_id=plan, number=1, grid_id=office.world.grids[0], kind="door", household_id=home,
        arrive_s=0, start_s=0, leave_s=0, walk_s=0, vertical_s=0, walk_m=0,
    )  # fmt: skip
    office.visit(home, result="nobody")
    assert office.one("SELECT state FROM plan_stop") == "done"

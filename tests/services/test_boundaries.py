"""Drafts of borders on the demo: held by one, edited in steps that can be undone, brought up to date, thrown away."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
import shapely
from conftest import DEMO_DAY
from sqlalchemy import Connection, create_engine, event, text
from two_communities import MORNING as MOMENT
from two_communities import Small

from gridmap.domain import partition
from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.boundaries import LEASE_MIN, DraftGrid, Origin, Plan, PlanState, fingerprint, packed, usual_name
from gridmap.errors import BadInput, Conflict, Forbidden, NotFound
from gridmap.services import boundaries
from gridmap.store import boundaries as store
from gridmap.store.database import Database, become

TOMORROW = DEMO_DAY + timedelta(days=1)


@dataclass
class Office:
    """The demo with its planner, a second one, and a secretary, in one transaction that is undone."""

    con: Connection
    community_id: int
    now: datetime

    def __post_init__(self) -> None:
        become(self.con, Actor(Machine.OPERATOR))
        self.planner = self._actor(Role.PLANNER)
        self.secretary = self._actor(Role.SECRETARY)
        self.clerk = self._actor(Role.CLERK)
        other = self.con.execute(
            text(
                "INSERT INTO account (community_id, username, name, role)"
                " VALUES (:c, 'planner-2', '第二位规划员', 'planner') RETURNING id"
            ),
            {"c": self.community_id},
        ).scalar_one()
        self.other = Actor(Role.PLANNER, self.community_id, account_id=other)
        self.job = Actor(Machine.JOB, self.community_id)
        self.worker = Actor(Role.WORKER, self.community_id, frozenset([1]), worker_id=1)

    def _actor(self, role: Role) -> Actor:
        query = "SELECT id FROM account WHERE community_id = :c AND role = :r ORDER BY id LIMIT 1"
        found = self.con.execute(text(query), {"c": self.community_id, "r": role}).scalar_one()
        return Actor(role, self.community_id, account_id=found)

    def by(self, actor: Actor, wish: Callable[..., Any], **values: Any) -> Any:
        """Let somebody wish for something with his own rights."""
        become(self.con, actor)
        return wish(self.con, actor, **values)

    def begin(self, actor: Actor | None = None, **values: Any) -> int:
        """Begin a draft."""
        given = {"title": "调整东边的网格", "at": self.now, "on": DEMO_DAY} | values
        return int(self.by(actor or self.planner, boundaries.begin, **given))

    def grids(self, plan_id: int) -> dict[int, DraftGrid]:
        """Return the grids as a draft has them."""
        return {g.key: g for g in self.by(self.planner, boundaries.grids, plan_id=plan_id)}

    def plan(self, plan_id: int) -> Plan:
        """Return a draft."""
        found = self.by(self.planner, boundaries.plan, plan_id=plan_id)
        assert isinstance(found, Plan)
        return found

    def edit(self, plan_id: int, operation: Any, actor: Actor | None = None, at: datetime | None = None) -> Plan:
        """Edit the newest state of a draft."""
        return self.do(boundaries.edit, plan_id, actor=actor, at=at, operation=operation)

    def do(
        self,
        wish: Callable[..., Any],
        plan_id: int,
        actor: Actor | None = None,
        at: datetime | None = None,
        **values: Any,
    ) -> Plan:
        """Do something to the newest state of a draft."""
        revision = self.plan(plan_id).revision
        found = self.by(actor or self.planner, wish, plan_id=plan_id, revision=revision, at=at or self.now, **values)
        assert isinstance(found, Plan)
        return found

    def publish(self, changed: list[DraftGrid], on: date = DEMO_DAY) -> int:
        """Let other borders take effect by hand; return the version."""
        become(self.con, self.job)
        self.by(self.job, boundaries.versions)
        for grid in changed:
            values = {"c": self.community_id, "g": grid.key, "on": on}
            self.con.execute(
                text("UPDATE grid_version SET valid_to = :on WHERE community_id = :c AND grid_id = :g"), values
            )
            if grid.boundary is not None:
                degrees = partition.degrees(grid.boundary)
                self.con.execute(
                    text(
                        "INSERT INTO grid_version"
                        " (community_id, grid_id, valid_from, boundary, label_at, label_radius_m)"
                        " SELECT :c, :g, :on, shape, ST_PointOnSurface(shape), 9"
                        " FROM (SELECT ST_GeomFromText(:b, 4490) AS shape) AS drawn"
                    ),
                    values | {"b": degrees.wkt},
                )
        whole = store.of_day(self.con, self.community_id, on=on)
        return store.add_version(
            self.con,
            self.community_id,
            effect_on=on,
            digest=fingerprint(whole),
            changed=[g.key for g in changed],
            account_id=self.secretary.account_id,
            reason="书记的方案",
        )


@pytest.fixture
def office(demo: Database, demo_id: int, demo_clock: Callable[[], datetime]) -> Iterator[Office]:
    """Yield the demo's office; what it does is undone."""
    assert demo_clock
    with demo.engine.connect() as connection:
        transaction = connection.begin()
        yield Office(connection, demo_id, demo_clock())
        transaction.rollback()


def corners(grids: dict[int, DraftGrid]) -> dict[tuple[int, int], set[int]]:
    """Return which grids have each corner."""
    found: dict[tuple[int, int], set[int]] = {}
    for key, grid in grids.items():
        for x, y in shapely.get_coordinates(grid.boundary).astype(int).tolist():
            found.setdefault((x, y), set()).add(key)
    return found


def owners(grids: dict[int, DraftGrid], corner: tuple[int, int]) -> set[int]:
    """Return the grids that have a corner."""
    return corners(grids).get(corner, set())


def nudge(grids: dict[int, DraftGrid], keys: set[int] | None = None, by: int = 60) -> partition.Move:
    """Return a small move of a corner that two grids share: of any two, or of two certain ones."""
    shared = sorted(at for at, have in corners(grids).items() if have == keys or (keys is None and len(have) == 2))
    corner = shared[len(shared) // 2]
    return partition.Move(corner, (corner[0] + by, corner[1] + by))


def neighbours(grids: dict[int, DraftGrid]) -> list[set[int]]:
    """Return pairs of grids that share many corners, no grid in two pairs."""
    shared = Counter(frozenset(have) for have in corners(grids).values() if len(have) == 2)
    found: list[set[int]] = []
    for pair, n in sorted(shared.items(), key=lambda item: (-item[1], sorted(item[0]))):
        if n > 3 and not any(pair & other for other in found):
            found.append(set(pair))
    return found


# --- versions and drafts -----------------------------------------------------------------------------------------


def test_the_first_version_is_what_was_loaded_and_is_made_once(office: Office) -> None:
    first = office.by(office.clerk, boundaries.versions)
    again = office.by(office.planner, boundaries.versions)
    assert first == again
    assert len(first) == 1
    assert first[0].until is None
    assert first[0].hash == fingerprint(office.by(office.job, boundaries.present, on=DEMO_DAY))
    assert first[0].effect_on <= DEMO_DAY


def test_a_draft_begins_as_the_borders_in_force_and_is_held_by_who_began_it(office: Office) -> None:
    plan_id = office.begin(title="  东边 ", source={"why": "新楼"})
    found = office.plan(plan_id)
    assert (found.title, found.state, found.origin) == ("东边", PlanState.DRAFT, Origin.DRAWN)
    assert (found.revision, found.edits, found.undone, found.changed) == (0, 0, 0, 0)
    assert found.holder_id == office.planner.account_id
    assert found.holder_name
    assert found.lease_until == office.now + timedelta(minutes=LEASE_MIN)
    assert office.by(office.clerk, boundaries.source, plan_id=plan_id) == {"why": "新楼"}
    now = office.by(office.planner, boundaries.present, on=DEMO_DAY)
    assert packed(office.grids(plan_id).values()) == packed(now)


@pytest.mark.parametrize("title", ["", "   ", "长" * 121])
def test_a_draft_needs_a_name(office: Office, title: str) -> None:
    with pytest.raises(BadInput):
        office.begin(title=title)


def test_stored_borders_come_back_to_the_last_unit(office: Office) -> None:
    become(office.con, office.job)
    rows = office.con.execute(
        text("SELECT grid_id, ST_AsText(boundary, 15) FROM grid_version WHERE community_id = :c"),
        {"c": office.community_id},
    )
    stored = {row[0]: partition.whole(shapely.from_wkt(row[1])) for row in rows}
    assert stored
    for grid in office.by(office.job, boundaries.present, on=DEMO_DAY):
        assert grid.boundary is not None
        assert shapely.to_wkb(grid.boundary) == shapely.to_wkb(stored[grid.key])


def test_a_whole_partition_makes_a_draft_of_what_differs(office: Office) -> None:
    now = {g.key: g for g in office.by(office.planner, boundaries.present, on=DEMO_DAY)}
    first, second = sorted(neighbours(now)[0])
    joined = partition.apply(
        partition.Patch({k: g.boundary for k, g in now.items() if g.boundary}), partition.Join(first, second)
    )
    grids = [g for key, g in now.items() if key not in joined.after]
    grids.append(DraftGrid(-1, 40, "合并的网格", "general", joined.after[first]))
    plan_id = office.begin(origin=Origin.IMPORT, grids=grids)
    found = office.grids(plan_id)
    assert set(found) == (set(now) - {first, second}) | {-1}
    assert office.plan(plan_id).changed == 3
    before, after = office.by(office.clerk, boundaries.changes, plan_id=plan_id)
    assert {g.key for g in before} == {first, second}
    assert {g.key: g.boundary is None for g in after} == {first: True, second: True, -1: False}


def test_what_is_no_partition_begins_no_draft(office: Office) -> None:
    now = office.by(office.planner, boundaries.present, on=DEMO_DAY)
    half = [replace(now[0], boundary=shapely.transform(now[0].boundary, lambda c: c + 0.5)), *now[1:]]
    for grids in (
        half,
        [*now, replace(now[0], key=0)],
        [*now, replace(now[0], key=10**6)],
        [*now, replace(now[0], key=-1)],
    ):
        with pytest.raises(BadInput):
            office.begin(grids=grids)


# --- edits -------------------------------------------------------------------------------------------------------


def test_a_preview_writes_nothing_and_tells_what_would_change(office: Office) -> None:
    plan_id = office.begin()
    before = office.grids(plan_id)
    operation = nudge(before)
    found = office.by(office.planner, boundaries.preview, plan_id=plan_id, operation=operation)
    changed = owners(before, operation.at)
    assert {g.key for g in found.before} == {g.key for g in found.after} == changed
    assert {e.key for e in found.effects} == changed
    assert not {g.key for g in found.around} & changed
    assert all(operation.to in set(g.boundary.exterior.coords) for g in found.after)
    assert packed(office.grids(plan_id).values()) == packed(before.values())
    assert office.plan(plan_id).revision == found.revision == 0


def test_an_edit_changes_all_grids_of_a_border_at_once(office: Office) -> None:
    plan_id = office.begin()
    before = office.grids(plan_id)
    operation = nudge(before)
    told = office.edit(plan_id, operation)
    after = office.grids(plan_id)
    assert owners(after, operation.to) == owners(before, operation.at)
    assert not owners(after, operation.at)
    assert (told.revision, told.edits, told.changed) == (1, 1, 2)
    done = office.by(office.clerk, boundaries.edits, plan_id=plan_id)
    assert [(e.kind, e.detail["at"], set(e.keys)) for e in done] == [
        ("move", list(operation.at), owners(before, operation.at))
    ]


def test_undone_to_the_beginning_a_draft_is_the_same_to_the_byte_and_redone_as_well(office: Office) -> None:
    plan_id = office.begin()
    states = [packed(office.grids(plan_id).values())]
    for turn in range(6):
        grids = office.grids(plan_id)
        if turn == 2:
            keep, gone = sorted(neighbours(grids)[0])
            office.edit(plan_id, partition.Join(keep, gone))
        elif turn == 4:
            office.do(boundaries.rename, plan_id, key=min(grids), name="河边网格")
        else:
            office.edit(plan_id, nudge(grids, neighbours(grids)[turn % 3], by=40 + 7 * turn))
        states.append(packed(office.grids(plan_id).values()))
    assert len(set(states)) == 7
    for state in states[-2::-1]:
        office.do(boundaries.undo, plan_id)
        assert packed(office.grids(plan_id).values()) == state
    found = office.plan(plan_id)
    assert (found.edits, found.undone, found.changed, found.revision) == (0, 6, 0, 12)
    with pytest.raises(NotFound):
        office.do(boundaries.undo, plan_id)
    for state in states[1:]:
        office.do(boundaries.redo, plan_id)
        assert packed(office.grids(plan_id).values()) == state
    with pytest.raises(NotFound):
        office.do(boundaries.redo, plan_id)


def test_chance_edits_leave_a_partition_and_are_undone_to_the_byte(office: Office, nightly: bool) -> None:
    plan_id = office.begin()
    start = packed(office.grids(plan_id).values())
    area = sum(partition.twice_area(g.boundary) for g in office.grids(plan_id).values() if g.boundary)
    rng = np.random.default_rng(7)
    for turn in range(400 if nightly else 40):
        grids = office.grids(plan_id)
        at = sorted(corners(grids))[int(rng.integers(len(corners(grids))))]
        to = (at[0] + int(rng.integers(-400, 400)), at[1] + int(rng.integers(-400, 400)))
        some = sorted(neighbours(grids), key=sorted)[turn % 3]
        operation = partition.Join(*sorted(some)) if turn % 13 == 12 else partition.Move(at, to)
        with contextlib.suppress(BadInput):  # half of what is drawn at random cannot be
            office.edit(plan_id, operation)
        if turn % 7 == 6:
            office.do(boundaries.undo, plan_id)
    told = office.plan(plan_id)
    assert told.edits > 5
    after = {key: g.boundary for key, g in office.grids(plan_id).items() if g.boundary is not None}
    assert not partition.faults(after)
    assert sum(map(partition.twice_area, after.values())) == area
    for _ in range(told.edits):
        office.do(boundaries.undo, plan_id)
    assert packed(office.grids(plan_id).values()) == start
    assert office.plan(plan_id).changed == 0


def test_a_border_drawn_back_by_hand_leaves_nothing_that_differs(office: Office) -> None:
    plan_id = office.begin()
    before = office.grids(plan_id)
    there = nudge(before)
    office.edit(plan_id, there)
    assert office.edit(plan_id, partition.Move(there.to, there.at)).changed == 0
    assert packed(office.grids(plan_id).values()) == packed(before.values())
    office.do(boundaries.undo, plan_id)
    office.do(boundaries.undo, plan_id)
    assert packed(office.grids(plan_id).values()) == packed(before.values())


def test_a_new_edit_forgets_what_was_undone(office: Office) -> None:
    plan_id = office.begin()
    grids = office.grids(plan_id)
    for by in (40, 60):
        office.edit(plan_id, nudge(office.grids(plan_id), neighbours(grids)[0], by=by))
    office.do(boundaries.undo, plan_id)
    told = office.do(boundaries.rename, plan_id, key=min(grids), name="河边网格")
    assert (told.edits, told.undone) == (2, 0)
    with pytest.raises(NotFound):
        office.do(boundaries.redo, plan_id)
    assert [e.number for e in office.by(office.clerk, boundaries.edits, plan_id=plan_id)] == [2, 1]


def test_a_cut_adds_a_grid_with_the_next_number_and_its_kind(office: Office) -> None:
    plan_id = office.begin()
    grids = office.grids(plan_id)
    commercial = next(g for g in grids.values() if g.kind == "commercial")
    assert commercial.boundary is not None
    west, south, east, north = commercial.boundary.bounds
    middle = commercial.boundary.representative_point()
    line = ((round(middle.x), round(south) - 500), (round(middle.x) + 3, round(north) + 500))
    assert west < middle.x < east
    office.edit(plan_id, partition.Cut(commercial.key, line, -77))
    added = [g for g in office.grids(plan_id).values() if g.key < 0]
    assert [(g.key, g.number, g.name, g.kind) for g in added] == [(-1, 20, usual_name(20), "commercial")]
    office.do(boundaries.undo, plan_id)
    assert set(office.grids(plan_id)) == set(grids)
    office.edit(plan_id, partition.Cut(commercial.key, line, -1))
    assert {key for key in office.grids(plan_id) if key < 0} <= {-1, -2}
    with pytest.raises(BadInput):
        office.do(boundaries.assign, plan_id, key=commercial.key, worker_id=1)
    key = min(office.grids(plan_id))
    worker = office.con.execute(
        text("SELECT min(id) FROM worker WHERE community_id = :c"), {"c": office.community_id}
    ).scalar_one()
    office.do(boundaries.assign, plan_id, key=key, worker_id=worker)
    assert office.grids(plan_id)[key].worker_id == worker
    with pytest.raises(NotFound):
        office.do(boundaries.assign, plan_id, key=key, worker_id=10**9)


def test_what_cannot_be_drawn_is_refused_and_changes_nothing(office: Office) -> None:
    plan_id = office.begin()
    before = packed(office.grids(plan_id).values())
    for operation in (
        partition.Move((0, 0), (5, 5)),
        partition.Join(1, 10**9),
        partition.Cut(10**9, ((0, 0), (9, 9)), -1),
    ):
        with pytest.raises(BadInput):
            office.edit(plan_id, operation)
    assert packed(office.grids(plan_id).values()) == before
    assert office.plan(plan_id).revision == 0


def test_a_locked_grid_keeps_its_border_until_it_is_unlocked(office: Office) -> None:
    plan_id = office.begin()
    grids = office.grids(plan_id)
    pair = neighbours(grids)[0]
    assert office.do(boundaries.set_lock, plan_id, key=min(pair), locked=True).locked == {min(pair)}
    with pytest.raises(BadInput):
        office.edit(plan_id, nudge(grids, pair))
    assert office.do(boundaries.undo, plan_id).locked == frozenset()
    office.edit(plan_id, nudge(grids, pair))
    assert office.do(boundaries.undo, plan_id).locked == frozenset()
    assert office.do(boundaries.set_lock, plan_id, key=max(pair), locked=True).locked == {max(pair)}
    assert office.do(boundaries.set_lock, plan_id, key=max(pair), locked=False).locked == frozenset()
    with pytest.raises(BadInput):
        office.do(boundaries.set_lock, plan_id, key=max(pair), locked=False)
    with pytest.raises(NotFound):
        office.do(boundaries.set_lock, plan_id, key=10**9, locked=True)


def test_names_and_kinds_are_edits_too(office: Office) -> None:
    plan_id = office.begin()
    key = min(office.grids(plan_id))
    office.do(boundaries.rename, plan_id, key=key, name=" 河边网格 ")
    assert office.do(boundaries.set_kind, plan_id, key=key, kind="commercial").changed == 1
    found = office.grids(plan_id)[key]
    assert (found.name, found.kind) == ("河边网格", "commercial")
    with pytest.raises(BadInput):
        office.do(boundaries.rename, plan_id, key=key, name="河边网格")  # nothing would change
    for name in ("", "长" * 41):
        with pytest.raises(BadInput):
            office.do(boundaries.rename, plan_id, key=key, name=name)
    with pytest.raises(BadInput):
        office.do(boundaries.set_kind, plan_id, key=key, kind="park")
    with pytest.raises(NotFound):
        office.do(boundaries.rename, plan_id, key=10**9, name="别处")
    office.do(boundaries.undo, plan_id)
    office.do(boundaries.undo, plan_id)
    assert office.plan(plan_id).changed == 0


# --- one holder --------------------------------------------------------------------------------------------------


def test_who_edits_an_older_state_is_told_the_newer_one(office: Office) -> None:
    plan_id = office.begin()
    office.edit(plan_id, nudge(office.grids(plan_id)))
    with pytest.raises(Conflict) as caught:
        office.by(
            office.planner,
            boundaries.edit,
            plan_id=plan_id,
            revision=0,
            operation=nudge(office.grids(plan_id)),
            at=office.now,
        )
    assert caught.value.values["revision"] == 1


def test_a_second_planner_reads_who_holds_it_and_waits_until_the_lease_has_ended(office: Office) -> None:
    plan_id = office.begin()
    with pytest.raises(Conflict) as caught:
        office.by(office.other, boundaries.hold, plan_id=plan_id, at=office.now + timedelta(minutes=LEASE_MIN - 1))
    assert caught.value.values["name"] == office.plan(plan_id).holder_name
    assert caught.value.values["since"] == office.now
    with pytest.raises(Conflict):
        office.edit(plan_id, nudge(office.grids(plan_id)), actor=office.other)
    later = office.now + timedelta(minutes=LEASE_MIN)
    taken = office.by(office.other, boundaries.hold, plan_id=plan_id, at=later)
    assert (taken.holder_id, taken.held_since) == (office.other.account_id, later)
    with pytest.raises(Conflict):
        office.edit(plan_id, nudge(office.grids(plan_id)), at=later)


def test_each_edit_renews_the_lease_and_holding_again_does_not_begin_anew(office: Office) -> None:
    plan_id = office.begin()
    later = office.now + timedelta(minutes=10)
    told = office.edit(plan_id, nudge(office.grids(plan_id)), at=later)
    assert told.lease_until == later + timedelta(minutes=LEASE_MIN)
    again = office.by(office.planner, boundaries.hold, plan_id=plan_id, at=office.now)
    assert again.lease_until == told.lease_until  # a clock that is behind does not shorten it
    assert again.held_since == office.now


def test_a_draft_that_nobody_holds_is_taken_by_its_first_editor(office: Office) -> None:
    plan_id = office.begin()
    assert office.by(office.planner, boundaries.release, plan_id=plan_id).holder_id == 0
    assert office.by(office.other, boundaries.release, plan_id=plan_id).holder_id == 0
    told = office.edit(plan_id, nudge(office.grids(plan_id)), actor=office.other)
    assert told.holder_id == office.other.account_id
    assert office.by(office.planner, boundaries.release, plan_id=plan_id).holder_id == office.other.account_id


def test_a_secretary_takes_it_at_once_and_says_why(office: Office) -> None:
    plan_id = office.begin()
    with pytest.raises(Forbidden):
        office.by(office.other, boundaries.hold, plan_id=plan_id, at=office.now, force_reason="急")
    for reason in ("", "  "):
        with pytest.raises(BadInput):
            office.by(office.secretary, boundaries.hold, plan_id=plan_id, at=office.now, force_reason=reason)
    taken = office.by(office.secretary, boundaries.hold, plan_id=plan_id, at=office.now, force_reason="规划员请假")
    assert taken.holder_id == office.secretary.account_id
    become(office.con, Actor(Role.ADMIN, office.community_id))
    told = office.con.execute(
        text("SELECT detail ->> 'reason' FROM audit_event WHERE action = 'boundary.take_over'")
    ).scalar_one()
    assert told == "规划员请假"


def test_the_program_edits_what_nobody_holds(office: Office) -> None:
    plan_id = office.begin(office.job)
    assert office.plan(plan_id).holder_id == 0
    assert office.edit(plan_id, nudge(office.grids(plan_id)), actor=office.job).edits == 1
    office.by(office.planner, boundaries.hold, plan_id=plan_id, at=office.now)
    with pytest.raises(Conflict):
        office.edit(plan_id, nudge(office.grids(plan_id)), actor=office.job)


def test_only_the_office_reads_drafts_and_only_planners_and_secretaries_edit(office: Office) -> None:
    plan_id = office.begin()
    driver = Actor(Role.DRIVER, office.community_id, account_id=9)
    for actor in (office.worker, driver):
        for wish, values in (
            (boundaries.versions, {}),
            (boundaries.plans, {}),
            (boundaries.plan, {"plan_id": plan_id}),
            (boundaries.grids, {"plan_id": plan_id}),
            (boundaries.comments, {"plan_id": plan_id}),
        ):
            with pytest.raises(Forbidden):
                office.by(actor, wish, **values)
    for wish, values in (
        (boundaries.begin, {"title": "x", "at": office.now, "on": DEMO_DAY}),
        (boundaries.hold, {"plan_id": plan_id, "at": office.now}),
        (boundaries.undo, {"plan_id": plan_id, "revision": 0, "at": office.now}),
        (boundaries.discard, {"plan_id": plan_id, "at": office.now}),
        (boundaries.comment, {"plan_id": plan_id, "words": "x", "at": office.now}),
    ):
        with pytest.raises(Forbidden):
            office.by(office.clerk, wish, **values)
    assert [p.plan_id for p in office.by(office.clerk, boundaries.plans, states=[PlanState.DRAFT])] == [plan_id]
    assert office.by(office.clerk, boundaries.plans, states=[PlanState.APPROVED]) == []


# --- many at once ------------------------------------------------------------------------------------------------

THREADS, ROUNDS = 50, 2_000  # of the nightly run
CONNECTIONS = 16  # of the threads together: the test's server is shared
Take = Callable[[Connection, int], bool]


@dataclass
class Contest:
    """Accounts that want the same draft of the first small community, each in a transaction of its own."""

    database: Database
    community_id: int
    plan_id: int
    accounts: list[int]
    together: int = 0  # who believe just now that they hold it
    most: int = 0
    held: int = 0  # times that somebody held it

    def __post_init__(self) -> None:
        self.lock = threading.Lock()
        self.engine = create_engine(
            self.database.url, isolation_level="AUTOCOMMIT", pool_size=CONNECTIONS, max_overflow=0, pool_timeout=120
        )
        event.listen(self.engine, "connect", self._as_planner)

    def _as_planner(self, raw: Any, _record: Any) -> None:
        """Give a new connection a planner's rights for as long as it lives: each statement is a transaction."""
        raw.execute("SELECT set_config('app.community', %s, false)", [str(self.community_id)])
        raw.execute("SELECT set_config('role', 'gridmap_planner', false)")
        raw.commit()

    def take(self, con: Connection, account: int) -> bool:
        """Try to hold the draft as the product does."""
        until = MOMENT + timedelta(minutes=LEASE_MIN)
        return store.hold(con, self.community_id, self.plan_id, account_id=account, at=MOMENT, until=until)

    def take_naively(self, con: Connection, account: int) -> bool:
        """Look first whether it is free, then write: what the product must not do."""
        values = {"c": self.community_id, "p": self.plan_id, "a": account, "until": MOMENT + timedelta(minutes=1)}
        query = "SELECT holder_id FROM boundary_plan WHERE community_id = :c AND id = :p"
        if con.execute(text(query), values).scalar_one() is not None:
            return False
        con.execute(
            text(
                "UPDATE boundary_plan SET holder_id = :a, lease_until = :until, held_since = :until"
                " WHERE community_id = :c AND id = :p"
            ),
            values,
        )
        return True

    def run(self, take: Take, rounds: int) -> None:
        """Let every account try so often."""

        def compete(account: int) -> None:
            for _ in range(rounds):
                with self.engine.connect() as con:
                    if take(con, account):
                        self._inside(con, account)

        with ThreadPoolExecutor(THREADS) as pool:
            for future in [pool.submit(compete, account) for account in self.accounts]:
                future.result()
        self.engine.dispose()

    def _inside(self, con: Connection, account: int) -> None:
        with self.lock:
            self.together += 1
            self.held += 1
            self.most = max(self.most, self.together)
        time.sleep(0.0002)  # as long as an edit at least
        with self.lock:
            self.together -= 1
        store.release(con, self.community_id, self.plan_id, account_id=account)


@pytest.fixture
def contest(small: Small) -> Iterator[Contest]:
    """Yield a draft nobody holds and fifty planners who want it."""
    community_id = small.communities[1]
    with small.database.transaction(Actor(Machine.OPERATOR)) as con:
        made = con.execute(
            text(
                "INSERT INTO account (community_id, username, name, role)"
                " SELECT :c, 'contest-' || i, '规划员' || i, 'planner' FROM generate_series(1, :n) AS i"
                " ON CONFLICT (username) DO UPDATE SET name = excluded.name RETURNING id"
            ),
            {"c": community_id, "n": THREADS},
        )
        accounts = [int(i) for i in made.scalars()]
    job = Actor(Machine.JOB, community_id)
    with small.database.transaction(job) as con:
        plan_id = boundaries.begin(con, job, title="争着改", at=MOMENT, on=MOMENT.date())
    yield Contest(small.database, community_id, plan_id, accounts)
    with small.database.transaction(job) as con:
        boundaries.discard(con, job, plan_id=plan_id, at=MOMENT + timedelta(days=1))


def test_a_draft_never_has_two_holders(contest: Contest, nightly: bool, tell: Callable[[str], None]) -> None:
    rounds = ROUNDS if nightly else ROUNDS // 10
    contest.run(contest.take, rounds)
    tell(f"{THREADS} threads x {rounds} rounds, held {contest.held} times, at most {contest.most} at once")
    assert contest.most == 1
    assert contest.held >= rounds


def test_looking_first_and_writing_then_would_give_two_holders(contest: Contest) -> None:
    contest.run(contest.take_naively, 20)
    assert contest.most > 1


def test_of_many_who_come_at_once_one_holds_it_and_all_others_are_told_who(contest: Contest) -> None:
    begun = threading.Barrier(8)

    def ask(account: int) -> Plan | Conflict:
        actor = Actor(Role.PLANNER, contest.community_id, account_id=account)
        begun.wait(60)
        try:
            with contest.database.transaction(actor) as con:
                return boundaries.hold(con, actor, plan_id=contest.plan_id, at=MOMENT)
        except Conflict as error:
            return error

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, contest.accounts[:8]))
    held = [answer for answer in answers if isinstance(answer, Plan)]
    assert len(held) == 1
    assert {a.values["name"] for a in answers if isinstance(a, Conflict)} == {held[0].holder_name}
    assert {a.values["since"] for a in answers if isinstance(a, Conflict)} == {MOMENT}


def test_of_two_edits_at_once_one_is_kept_and_the_other_told_the_newer_state(contest: Contest) -> None:
    actor = Actor(Role.PLANNER, contest.community_id, account_id=contest.accounts[0])
    begun = threading.Barrier(2)

    def name(words: str) -> str:
        begun.wait(60)
        try:
            with contest.database.transaction(actor) as con:
                made = boundaries.rename(
                    con, actor, plan_id=contest.plan_id, revision=0, key=key, name=words, at=MOMENT
                )
                return f"kept: {made.revision}"
        except Conflict as error:
            return f"newer: {error.values['revision']}"

    with contest.database.transaction(actor) as con:
        key = boundaries.grids(con, actor, plan_id=contest.plan_id)[0].key
    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(name, ["甲", "乙"])) == ["kept: 1", "newer: 1"]
    with contest.database.transaction(actor) as con:
        assert len(boundaries.edits(con, actor, plan_id=contest.plan_id)) == 1


# --- comments, throwing away -------------------------------------------------------------------------------------


def test_a_draft_is_talked_about(office: Office) -> None:
    plan_id = office.begin()
    office.by(office.planner, boundaries.comment, plan_id=plan_id, words=" 河东三栋归二号？ ", at=office.now)
    office.by(office.secretary, boundaries.comment, plan_id=plan_id, words="可以", at=office.now + timedelta(minutes=1))
    found = office.by(office.clerk, boundaries.comments, plan_id=plan_id)
    assert [c.words for c in found] == ["河东三栋归二号？", "可以"]
    assert all(c.account_name for c in found)
    for words in ("", " ", "长" * 2001):
        with pytest.raises(BadInput):
            office.by(office.planner, boundaries.comment, plan_id=plan_id, words=words, at=office.now)


def test_a_draft_thrown_away_can_be_read_but_not_edited(office: Office) -> None:
    plan_id = office.begin()
    with pytest.raises(Conflict):
        office.by(office.other, boundaries.discard, plan_id=plan_id, at=office.now)
    told = office.by(office.planner, boundaries.discard, plan_id=plan_id, at=office.now)
    assert (told.state, told.holder_id) == (PlanState.DISCARDED, 0)
    assert office.grids(plan_id)
    for wish, values in (
        (boundaries.hold, {"at": office.now}),
        (boundaries.discard, {"at": office.now}),
        (boundaries.undo, {"at": office.now, "revision": told.revision}),
        (boundaries.rebase, {"at": office.now}),
        (boundaries.preview, {"operation": nudge(office.grids(plan_id))}),
    ):
        with pytest.raises(Conflict):
            office.by(office.planner, wish, plan_id=plan_id, **values)


def test_another_communitys_draft_does_not_exist(office: Office) -> None:
    plan_id = office.begin()
    stranger = Actor(Role.PLANNER, office.community_id + 1, account_id=office.planner.account_id)
    for wish, values in (
        (boundaries.plan, {}),
        (boundaries.grids, {}),
        (boundaries.changes, {}),
        (boundaries.comments, {}),
        (boundaries.edits, {}),
        (boundaries.hold, {"at": office.now}),
        (boundaries.release, {}),
        (boundaries.discard, {"at": office.now}),
        (boundaries.rebase, {"at": office.now}),
        (boundaries.undo, {"revision": 0, "at": office.now}),
        (boundaries.preview, {"operation": partition.Join(1, 2)}),
    ):
        with pytest.raises(NotFound):
            office.by(stranger, wish, plan_id=plan_id, **values)


# --- stale drafts ------------------------------------------------------------------------------------------------


def test_a_stale_draft_of_other_grids_is_merged(office: Office) -> None:
    plan_id = office.begin()
    before = office.grids(plan_id)
    mine, theirs = neighbours(before)[0], neighbours(before)[-1]
    office.edit(plan_id, nudge(before, mine))
    own = {k: g for k, g in office.grids(plan_id).items() if k in mine}
    shapes = {key: grid.boundary for key, grid in before.items() if grid.boundary is not None}
    made = partition.apply(partition.Patch(shapes), nudge(before, theirs))
    published = [replace(before[key], boundary=shape) for key, shape in made.after.items()]
    version = office.publish(published)
    with pytest.raises(Conflict):
        office.edit(plan_id, nudge(office.grids(plan_id), mine))
    merged = office.by(office.planner, boundaries.rebase, plan_id=plan_id, at=office.now)
    assert (merged.base_id, merged.revision, merged.changed) == (version, 2, 2)
    after = office.grids(plan_id)
    for grid in (*own.values(), *published):
        assert packed([after[grid.key]]) == packed([grid])
    assert not partition.faults({key: grid.boundary for key, grid in after.items() if grid.boundary is not None})
    assert office.by(office.planner, boundaries.rebase, plan_id=plan_id, at=office.now) == merged  # nothing to do
    office.do(boundaries.undo, plan_id)
    assert packed([office.grids(plan_id)[key] for key in mine]) == packed([before[key] for key in mine])


def test_a_stale_draft_of_the_same_grids_is_refused_with_the_difference(office: Office) -> None:
    plan_id = office.begin()
    before = office.grids(plan_id)
    pair = neighbours(before)[0]
    office.edit(plan_id, nudge(before, pair))
    shapes = {key: grid.boundary for key, grid in before.items() if grid.boundary is not None}
    made = partition.apply(partition.Patch(shapes), nudge(before, pair, by=-50))
    office.publish([replace(before[key], boundary=shape) for key, shape in made.after.items()])
    with pytest.raises(Conflict) as caught:
        office.by(office.planner, boundaries.rebase, plan_id=plan_id, at=office.now)
    told = caught.value.values
    assert set(told["keys"]) == pair  # type: ignore[call-overload]
    assert told["numbers"] == "、".join(str(before[key].number) for key in sorted(pair))
    assert (told["name"], told["on"]) == (office.by(office.job, boundaries.versions)[-1].account_name, DEMO_DAY)
    assert office.plan(plan_id).revision == 1


def test_a_step_is_not_undone_over_what_a_version_has_changed(office: Office) -> None:
    plan_id = office.begin()
    before = office.grids(plan_id)
    pair = neighbours(before)[0]
    there = nudge(before, pair)
    office.edit(plan_id, there)
    office.edit(plan_id, partition.Move(there.to, there.at))  # as in force again: the draft touches nothing
    shapes = {key: grid.boundary for key, grid in before.items() if grid.boundary is not None}
    made = partition.apply(partition.Patch(shapes), nudge(before, pair, by=-50))
    office.publish([replace(before[key], boundary=shape) for key, shape in made.after.items()])
    office.by(office.planner, boundaries.rebase, plan_id=plan_id, at=office.now)
    with pytest.raises(Conflict):
        office.do(boundaries.undo, plan_id)
    after = office.grids(plan_id)
    assert not partition.faults({key: grid.boundary for key, grid in after.items() if grid.boundary is not None})

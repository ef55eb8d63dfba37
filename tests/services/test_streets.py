"""Streets: a planner's edit reaches the next plan at once, is dated, can be taken back; who lives within minutes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from conftest import DEMO_DAY
from sqlalchemy import Connection, text

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.walking import Floats, Leg
from gridmap.errors import BadInput, Forbidden, NotFound
from gridmap.services import streets, worklist
from gridmap.services.streets import AddGate, AddLift, AddPath, Change, CloseGate, OpenGate, RemoveEdge, SetHours
from gridmap.store.database import Database, become

TOMORROW = DEMO_DAY + timedelta(days=1)
FORENOON = (9 * 3600, 12 * 3600)
EVENING = (18 * 3600, 20 * 3600)


class Town:
    """The demo with a planner and a worker in one transaction that is undone."""

    def __init__(self, con: Connection, community_id: int) -> None:
        self.con = con
        become(con, Actor(Machine.OPERATOR))
        account = {
            role: con.execute(
                text("SELECT id FROM account WHERE community_id = :c AND role = :r ORDER BY id LIMIT 1"),
                {"c": community_id, "r": role},
            ).scalar_one()
            for role in ("planner", "secretary")
        }
        self.planner = Actor(Role.PLANNER, community_id, account_id=account["planner"])
        self.secretary = Actor(Role.SECRETARY, community_id, account_id=account["secretary"])
        self.job = Actor(Machine.JOB, community_id)
        become(con, self.job)
        grid = con.execute(text("SELECT min(id) FROM grid WHERE community_id = :c"), {"c": community_id}).scalar_one()
        self.worker = Actor(Role.WORKER, community_id, frozenset([grid]), account_id=2, worker_id=1)
        self.entrances = [
            int(i)
            for i in con.execute(
                text("SELECT id FROM entrance WHERE community_id = :c ORDER BY id"), {"c": community_id}
            ).scalars()
        ]

    def edit(self, change: Change, on: date = DEMO_DAY) -> streets.Edited:
        """Change the streets as the planner."""
        become(self.con, self.planner)
        return streets.edit(self.con, self.planner, change=change, on=on)

    def undo(self, on: date = DEMO_DAY) -> streets.Edited:
        """Take the last edit back as the planner."""
        become(self.con, self.planner)
        return streets.undo(self.con, self.planner, on=on)

    def matrix(self, on: date = DEMO_DAY, during: tuple[int, int] | None = None) -> Floats:
        """Return what a worker's plan would be made of."""
        become(self.con, self.worker)
        way = streets.walker(self.con, self.worker, on=on)
        spots = streets.entrance_spots(self.con, self.worker, on=on, entrance_ids=self.entrances)
        return way.matrix(spots, during=during)

    def leg(self, i: int, j: int, on: date = DEMO_DAY) -> Leg:
        """Return a worker's way from one entrance to another."""
        become(self.con, self.worker)
        way = streets.walker(self.con, self.worker, on=on)
        spots = streets.entrance_spots(self.con, self.worker, on=on, entrance_ids=self.entrances)
        found = way.leg(spots, i, spots, j)
        assert found is not None
        return found

    def drawn(self, kind: str, on: date = DEMO_DAY) -> list[streets.DrawnEdge]:
        """Return the streets of a kind."""
        become(self.con, self.planner)
        return [one for one in streets.edges(self.con, self.planner, on=on)[0] if one.edge.kind == kind]

    def row(self, query: str, **values: Any) -> Any:
        """Return one row of the community, as the program itself."""
        become(self.con, self.job)
        return self.con.execute(text(query), {"c": self.job.community_id, **values}).one()


@pytest.fixture
def town(demo: Database, demo_id: int) -> Iterator[Town]:
    with demo.engine.connect() as con:
        transaction = con.begin()
        yield Town(con, demo_id)
        transaction.rollback()


def test_the_demo_ties_every_entrance_and_lists_the_few_that_are_far(town: Town) -> None:
    become(town.con, town.job)
    found = streets.summary(town.con, town.job, on=DEMO_DAY)
    assert (found.pieces, found.main_share) == (1, 1.0)
    assert found.entrances["unreachable"] == 0
    assert found.entrances["ok"] > 0.99 * len(town.entrances)
    listed = streets.unreached(town.con, town.job, on=DEMO_DAY)
    assert len(listed) == found.entrances["far"]
    assert all(one.distance_m is not None and one.distance_m > 60 for one in listed)
    assert np.isfinite(town.matrix()).all()
    assert {"gate", "steps", "lift", "compound"} <= set(found.kinds)


def test_a_gates_hours_count_for_the_whole_time_on_the_way(town: Town) -> None:
    forenoon, evening = town.matrix(during=FORENOON), town.matrix(during=EVENING)
    assert np.array_equal(forenoon, town.matrix())
    assert (evening >= forenoon - 1e-9).all()
    assert (evening > forenoon + 1).any()


def test_a_planners_edit_reaches_the_next_plan_at_once(town: Town) -> None:
    before = town.matrix()
    gate = town.drawn("gate")[3]
    edited = town.edit(CloseGate(gate.edge.edge_id))
    after = town.matrix()
    assert (after > before + 1).sum() > 100
    assert (after >= before - 0.01).all()
    version = "SELECT network_mark, map_version FROM community WHERE id = :c"
    assert town.row(version)[0] == edited.mark
    opened = town.edit(OpenGate(edited.edge_ids[0]))
    assert opened.mark != edited.mark
    assert np.abs(town.matrix() - before).max() < 0.01


def test_a_new_path_is_walked_and_a_street_that_is_gone_is_not(town: Town) -> None:
    before = town.matrix()
    i, j = np.unravel_index(int(np.where(np.isfinite(before), before, 0).argmax()), before.shape)
    way = town.leg(int(i), int(j))
    become(town.con, town.planner)
    ends = streets.lonlat(town.con, town.planner, xy=way.xy[[1, -2]])
    made = town.edit(AddPath(tuple(map(tuple, ends.tolist())), "compound", "直路"))
    assert made.edge_ids
    shorter = town.matrix()
    assert shorter[i, j] < before[i, j] - 60
    assert any(kind == "compound" for kind, *_ in town.leg(int(i), int(j)).parts)
    for edge in town.drawn("compound"):
        if edge.edge.name == "直路":
            town.edit(RemoveEdge(edge.edge.edge_id))
    gone = town.matrix()
    assert np.abs(gone - before)[np.isfinite(before)].max() < 1.0  # the streets it was joined to stay cut there


def test_an_edit_is_dated_and_the_days_before_stay_as_they_were(town: Town) -> None:
    before = town.matrix()
    gate = town.drawn("gate")[3].edge
    town.edit(CloseGate(gate.edge_id), TOMORROW)
    assert np.array_equal(town.matrix(DEMO_DAY), before)
    assert not np.array_equal(town.matrix(TOMORROW), before)
    kept = town.row("SELECT valid_to, (SELECT max(id) FROM street_edge) FROM street_edge WHERE id = :e", e=gate.edge_id)
    assert kept[0] == TOMORROW
    town.undo(TOMORROW + timedelta(days=2))
    assert np.array_equal(town.matrix(DEMO_DAY), before)
    assert not np.array_equal(town.matrix(TOMORROW), before)
    assert np.abs(town.matrix(TOMORROW + timedelta(days=2)) - before).max() < 1e-6


def test_two_edits_of_one_day_leave_one_row(town: Town) -> None:
    gate = town.drawn("gate")[0].edge
    first = town.edit(SetHours(gate.edge_id, 360, 1320))
    second = town.edit(SetHours(first.edge_ids[0], 420, 1200))
    rows = town.row("SELECT count(*), max(id) FROM street_edge WHERE community_id = :c AND valid_from = :d", d=DEMO_DAY)
    assert tuple(rows) == (1, second.edge_ids[0])
    found = next(one.edge for one in town.drawn("gate") if one.edge.edge_id == second.edge_ids[0])
    assert (found.opens_min, found.closes_min) == (420, 1200)


def test_edits_are_taken_back_in_turn_to_the_last_second(town: Town) -> None:
    before = town.matrix()
    street = max(town.drawn("residential"), key=lambda one: one.edge.length_m)
    other = max(town.drawn("secondary"), key=lambda one: one.edge.length_m)
    middle = [tuple(one.lonlat[len(one.lonlat) // 2]) for one in (street, other)]
    town.edit(AddPath((middle[0], middle[1]), "footway", "近路"))
    town.edit(AddGate(middle[0], "新门", 420, 1140))
    town.edit(AddLift((middle[0], middle[1]), floors=4))
    town.edit(CloseGate(next(one.edge.edge_id for one in town.drawn("gate") if one.edge.name == "新门")))
    town.edit(RemoveEdge(town.drawn("lift")[0].edge.edge_id))
    assert not np.array_equal(town.matrix(), before)
    become(town.con, town.planner)
    assert [edit.kind for edit in streets.edits(town.con, town.planner)[:5]] == [
        *("RemoveEdge", "CloseGate", "AddLift", "AddGate", "AddPath"),
    ]
    for _ in range(5):
        town.undo()
    assert np.abs(town.matrix() - before).max() < 1e-6
    with pytest.raises(NotFound, match="没有可以撤销的修改"):
        town.undo()


def test_entrances_behind_a_new_street_are_tied_to_it_in_the_same_moment(town: Town) -> None:
    become(town.con, town.planner)
    listed = streets.unreached(town.con, town.planner, on=DEMO_DAY)
    far = next(one for one in listed if one.reason == "wall")
    street = min(
        town.drawn("service") + town.drawn("residential") + town.drawn("footway") + town.drawn("secondary"),
        key=lambda one: min(np.hypot(x - far.lon, y - far.lat) for x, y in one.lonlat),
    )
    nearest = min(street.lonlat, key=lambda p: np.hypot(p[0] - far.lon, p[1] - far.lat))
    edited = town.edit(AddPath((nearest, (far.lon, far.lat)), "footway"))
    assert edited.entrances >= 1
    become(town.con, town.planner)
    assert far.entrance_id not in {one.entrance_id for one in streets.unreached(town.con, town.planner, on=DEMO_DAY)}
    state = "SELECT state, distance_m FROM entrance_access WHERE community_id = :c AND entrance_id = :e"
    assert town.row(state, e=far.entrance_id)[0] == "ok"


def test_who_is_cut_off_by_a_closed_gate_is_listed_with_that_reason(town: Town) -> None:
    doors = [one.edge for one in town.drawn("gate") if one.edge.name == "云景苑大门"]
    for gate in doors:
        town.edit(CloseGate(gate.edge_id))
    become(town.con, town.planner)
    listed = streets.unreached(town.con, town.planner, on=DEMO_DAY)
    cut_off = {one.entrance_id for one in listed if one.reason == "closed_gate"}
    lost = np.isinf(town.matrix()).sum(axis=1) > len(town.entrances) / 2
    assert cut_off == {e for e, gone in zip(town.entrances, lost, strict=True) if gone} != set()
    assert town.row("SELECT count(*) FROM entrance_access WHERE community_id = :c AND edge_id IS NULL")[0] == 0


BAD: list[tuple[str, Change]] = [
    ("没有这段路", CloseGate(2**40)),
    ("不是大门", CloseGate(0)),
    ("同一天", SetHours(-1, 1200, 300)),
    ("没有接上", AddPath(((105.2712, 27.2901), (105.2713, 27.2902)))),
    ("太短", AddPath(((105.28, 27.306), (105.28, 27.306)))),
    ("范围之外", AddPath(((105.28, 27.306), (115.0, 27.306)))),
    ("范围之外", AddGate((float("nan"), 27.306))),
    ("类型", AddPath(((105.28, 27.306), (105.281, 27.306)), "motorway")),
    ("台阶数", AddPath(((105.28, 27.306), (105.281, 27.306)), "steps", "", 0)),
    ("个点", AddPath(((105.28, 27.306),) * 501)),
    ("层数", AddLift(((105.28, 27.306), (105.281, 27.306)), 0)),
    ("两端", AddLift(((105.28, 27.306), (105.2712, 27.2901)), 3)),
    ("名称", AddPath(((105.28, 27.306), (105.281, 27.306)), "compound", "路" * 61)),
    ("一起填", AddGate((105.28, 27.306), "", 300, None)),
]


@pytest.mark.parametrize(("sentence", "change"), BAD)
def test_a_change_that_cannot_be_made_says_why_and_changes_nothing(town: Town, sentence: str, change: Change) -> None:
    mark = "SELECT network_mark, (SELECT count(*) FROM street_edge) FROM community WHERE id = :c"
    was = tuple(town.row(mark))
    if isinstance(change, CloseGate | SetHours) and change.edge_id <= 0:
        kind = "residential" if change.edge_id == 0 else "gate"
        change = replace(change, edge_id=town.drawn(kind)[0].edge.edge_id)
    with pytest.raises((BadInput, NotFound), match=sentence):
        town.edit(change)
    assert tuple(town.row(mark)) == was


def test_a_day_before_the_last_change_is_closed(town: Town) -> None:
    gate = town.drawn("gate")[0].edge
    town.edit(CloseGate(gate.edge_id), TOMORROW)
    with pytest.raises(BadInput, match="已经改过"):
        town.edit(OpenGate(gate.edge_id), DEMO_DAY)


@pytest.mark.parametrize("role", [Role.SECRETARY, Role.CLERK, Role.WORKER, Role.DRIVER, Role.ADMIN])
def test_only_a_planner_edits(town: Town, role: Role) -> None:
    actor = Actor(role, town.job.community_id, town.worker.grid_ids, account_id=1)
    become(town.con, actor)
    with pytest.raises(Forbidden):
        streets.edit(town.con, actor, change=CloseGate(1), on=DEMO_DAY)
    with pytest.raises(Forbidden):
        streets.undo(town.con, actor, on=DEMO_DAY)


def test_an_entrance_of_nobody_is_not_found(town: Town) -> None:
    become(town.con, town.worker)
    with pytest.raises(NotFound):
        streets.entrance_spots(town.con, town.worker, on=DEMO_DAY, entrance_ids=[town.entrances[0], 2**40])
    none = streets.entrance_spots(town.con, town.worker, on=DEMO_DAY, entrance_ids=[])
    assert none.edge.tolist() == []
    twice = streets.entrance_spots(town.con, town.worker, on=DEMO_DAY, entrance_ids=town.entrances[1::-1] * 2)
    assert twice.edge.tolist() == [*twice.edge[:2], *twice.edge[:2]]


def test_a_community_of_an_earlier_release_gets_its_network_when_a_worker_first_walks(town: Town) -> None:
    before = town.matrix()
    become(town.con, town.job)
    for table in ("entrance_access", "street_edge", "street_node"):
        town.con.execute(text(f"DELETE FROM {table} WHERE community_id = :c"), {"c": town.job.community_id})
    town.con.execute(text("UPDATE community SET network_mark = 0 WHERE id = :c"), {"c": town.job.community_id})
    again = town.matrix()
    assert np.abs(again - before).max() < 0.05
    assert town.con.execute(text("SELECT current_user")).scalar_one() == "gridmap_worker"


def test_who_lives_within_ten_minutes(town: Town) -> None:
    become(town.con, town.secretary)
    lon, lat = streets.centre(town.con, town.secretary)
    found = {m: streets.reach(town.con, town.secretary, lon=lon, lat=lat, minutes=m, on=DEMO_DAY) for m in (5, 10, 30)}
    totals = [one.homes.total or 0 for one in found.values()]
    assert 0 < totals[0] < totals[1] < totals[2]
    ten = found[10].homes
    assert ten.total == sum(n or 0 for n in ten.by_grid.values()) == len(ten.household_ids)
    spots = streets.spots(town.con, town.secretary, on=DEMO_DAY, lonlat=[(lon, lat)])
    ids = town.row(
        "SELECT array_agg(DISTINCT entrance_id) FROM household WHERE community_id = :c AND id = ANY(:h)",
        h=list(ten.household_ids),
    )[0]
    doors = streets.entrance_spots(town.con, town.job, on=DEMO_DAY, entrance_ids=ids)
    assert streets.walker(town.con, town.job, on=DEMO_DAY).matrix(spots, doors).max() <= 600
    assert found[10].area
    assert len(found[10].lines) > 100


def test_a_planner_reads_no_small_figure_and_no_id_and_a_worker_only_his_own(town: Town) -> None:
    become(town.con, town.secretary)
    lon, lat = streets.centre(town.con, town.secretary)
    whole = streets.reach(town.con, town.secretary, lon=lon, lat=lat, minutes=12, on=DEMO_DAY).homes
    become(town.con, town.planner)
    seen = streets.reach(town.con, town.planner, lon=lon, lat=lat, minutes=12, on=DEMO_DAY).homes
    assert (seen.total, seen.household_ids) == (whole.total, ())
    assert {grid for grid, n in whole.by_grid.items() if n is not None and n < 5} <= {
        grid for grid, n in seen.by_grid.items() if n is None
    }
    become(town.con, town.worker)
    mine = streets.reach(town.con, town.worker, lon=lon, lat=lat, minutes=120, on=DEMO_DAY).homes
    assert set(mine.by_grid) == set(town.worker.grid_ids)


@pytest.mark.parametrize(
    ("lon", "lat", "minutes"), [(0.0, 0.0, 10), (float("nan"), 27.3, 10), (105.28, 27.3, 0), (105.28, 27.3, 121)]
)
def test_nonsense_is_answered_by_a_sentence(town: Town, lon: float, lat: float, minutes: int) -> None:
    become(town.con, town.planner)
    with pytest.raises(BadInput):
        streets.reach(town.con, town.planner, lon=lon, lat=lat, minutes=minutes, on=DEMO_DAY)


def test_slower_walkers_take_longer_from_the_next_plan_on(town: Town) -> None:
    before = town.matrix()
    become(town.con, town.secretary)
    worklist.change_setting(town.con, town.secretary, changes={"walk_m_s": 0.6})
    after = town.matrix()
    assert np.median(after / np.where(before > 0, before, 1)) == pytest.approx(2, abs=0.1)

"""Publishing borders: what moves with them, what stays as it was known, who may do it, and who is told."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from border_town import SOUTH, WEST, Town, square
from shapely import Polygon
from small_world import BEGIN, at
from sqlalchemy import Connection, text

from gridmap.domain.actors import Actor, Role
from gridmap.domain.boundaries import DraftGrid, PlanState
from gridmap.errors import BadInput, Conflict, Forbidden, NotFound
from gridmap.services import boundaries, coverage, grids, households, publishing
from gridmap.store import consequences as open_work

DAY = date(2026, 6, 1)
NOON = at(DAY, 12)
NEXT = DAY + timedelta(days=1)


@pytest.fixture
def town(con: Connection, community_id: int) -> Town:
    return Town(con, community_id)


def grid_of(town: Town, household_id: int) -> int:
    return int(town.value("SELECT grid_id FROM household WHERE community_id = :c AND id = :h", h=household_id))


def spells(town: Town, household_id: int) -> list[tuple[object, ...]]:
    rows = town.rows_of(
        "SELECT in_grid_id, valid_from, valid_to, standing, reason FROM household_spell"
        " WHERE community_id = :c AND household_id = :h ORDER BY valid_from",
        h=household_id,
    )
    return [tuple(row) for row in rows]


def trail(town: Town) -> list[str]:
    """Return what the trail tells of borders, as the administrator reads it."""
    town.act(Actor(Role.ADMIN, town.community_id))
    rows = town.con.execute(text("SELECT action FROM audit_event WHERE action LIKE 'boundary.%' ORDER BY id"))
    return list(rows.scalars())


def households_by_grid(town: Town, on: date) -> dict[int, int]:
    found = coverage.overview(town.con, town.act(town.job), on=on)
    return {grid.grid_id: grid.counts.households for grid in found.grids}


# --- what moves ----------------------------------------------------------------------------------------------------


def test_a_border_that_moves_takes_its_households_along(town: Town) -> None:
    plan_id = town.draft(DAY, town.shifted(0.4))
    town.publish(plan_id, DAY)
    west, east, _ = town.grids
    moved = town.households[1][:4]  # two buildings of two doors lie in the strip
    assert town.state(plan_id) is PlanState.IN_EFFECT
    assert {grid_of(town, home) for home in moved} == {west}
    assert {grid_of(town, home) for home in town.households[1][4:]} == {east}
    assert spells(town, moved[0]) == [(east, BEGIN, DAY, "occupied", None), (west, DAY, None, "occupied", None)]
    houses = town.rows_of("SELECT id FROM building WHERE community_id = :c AND grid_id = :g ORDER BY id", g=west)
    assert [row.id for row in houses] == town.buildings[0] + town.buildings[1][:2]
    rows = town.rows_of("SELECT household_id, from_grid_id, to_grid_id FROM boundary_move WHERE community_id = :c")
    assert sorted(tuple(row) for row in rows) == [(home, east, west) for home in moved]


def test_figures_of_days_gone_by_stay_and_every_day_sums_up(town: Town) -> None:
    west, east, far = town.grids
    before = DAY - timedelta(days=1)
    was = coverage.overview(town.con, town.act(town.job), on=before)
    town.publish(town.draft(DAY, town.shifted(0.4)), DAY)
    assert coverage.overview(town.con, town.act(town.job), on=before) == was
    assert households_by_grid(town, before) == {west: 10, east: 10, far: 10}
    assert households_by_grid(town, DAY) == {west: 14, east: 6, far: 10}
    assert coverage.recompute(town.con, town.job, on=DAY) == 0  # nothing had drifted
    assert households_by_grid(town, DAY) == {west: 14, east: 6, far: 10}


def test_a_day_gone_by_that_nobody_had_counted_is_counted_as_it_was(town: Town) -> None:
    town.publish(town.draft(DAY, town.shifted(0.4)), DAY)
    assert households_by_grid(town, DAY - timedelta(days=9)) == dict.fromkeys(town.grids, 10)


def test_what_is_in_hand_follows_and_where_it_was_made_stays(town: Town) -> None:
    home = town.households[1][0]
    west, east, _ = town.grids
    visit = town.visit(home, at(DAY - timedelta(days=3)))
    made = {"made_in_grid_id": east, "kind": "repair", "summary": "楼道灯不亮"}
    town.of_home("need", home, raised_at=at(BEGIN), recorded_at=at(BEGIN), **made)
    town.of_home("appointment", home, starts_at=at(NEXT, 15), ends_at=at(NEXT, 16))
    town.of_home("household_event", home, kind="discharge", happened_at=at(DAY, 8), visit_by=at(NEXT, 8))
    town.of_home("dispute", home, summary="漏水", raised_at=at(BEGIN))
    town.of_home("hazard", home, kind="gas", found_at=at(BEGIN))
    plan_id = town.draft(DAY, town.shifted(0.4))
    told = publishing.consequences(town.con, town.secretary, plan_id=plan_id, on=DAY).work
    assert (told.needs, told.promises, told.events, told.disputes, told.hazards) == (1, 1, 1, 1, 1)
    town.publish(plan_id, DAY)
    for table in ("visit", "need", "appointment", "household_event", "dispute", "hazard"):
        query = f"SELECT DISTINCT grid_id FROM {table} WHERE community_id = :c AND household_id = :h"
        assert [row.grid_id for row in town.rows_of(query, h=home)] == [west], table
    assert town.value("SELECT made_in_grid_id FROM visit WHERE community_id = :c AND id = :v", v=visit) == east
    assert town.value("SELECT made_in_grid_id FROM need WHERE community_id = :c AND household_id = :h", h=home) == east
    counts = town.value("SELECT counts FROM boundary_version WHERE community_id = :c ORDER BY id DESC LIMIT 1")
    assert counts["needs"] == counts["promises"] == counts["events"] == 1
    assert (counts["households"], counts["people"], counts["buildings"]) == (4, 12, 2)


def test_the_old_worker_sees_the_household_no_more_and_the_new_one_does(town: Town) -> None:
    home = town.households[1][0]
    town.publish(town.draft(DAY, town.shifted(0.4)), DAY)
    assert households.household(town.con, town.worker(0), home, DAY)
    with pytest.raises(NotFound):
        households.household(town.con, town.worker(1), home, DAY)
    town.worker(1)
    seen = town.con.execute(text("SELECT count(*) FROM household WHERE id = :h"), {"h": home})
    assert seen.scalar_one() == 0  # the second wall


def test_errands_follow_their_place_and_plans_are_made_anew(town: Town) -> None:
    here = {"kind": "environment", "title": "看楼道", "minutes": 10}
    inside = "POINT(105.2812 27.30005)"  # in the strip
    errand = town.put("errand", grid_id=town.grids[1], on=NEXT, at=inside, **here)
    done = town.put("errand", grid_id=town.grids[1], on=BEGIN, at=inside, done_at=at(BEGIN), **here)
    plans = []
    for worker in range(3):
        values = {"start_s": 0, "end_s": 9, "seed": 1, "iterations": 1, "solver": "", "network_mark": 0}
        values |= {"objective": 0, "bound": 0, "choice_status": "optimal", "order_status": "optimal"}
        plans.append(
            town.put(
                "plan",
                worker_id=town.workers[worker],
                grid_id=town.grids[worker],
                on=DAY,
                input_hash=b"0" * 32,
                **values,
            )
        )
    town.put("plan_stop", None, plan_id=plans[1], number=1, grid_id=town.grids[1], kind="door", arrive_s=1, start_s=1,
             leave_s=2, walk_s=0, vertical_s=0, walk_m=0, household_id=town.households[1][0])  # fmt: skip
    plan_id = town.draft(DAY, town.shifted(0.4))
    told = publishing.consequences(town.con, town.secretary, plan_id=plan_id, on=DAY).work
    assert (told.errands, told.plans, told.visits_planned) == (1, 2, 1)
    town.publish(plan_id, DAY)
    moved = {row.id: row.grid_id for row in town.rows_of("SELECT id, grid_id FROM errand WHERE community_id = :c")}
    assert moved == {errand: town.grids[0], done: town.grids[1]}
    current = town.rows_of("SELECT id FROM plan WHERE community_id = :c AND current")
    assert [row.id for row in current] == [plans[2]]  # the third grid has nothing to do with it


def test_a_spell_that_began_today_is_rewritten(town: Town) -> None:
    home = town.households[1][0]
    set_spell = "UPDATE household_spell SET valid_from = :on, standing = 'vacant' WHERE household_id = :h RETURNING id"
    town.rows_of(set_spell, on=DAY, h=home)
    town.publish(town.draft(DAY, town.shifted(0.4)), DAY)
    assert spells(town, home) == [(town.grids[0], DAY, None, "vacant", None)]


def test_a_reason_and_an_end_go_along(town: Town) -> None:
    home, end = town.households[1][0], DAY + timedelta(days=30)
    town.rows_of(
        "UPDATE household_spell SET standing = 'excluded', reason = '空置待拆', valid_to = :end WHERE household_id = :h"
        " RETURNING id",
        h=home,
        end=end,
    )
    town.publish(town.draft(DAY, town.shifted(0.4)), DAY)
    west, east, _ = town.grids
    told = ("excluded", "空置待拆")
    assert spells(town, home) == [(east, BEGIN, DAY, *told), (west, DAY, end, *told)]


# --- a later day ---------------------------------------------------------------------------------------------------


def test_a_later_day_waits_and_begins_with_the_day(town: Town) -> None:
    plan_id = town.draft(DAY, town.shifted(0.4))
    town.publish(plan_id, DAY, effect_on=NEXT)
    west, east, far = town.grids
    assert town.state(plan_id) is PlanState.APPROVED
    assert households_by_grid(town, DAY) == {west: 10, east: 10, far: 10}
    assert households_by_grid(town, NEXT) == {west: 14, east: 6, far: 10}
    assert town.state(plan_id) is PlanState.IN_EFFECT
    assert households_by_grid(town, DAY) == {west: 10, east: 10, far: 10}
    assert town.present(DAY)[west].boundary == square(0, 0)
    assert town.present(NEXT)[west].boundary == square(0, 0, 1.4)


def test_days_without_anybody_take_what_was_due_in_order_each_on_its_day(town: Town) -> None:
    first = town.draft(DAY, town.shifted(0.4))
    town.publish(first, DAY, effect_on=NEXT)
    second = town.draft(DAY, {town.grids[2]: square(2, 0)}, words=())
    rename = DraftGrid(town.grids[2], 9, "东头", "commercial", square(2, 0))
    second = town.draft(DAY, {}, words=[rename])
    third = DAY + timedelta(days=3)
    town.publish(second, DAY, effect_on=third)
    later = DAY + timedelta(days=5)
    assert publishing.take_effect(town.con, town.secretary, on=later) == [first, second]
    west, east, far = town.grids
    for day, counts in ((DAY, (10, 10, 10)), (NEXT, (14, 6, 10)), (third, (14, 6, 10)), (later, (14, 6, 10))):
        assert households_by_grid(town, day) == dict(zip((west, east, far), counts, strict=True)), day
    names = {on: town.present(on)[far].name for on in (DAY, third - timedelta(days=1), third, later)}
    assert names == {DAY: "网格3", third - timedelta(days=1): "网格3", third: "东头", later: "东头"}
    versions = boundaries.versions(town.con, town.planner)
    assert [v.effect_on for v in versions] == [BEGIN, NEXT, third]


def test_one_that_cannot_take_effect_any_more_goes_back_and_the_day_begins(town: Town) -> None:
    plan_id = town.draft(DAY, town.shifted(0.4))
    town.publish(plan_id, DAY, effect_on=NEXT)
    tear = "UPDATE boundary_change SET boundary = ST_GeomFromText(:b, 4490) WHERE grid_key = :g RETURNING plan_id"
    west, south = WEST / 1e7, SOUTH / 1e7
    hole = f"POLYGON(({west} {south},{west + 0.0001} {south},{west} {south + 0.0001},{west} {south}))"
    town.rows_of(tear, b=hole, g=town.grids[0])
    assert households_by_grid(town, NEXT) == dict.fromkeys(town.grids, 10)
    plan = boundaries.plan(town.con, town.planner, plan_id=plan_id)
    assert plan.state is PlanState.DRAFT
    assert "空隙" in plan.decision_note or "连成一片" in plan.decision_note
    assert trail(town) == ["boundary.submit", "boundary.approve", "boundary.put_back"]


# --- hand to hand --------------------------------------------------------------------------------------------------


def test_nothing_takes_effect_in_the_past_or_without_a_reason(town: Town) -> None:
    plan_id = town.draft(DAY, town.shifted(0.4))
    given = {"plan_id": plan_id, "revision": 0, "at": NOON, "on": DAY}
    for reason, day, words in (
        ("好", DAY - timedelta(days=1), "已经过去"),
        (" ", DAY, "写明"),
        ("好", date(2028, 1, 1), "太远"),
    ):
        with pytest.raises(BadInput, match=words):
            publishing.submit(town.con, town.planner, reason=reason, effect_on=day, **given)  # type: ignore[arg-type]
    publishing.submit(town.con, town.planner, reason="好", effect_on=DAY, **given)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="已经过去"):
        publishing.approve(town.con, town.secretary, plan_id=plan_id, revision=1, at=at(NEXT, 9), on=NEXT)
    late = publishing.approve(
        town.con, town.secretary, plan_id=plan_id, revision=1, at=at(NEXT, 9), on=NEXT, effect_on=NEXT
    )
    assert (late.state, late.effect_on) == (PlanState.IN_EFFECT, NEXT)


def test_two_people_are_needed_and_only_a_secretary_approves(town: Town) -> None:
    plan_id = town.draft(DAY, town.shifted(0.4))
    given = {"plan_id": plan_id, "at": NOON, "on": DAY}
    publishing.submit(town.con, town.secretary, revision=0, reason="好", effect_on=DAY, **given)  # type: ignore[arg-type]
    with pytest.raises(Forbidden, match="提交人"):
        publishing.approve(town.con, town.secretary, revision=1, **given)  # type: ignore[arg-type]
    for role in (Role.PLANNER, Role.CLERK, Role.WORKER, Role.DRIVER, Role.ADMIN):
        with pytest.raises(Forbidden):
            publishing.approve(town.con, Actor(role, town.community_id), revision=1, **given)  # type: ignore[arg-type]


def test_of_two_approvals_one_wins_and_the_other_is_told(town: Town) -> None:
    plan_id = town.draft(DAY, town.shifted(0.4))
    town.publish(plan_id, DAY)
    with pytest.raises(Conflict, match="刷新") as refusal:
        publishing.approve(town.con, town.secretary, plan_id=plan_id, revision=1, at=NOON, on=DAY)
    assert refusal.value.values == {"state": "in_effect", "revision": town.revision(plan_id)}


def test_a_secretary_sends_back_and_a_planner_takes_back_his_own(town: Town) -> None:
    plan_id = town.draft(DAY, town.shifted(0.4))
    submit = {"plan_id": plan_id, "reason": "好", "effect_on": NEXT, "at": NOON, "on": DAY}
    publishing.submit(town.con, town.planner, revision=0, **submit)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="退回"):
        publishing.send_back(town.con, town.secretary, plan_id=plan_id, revision=1, note="", at=NOON)
    back = publishing.send_back(town.con, town.secretary, plan_id=plan_id, revision=1, note="再看看", at=NOON)
    assert (back.state, back.decision_note, back.revision) == (PlanState.DRAFT, "再看看", 2)
    publishing.submit(town.con, town.planner, revision=2, **submit)  # type: ignore[arg-type]
    publishing.send_back(town.con, town.planner, plan_id=plan_id, revision=3, note="我改一下", at=NOON)
    publishing.submit(town.con, town.planner, revision=4, **submit)  # type: ignore[arg-type]
    publishing.approve(town.con, town.secretary, plan_id=plan_id, revision=5, at=NOON, on=DAY)
    with pytest.raises(Forbidden):
        publishing.send_back(town.con, town.planner, plan_id=plan_id, revision=6, note="算了", at=NOON)
    publishing.send_back(town.con, town.secretary, plan_id=plan_id, revision=6, note="等下个月", at=NOON)
    assert households_by_grid(town, NEXT) == dict.fromkeys(town.grids, 10)


def test_what_another_holds_is_not_submitted(town: Town) -> None:
    plan_id = town.draft(DAY, town.shifted(0.4))
    boundaries.hold(town.con, town.secretary, plan_id=plan_id, at=NOON)
    with pytest.raises(Conflict, match="正在编辑"):
        publishing.submit(
            town.con, town.planner, plan_id=plan_id, revision=0, reason="好", effect_on=DAY, at=NOON, on=DAY
        )


def test_stale_drafts_of_other_grids_are_merged_and_of_the_same_refused(town: Town) -> None:
    same, other = town.draft(DAY, town.shifted(0.2)), None
    other = town.draft(DAY, {}, words=[DraftGrid(town.grids[2], 9, "东头", "commercial", square(2, 0))])
    town.publish(town.draft(DAY, town.shifted(0.4)), DAY)
    with pytest.raises(Conflict, match="1、2 号网格") as refusal:
        town.publish(same, DAY)
    assert refusal.value.values["keys"] == (town.grids[0], town.grids[1])
    town.publish(other, DAY)
    present = town.present(DAY)
    assert [present[key].boundary for key in town.grids] == [square(0, 0, 1.4), square(1.4, 0, 0.6), square(2, 0)]
    assert present[town.grids[2]].name == "东头"


def test_what_waits_for_its_day_is_not_overtaken(town: Town) -> None:
    town.publish(town.draft(DAY, town.shifted(0.4)), DAY, effect_on=NEXT)
    with pytest.raises(Conflict, match="网格1、网格2"):
        town.publish(town.draft(DAY, town.shifted(0.2)), DAY)


def test_a_number_that_waits_for_its_day_is_not_given_twice(town: Town) -> None:
    names = [DraftGrid(town.grids[i], 9, f"九之{i}", "general", square(i, 0)) for i in (0, 1)]
    town.publish(town.draft(DAY, {}, words=names[:1]), DAY, effect_on=NEXT)
    with pytest.raises(Conflict, match="编号 9"):
        town.publish(town.draft(DAY, {}, words=names[1:]), DAY)


# --- what is no partition ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        ([square(0, 0, 1.4), square(1, 0), None], "重叠"),
        ([square(0, 0, 0.4), square(1, 0), None], "连成一片"),
        ([square(0, 0).difference(square(0.4, 0.4, 0.05, 0.05)), square(1, 0), None], "空隙"),
    ],
)
def test_borders_that_are_no_partition_are_refused(town: Town, shapes: list[Polygon | None], words: str) -> None:
    changed = {grid: shape for grid, shape in zip(town.grids, shapes, strict=True) if shape is not None}
    with pytest.raises(BadInput, match=words):
        town.publish(town.draft(DAY, changed), DAY)
    assert households_by_grid(town, DAY) == dict.fromkeys(town.grids, 10)


def test_a_building_left_outside_and_a_number_used_twice_are_refused(town: Town) -> None:
    with pytest.raises(BadInput, match="1 栋楼"):
        town.publish(town.draft(DAY, {town.grids[0]: square(0.15, 0, 0.85)}), DAY)
    for grid in (0, 1):
        double = DraftGrid(town.grids[grid], 3, "网格", "general", town.present(DAY)[town.grids[grid]].boundary)
        with pytest.raises(BadInput, match="编号 3"):
            town.publish(town.draft(DAY, {}, words=[double]), DAY)
    with pytest.raises(BadInput, match="没有任何改动"):
        town.publish(town.draft(DAY, {}), DAY)


def test_the_outline_follows_when_it_is_moved(town: Town) -> None:
    plan_id = town.draft(DAY, {town.grids[2]: square(2, 0, 1.3)})
    assert publishing.consequences(town.con, town.secretary, plan_id=plan_id, on=DAY).new_outline
    town.publish(plan_id, DAY)
    rows = town.rows_of(
        "SELECT valid_from, valid_to, ST_XMax(boundary) AS east FROM outline"
        " WHERE community_id = :c ORDER BY valid_from"
    )
    assert [(row.valid_from, row.valid_to) for row in rows] == [(BEGIN, DAY), (DAY, None)]
    assert [round(row.east * 1e7) for row in rows] == [WEST + 30_000, WEST + 33_000]


# --- grids that come and go ----------------------------------------------------------------------------------------


def merged(town: Town) -> int:
    return town.draft(DAY, {town.grids[0]: square(0, 0, 2), town.grids[1]: None})


def test_a_grid_given_up_ends_with_its_duty_and_is_told(town: Town) -> None:
    town.publish(merged(town), DAY)
    west, gone, far = town.grids
    assert households_by_grid(town, DAY) == {west: 20, far: 10}
    assert households_by_grid(town, DAY - timedelta(days=1)) == {west: 10, gone: 10, far: 10}
    assert [grid.grid_id for grid in grids.partition(town.con, town.secretary, on=DAY)] == [west, far]
    duty = town.rows_of("SELECT valid_to FROM worker_assignment WHERE community_id = :c AND grid_id = :g", g=gone)
    assert [row.valid_to for row in duty] == [DAY]
    his = publishing.notices(town.con, town.worker(1), on=DAY)
    assert [(n.grid_id, n.gained, n.lost) for n in his] == [(gone, 0, 10)]


def test_a_grid_that_is_added_gets_a_code_never_used_and_its_worker(town: Town) -> None:
    split = DraftGrid(-1, 2, "网格二", "general", square(0.5, 0, 0.5), town.workers[1])
    words = [DraftGrid(town.grids[1], 4, "网格四", "general", square(1, 0)), split]
    town.publish(town.draft(DAY, {town.grids[0]: square(0, 0, 0.5)}, words=words), DAY)
    rows = town.rows_of("SELECT id, code, number FROM grid WHERE community_id = :c ORDER BY id")
    new = rows[-1]
    assert (new.code, new.number) == ("520502009999004", 2)  # 002 was the second grid's
    assert households_by_grid(town, DAY)[new.id] == 4  # the house in the middle is the smaller number's
    assert {grid.grid_id: grid.worker_name for grid in grids.partition(town.con, town.secretary, on=DAY)}[
        new.id
    ] == "员2"


def test_on_a_border_the_smallest_number_holds_the_building(town: Town) -> None:
    middle = town.buildings[0][2]  # its middle lies exactly on the new border
    split = DraftGrid(-1, 7, "网格七", "general", square(0.5, 0, 0.5))
    town.publish(town.draft(DAY, {town.grids[0]: square(0, 0, 0.5)}, words=[split]), DAY)
    kept = "SELECT grid_id FROM building WHERE community_id = :c AND id = :b"
    assert town.value(kept, b=middle) == town.grids[0]
    renumbered = DraftGrid(town.grids[0], 9, "网格九", "general", square(0, 0, 0.5))
    town.publish(town.draft(DAY, {}, words=[renumbered]), DAY)
    assert town.value(kept, b=middle) == town.value("SELECT id FROM grid WHERE community_id = :c AND number = 7")


# --- back ----------------------------------------------------------------------------------------------------------


def test_returning_is_a_new_version_with_the_same_fingerprint(town: Town) -> None:
    town.publish(merged(town), DAY)
    town.publish(town.draft(DAY, {town.grids[0]: square(0, 0, 2.4), town.grids[2]: square(2.4, 0, 0.6)}), DAY)
    first, second, third = boundaries.versions(town.con, town.planner)
    plan_id = publishing.return_to(town.con, town.planner, version_id=first.version_id, at=NOON, on=DAY)
    assert boundaries.plan(town.con, town.planner, plan_id=plan_id).origin == "return"
    town.publish(plan_id, DAY)
    versions = boundaries.versions(town.con, town.planner)
    assert [v.hash for v in versions] == [first.hash, second.hash, third.hash, first.hash]
    assert households_by_grid(town, DAY) == dict.fromkeys(town.grids, 10)  # the grid that ended is itself again
    assert {g.grid_id: g.worker_name for g in grids.partition(town.con, town.secretary, on=DAY)}[town.grids[1]] == "员2"
    with pytest.raises(BadInput, match="就是这个版本"):
        publishing.return_to(town.con, town.planner, version_id=first.version_id, at=NOON, on=DAY)
    again = publishing.return_to(town.con, town.planner, version_id=third.version_id, at=NOON, on=DAY)
    town.publish(again, DAY)
    assert boundaries.versions(town.con, town.planner)[-1].hash == third.hash


def test_a_version_whose_borders_were_tampered_with_is_not_returned_to(town: Town) -> None:
    town.publish(town.draft(DAY, town.shifted(0.4)), DAY)
    first = boundaries.versions(town.con, town.planner)[0]
    town.rows_of("UPDATE boundary_version SET hash = :h WHERE id = :v RETURNING id", h=b"1" * 32, v=first.version_id)
    with pytest.raises(Conflict, match="指纹"):
        publishing.return_to(town.con, town.planner, version_id=first.version_id, at=NOON, on=DAY)
    with pytest.raises(NotFound):
        publishing.return_to(town.con, town.planner, version_id=2**62, at=NOON, on=DAY)


# --- what is told --------------------------------------------------------------------------------------------------


def test_names_are_for_the_secretary_alone(town: Town) -> None:
    home = town.households[1][0]
    town.of_home("resident", home, name="赵秀英", sex="f", born_year=1940, relation="head")
    town.of_home("group_tag", home, group_code="alone", valid_from=BEGIN, recorded_at=at(BEGIN), basis="duty")
    coverage.recompute(town.con, town.act(town.job), on=DAY)
    plan_id = town.draft(DAY, town.shifted(0.4))
    full = publishing.consequences(town.con, town.secretary, plan_id=plan_id, on=DAY)
    assert (full.households, full.people, full.buildings, full.changing_worker) == (4, 12, 2, 4)
    first = next(one for one in full.homes if one.household_id == home)
    assert (first.head, first.groups, first.address) == ("赵秀英", ("alone",), "2区1栋1单元101")
    assert (first.from_worker, first.to_worker, first.changes_worker) == ("员2", "员1", True)
    assert [(b.name, b.why) for b in full.boards] == [("网格1", ("border",)), ("网格2", ("border",))]
    assert [(t.worker_name, t.gained, t.lost) for t in full.told] == [("员1", 4, 0), ("员2", 0, 4)]
    assert [(g.effect.before.households, g.effect.after.households) for g in full.grids if g.effect] == [
        (10, 14),
        (10, 6),
    ]  # type: ignore[union-attr]
    told = publishing.consequences(town.con, town.planner, plan_id=plan_id, on=DAY)
    assert told.homes == ()
    assert "赵秀英" not in repr(told)
    assert (told.households, told.changing_worker, told.work) == (full.households, full.changing_worker, full.work)
    assert trail(town) == ["boundary.consequences"]  # the look at names is written down


def test_consequences_are_what_publishing_does(town: Town) -> None:
    plan_id = town.draft(DAY, town.shifted(0.4))
    before = publishing.consequences(town.con, town.secretary, plan_id=plan_id, on=DAY)
    town.publish(plan_id, DAY)
    rows = town.rows_of("SELECT household_id, from_grid_id, to_grid_id FROM boundary_move WHERE community_id = :c")
    assert {tuple(row) for row in rows} == {(h.household_id, h.from_key, h.to_key) for h in before.homes}
    counts = town.value("SELECT counts FROM boundary_version WHERE community_id = :c ORDER BY id DESC LIMIT 1")
    assert {name: getattr(before.work, name) for name in before.work.__dataclass_fields__ if name in counts} == {
        name: n for name, n in counts.items() if name not in {"households", "people", "buildings"}
    }
    assert set(open_work.IN_HAND) <= set(counts)


def test_both_workers_are_told_how_many_visits_went_along(town: Town) -> None:
    for home in town.households[1][:6]:
        town.visit(home, at(DAY - timedelta(days=2)), worker=1)
    town.publish(town.draft(DAY, town.shifted(0.4)), DAY)
    west, east, _ = town.grids
    [lost] = publishing.notices(town.con, town.worker(1), on=DAY)
    assert (lost.grid_id, lost.gained, lost.lost, lost.visits_gained, lost.visits_lost) == (east, 0, 4, 0, 4)
    assert lost.partners == ((west, "网格1", -4),)
    [gained] = publishing.notices(town.con, town.worker(0), on=DAY)
    assert (gained.grid_id, gained.gained, gained.visits_gained, gained.visits_lost) == (west, 4, 4, 0)
    assert publishing.notices(town.con, town.worker(2), on=DAY) == []
    now = {g.grid_id: g.counts.attempts for g in coverage.overview(town.con, town.act(town.job), on=DAY).grids}
    assert now == {west: 4, east: 2, town.grids[2]: 0}  # 2 there + 4 that went along = the 6 that were made
    publishing.seen(town.con, town.worker(1), version_id=lost.version_id, at=NOON)
    assert publishing.notices(town.con, town.worker(1), on=DAY) == []
    assert len(publishing.notices(town.con, town.worker(0), on=DAY)) == 1
    [page] = publishing.changes_of_grid(town.con, town.secretary, grid_id=east, on=DAY)
    assert (page.lost, page.visits_lost) == (4, 4)
    with pytest.raises(NotFound):
        publishing.changes_of_grid(town.con, town.worker(2), grid_id=east, on=DAY)


def test_names_and_numbers_of_days_gone_by_stay(town: Town) -> None:
    west, before = town.grids[0], DAY - timedelta(days=1)
    for number, name in ((8, "甲"), (9, "乙")):
        town.publish(town.draft(DAY, {}, words=[DraftGrid(west, number, name, "commercial", square(0, 0))]), DAY)
    town.publish(town.draft(NEXT, {}, words=[DraftGrid(west, 5, "丙", "general", square(0, 0))]), NEXT)
    for day, told in ((before, (1, "网格1", "general")), (DAY, (9, "乙", "commercial")), (NEXT, (5, "丙", "general"))):
        [shape] = [g for g in grids.partition(town.con, town.secretary, on=day) if g.grid_id == west]
        [row] = [g for g in coverage.overview(town.con, town.act(town.job), on=day).grids if g.grid_id == west]
        assert (shape.number, shape.name, shape.kind) == (row.number, row.name, row.kind) == told


def test_tiles_and_the_trail_know_of_it(town: Town) -> None:
    version = "SELECT map_version FROM community WHERE id = :c"
    coverage.overview(town.con, town.act(town.job), on=DAY)
    before = town.value(version)
    town.publish(town.draft(DAY, town.shifted(0.4)), DAY)
    assert town.value(version) > before
    assert trail(town) == ["boundary.submit", "boundary.approve", "boundary.effect"]

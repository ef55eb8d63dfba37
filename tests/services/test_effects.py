"""What a draft does to people and work: the same figures as everywhere else, before and after; what needs a look."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import shapely
from conftest import DEMO_DAY
from small_world import BEGIN, World
from small_world import DAY as SMALL_DAY
from small_world import at as small_at
from sqlalchemy import Connection, text

from gridmap.domain import partition
from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.boundaries import DraftGrid
from gridmap.domain.coverage import SMALL_CELL, shared_groups
from gridmap.domain.effects import Band, Effect, Fault, Figures
from gridmap.errors import Forbidden, NotFound
from gridmap.services import boundaries, coverage, effects, working
from gridmap.store.database import Database, become


@pytest.fixture
def demo_con(demo: Database) -> Iterator[Connection]:
    """Yield a connection to the demo community whose work is undone."""
    with demo.engine.connect() as connection:
        transaction = connection.begin()
        yield connection
        transaction.rollback()


@pytest.fixture
def actors(demo_con: Connection, demo_id: int) -> dict[Role | Machine, Actor]:
    """Return the people of the demo's office."""
    become(demo_con, Actor(Machine.OPERATOR))
    query = "SELECT role, min(id) FROM account WHERE community_id = :c GROUP BY role"
    found = demo_con.execute(text(query), {"c": demo_id})
    return {Role(role): Actor(Role(role), demo_id, account_id=account) for role, account in found} | {
        Machine.JOB: Actor(Machine.JOB, demo_id)
    }


Actors = dict[Role | Machine, Actor]


def by(con: Connection, actor: Actor, wish: Callable[..., Any], **values: Any) -> Any:
    """Let somebody wish for something with his own rights."""
    become(con, actor)
    return wish(con, actor, **values)


def a_draft(con: Connection, actors: Actors) -> tuple[int, list[DraftGrid]]:
    """Begin a draft of the demo; return it and the borders it begins with."""
    at = coverage.end_of(DEMO_DAY - timedelta(days=1), "Asia/Shanghai") + timedelta(hours=9)
    plan_id = by(con, actors[Role.PLANNER], boundaries.begin, title="试", at=at, on=DEMO_DAY)
    return plan_id, by(con, actors[Role.PLANNER], boundaries.present, on=DEMO_DAY)


def swapped(grids: list[DraftGrid], one: int, other: int) -> list[DraftGrid]:
    """Let two grids change ground."""
    shape = {g.key: g.boundary for g in grids}
    ground = shape | {one: shape[other], other: shape[one]}
    return [replace(g, boundary=ground[g.key]) for g in grids]


def test_figures_of_grids_are_those_of_the_coverage_page(demo_con: Connection, actors: Actors) -> None:
    secretary = actors[Role.SECRETARY]
    plan_id, grids = a_draft(demo_con, actors)
    told = by(demo_con, secretary, effects.effects, plan_id=plan_id, before=grids, after=grids)
    whole = {g.grid_id: g.counts for g in by(demo_con, secretary, coverage.overview, on=DEMO_DAY).grids}
    assert {e.key for e in told} == set(whole)
    for effect in told:
        assert effect.before == effect.after
        counts = whole[effect.key]
        assert effect.before.households == counts.households
        assert effect.before.load_min == pytest.approx(counts.load_min, abs=0.005)
        assert effect.before.needs == counts.open_needs
        assert effect.before.visits_month == pytest.approx(counts.load_min / 15, abs=0.051)
    for code, _ in shared_groups()[:4]:
        of_group = by(demo_con, secretary, coverage.overview, on=DEMO_DAY, group=code)
        assert {g.grid_id: g.counts.households for g in of_group.grids} == {e.key: e.before.groups[code] for e in told}


def test_sums_over_grids_are_the_communitys(demo_con: Connection, actors: Actors, demo_id: int) -> None:
    plan_id, grids = a_draft(demo_con, actors)
    told = by(demo_con, actors[Role.SECRETARY], effects.effects, plan_id=plan_id, before=grids, after=grids)
    become(demo_con, actors[Machine.JOB])
    query = (
        "SELECT count(*), sum(people_count), (SELECT count(*) FROM building WHERE community_id = :c),"
        " (SELECT count(*) FROM facility WHERE community_id = :c AND closed_on IS NULL) FROM household"
        " WHERE community_id = :c"
    )
    whole = demo_con.execute(text(query), {"c": demo_id}).one()
    fields = ("households", "people", "buildings", "facilities")
    assert tuple(sum(getattr(e.after, name) for e in told) for name in fields) == tuple(whole)


def test_a_planner_gets_steps_where_a_secretary_gets_counts(demo_con: Connection, actors: Actors) -> None:
    plan_id, grids = a_draft(demo_con, actors)
    after = swapped(grids, grids[0].key, grids[1].key)
    asked = {"plan_id": plan_id, "before": grids[:2], "after": after[:2]}
    exact = by(demo_con, actors[Role.SECRETARY], effects.effects, **asked)
    coarse = by(demo_con, actors[Role.PLANNER], effects.effects, **asked)
    assert [e.key for e in exact] == [e.key for e in coarse]
    for one, other in zip(exact, coarse, strict=True):
        for side in ("before", "after"):
            true, told = getattr(one, side), getattr(other, side)
            assert (told.households, told.people, told.buildings) == (true.households, true.people, true.buildings)
            for code, count in told.groups.items():
                assert count is None or (count % SMALL_CELL == 0 and abs(count - true.groups[code]) < 2 * SMALL_CELL)
            assert told.load_min % 30 == 0
    assert exact[0].before.households == exact[1].after.households


def test_the_planners_own_rights_stay_after_the_count(demo_con: Connection, actors: Actors) -> None:
    plan_id, grids = a_draft(demo_con, actors)
    by(demo_con, actors[Role.PLANNER], effects.effects, plan_id=plan_id, before=grids[:1], after=grids[:1])
    assert demo_con.execute(text("SELECT current_user")).scalar() == "gridmap_planner"


def test_who_may_not_read_drafts_gets_no_figures(demo_con: Connection, actors: Actors) -> None:
    plan_id, grids = a_draft(demo_con, actors)
    worker = Actor(Role.WORKER, actors[Role.PLANNER].community_id, frozenset([grids[0].key]), worker_id=1)
    for actor in (worker, replace(actors[Role.PLANNER], role=Role.DRIVER)):
        for wish, values in (
            (effects.effects, {"before": grids[:1], "after": grids[:1]}),
            (effects.faults, {"on": DEMO_DAY}),
            (effects.walking, {"keys": [grids[0].key], "on": DEMO_DAY}),
        ):
            with pytest.raises(Forbidden):
                by(demo_con, actor, wish, plan_id=plan_id, **values)
    stranger = replace(actors[Role.PLANNER], community_id=actors[Role.PLANNER].community_id + 1)
    for wish, values in (
        (effects.effects, {"before": grids[:1], "after": grids[:1]}),
        (effects.faults, {"on": DEMO_DAY}),
        (effects.walking, {"keys": [grids[0].key], "on": DEMO_DAY}),
    ):
        with pytest.raises(NotFound):
            by(demo_con, stranger, wish, plan_id=plan_id, **values)


# --- worked by hand ----------------------------------------------------------------------------------------------


@pytest.fixture
def world(con: Connection, community_id: int) -> World:
    """Return two grids with a building each, where one household of the first lives alone."""
    made = World(con, community_id)
    made.household(0, "alone")
    made.household(0)
    made.household(0, standing="refused")
    made.household(1, "high_risk", "alone")
    made.need(made.household(1), SMALL_DAY - timedelta(days=3))
    return made


def job(world: World) -> Actor:
    return Actor(Machine.JOB, world.community_id)


def drawn(world: World) -> tuple[int, list[DraftGrid]]:
    """Decide the small world's households and begin a draft of it."""
    coverage.recompute(world.con, job(world), on=SMALL_DAY)
    plan_id = boundaries.begin(world.con, job(world), title="试", at=small_at(SMALL_DAY), on=SMALL_DAY)
    return plan_id, boundaries.grids(world.con, job(world), plan_id=plan_id)


def test_two_grids_that_become_one_hold_what_both_held(world: World) -> None:
    plan_id, (one, other) = drawn(world)
    union = shapely.union(one.boundary, other.boundary)
    asked = {"before": [one, other], "after": [replace(one, boundary=union), replace(other, boundary=None)]}
    first, second = effects.effects(world.con, job(world), plan_id=plan_id, **asked)
    assert isinstance(first.before, Figures)
    assert isinstance(second.before, Figures)
    assert isinstance(first.after, Figures)
    assert second.after is None
    # A third of a month's visits for every 90 days: 15 minutes x 30 / 90 = 5; living alone, every 30 days, 15;
    # high risk every 7, 64.28. Who refused is owed no visit.
    assert (first.before.households, first.before.load_min) == (3, 20.0)
    assert (second.before.households, second.before.load_min) == (2, 69.28)
    assert (first.after.households, first.after.load_min) == (5, 89.28)
    assert (first.before.groups["alone"], first.after.groups["alone"], first.after.groups["high_risk"]) == (1, 2, 1)
    assert (first.before.needs, first.after.needs, first.after.need_min) == (0, 1, 10)
    assert (first.after.buildings, first.after.band) == (2, Band.SMALL)
    assert first.after.area_m2 == pytest.approx(first.before.area_m2 + second.before.area_m2, abs=0.2)


def test_a_draft_begun_elsewhere_has_no_effects_here(world: World) -> None:
    _, grids = drawn(world)
    with pytest.raises(NotFound):
        effects.effects(world.con, job(world), plan_id=10**9, before=grids, after=grids)


def test_nothing_before_and_after_is_no_effect(world: World) -> None:
    plan_id, _ = drawn(world)
    assert effects.effects(world.con, job(world), plan_id=plan_id, before=[], after=[]) == ()
    gone = DraftGrid(-1, 9, "第九网格", "general", None)
    assert effects.effects(world.con, job(world), plan_id=plan_id, before=[gone], after=[gone]) == (
        Effect(-1, None, None),
    )


# --- faults ------------------------------------------------------------------------------------------------------


def kinds(found: tuple[Fault, ...]) -> list[tuple[str, tuple[int, ...]]]:
    return [(fault.kind, fault.keys) for fault in found]


def test_the_demo_has_nothing_that_needs_a_look(demo_con: Connection, actors: Actors) -> None:
    assert by(demo_con, actors[Role.CLERK], effects.faults, on=DEMO_DAY) == ()
    plan_id, _ = a_draft(demo_con, actors)
    assert by(demo_con, actors[Role.PLANNER], effects.faults, plan_id=plan_id, on=DEMO_DAY) == ()


def test_what_is_kept_in_another_grid_than_it_stands_in_is_told(world: World) -> None:
    drawn(world)
    one, other = world.grids
    world.con.execute(text("UPDATE building SET grid_id = :g WHERE id = :b"), {"g": other, "b": world.buildings[0]})
    found = effects.faults(world.con, job(world), on=SMALL_DAY)
    assert ("misplaced", (one, other)) in kinds(found)
    assert ("orphan", (other,)) in kinds(found)
    assert next(f for f in found if f.kind == "orphan").building_id == world.buildings[0]


def test_a_building_in_no_grid_and_one_that_is_cut_are_told(world: World) -> None:
    plan_id, (one, other) = drawn(world)
    assert other.boundary is not None
    west, south, east, north = other.boundary.bounds
    third = west + (east - west) // 3
    kept = [
        replace(one, boundary=shapely.box(*one.boundary.bounds[:2], third, north)),  # type: ignore[union-attr]
        replace(other, boundary=shapely.box(third, south, east, north)),
    ]
    drafted = boundaries.begin(world.con, job(world), title="试", at=small_at(SMALL_DAY), on=SMALL_DAY, grids=kept)
    found = effects.faults(world.con, job(world), plan_id=drafted, on=SMALL_DAY)
    assert ("cut", (other.key,)) in kinds(found)
    assert not {"unassigned", "misplaced", "gap", "overlap"} & {f.kind for f in found}
    assert effects.faults(world.con, job(world), plan_id=plan_id, on=SMALL_DAY) != found
    world.con.execute(
        text("UPDATE grid_version SET valid_to = :on WHERE community_id = :c AND grid_id = :g"),
        {"c": world.community_id, "g": other.key, "on": SMALL_DAY},
    )
    found = effects.faults(world.con, job(world), on=SMALL_DAY)
    assert [f.building_id for f in found if f.kind == "unassigned"] == [world.buildings[1]]


def test_grids_without_a_worker_or_outside_the_tolerance_are_told(world: World) -> None:
    plan_id, _ = drawn(world)
    one, other = world.grids
    asked = {"plan_id": plan_id, "on": SMALL_DAY}
    assert kinds(effects.faults(world.con, job(world), **asked)) == [("small", (one,)), ("small", (other,))]  # type: ignore[arg-type]
    sizes = {"grid_least": 1, "grid_target": 2, "grid_most": 2}
    working.change_setting(world.con, job(world), changes=sizes)
    assert kinds(effects.faults(world.con, job(world), **asked)) == [("large", (one,))]  # type: ignore[arg-type]
    world.con.execute(
        text("UPDATE worker_assignment SET valid_to = :on WHERE community_id = :c AND grid_id = :g"),
        {"c": world.community_id, "g": other, "on": BEGIN + timedelta(days=9)},
    )
    assert kinds(effects.faults(world.con, job(world), **asked)) == [("no_worker", (other,)), ("large", (one,))]  # type: ignore[arg-type]


def test_numbers_the_wrong_way_round_are_told_and_put_right(demo_con: Connection, actors: Actors) -> None:
    planner = actors[Role.PLANNER]
    plan_id, grids = a_draft(demo_con, actors)
    become(demo_con, actors[Machine.JOB])
    first, last = grids[0], next(g for g in reversed(grids) if g.kind == "general")
    for grid, number in ((first, last.number), (last, first.number)):
        demo_con.execute(
            text("UPDATE grid SET number = :n WHERE community_id = :c AND id = :g"),
            {"n": number, "c": planner.community_id, "g": grid.key},
        )
    found = by(demo_con, planner, effects.faults, plan_id=plan_id, on=DEMO_DAY)
    assert {f.kind for f in found} == {"number"}
    assert any(f.keys[0] == first.key for f in found)
    at = coverage.end_of(DEMO_DAY - timedelta(days=1), "Asia/Shanghai")
    by(demo_con, planner, boundaries.renumber, plan_id=plan_id, revision=0, at=at)
    after = {g.key: g for g in by(demo_con, planner, boundaries.grids, plan_id=plan_id)}
    assert sorted(g.number for g in after.values()) == list(range(1, len(after) + 1))
    assert max(after.values(), key=lambda g: g.number).kind == "commercial"
    assert by(demo_con, planner, effects.faults, plan_id=plan_id, on=DEMO_DAY) == ()


# --- walking -----------------------------------------------------------------------------------------------------


def test_walking_is_told_for_each_grid_before_and_after(demo_con: Connection, actors: Actors) -> None:
    plan_id, grids = a_draft(demo_con, actors)
    near, far = grids[15].key, grids[17].key  # the service centre stands beside the one, the other is the longest walk
    at = coverage.end_of(DEMO_DAY - timedelta(days=1), "Asia/Shanghai")
    asked = {"plan_id": plan_id, "keys": [near, far], "on": DEMO_DAY}
    secretary = actors[Role.SECRETARY]
    first = by(demo_con, secretary, effects.walking, **asked)
    assert first == by(demo_con, secretary, effects.walking, **asked)
    assert first[near][0] == first[near][1]
    assert 60 < first[near][0] < first[far][0]
    neighbour = next(
        g
        for g in grids
        if g.key not in (near, far) and shapely.touches(g.boundary, grids[15].boundary) and g.number > 1
    )
    join = partition.Join(near, neighbour.key)
    by(demo_con, actors[Role.PLANNER], boundaries.edit, plan_id=plan_id, revision=0, operation=join, at=at)
    joined = by(demo_con, secretary, effects.walking, plan_id=plan_id, keys=[near, neighbour.key], on=DEMO_DAY)
    assert joined[neighbour.key][1] is None
    assert joined[near][1] > joined[near][0]
    # one walk through both is shorter than two: at most both, at least the longer
    assert max(joined[near][0], joined[neighbour.key][0]) < joined[near][1]
    assert joined[near][1] < 1.2 * (joined[near][0] + joined[neighbour.key][0])


def test_a_planner_gets_walking_in_half_hours(demo_con: Connection, actors: Actors) -> None:
    plan_id, grids = a_draft(demo_con, actors)
    keys = [g.key for g in grids[:2]]
    exact = by(demo_con, actors[Role.CLERK], effects.walking, plan_id=plan_id, keys=keys, on=DEMO_DAY)
    told = by(demo_con, actors[Role.PLANNER], effects.walking, plan_id=plan_id, keys=keys, on=DEMO_DAY)
    for key in keys:
        assert told[key][0] % 30 == 0
        assert abs(told[key][0] - exact[key][0]) <= 15


def test_nobody_walks_where_nobody_lives_and_no_grid_is_no_figure(world: World) -> None:
    plan_id, (one, _) = drawn(world)
    world.con.execute(text("UPDATE household SET standing = 'vacant' WHERE grid_id = :g"), {"g": one.key})
    found = effects.walking(world.con, job(world), plan_id=plan_id, keys=[one.key, 10**9], on=SMALL_DAY)
    assert found == {one.key: (0.0, 0.0), 10**9: (None, None)}
    assert effects.walking(world.con, job(world), plan_id=plan_id, keys=[], on=SMALL_DAY) == {}

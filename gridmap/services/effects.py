"""What a draft of borders does to people and work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from sqlalchemy import Connection

from gridmap.domain import border_faults
from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.boundaries import DraftGrid
from gridmap.domain.effects import (
    LOAD_STEP_MIN,
    NOWHERE,
    Effect,
    Fault,
    Spots,
    Tally,
    compared,
    moved_households,
    placed,
    protected,
)
from gridmap.domain.rounds import Calls, Floats, walking_min
from gridmap.domain.vertical import climb_s
from gridmap.domain.working import WorkSetting
from gridmap.services import access, networks, streets, working
from gridmap.services.coverage import as_job
from gridmap.services.holding import READERS, standing_of
from gridmap.store import boundaries as drafts
from gridmap.store import effects as store
from gridmap.store.boundaries import Box


def effects(
    con: Connection, actor: Actor, *, plan_id: int, before: Sequence[DraftGrid], after: Sequence[DraftGrid]
) -> tuple[Effect, ...]:
    """Return the figures of some grids of a draft before and after; a planner gets groups and load in steps.

    Parameters
    ----------
    plan_id : the draft they are of
    before, after : the same ground, divided in two ways; neighbours that stay as they are may be left out
    """
    access.require(actor, *READERS)
    standing_of(con, actor, plan_id)
    return between(con, actor, before=before, after=after)


def between(
    con: Connection, actor: Actor, *, before: Sequence[DraftGrid], after: Sequence[DraftGrid]
) -> tuple[Effect, ...]:
    """Return the figures of some ground divided in two ways, as ``effects``, whatever it was drawn for."""
    access.require(actor, *READERS)
    with as_job(con, actor):
        tallies = _tallies(con, actor.community_id, before, after)
    found = compared(before, after, tallies, working.setting(con, actor))
    return protected(found, moved=moved_households(tallies)) if actor.role is Role.PLANNER else found


def _box(grids: Sequence[DraftGrid]) -> Box | None:
    boxes = [g.boundary.bounds for g in grids if g.boundary is not None]
    if not boxes:
        return None
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)


def _tallies(
    con: Connection, community_id: int, before: Sequence[DraftGrid], after: Sequence[DraftGrid]
) -> dict[tuple[int, int], Tally]:
    """Return what lies in each grid before and in another, or the same, after."""
    box = _box([*before, *after])
    if box is None:
        return {}
    houses, machines = store.buildings(con, community_id, box=box), store.facilities(con, community_id)
    sides = [[placed(spots.x, spots.y, grids) for grids in (before, after)] for spots in (houses, machines)]
    pairs, which = np.unique(np.hstack([np.stack(side) for side in sides]), axis=1, return_inverse=True)
    which = which.reshape(-1)
    known = (pairs != NOWHERE).any(axis=0)
    inside = known[which[: len(houses.ids)]]
    of_house, of_machine = which[: len(houses.ids)][inside], which[len(houses.ids) :]
    counted = store.counted(
        con,
        community_id,
        building_ids=houses.ids[inside],
        pairs=of_house,
        grid_ids=np.unique(houses.grid_id[inside]).tolist(),
    )
    made = {}
    for number in np.flatnonzero(known).tolist():
        things = Tally(buildings=int((of_house == number).sum()), facilities=int((of_machine == number).sum()))
        made[int(pairs[0, number]), int(pairs[1, number])] = counted.get(number, Tally()).plus(things)
    return made


def faults(con: Connection, actor: Actor, *, plan_id: int | None = None, on: date) -> tuple[Fault, ...]:
    """Return what needs a look in a draft, or without one in the borders of a day; the gravest first.

    Parameters
    ----------
    on : the day whose borders, workers and outline are looked at; a draft is looked at as it is now
    """
    access.require(actor, *READERS)
    grids = present(con, actor, plan_id, on)
    community_id = actor.community_id
    houses = store.buildings(con, community_id)
    held_by = placed(houses.x, houses.y, grids)
    ground = store.footprints(con, community_id, houses.ids)
    with as_job(con, actor):
        living, elsewhere = store.households(con, community_id)
    in_grid: Counter[int] = Counter()
    for building_id, key in zip(houses.ids.tolist(), held_by.tolist(), strict=True):
        in_grid[key] += living.get(building_id, 0)
    drawn = plan_id is not None
    found = [
        *border_faults.torn(grids, None if drawn else store.outline(con, community_id, on=on)),
        *border_faults.of_buildings(houses, None if drawn else houses.grid_id, held_by, ground, grids),
        *border_faults.of_grids(
            grids, in_grid, store.workers_of(con, community_id, on=on), working.setting(con, actor)
        ),
    ]
    if not drawn:
        found += border_faults.of_households(houses, elsewhere)
    return border_faults.in_order(found)


def present(con: Connection, actor: Actor, plan_id: int | None, on: date) -> list[DraftGrid]:
    """Return the grids of a draft, or without one those of a day."""
    access.require(actor, *READERS)
    if plan_id is None:
        return drafts.of_day(con, actor.community_id, on=on)
    found = standing_of(con, actor, plan_id)
    return drafts.of_plan(con, actor.community_id, plan_id, on=found.base.effect_on)


def walking(
    con: Connection, actor: Actor, *, plan_id: int, keys: Sequence[int], on: date
) -> dict[int, tuple[float | None, float | None]]:
    """Return the minutes a month's calls in some grids are walked, before and in a draft; None where a grid is not.

    It is estimated as ``domain.rounds`` says, over the streets of a day, from the service centre and back. A planner
    gets steps of ``LOAD_STEP_MIN``: how often a single door is called at tells its group.
    """
    access.require(actor, *READERS)
    found = standing_of(con, actor, plan_id)
    base, now = drafts.states(con, actor.community_id, plan_id, on=found.base.effect_on, keys=keys)
    sides = [[side[key] for key in keys if key in side] for side in (base, now)]
    with as_job(con, actor):
        ground = _ground(con, Actor(Machine.JOB, actor.community_id), [*sides[0], *sides[1]], on)
        minutes = [{g.key: ground.minutes(g, sides[0]) for g in sides[0]}]
        kept = {key: m for key, m in minutes[0].items() if base[key] is now[key]}  # a walk through it is found once
        rest = {g.key: ground.minutes(g, sides[1]) for g in sides[1] if g.boundary is not None and g.key not in kept}
        minutes.append(kept | rest)
    if actor.role is Role.PLANNER:
        minutes = [
            {key: float(round(m / LOAD_STEP_MIN) * LOAD_STEP_MIN) for key, m in side.items()} for side in minutes
        ]
    return {key: (minutes[0].get(key), minutes[1].get(key)) for key in dict.fromkeys(keys)}


@dataclass(frozen=True)
class _Ground:
    """Entrances in and around some grids, and the ways between them."""

    houses: Spots
    entrances: store.Entrances
    calls: Calls
    out_s: Floats
    back_s: Floats
    between_s: Floats
    setting: WorkSetting

    def minutes(self, grid: DraftGrid, grids: Sequence[DraftGrid]) -> float:
        """Return the minutes walked in one grid of several that share no ground."""
        mine = self.houses.ids[placed(self.houses.x, self.houses.y, grids) == grid.key]
        here = np.isin(self.entrances.building_ids, mine)
        between = self.between_s[np.ix_(here, here)]
        found = walking_min(self.calls.only(here), self.out_s[here], self.back_s[here], between, self.setting)
        return round(found, 1)


def _ground(con: Connection, job: Actor, grids: Sequence[DraftGrid], on: date) -> _Ground:
    """Find the entrances in the box of some grids and the ways between them."""
    box, setting = _box(grids), working.setting(con, job)
    houses = store.buildings(con, job.community_id, box=box or (0, 0, 0, 0))
    held = placed(houses.x, houses.y, grids) != NOWHERE
    found = store.entrances(con, job.community_id, houses.ids[held])
    way = networks.walker(con, job, on=on)
    start = networks.spots(con, job, on=on, lonlat=[streets.centre(con, job)])
    spots = networks.entrance_spots(con, job, on=on, entrance_ids=found.entrance_ids.tolist())
    climb = [
        climb_s(1, round(floor), has_lift=lift, setting=setting)
        + climb_s(round(floor), 1, has_lift=lift, setting=setting)
        for floor, lift in zip(found.floor.tolist(), found.has_lift.tolist(), strict=True)
    ]
    calls = Calls(found.visits, found.often, np.asarray(climb, np.float64))
    out_s, back_s = way.matrix(start, spots)[0], way.matrix(spots, start)[:, 0]
    return _Ground(houses, found, calls, out_s, back_s, way.matrix(spots), setting)

"""A draft takes effect: dated borders, households and all that is theirs, work in hand, notices; one transaction.

The program's own rights and the lock of the community's figures are held by the caller, who also counts the grids anew
afterwards. Visits take the same lock before they look for their household, so nobody waits in a circle.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
from shapely import Polygon
from sqlalchemy import Connection

from gridmap.domain import publishing as thinking
from gridmap.domain.actors import Actor, Machine
from gridmap.domain.boundaries import DraftGrid, PlanState, fingerprint
from gridmap.domain.crs import STORE_SRID
from gridmap.domain.effects import NOWHERE
from gridmap.domain.publishing import Moved, Patch
from gridmap.errors import BadInput, Conflict, GridmapError
from gridmap.services import access
from gridmap.store import audit, boundaries, notices, redrawing
from gridmap.store import consequences as open_work
from gridmap.store import effects as spots
from gridmap.store import publishing as store

ON_A_BORDER = 2.0  # whole units added to a box, so that grids that only touch it are found


@dataclass(frozen=True)
class Published:
    """What took effect.

    Attributes
    ----------
    moves : households that changed grid
    grid_ids : grids whose figures are others now, those that ended included
    """

    version_id: int
    moves: tuple[Moved, ...]
    grid_ids: tuple[int, ...]


def patch(con: Connection, actor: Actor, *, plan_id: int, on: date) -> Patch:
    """Return what a draft changes of the partition of a day, with the neighbours of what it changes."""
    access.require(actor, Machine.JOB)
    c = actor.community_id
    changes = boundaries.changes(con, c, plan_id)
    if not changes:
        raise BadInput("草稿里没有任何改动")
    own = boundaries.of_day(con, c, on=on, keys=[grid.key for grid in changes if grid.key > 0])
    near = [grid for box in thinking.boxes_of([*own, *changes]) for grid in _meeting(con, c, box, on=on)]
    return thinking.patch_of(changes, {grid.key: grid for grid in [*near, *own]})


def _meeting(con: Connection, community_id: int, box: thinking.Box, *, on: date) -> list[DraftGrid]:
    west, south, east, north = box
    wide = (west - ON_A_BORDER, south - ON_A_BORDER, east + ON_A_BORDER, north + ON_A_BORDER)
    return boundaries.of_day(con, community_id, on=on, box=wide)


def check(con: Connection, actor: Actor, made: Patch, *, on: date) -> None:
    """Refuse a patch that would break the partition.

    Raises
    ------
    BadInput
        With what is wrong.
    """
    access.require(actor, Machine.JOB)
    thinking.check(made)
    numbers = [grid.number for grid in made.after.values()]
    twice = redrawing.numbers_elsewhere(con, actor.community_id, numbers, on=on, but=list(made.before))
    if twice:
        raise BadInput("网格编号 %(number)s 用了两次，请改成不同的编号", number=twice[0])


def buildings(con: Connection, actor: Actor, made: Patch) -> dict[int, tuple[int, int]]:
    """Return each building that comes into another grid: (its grid, the key it comes to, ``NOWHERE`` for none)."""
    access.require(actor, Machine.JOB)
    c = actor.community_id
    found: dict[int, tuple[int, int]] = {}
    for box in thinking.boxes_of([*made.before.values(), *made.after.values()]):
        found |= thinking.placed_anew(spots.buildings(con, c, box=box), made)
    if store.buildings_left(con, c, made.gone) > sum(old in made.gone for old, _ in found.values()):
        found = thinking.placed_anew(spots.buildings(con, c), made)  # some stand elsewhere than they are kept
    return found


def take(
    con: Connection, actor: Actor, *, plan_id: int, on: date, at: datetime, account_id: int | None, reason: str
) -> Published:
    """Let a draft take effect on a day, known from a moment on.

    Raises
    ------
    BadInput
        When the borders would be no partition, or a building would stand in no grid.
    """
    access.require(actor, Machine.JOB)
    c = actor.community_id
    store.take_time(con)
    made = patch(con, actor, plan_id=plan_id, on=on)
    check(con, actor, made, on=on)
    moving = buildings(con, actor, made)
    refuse_unassigned(moving)
    worked = redrawing.duties(con, c, [*made.before, *made.neighbours], on=on)
    ids = {key: _new_grid(con, c, made.after[key]) for key in made.added if key < 0}
    made = made.renamed(ids)
    anew = {building: ids.get(key, key) for building, (_, key) in moving.items()}
    moves = store.households_of(con, c, anew, lock=True)
    counts = count(con, actor, made, moves, on=on, at=at) | {"buildings": len(anew)}
    _draw(con, c, made, on=on, at=at)
    _staff(con, c, made, on=on, at=at)
    whole = boundaries.of_day(con, c, on=on)
    version_id = boundaries.add_version(
        con, c, effect_on=on, digest=fingerprint(whole), changed=made.keys, plan_id=plan_id,
        account_id=account_id, reason=reason, at=at,
    )  # fmt: skip
    store.move_buildings(con, c, anew)
    store.move_households(con, c, moves, version_id=version_id, on=on, at=at)
    counts |= _move_work(con, c, made, moves, on=on)
    _tell(con, c, made, moves, worked, version_id, on=on)
    store.finish_version(con, c, version_id, counts=counts, before=_as_was(made, worked))
    store.make_tiles_stale(con, c)
    store.decide(con, c, plan_id, state=str(PlanState.IN_EFFECT), version_id=version_id, effect_on=on)
    grid_ids = {*made.keys, *(m.from_grid_id for m in moves), *(m.to_grid_id for m in moves)}
    return Published(version_id, tuple(moves), tuple(sorted(grid_ids)))


def refuse_unassigned(moving: Mapping[int, tuple[int, int]]) -> None:
    """Refuse borders that leave a building in no grid.

    Raises
    ------
    BadInput
        With the number of such buildings.
    """
    lost = sum(1 for _, key in moving.values() if key == NOWHERE)
    if lost:
        raise BadInput("有 %(n)s 栋楼不在任何网格里，请先在编辑器里找出问题", n=lost)


def _new_grid(con: Connection, community_id: int, grid: DraftGrid) -> int:
    used = redrawing.codes(con, community_id)
    code = thinking.code_for(redrawing.place(con, community_id).code, grid.number, used)
    return redrawing.add_grid(con, community_id, code, grid)


def _draw(con: Connection, community_id: int, made: Patch, *, on: date, at: datetime) -> None:
    """End and begin dated borders; a grid that is only called otherwise begins a version too."""
    from gridmap.services.communities import label_spots  # it loads towns, and so all that loading needs

    redrawing.end_borders(con, community_id, list(made.before), on=on)
    for key, grid in made.after.items():
        if key not in made.before or thinking.words_of(grid) != thinking.words_of(made.before[key]):
            redrawing.call(con, community_id, grid)
    grids = [made.after[key] for key in sorted(made.after)]
    shapes = gpd.GeoSeries.from_wkb(redrawing.degrees(g.boundary for g in grids), crs=STORE_SRID)
    centres, rooms = label_spots(shapes, redrawing.place(con, community_id).epsg)
    spots = list(zip(centres.x.tolist(), centres.y.tolist(), np.asarray(rooms).tolist(), strict=True))
    redrawing.begin_borders(con, community_id, grids, spots, on=on, at=at)
    if made.new_outline:
        outline = thinking.ground(boundaries.of_day(con, community_id, on=on))
        if not isinstance(outline, Polygon):
            raise BadInput("网格不再连成一片，请先在编辑器里找出问题")
        redrawing.draw_outline(con, community_id, outline, on=on)


def _staff(con: Connection, community_id: int, made: Patch, *, on: date, at: datetime) -> None:
    redrawing.end_duties(con, community_id, made.gone, on=on)
    for key in made.added:
        if made.after[key].worker_id:
            redrawing.begin_duty(con, community_id, made.after[key].worker_id, key, on=on, at=at)


def count(
    con: Connection, actor: Actor, made: Patch, moves: Sequence[Moved], *, on: date, at: datetime
) -> dict[str, int]:
    """Count what is in hand at the households and places that change grid, before they do."""
    access.require(actor, Machine.JOB)
    c = actor.community_id
    homes = [move.household_id for move in moves]
    found = open_work.in_hand(con, c, homes, on=on, at=at, timezone=redrawing.place(con, c).timezone)
    return found | {
        "households": len(moves),
        "people": open_work.people(con, c, homes),
        "facilities": thinking.count_moving(spots.facilities(con, c, on=on), made),
        "water_orders": thinking.count_moving(store.customers(con, c), made),
    }


def concerned(made: Patch, moves: Sequence[Moved]) -> set[int]:
    """Return the keys of the grids whose workers walk other ways now."""
    return {*made.added, *made.gone, *(m.from_grid_id for m in moves), *(m.to_grid_id for m in moves)}


def errands(con: Connection, actor: Actor, made: Patch, *, on: date) -> dict[int, int]:
    """Return the errands that come into another grid, with its key; one that lies in none stays where it is."""
    access.require(actor, Machine.JOB)
    kept = store.errands(con, actor.community_id, [*made.before, *made.neighbours], on=on)
    found = {errand: key for errand, (_, key) in thinking.placed_anew(kept, made).items() if key != NOWHERE}
    if lost := set(kept.ids[np.isin(kept.grid_id, made.gone)].tolist()) - set(found):
        nearest = min(made.after or made.neighbours)
        found |= dict.fromkeys(lost, nearest)
    return found


def _move_work(con: Connection, community_id: int, made: Patch, moves: Sequence[Moved], *, on: date) -> dict[str, int]:
    """Put errands where they are done now, and plans of those concerned aside."""
    moving = errands(con, Actor(Machine.JOB, community_id), made, on=on)
    store.move_errands(con, community_id, moving)
    keys = concerned(made, moves) | (set(made.keys) if moving else set())
    return {"errands": len(moving), "plans": store.put_plans_aside(con, community_id, sorted(keys), on=on)}


Duty = tuple[int, int, str, str]  # grid, worker, his name, main or substitute


def _tell(
    con: Connection,
    community_id: int,
    made: Patch,
    moves: Sequence[Moved],
    worked: Sequence[Duty],
    version_id: int,
    *,
    on: date,
) -> None:
    """Leave a notice for everybody who works, or worked until now, in a grid that is another."""
    told = thinking.told_of(moves, made.keys)
    works = redrawing.duties(con, community_id, list(told), on=on)
    pairs = {(worker, grid) for grid, worker, _, _ in [*worked, *works] if grid in told}
    notices.leave(con, community_id, version_id, [(worker, grid, *told[grid]) for worker, grid in sorted(pairs)])


def _as_was(made: Patch, worked: Sequence[Duty]) -> list[DraftGrid]:
    """Return the changed grids as they were, with who worked in those that ended: he may be asked back."""
    main = {grid: worker for grid, worker, _, duty in worked if duty == "main" and grid in made.gone}
    return [replace(grid, worker_id=main.get(key, 0)) for key, grid in made.before.items()]


# --- those that waited for their day ------------------------------------------------------------------------------


def take_due(con: Connection, actor: Actor, *, on: date) -> list[Published]:
    """Let every approved draft take effect whose day has come, in order, each on its own day.

    They were known before: what they change is known from the first moment of their day. One that cannot take effect
    any more goes back to its planner with the reason; the day begins all the same.
    """
    access.require(actor, Machine.JOB)
    timezone = ZoneInfo(redrawing.place(con, actor.community_id).timezone)
    found = []
    for plan in store.waiting(con, actor.community_id, until=on):
        midnight = datetime.combine(plan.effect_on, time.min, timezone)
        try:
            with con.begin_nested():
                check_base(con, actor, plan_id=plan.plan_id)
                published = take(
                    con, actor, plan_id=plan.plan_id, on=plan.effect_on, at=midnight,
                    account_id=plan.account_id, reason=plan.reason,
                )  # fmt: skip
        except GridmapError as error:
            store.decide(con, actor.community_id, plan.plan_id, state=str(PlanState.DRAFT), decision_note=str(error))
            audit.write(con, actor, "boundary.put_back", subject=str(plan.plan_id), why=str(error))
            continue
        audit.write(
            con, actor, "boundary.effect", subject=str(plan.plan_id), version=published.version_id,
            households=len(published.moves),
        )  # fmt: skip
        found.append(published)
    return found


def check_base(con: Connection, actor: Actor, *, plan_id: int, lock: bool = True) -> None:
    """Refuse a draft that changes a grid which another version has changed since it was begun.

    Raises
    ------
    Conflict
        With those grids (``keys``, ``numbers``), by whose version and when.
    """
    access.require(actor, Machine.JOB)
    standing = boundaries.standing(con, actor.community_id, plan_id, lock=lock)
    if standing is None or not standing.stale:
        return
    own = {grid.key: grid.number for grid in boundaries.changes(con, actor.community_id, plan_id)}
    for version in boundaries.later_versions(con, actor.community_id, standing.base.version_id):
        if same := sorted(own.keys() & set(version.changed)):
            raise Conflict(
                "“%(name)s”于 %(on)s 生效的方案也改了 %(numbers)s 号网格，请对照后重画这些网格",
                name=version.account_name,
                on=version.effect_on,
                numbers="、".join(str(number) for number in sorted(own[key] for key in same)),
                keys=tuple(same),
                version_id=version.version_id,
                at=version.recorded_at,
            )


def check_waiting(con: Connection, actor: Actor, *, plan_id: int, lock: bool = True) -> None:
    """Refuse a draft that changes a grid, or gives a number, that an approved one will on its day.

    Raises
    ------
    Conflict
        With those grids by name, or the number, and the day.
    """
    access.require(actor, Machine.JOB)
    c = actor.community_id
    own = {grid.key: grid for grid in boundaries.changes(con, c, plan_id)}
    for other in store.waiting(con, c, lock=lock):
        if other.plan_id == plan_id:
            continue
        its = {grid.key: grid for grid in boundaries.changes(con, c, other.plan_id)}
        if same := sorted(key for key in own.keys() & its.keys() if key > 0):
            raise Conflict(
                "%(on)s 生效的方案已经批准，也改了这些网格：%(grids)s。请等它生效，或先退回它",
                on=other.effect_on,
                grids="、".join(redrawing.grid_names(con, c, same)),
                keys=tuple(same),
                plan_id=other.plan_id,
            )
        mine, taken = ({g.number for g in side.values() if g.boundary is not None} for side in (own, its))
        if mine & taken:
            raise Conflict(
                "%(on)s 生效的方案已经批准，也用了编号 %(number)s。请换一个编号",
                on=other.effect_on,
                number=min(mine & taken),
                plan_id=other.plan_id,
            )

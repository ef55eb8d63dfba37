"""Taking a day's walk along: on the map, as a track, on paper. What leaves the program is written into the trail."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from sqlalchemy import Connection

from gridmap.domain.actors import Actor, Role
from gridmap.domain.plans import Day
from gridmap.domain.walks import Walk, around, box_of, by_the_way, framed, places_of, points_of
from gridmap.services import access, plans, worklist
from gridmap.store import audit
from gridmap.store import walks as store

LEADERS = (Role.SECRETARY, Role.CLERK)
READERS = (Role.WORKER, *LEADERS)


def _day(con: Connection, actor: Actor, on: date, at: datetime, plan_id: int | None) -> Day:
    """Return the worker's own day, or the plan of a number; the services of plans decide who may see it."""
    if plan_id is None:
        return plans.day(con, actor, on=on, at=at)
    return plans.by_id(con, actor, plan_id=plan_id, at=at)


def walk(con: Connection, actor: Actor, *, on: date, at: datetime, plan_id: int | None = None) -> Walk:
    """Return a walk for the map: the actor's own of the day, or the plan of a number."""
    access.require(actor, *READERS)
    day = _day(con, actor, on, at, plan_id)
    found = store.gates(con, actor.community_id, on=day.on, box=box_of(points_of(day)))
    return Walk(day, by_the_way(found, day), worklist.setting(con, actor).navigation)


def track(con: Connection, actor: Actor, *, on: date, at: datetime, plan_id: int | None = None) -> Day:
    """Return a walk to be taken away as a track; written into the trail."""
    access.require(actor, *READERS)
    day = _day(con, actor, on, at, plan_id)
    audit.write(con, actor, "walk.gpx", subject=str(day.plan_id), on=day.on, stops=len(day.stops))
    return day


def sheet(
    con: Connection, actor: Actor, *, on: date, at: datetime, frame: float = 1.0, plan_id: int | None = None
) -> Walk:
    """Return a walk with the ground under it, to be printed; written into the trail.

    ``frame`` is the picture's width over its height: the ground fills it.
    """
    access.require(actor, *READERS)
    made = walk(con, actor, on=on, at=at, plan_id=plan_id)
    box = around(*(framed(box_of(points), frame) for points in (points_of(made.day), places_of(made.day))))
    audit.write(con, actor, "walk.sheet", subject=str(made.day.plan_id), on=made.day.on, doors=made.day.doors_all)
    return replace(made, ground=store.ground(con, actor.community_id, box=box))

"""What one may ask about water deliveries."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection

from gridmap.domain.actors import Actor, Role
from gridmap.domain.deliveries import Run
from gridmap.services import access
from gridmap.store import deliveries as store

MAY_SEE = (Role.SECRETARY, Role.CLERK, Role.DRIVER)


def runs(con: Connection, actor: Actor, *, on: date) -> list[Run]:
    """Return the delivery runs of one day, by number, each with its path and its stops in order."""
    access.require(actor, *MAY_SEE)
    return store.runs(con, actor.community_id, on)


def last_day(con: Connection, actor: Actor, *, on: date) -> date | None:
    """Return the last day with deliveries, ``on`` or before: no run drives on a day off. None when there is none."""
    access.require(actor, *MAY_SEE)
    return store.last_day(con, actor.community_id, on)

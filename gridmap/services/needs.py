"""Needs people told at the door: the list of those still open."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from gridmap.domain.actors import Actor, Role
from gridmap.domain.needs import OpenNeeds
from gridmap.services import access
from gridmap.services.coverage import check_day, days, end_of
from gridmap.store import needs as store

READERS = (Role.SECRETARY, Role.CLERK, Role.WORKER)


def open_needs(
    con: Connection, actor: Actor, *, on: date, grid_code: str = "", limit: int = 40, offset: int = 0
) -> OpenNeeds:
    """Return a page of the needs open on a day, the oldest first: a worker's own grids, a leader's all or one.

    Raises
    ------
    BadInput
        When the day is in the future or before the first data.
    """
    access.require(actor, *READERS)
    calendar = days(con, actor)
    check_day(calendar, on)
    own = sorted(actor.grid_ids) if actor.role is Role.WORKER else None
    rows, count = store.open_needs(
        con,
        actor.community_id,
        on=on,
        end=end_of(on, calendar.timezone),
        zone=ZoneInfo(calendar.timezone),
        grid_ids=own,
        grid_code=grid_code,
        limit=limit,
        offset=offset,
    )
    return OpenNeeds(on, tuple(rows), count, offset, limit)

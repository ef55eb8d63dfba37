"""The partition of a community into grids."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.services import access
from gridmap.store import grids
from gridmap.store.grids import GridShape

READERS = (*Role, Machine.JOB)


def partition(con: Connection, actor: Actor, *, on: date) -> list[GridShape]:
    """Return the grids as they were drawn on a day; everybody signed in may see all borders of his community."""
    access.require(actor, *READERS)
    return grids.drawn(con, actor.community_id, on=on, with_workers=actor.role is not Role.DRIVER)

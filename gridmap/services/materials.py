"""The policy material that is handed out."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection

from gridmap.domain.actors import Actor, Role
from gridmap.domain.worklist import Material
from gridmap.services import access
from gridmap.store import worklist as store

READERS = (Role.SECRETARY, Role.CLERK, Role.WORKER)


def catalogue(con: Connection, actor: Actor, *, on: date) -> tuple[Material, ...]:
    """Return the material that is handed out on a day."""
    access.require(actor, *READERS)
    return store.materials(con, actor.community_id, on=on)

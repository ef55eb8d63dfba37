"""What one may ask about vending machines, lockers and charging points."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from sqlalchemy import Connection

from gridmap.domain.actors import Actor, Role
from gridmap.domain.facilities import Facility, months_told
from gridmap.services import access
from gridmap.store import facilities as store

MAY_SEE = (Role.SECRETARY, Role.CLERK, Role.PLANNER, Role.WORKER, Role.DRIVER)
MAY_SEE_INCOME = (Role.SECRETARY, Role.CLERK, Role.PLANNER)


def facilities(con: Connection, actor: Actor, *, on: date) -> list[Facility]:
    """Return the facilities open on ``on``, by number; with the last 12 whole months' income for those allowed."""
    access.require(actor, *MAY_SEE)
    found = store.open_on(con, actor.community_id, on)
    if actor.role not in MAY_SEE_INCOME:
        return found
    income = store.income(con, actor.community_id, *months_told(on))
    return [replace(facility, income_yuan=income.get(facility.id, Decimal(0))) for facility in found]

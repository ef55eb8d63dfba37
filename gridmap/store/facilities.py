"""Named reads of facilities and their income."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from sqlalchemy import Connection, func, or_, select

from gridmap.domain.facilities import Facility
from gridmap.store.tables import facility, facility_income


def open_on(con: Connection, community_id: int, on: date) -> list[Facility]:
    """Return the facilities that stand on ``on``, by number; without income."""
    f = facility.c
    rows = con.execute(
        select(f.id, f.number, f.kind, f.name, func.ST_X(f.at), func.ST_Y(f.at), f.opened_on)
        .where(f.community_id == community_id, f.opened_on <= on, or_(f.closed_on.is_(None), f.closed_on > on))
        .order_by(f.number)
    )
    return [Facility(*row) for row in rows]


def income(con: Connection, community_id: int, start: date, end: date) -> dict[int, Decimal]:
    """Return each facility's income of the months from ``start`` until before ``end``, in yuan."""
    i = facility_income.c
    rows = con.execute(
        select(i.facility_id, func.sum(i.amount_yuan).label("amount_yuan"))
        .where(i.community_id == community_id, i.month >= start, i.month < end)
        .group_by(i.facility_id)
    )
    return {row.facility_id: row.amount_yuan for row in rows}

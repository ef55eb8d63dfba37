"""Named reads of water deliveries."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import date

from sqlalchemy import Connection, func, select

from gridmap.domain.deliveries import Run, Stop
from gridmap.store.tables import delivery_customer, delivery_order, delivery_run


def last_day(con: Connection, community_id: int, on: date) -> date | None:
    """Return the last day with a run, ``on`` or before; None when there is none."""
    r = delivery_run.c
    found: date | None = con.scalar(select(func.max(r.on)).where(r.community_id == community_id, r.on <= on))
    return found


def _stops(con: Connection, community_id: int, on: date) -> dict[int, list[Stop]]:
    """Return the stops of each run of the day, in driving order."""
    r, o, c = delivery_run.c, delivery_order.c, delivery_customer.c
    brands = (
        select(
            o.run_id,
            o.customer_id,
            o.brand,
            func.min(o.stop_number).label("number"),
            func.sum(o.barrels).label("barrels"),
            func.max(o.delivered_at).label("delivered_at"),
        )
        .join(delivery_run, (r.community_id == o.community_id) & (r.id == o.run_id))
        .where(o.community_id == community_id, r.on == on)
        .group_by(o.run_id, o.customer_id, o.brand)
        .subquery()
    ).c
    rows = con.execute(
        select(
            brands.run_id,
            func.min(brands.number),
            c.name,
            c.kind,
            func.ST_X(c.at),
            func.ST_Y(c.at),
            func.jsonb_object_agg(brands.brand, brands.barrels),
            func.max(brands.delivered_at),
        )
        .join(delivery_customer, (c.community_id == community_id) & (c.id == brands.customer_id))
        .group_by(brands.run_id, c.id, c.name, c.kind, c.at)
        .order_by(brands.run_id, func.min(brands.number), c.id)
    )
    stops = defaultdict(list)
    for run_id, number, name, kind, lon, lat, barrels, delivered_at in rows:
        stops[run_id].append(Stop(number or 0, name, kind, lon, lat, dict(sorted(barrels.items())), delivered_at))
    return stops


def runs(con: Connection, community_id: int, on: date) -> list[Run]:
    """Return the runs of one day with their stops, by number."""
    r = delivery_run.c
    rows = con.execute(
        select(r.id, r.number, r.driver, r.length_m, func.ST_AsGeoJSON(r.path, 7))
        .where(r.community_id == community_id, r.on == on)
        .order_by(r.number)
    ).all()
    stops = _stops(con, community_id, on) if rows else {}
    return [
        Run(
            run_id,
            number,
            driver,
            length_m,
            tuple((lon, lat) for lon, lat in json.loads(path)["coordinates"]),
            tuple(stops.get(run_id, ())),
        )
        for run_id, number, driver, length_m, path in rows
    ]

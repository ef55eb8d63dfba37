"""Streets for the map: what is drawn of them, what no street reaches, and who lives within minutes of a place."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, jsonify, request
from flask.typing import ResponseReturnValue

from gridmap.domain.actors import Role
from gridmap.services import streets
from gridmap.web import edge, forms
from gridmap.web.access import allow

blueprint = Blueprint("streets", __name__)

READERS = (Role.SECRETARY, Role.CLERK, Role.PLANNER)
SEEKERS = (*READERS, Role.WORKER)


def edge_json(drawn: streets.DrawnEdge) -> dict[str, Any]:
    """Return one street for the page that draws and edits it; null seconds are barred."""
    one = drawn.edge
    return {
        "id": one.edge_id,
        "kind": one.kind,
        "name": one.name,
        "metres": round(one.length_m, 1),
        "walk_s": None if one.walk_s is None else round(one.walk_s, 1),
        "walk_back_s": None if one.walk_back_s is None else round(one.walk_back_s, 1),
        "steps": one.steps or None,
        "opens_min": one.opens_min,
        "closes_min": one.closes_min,
        "main": drawn.main,
        "path": drawn.lonlat,
    }


@blueprint.get("/streets/edges.json")
@allow(*READERS, api=True)
def drawn() -> ResponseReturnValue:
    """Answer the streets of a date in a ``box`` (west,south,east,north; the whole community without one)."""
    box, on = forms.box(request.args), forms.on(request.args, today=edge.today())
    with edge.transaction() as con:
        found, more = streets.edges(con, edge.actor(), box=box, on=on)
    return jsonify(on=on.isoformat(), edges=[edge_json(one) for one in found], more=more)


@blueprint.get("/streets/unreached.json")
@allow(*READERS, api=True)
def unreached() -> ResponseReturnValue:
    """Answer the entrances that no street leads to as it should, with the reason."""
    on = forms.on(request.args, today=edge.today())
    with edge.transaction() as con:
        found = streets.unreached(con, edge.actor(), on=on)
    return jsonify(on=on.isoformat(), entrances=[asdict(one) for one in found])


@blueprint.get("/streets/reach")
@allow(*SEEKERS, api=True)
def reach() -> ResponseReturnValue:
    """Answer what lies within ``minutes`` (10) on foot of ``lon``, ``lat`` (the service centre), and how many homes."""
    place, on = forms.place(request.args), forms.on(request.args, today=edge.today())
    minutes = forms.minutes(request.args, streets.MOST_MINUTES)
    with edge.transaction() as con:
        lon, lat = place or streets.centre(con, edge.actor())
        found = streets.reach(con, edge.actor(), lon=lon, lat=lat, minutes=minutes, on=on)
    return jsonify(
        on=on.isoformat(),
        lon=lon,
        lat=lat,
        minutes=minutes,
        homes=found.homes.total,
        grids=[{"id": grid, "homes": n} for grid, n in sorted(found.homes.by_grid.items())],
        household_ids=found.homes.household_ids,
        lines={"type": "MultiLineString", "coordinates": found.lines},
        area={"type": "MultiPolygon", "coordinates": found.area},
    )

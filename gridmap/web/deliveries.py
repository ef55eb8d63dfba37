"""Water on its way: the runs of one day, as a list and on the map."""

from __future__ import annotations

from flask import Blueprint, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gridmap.domain.actors import Role
from gridmap.domain.deliveries import Run, Stop
from gridmap.services import deliveries
from gridmap.web import edge, figures, forms, stage
from gridmap.web.access import allow
from gridmap.web.words import local_time

blueprint = Blueprint("deliveries", __name__)

READERS = (Role.SECRETARY, Role.CLERK, Role.DRIVER)


def _barrels(stop: Stop) -> str:
    return "、".join(gettext("%(brand)s %(n)s 桶", brand=brand, n=n) for brand, n in stop.barrels.items())


def _title(run: Run) -> str:
    return str(gettext("第 %(n)s 趟", n=run.number))


def _totals(run: Run) -> str:
    km = f"{run.length_m / 1000:.1f}"
    return str(gettext("%(stops)s 站，%(n)s 桶，%(km)s 公里", stops=len(run.stops), n=run.barrels, km=km))


@blueprint.get("/deliveries")
@allow(*READERS)
def overview() -> str:
    """Show the runs of the last day with deliveries, on the map and as a list."""
    asked, who = forms.on(request.args, today=edge.today()), edge.actor()
    with edge.transaction() as con:
        day = asked if "on" in request.args else deliveries.last_day(con, who, on=asked) or asked
        found = deliveries.runs(con, who, on=day)
        drawn = stage.build(con, who, on=asked)
    told = stage.data(
        drawn,
        who,
        on=asked,
        layers=["grids", "paper", "runs"],
        tiles=drawn.tiles | {"runs": f"/deliveries.json?on={day}"},
    )
    return render_template(
        "deliveries/overview.html",
        drawn=drawn,
        data=told,
        runs=[(run, _title(run), _totals(run), [(stop, _barrels(stop)) for stop in run.stops]) for run in found],
        barrels=sum(run.barrels for run in found),
        stops=sum(len(run.stops) for run in found),
        on=day,
        today=edge.today(),
        day_words=figures.day_words,
        viewer=False,
    )


@blueprint.get("/deliveries.json")
@allow(*READERS, api=True)
def layer() -> ResponseReturnValue:
    """Answer the runs of one day for the map's layer."""
    on = forms.on(request.args, today=edge.today())
    with edge.transaction() as con:
        found = deliveries.runs(con, edge.actor(), on=on)
    return jsonify(
        runs=[
            {
                "id": run.id,
                "title": _title(run),
                "lines": [run.driver, _totals(run)],
                "path": [[round(lon, 6), round(lat, 6)] for lon, lat in run.path],
                "stops": [
                    {
                        "number": stop.number,
                        "customer": stop.customer,
                        "lon": stop.lon,
                        "lat": stop.lat,
                        "lines": [
                            _barrels(stop),
                            local_time(stop.delivered_at) if stop.delivered_at else gettext("在路上"),
                        ],
                    }
                    for stop in run.stops
                ],
            }
            for run in found
        ]
    )

"""Files to take away: exactly what the page shows, as Excel or CSV."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, request

from gridmap.domain.actors import Role
from gridmap.domain.attention import by_need, by_overdue
from gridmap.files import coverage as paper
from gridmap.files.sheets import Sheet, to_csv, to_xlsx
from gridmap.services import coverage, exports
from gridmap.web import edge
from gridmap.web.access import allow
from gridmap.web.coverage import OVERDUE, asked, grid_of, narrowed, which_state

blueprint = Blueprint("exports", __name__)

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WRITERS = {"xlsx": (to_xlsx, XLSX), "csv": (to_csv, "text/csv; charset=utf-8")}


def stamp() -> tuple[str, ...]:
    """Return what every file carries: whose it is, whether it is invented, who took it and when."""
    here = edge.community()
    at: datetime = edge.now().astimezone(ZoneInfo(here.timezone))
    return paper.stamp(
        community=here.name,
        code=here.code,
        invented=here.invented,
        user=edge.actor().name or str(edge.actor().role),
        at=at,
    )


def _file(sheet: Sheet, name: str, kind: str) -> Response:
    write, media_type = WRITERS[kind]
    answer = Response(write(sheet), content_type=media_type)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return answer


@blueprint.get("/coverage.<any(xlsx, csv):kind>")
@allow(Role.SECRETARY, Role.CLERK, Role.PLANNER)
def overview(kind: str) -> Response:
    """Hand out the table of grids, in the order of the page."""
    view = asked()
    with edge.transaction() as con:
        found = exports.overview(con, edge.actor(), on=view.on, group=view.group)
    ranked = by_overdue(found.grids) if view.sort else by_need(found.grids, view.story)
    sheet = paper.overview_sheet(replace(found, grids=tuple(ranked)), stamp())
    return _file(sheet, f"coverage-{view.on}", kind)


@blueprint.get("/coverage/<code>.<any(xlsx, csv):kind>")
@allow(Role.SECRETARY, Role.CLERK)
def doors(code: str, kind: str) -> Response:
    """Hand out the doors of one grid behind the number that is chosen."""
    view, chosen, who = asked(), which_state(), edge.actor()
    with edge.transaction() as con:
        here = grid_of(coverage.overview(con, who, on=view.on, group=view.group), code)
        found = exports.doors(
            con,
            who,
            grid_id=here.grid_id,
            on=view.on,
            **narrowed(chosen),
            group=view.group,
        )
    sheet = paper.doors_sheet(found.rows, stamp(), on=view.on.isoformat(), grid_name=here.name, group=view.group)
    return _file(sheet, f"coverage-{here.code}-{request.args.get('state', OVERDUE)}-{view.on}", kind)

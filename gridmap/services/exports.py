"""Taking figures away: the same values as on the page, for those with the right, written down in the trail."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.coverage import Overview, State
from gridmap.domain.households import Doors
from gridmap.services import access, coverage
from gridmap.store import audit

MAY_EXPORT = (Role.SECRETARY, Role.CLERK, Role.PLANNER)
MAY_EXPORT_DOORS = (Role.SECRETARY, Role.CLERK)
MOST_DOORS = 100_000


def overview(con: Connection, actor: Actor, *, on: date, group: str | None = None) -> Overview:
    """Return the overview of the page, for a file."""
    access.require(actor, *MAY_EXPORT, Machine.JOB)
    made = coverage.overview(con, actor, on=on, group=group)
    audit.write(con, actor, "coverage.export", on=on, group=group, rows=len(made.grids))
    return made


def doors(
    con: Connection,
    actor: Actor,
    *,
    grid_id: int,
    on: date,
    state: State | None = None,
    overdue: bool = False,
    group: str | None = None,
) -> Doors:
    """Return the whole list of doors whose pages are shown, for a file."""
    access.require(actor, *MAY_EXPORT_DOORS)
    made = coverage.doors(
        con, actor, grid_id=grid_id, on=on, state=state, overdue=overdue, group=group, limit=MOST_DOORS
    )
    audit.write(con, actor, "doors.export", subject=str(grid_id), on=on, state=state, group=group, rows=len(made.rows))
    return made

"""Reports that are handed out for good: kept with their hash, and held against history."""

from __future__ import annotations

from datetime import date

from sqlalchemy import Connection

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.coverage import Overview
from gridmap.domain.figures import of_overview
from gridmap.domain.reports import Difference, Report, differences
from gridmap.errors import BadInput, NotFound
from gridmap.services import access, coverage, exports
from gridmap.services.coverage import as_job
from gridmap.store import audit, reports

READERS = (Role.SECRETARY, Role.CLERK, Machine.JOB)
COVERAGE = "coverage"
MOST_LISTED = 200


def to_issue(con: Connection, actor: Actor, *, on: date, today: date) -> Overview:
    """Return the figures of a day that is over, for a report.

    Raises
    ------
    BadInput
        When the day is not over yet: what is told of it may still change until midnight.
    """
    access.require(actor, *READERS)
    if on >= today:
        raise BadInput("%(on)s 还没有过完，数字还会变：请选昨天或更早的一天", on=on)
    return exports.overview(con, actor, on=on)


def keep(con: Connection, actor: Actor, *, overview: Overview, title: str, file: bytes) -> int:
    """Keep a report that is handed out."""
    access.require(actor, *READERS)
    made = reports.keep(
        con,
        actor.community_id,
        kind=COVERAGE,
        on=overview.on,
        title=title,
        account_id=actor.account_id,
        figures=of_overview(overview),
        file=file,
    )
    audit.write(con, actor, "report.issue", subject=str(made), on=overview.on)
    return made


def listing(con: Connection, actor: Actor) -> list[Report]:
    """Return what was handed out, newest first."""
    access.require(actor, *READERS)
    with as_job(con, actor):
        return reports.listing(con, actor.community_id, limit=MOST_LISTED)


def one(con: Connection, actor: Actor, *, report_id: int) -> tuple[Report, tuple[Difference, ...]]:
    """Return a report and what is counted otherwise today of the same day: nothing, unless history was touched.

    Raises
    ------
    NotFound
        When there is no such report.
    """
    access.require(actor, *READERS)
    with as_job(con, actor):
        found = reports.one(con, actor.community_id, report_id)
        if found is None:
            raise NotFound("没有这份报表")
        then = reports.figures(con, actor.community_id, report_id)
    now = of_overview(coverage.overview(con, actor, on=found.on))
    return found, differences(then, now)


def taken(con: Connection, actor: Actor, *, report_id: int) -> tuple[Report, bytes]:
    """Return a report with its file, byte for byte as it was handed out.

    Raises
    ------
    NotFound
        When there is no such report, or its bytes are not those any more that were kept.
    """
    access.require(actor, *READERS)
    with as_job(con, actor):
        found = reports.one(con, actor.community_id, report_id)
        if found is None:
            raise NotFound("没有这份报表")
        data, sound = reports.file(con, actor.community_id, report_id)
    if not sound:
        raise NotFound("这份报表的文件与出具时的指纹不符，请从备份恢复")
    audit.write(con, actor, "report.take", subject=str(report_id))
    return found, data

"""Reports that were handed out: issue one, take one again byte for byte, hold one against history."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from gridmap.domain.actors import Role
from gridmap.domain.reports import Difference
from gridmap.files import coverage as paper
from gridmap.files.sheets import to_xlsx
from gridmap.services import reports
from gridmap.web import edge, exports, figures, forms
from gridmap.web.access import allow

blueprint = Blueprint("reports", __name__)

READERS = (Role.SECRETARY, Role.CLERK)
SEE_OTHER = 303
WORDS = {"number": "编号", "name": "名称", "kind": "类型", "worker": "网格员", "grid": "网格"}


@blueprint.get("/reports")
@allow(*READERS)
def listing() -> str:
    """Show what was handed out, and offer the report of a day that is over."""
    with edge.transaction() as con:
        found = reports.listing(con, edge.actor())
    yesterday = edge.today() - timedelta(days=1)
    return render_template(
        "reports/list.html", reports=found, yesterday=yesterday, month_end=_month_end(), day_words=figures.day_words
    )


def _month_end() -> str:
    return (edge.today().replace(day=1) - timedelta(days=1)).isoformat()


@blueprint.post("/reports")
@allow(*READERS)
def issue() -> ResponseReturnValue:
    """Write the report of a day, keep it for good, and show it."""
    on, who = forms.on(request.form, today=edge.today()), edge.actor()
    with edge.transaction() as con:
        found = reports.to_issue(con, who, on=on, today=edge.today())
        sheet = paper.overview_sheet(found, exports.stamp())
        report_id = reports.keep(con, who, overview=found, title=sheet.title, file=to_xlsx(sheet))
    return redirect(f"/reports/{report_id}", SEE_OTHER)


@blueprint.get("/reports/<int:report_id>")
@allow(*READERS)
def one(report_id: int) -> str:
    """Show a report, and whether its day is still counted the same."""
    with edge.transaction() as con:
        found, unequal = reports.one(con, edge.actor(), report_id=report_id)
    rows = [(d.code or gettext("合计"), _figure(d), _value(d.then), _value(d.now)) for d in unequal]
    return render_template("reports/one.html", report=found, rows=rows, day_words=figures.day_words)


def _figure(unequal: Difference) -> str:
    return paper.FIGURES.get(unequal.figure) or WORDS.get(unequal.figure, unequal.figure)


def _value(value: object) -> str:
    if isinstance(value, bool):
        return str(gettext("有") if value else gettext("没有"))
    return "—" if value is None else str(value)


@blueprint.get("/reports/<int:report_id>.xlsx")
@allow(*READERS)
def file(report_id: int) -> Response:
    """Hand out a report again, byte for byte."""
    with edge.transaction() as con:
        found, data = reports.taken(con, edge.actor(), report_id=report_id)
    answer = Response(data, content_type=exports.XLSX)
    answer.headers["Content-Disposition"] = f'attachment; filename="report-{found.on}-{found.report_id}.xlsx"'
    return answer

"""Borders in files: a bureau's file becomes a draft, the borders of a day or of a draft are taken away."""

from __future__ import annotations

from flask import Blueprint, Response, redirect, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import lazy_gettext

from gridmap.errors import BadInput, NotFound
from gridmap.files import borders, borders_out
from gridmap.services import border_files, boundaries
from gridmap.web import edge, forms
from gridmap.web.access import allow
from gridmap.web.border_pages import EDITORS, READERS

blueprint = Blueprint("border_files", __name__)

LARGEST_FILE = (borders.LIMITS.file_mb << 20) + 100_000  # bytes of the file, and of the form around it
SYSTEMS = {
    "": lazy_gettext("自动推断"),
    "4490": lazy_gettext("CGCS2000 经纬度（4490）"),
    "4326": lazy_gettext("WGS 84 经纬度（4326）"),
    "4544": lazy_gettext("CGCS2000 平面，105°E，不带带号（4544）"),
    "4523": lazy_gettext("CGCS2000 平面，35 带，带带号（4523）"),
    "3857": lazy_gettext("网络地图平面（3857）"),
    "gcj02": lazy_gettext("火星坐标 GCJ-02（高德、腾讯）"),
    "bd09": lazy_gettext("百度坐标 BD-09"),
}
SWAPPED = lazy_gettext("先北后东")
QUESTIONS = {
    "overlap": lazy_gettext("重叠"),
    "gap": lazy_gettext("没有画到"),
    "apart": lazy_gettext("不相连的一块"),
    "beyond": lazy_gettext("超出社区范围，没有采用"),
    "lost": lazy_gettext("整个被别的面盖住"),
    "loose": lazy_gettext("线头没有接上"),
}
MEDIA = {
    "gpkg": "application/geopackage+sqlite3",
    "zip": "application/zip",
    "geojson": "application/geo+json",
    "kml": "application/vnd.google-earth.kml+xml",
    "dxf": "image/vnd.dxf",
}


@blueprint.get("/boundaries/import")
@allow(*EDITORS)
def page() -> str:
    """Ask for the file."""
    return render_template("boundaries/import.html", systems=SYSTEMS, draft=None)


@blueprint.post("/boundaries/import")
@allow(*EDITORS, largest=LARGEST_FILE)
def take() -> ResponseReturnValue:
    """Make a draft of a file and show what was guessed."""
    given = request.files.get("file")
    if given is None or not given.filename:
        raise BadInput("请先选择文件")
    typed = forms.text(request.form, "crs", 20).strip()
    wished = border_files.reading(typed) if typed else None
    name = "".join(c for c in given.filename if c.isprintable())[-80:]
    paper = borders.read(given.read(), name)  # before the transaction: a child process takes its time
    with edge.transaction() as con:
        draft_id, _ = border_files.begin(con, edge.actor(), paper=paper, at=edge.now(), on=edge.today(), wished=wished)
    return redirect(f"/boundaries/{draft_id}/import", 303)


@blueprint.get("/boundaries/<int:draft_id>/import")
@allow(*READERS)
def result(draft_id: int) -> str:
    """Show how a file was read and what has to be looked at."""
    with edge.transaction() as con:
        plan = boundaries.plan(con, edge.actor(), plan_id=draft_id)
        found = boundaries.source(con, edge.actor(), plan_id=draft_id)
    if not found.get("sha256"):
        raise NotFound("这个方案不是从文件导入的")
    return render_template(
        "boundaries/import.html",
        systems=SYSTEMS,
        swapped=SWAPPED,
        questions=QUESTIONS,
        draft=plan,
        found=found,
        editor=edge.actor().role in EDITORS,
    )


@blueprint.get("/boundaries/grids.<any(gpkg, zip, geojson, kml, dxf):suffix>")
@allow(*READERS)
def export(suffix: str) -> Response:
    """Hand out the borders of a day, or of a draft with its difference."""
    on = forms.on(request.args, today=edge.today())
    raw = request.args.get("plan", "")
    draft_id = forms.identity(raw) if raw else None
    system = border_files.reading(request.args.get("crs", "") or "4490")
    with edge.transaction() as con:
        found = border_files.handed(con, edge.actor(), on=on, plan_id=draft_id)
    answer = Response(borders_out.written(found, suffix, system), content_type=MEDIA[suffix])
    name = f"grids-{on}" if draft_id is None else f"grids-plan-{draft_id}"
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.{suffix}"'
    return answer

"""The planner's page of the streets people walk: what cannot be reached, what was changed, and the changes."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, jsonify, render_template, request
from flask.typing import ResponseReturnValue
from flask_babel import gettext, lazy_gettext, ngettext

from gridmap.domain.actors import Role
from gridmap.domain.unreached import Unreached
from gridmap.maps import streets as drawing
from gridmap.services import streets
from gridmap.web import edge, forms, reasons, stage
from gridmap.web.access import allow
from gridmap.web.stage import WORDS, Stage

blueprint = Blueprint("street_edits", __name__)

READERS = (Role.PLANNER, Role.SECRETARY, Role.CLERK)
SHOWN = 60  # entrances of the list; they are sorted, the most homes first
MODES = [
    ("path", "plus", lazy_gettext("画路")),
    ("steps", "bar-chart", lazy_gettext("画台阶")),
    ("gate", "door-open", lazy_gettext("加大门")),
    ("lift", "building", lazy_gettext("加电梯")),
    ("reach", "stopwatch", lazy_gettext("步行范围")),
]
KINDS = {
    "compound": lazy_gettext("小区道路"),
    "footway": lazy_gettext("人行道"),
    "path": lazy_gettext("小路"),
    "pedestrian": lazy_gettext("步行街"),
    "service": lazy_gettext("内部道路"),
    "residential": lazy_gettext("街巷"),
    "secondary": lazy_gettext("大街"),
    "steps": lazy_gettext("台阶"),
    "gate": lazy_gettext("大门"),
    "lift": lazy_gettext("电梯"),
}
DRAWABLE = ("compound", "footway", "path", "pedestrian", "service", "residential", "secondary")
OTHER_KIND = lazy_gettext("道路")
REASONS = {
    "no_street": lazy_gettext("附近没有路"),
    "closed_gate": lazy_gettext("这条路被关着的大门隔开"),
    "stray": lazy_gettext("近处的路没有接上主路，要绕 %(m)s 米外的路"),
    "wall": lazy_gettext("近处的路在围墙另一边，接到 %(m)s 米外的路"),
    "far": lazy_gettext("离最近的路有 %(m)s 米"),
}
CHANGES = {
    "AddPath": lazy_gettext("画了一条路"),
    "AddLift": lazy_gettext("加了一部电梯"),
    "AddGate": lazy_gettext("加了一道大门"),
    "CloseGate": lazy_gettext("关上一道大门"),
    "OpenGate": lazy_gettext("打开一道大门"),
    "SetHours": lazy_gettext("设了大门时间"),
    "RemoveEdge": lazy_gettext("去掉一段路"),
}
PAGE_WORDS = {
    "path": lazy_gettext("在地图上依次点出这条路，从一条已有的路开始"),
    "steps": lazy_gettext("在地图上依次点出台阶，从一条已有的路开始"),
    "gate": lazy_gettext("在一条路上点一下大门的位置；不填时间就是一直开着"),
    "lift": lazy_gettext("点电梯的两端，两端都要在路上"),
    "reach": lazy_gettext("在地图上点一个出发地"),
    "hours": lazy_gettext("填开门和关门的时间"),
    "drawn": lazy_gettext("已点 {n} 个点，长 {m} 米"),
    "far": lazy_gettext("放大一些，就能看到能走的路"),
    "more": lazy_gettext("这里的路太多，只画出一部分，请再放大"),
    "barred": lazy_gettext("不通行"),
    "oneway": lazy_gettext("只能单向走"),
    "stray": lazy_gettext("没有接上主路"),
    "metres": lazy_gettext("{m} 米"),
    "seconds": lazy_gettext("走 {s} 秒"),
    "steps_n": lazy_gettext("{n} 级台阶"),
    "reached": lazy_gettext("步行 {m} 分钟内住着 {n} 户"),
    "reach_few": lazy_gettext("步行 {m} 分钟内不到 5 户"),
    "open_between": lazy_gettext("{from} 至 {to} 开"),
}


def _why(one: Unreached) -> str:
    return str(REASONS[one.reason] % {"m": round(one.distance_m or 0)})


def _gate(one: streets.DrawnEdge) -> tuple[streets.Edge, float, float, str]:
    """Return a gate, where it is, and when it is open, in words."""
    lon, lat = one.lonlat[len(one.lonlat) // 2]
    gate = one.edge
    if gate.walk_s is None and gate.walk_back_s is None:
        hours = gettext("不通行")
    elif gate.opens_min is None or gate.closes_min is None:
        hours = gettext("一直开着")
    else:
        hours = f"{reasons.clock(gate.opens_min * 60)}–{reasons.clock(gate.closes_min * 60)}"
    return gate, lon, lat, str(hours)


def _data(centre: tuple[float, float], *, editor: bool) -> dict[str, Any]:
    told = PAGE_WORDS | {name: WORDS[name] for name in ("offline", "nowhere")}
    return {
        "words": {name: str(sentence) for name, sentence in told.items()},
        "kinds": {kind: str(word) for kind, word in KINDS.items()},
        "editor": editor,
        "centre": centre,
        "on": edge.today().isoformat(),
    }


@blueprint.get("/streets")
@allow(*READERS)
def page() -> str:
    """Show the streets people walk, and let a planner change them."""
    who, on = edge.actor(), edge.today()
    editor = who.role is Role.PLANNER
    with edge.transaction() as con:
        listed = streets.unreached(con, who, on=on)
        centre = streets.centre(con, who)
        changes = streets.edits(con, who) if editor else []
        drawn, _ = streets.edges(con, who, on=on)
    parts = drawing.draw(centre, stage.tile_addresses(who)["paper"], f"/streets/edges.json?on={on}")
    return render_template(
        "streets/editor.html",
        drawn=Stage(parts, [], [], {}),
        data=_data(centre, editor=editor),
        editor=editor,
        modes=MODES,
        drawable=[(kind, KINDS[kind]) for kind in DRAWABLE],
        unreached=[(one, _why(one)) for one in listed],
        shown=SHOWN,
        gates=[_gate(one) for one in drawn if one.edge.kind == "gate"],
        changes=[(change, CHANGES[change.kind]) for change in changes[:10]],
        can_undo=any(change.undone_at is None for change in changes),
        viewer=False,
    )


def _told(made: streets.Edited) -> ResponseReturnValue:
    n = made.entrances
    words = ngettext("已保存，%(num)s 个单元入口重新接了路", "已保存，%(num)s 个单元入口重新接了路", n) if n else ""
    return jsonify(mark=str(made.mark), entrances=n, words=words or gettext("已保存，下一次排路线就按新的走"))


@blueprint.post("/streets/edits")
@allow(Role.PLANNER, api=True)
def change() -> ResponseReturnValue:
    """Change the streets from today on."""
    wanted = forms.street_change(request.get_data())
    with edge.transaction() as con:
        made = streets.edit(con, edge.actor(), change=wanted, on=edge.today())
    return _told(made)


@blueprint.post("/streets/undo")
@allow(Role.PLANNER, api=True)
def undo() -> ResponseReturnValue:
    """Take back the last change."""
    with edge.transaction() as con:
        made = streets.undo(con, edge.actor(), on=edge.today())
    return _told(made)

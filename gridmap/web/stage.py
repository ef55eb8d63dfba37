"""What every page with the map shares: the map itself, its layers' addresses, and the words its modules show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from flask import request
from flask_babel import gettext, lazy_gettext

from gridmap.domain.actors import Actor, Role
from gridmap.domain.groups import BY_CODE
from gridmap.domain.tiles import Layer, version
from gridmap.maps import coverage as drawing
from gridmap.maps.canvas import Parts
from gridmap.maps.layers import GridFace
from gridmap.services import deliveries, facilities, grids
from gridmap.services.households import VIEWERS
from gridmap.services.tiles import MAY_SEE
from gridmap.store.database import Con
from gridmap.store.grids import GridShape
from gridmap.web import edge
from gridmap.web.words import language

COMMERCIAL = "commercial"
WORDS = {
    "loading": lazy_gettext("正在取住户情况…"),
    "open": lazy_gettext("打开这一户"),
    "closer": lazy_gettext("再放大一些，就能看到每一户"),
    "nothing": lazy_gettext("没有找到，换个楼栋、门牌或姓名试试"),
    "offline": lazy_gettext("网络断了，连上以后再试"),
    "tiles": lazy_gettext("地图暂时取不到，连上网络后会自动补上；列表照常可用"),
    "nowhere": lazy_gettext("取不到您的位置，请在浏览器里允许定位"),
    "outside": lazy_gettext("您现在不在本社区范围内"),
}


@dataclass(frozen=True)
class Stage:
    """The drawn map and what its page needs beside it."""

    parts: Parts
    shapes: list[GridShape]
    chips: list[dict[str, Any]]
    tiles: dict[str, str]


def tile_addresses(actor: Actor) -> dict[str, str]:
    """Return the address of each tile layer this person may see."""
    mark = version(edge.community().map_version, edge.today())
    names = {"paper": Layer.BASE, "homes": Layer.HOMES, "groups": Layer.GROUPS}
    return {
        name: f"/tiles/{layer}/{actor.scope}/{mark}/{{z}}/{{x}}/{{y}}.mvt"
        for name, layer in names.items()
        if actor.role in MAY_SEE[layer]
    }


def label_of(shape: GridShape) -> str:
    """Return what stands large on a grid: its number, or what kind it is."""
    return gettext("商圈") if shape.kind == COMMERCIAL else str(shape.number)


def group_name(code: str) -> str:
    """Return a special group's name in the language of this request."""
    group = BY_CODE[code]
    return group.name_en if language() == "en" else group.name


def _chip(layer: str, icon: str, word: str, count: int | None = None) -> dict[str, Any]:
    return {"layer": layer, "icon": icon, "word": word, "count": count}


def build(con: Con, actor: Actor, *, on: date, special: int | None = None) -> Stage:
    """Return the map as the actor may see it on a day; ``special`` is how many households have a special group."""
    shapes = grids.partition(con, actor, on=on)
    tiles = tile_addresses(actor)
    chips = [_chip("grids", "grid-3x3-gap", gettext("网格"))]
    points = runs = None
    if "homes" in tiles:
        chips.append(_chip("homes", "house", gettext("住户")))
    if "groups" in tiles:
        chips.append(_chip("groups", "people", gettext("特殊群体"), special))
    if actor.role in facilities.MAY_SEE:
        points = f"/facilities.json?on={on}"
        chips.append(
            _chip("points", "lightning-charge", gettext("便民点"), len(facilities.facilities(con, actor, on=on)))
        )
    if actor.role in deliveries.MAY_SEE:
        day = deliveries.last_day(con, actor, on=on) or on
        runs = f"/deliveries.json?on={day}"
        chips.append(_chip("runs", "truck", gettext("送水"), len(deliveries.runs(con, actor, on=day))))
    chips.append(_chip("paper", "signpost-split", gettext("街道小区")))
    faces = [
        GridFace(s.grid_id, s.boundary, s.label_at, s.label_radius_m, commercial=s.kind == COMMERCIAL) for s in shapes
    ]
    sources = drawing.Sources(tiles["paper"], tiles.get("homes"), tiles.get("groups"), points, runs)
    return Stage(drawing.draw(faces, sources), shapes, chips, tiles)


def data(stage: Stage, actor: Actor, *, on: date, **more: Any) -> dict[str, Any]:
    """Return what the page's module is told, as JSON; ``more`` takes the place of the usual."""
    viewer = actor.role in VIEWERS
    usual = {
        "on": on.isoformat(),
        "past": on != edge.today(),
        "selected": None,
        "home": None,
        "mine": [],
        "bit": 0,
        "tiles": stage.tiles,
        "states": f"/coverage/{{grid}}/states.json?on={on}",
        "details": f"/households/{{id}}.json?on={on}" if viewer else "",
        "search": "/households/search.json?q=" if viewer or actor.role is Role.PLANNER else "",
        "layers": ["grids", "homes", "paper"],
        "words": {key: str(sentence) for key, sentence in WORDS.items()},
        "grids": [plain_grid(shape) for shape in stage.shapes],
    }
    return usual | more


def plain_grid(shape: GridShape) -> dict[str, Any]:
    """Return a grid about which no figure is told."""
    return {
        "id": shape.grid_id,
        "c": shape.code,
        "n": label_of(shape),
        "name": shape.name,
        "w": shape.worker_name or "",
        "v": "",
        "k": -1,
        "url": "",
    }


def here_with(**changes: object) -> str:
    """Return this page's address with some of its values changed; None takes a value away."""
    kept = {key: value for key, value in request.args.items() if key not in {"page", "lang", "text"}}
    kept |= {key: str(value) for key, value in changes.items() if value is not None}
    query = urlencode([(key, value) for key, value in kept.items() if not (key in changes and changes[key] is None)])
    return request.path + (f"?{query}" if query else "")

"""Without a network: the service worker with its list of files, the app's manifest, and what pages tell about it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from flask import Blueprint, Flask, Response, current_app, g, render_template, request
from flask_babel import force_locale, gettext, lazy_gettext

from gridmap.domain.actors import Role
from gridmap.settings import STATIC
from gridmap.web.access import ANYONE, allow
from gridmap.web.assets import SHOW_AGAIN, Assets
from gridmap.web.stage import tile_addresses
from gridmap.web.words import LANGUAGES, language

blueprint = Blueprint("offline", __name__)

KEPT = ["/today", "/today/map"]  # pages that open without a network; the first stands for "/" too
VENDORED = [
    "idb/build/index.js",
    "leaflet/dist/leaflet.css",
    "leaflet/dist/leaflet.js",
    "protomaps-leaflet/dist/protomaps-leaflet.js",
    "bootstrap-icons/icons.svg",
    "noto-sans-sc/wght.css",
]
OWN = ("modules/", "styles/", "icons/", "mark.svg")
PAPER, INK = "#f6f4ee", "#17303a"
CUT_OFF_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"

# What the page's scripts say; ``{n}`` is filled in there.
WORDS = {
    "insecure": lazy_gettext("这个地址不能离线使用，请用 https（见 gridmap cert）"),
    "untrusted": lazy_gettext("手机不信任这个地址的证书，不能离线使用（见 gridmap cert）"),
    "no_worker": lazy_gettext("这个浏览器窗口不能离线使用，请用系统自带的浏览器打开，不用无痕窗口"),
    "update": lazy_gettext("有新版本，点这里更新"),
    "update_waits": lazy_gettext("还有 {n} 条记录没有送出，送完再更新"),
    "others": lazy_gettext("这部手机里还有另一个账号的 {n} 条记录没有送出"),
    "sign_in": lazy_gettext("请重新登录，记录还在手机里"),
    "sign_in_link": lazy_gettext("重新登录"),
    "refused": lazy_gettext("有 {n} 条记录服务器没有收下，还在手机里"),
    "decided_kept": lazy_gettext("社区看过了，{kept} 条记录已计入"),
    "decided_dropped": lazy_gettext("社区看过了，{dropped} 条记录没有采用"),
    "decided_both": lazy_gettext("社区看过了，{kept} 条记录已计入，{dropped} 条没有采用"),
    "understood": lazy_gettext("知道了"),
    "skew": lazy_gettext("手机时间和服务器相差 {n} 分钟，请把手机时间设为自动"),
    "kept_at": lazy_gettext("没有网络，看到的是 {at} 存下的页面"),
    "waiting": lazy_gettext("{n} 条记录还在手机里，没有送出"),
    "fault": lazy_gettext("手机存不下记录，请先下载文件保存"),
    "send": lazy_gettext("现在送"),
    "again": lazy_gettext("再送一次"),
    "file": lazy_gettext("下载文件"),
    "take_in": lazy_gettext("读入文件"),
    "taken_in": lazy_gettext("读入了 {n} 条记录"),
    "no_file": lazy_gettext("这不是本账号存下的记录文件"),
    "stay": lazy_gettext("还有 {n} 条记录没有送出，先不能退出。请连上网络送出，或下载文件保存后再退出。"),
    "map_going": lazy_gettext("正在把今天的地图存进手机 {n}/{all}"),
    "map_part": lazy_gettext("路线太长，没有网络时地图只有 {n}/{all} 块"),
    "map_broken": lazy_gettext("今天的地图没有存全，没有网络时可能缺几块"),
    "install": lazy_gettext("装到桌面"),
    "install_by_hand": lazy_gettext("想放到桌面：在浏览器菜单里选“添加到主屏幕”"),
    "room": lazy_gettext("本站已用 {used} MB，还可用 {free} MB"),
    "may_go": lazy_gettext("浏览器没有答应一直保存，请勿清理浏览器数据"),
}


def _own(name: str) -> bool:
    return name.startswith(OWN)


class Shell:
    """What the service worker keeps, and the name of this version of it."""

    def __init__(self, app: Flask) -> None:
        assets: Assets = app.extensions["gridmap.assets"]
        own = [name for name in sorted(assets.trees["own"].files) if _own(name)]
        pages = {code: _cut_off(code) for code in LANGUAGES}
        told: dict[str, Any] = {
            "assets": [assets.url(name) for name in [*own, *VENDORED]],
            "kept": KEPT,
            "cutOff": pages | {"policy": CUT_OFF_POLICY},
        }
        program = (STATIC / "sw.js").read_text("utf-8")
        mark = hashlib.sha256((json.dumps(told, sort_keys=True) + program).encode()).hexdigest()[:16]
        listed = json.dumps({"version": mark, **told}, ensure_ascii=False)
        self.version = mark
        self.script = f"const LIST = {listed};\n{program}"


def _cut_off(code: str) -> str:
    """Return the page for an address that is not on the phone while there is no network."""
    with force_locale(code):
        return render_template("offline/cut_off.html", code=code)


def shell() -> Shell:
    """Return this process's shell, made when first asked for: it holds pages in each language."""
    found: Shell | None = current_app.extensions.get("gridmap.shell")
    if found is None:
        found = current_app.extensions["gridmap.shell"] = Shell(current_app)
    return found


@blueprint.get("/sw.js")
@allow(ANYONE)
def worker() -> Response:
    """Give the service worker, its list of files before it; browsers ask again each time."""
    response = Response(shell().script, mimetype="text/javascript")
    response.headers["Cache-Control"] = SHOW_AGAIN
    return response


@blueprint.get("/manifest.webmanifest")
@allow(ANYONE)
def manifest() -> Response:
    """Tell a phone how to put this on its first screen."""
    url = current_app.extensions["gridmap.assets"].url
    icons = [
        {"src": url(f"icons/{name}.png"), "sizes": f"{side}x{side}", "type": "image/png", "purpose": purpose}
        for name, side, purpose in [("192", 192, "any"), ("512", 512, "any"), ("maskable", 512, "maskable")]
    ]
    told = {
        "name": gettext("社区网格地图"),
        "short_name": gettext("网格"),
        "lang": "en" if language() == "en" else "zh-CN",
        "id": "/today",
        "start_url": "/today",
        "scope": "/",
        "display": "standalone",
        "background_color": PAPER,
        "theme_color": INK,
        "icons": icons,
    }
    response = Response(json.dumps(told, ensure_ascii=False), mimetype="application/manifest+json")
    response.headers["Cache-Control"] = SHOW_AGAIN
    response.headers["Vary"] = "Accept-Language, Cookie"
    return response


def kit() -> dict[str, Any]:
    """Return what the scripts of a page must know to go on without a network."""
    found = g.get("session")
    told: dict[str, Any] = {
        "account": found.actor.account_id if found else None,
        "name": found.actor.name if found else "",
        "walks": bool(found and found.actor.role == Role.WORKER),
        "tiles": "",
        "words": {key: str(sentence) for key, sentence in WORDS.items()},
    }
    if told["walks"]:
        told["tiles"] = tile_addresses(found.actor)["paper"]
    return told


@blueprint.app_context_processor
def surroundings() -> dict[str, Any]:
    """Give every template the function behind the ``offline`` block of base.html."""
    return {"offline_kit": kit}


@blueprint.after_app_request
def say_whose(response: Response) -> Response:
    """Tell the service worker whose page this is, and in which language, so that it keeps it for nobody else."""
    if response.mimetype != "text/html" or request.method != "GET":
        return response
    response.headers.setdefault("Content-Language", "en" if language() == "en" else "zh-CN")
    found = g.get("session")
    if found and found.actor.account_id and response.status_code == 200:
        response.headers["X-Gridmap-Account"] = str(found.actor.account_id)
    return response

"""Styles, scripts, fonts and pictures: from this machine only, at addresses that change with their content.

``asset('leaflet/dist/leaflet.js')`` in a template gives the address; an unknown name is an error, so an upgrade can
never slip a foreign address in. One mark stands for all files of a tree, so that relative references inside a style
or a script keep working.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import mimetypes
from dataclasses import dataclass, field
from pathlib import Path

from flask import Blueprint, Flask, Response, abort, current_app, request

from gridmap.errors import SetupFault
from gridmap.settings import STATIC, VENDOR
from gridmap.web.access import ANYONE, allow

blueprint = Blueprint("assets", __name__)

FOREVER = "public, max-age=31536000, immutable"
SHOW_AGAIN = "public, no-cache"
OWN_KINDS = {".css", ".js", ".svg", ".png", ".ico", ".webmanifest", ".woff2", ".json"}
ZIPPED_KINDS = {".css", ".js", ".svg", ".json", ".webmanifest"}
mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("font/woff2", ".woff2")
mimetypes.add_type("application/manifest+json", ".webmanifest")


@dataclass(frozen=True)
class Tree:
    """The files of one folder that may be served, each with its hash, and one mark for all of them."""

    folder: Path
    files: dict[str, str]
    zipped: dict[str, bytes] = field(default_factory=dict)

    @property
    def mark(self) -> str:
        """Return the mark of the whole tree."""
        return hashlib.sha256(repr(sorted(self.files.items())).encode()).hexdigest()[:12]


def _vendor() -> Tree:
    table = VENDOR / "assets.json"
    if not table.is_file():
        raise SetupFault("缺少前端文件，请运行 scripts/demo 或 scripts/assets.py")
    return Tree(VENDOR, json.loads(table.read_text("utf-8"))["files"])


def _own() -> Tree:
    found = [p for p in sorted(STATIC.rglob("*")) if p.suffix in OWN_KINDS and VENDOR not in p.parents]
    names = {p.relative_to(STATIC).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}
    return Tree(STATIC, {name: mark for name, mark in names.items() if not name.startswith("vendor")})


class Assets:
    """Both trees of one server process."""

    def __init__(self) -> None:
        self.trees = {"own": _own(), "vendor": _vendor()}
        self.marks = {name: tree.mark for name, tree in self.trees.items()}

    def url(self, name: str) -> str:
        """Return the address of a file.

        Raises
        ------
        LookupError
            When there is no such file: a page must not ask for it.
        """
        for tree, files in self.trees.items():
            if name in files.files:
                return f"/static/{tree}/{self.marks[tree]}/{name}"
        raise LookupError(f"no such asset: {name}")

    def answer(self, tree: str, mark: str, name: str) -> Response:
        """Return a file, zipped where that helps; an old mark still gets today's file, but does not keep it."""
        chosen = self.trees.get(tree)
        if chosen is None or name not in chosen.files:
            abort(404)
        path = chosen.folder / name
        body, zipped = path.read_bytes(), False
        if path.suffix in ZIPPED_KINDS and "gzip" in request.headers.get("Accept-Encoding", ""):
            body, zipped = chosen.zipped.setdefault(name, gzip.compress(body, 6, mtime=0)), True
        response = Response(body, mimetype=mimetypes.guess_type(name)[0] or "application/octet-stream")
        if zipped:
            response.headers["Content-Encoding"] = "gzip"
        if path.suffix in ZIPPED_KINDS:
            response.headers["Vary"] = "Accept-Encoding"
        response.headers["Cache-Control"] = FOREVER if mark == self.marks[tree] else SHOW_AGAIN
        response.set_etag(chosen.files[name][:20] + ("z" if zipped else ""))
        response.make_conditional(request)
        return response


@blueprint.get("/static/<tree>/<mark>/<path:name>")
@allow(ANYONE)
def file(tree: str, mark: str, name: str) -> Response:
    """Serve one file of the two trees."""
    found: Assets = current_app.extensions["gridmap.assets"]
    return found.answer(tree, mark, name)


@blueprint.get("/favicon.ico")
@allow(ANYONE)
def favicon() -> tuple[str, int]:
    """Tell browsers that ask by habit that there is none here: pages name their own icon."""
    return "", 204


def register(app: Flask) -> None:
    """Read both trees and give templates their ``asset()``."""
    found = app.extensions["gridmap.assets"] = Assets()
    app.register_blueprint(blueprint)
    app.jinja_env.globals["asset"] = found.url

"""Map tiles over HTTP: kept by the browser for ever under a version, made once per scope, gated every time.

``/tiles/<layer>/<scope>/<version>/<z>/<x>/<y>.mvt``. The scope is what the session may see (``Actor.scope``); another's
scope is no such tile. The version is that of the stored data and the day (``domain.tiles.version``); an old one is
answered with today's tile, which then nobody keeps.

A tile is small and a map asks for dozens, so the way through Flask's routing costs more than the tile itself. The
``Shortcut`` stands before it and answers what is allowed and in order, from the same ``draw`` as the view; all else
(nobody signed in, another's scope, a wrong number, an error) it leaves to the view and its faults.
"""

from __future__ import annotations

import gzip
import re
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING

from flask import Blueprint, Flask, Response, current_app, request
from werkzeug.http import parse_cookie

from gridmap.domain.actors import Role
from gridmap.domain.sessions import Session
from gridmap.domain.tiles import Layer, Tile, is_version, version
from gridmap.errors import GridmapError, NotFound
from gridmap.services import access, tiles
from gridmap.web import edge, security
from gridmap.web.access import allow

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

blueprint = Blueprint("tiles", __name__)

ADDRESS = re.compile(
    r"/tiles/([a-z]{1,10})/([a-z0-9-]{1,2000})/([0-9-]{1,40})/([0-9]{1,2})/([0-9]{1,7})/([0-9]{1,7})\.mvt"
)
MEDIA_TYPE = "application/vnd.mapbox-vector-tile"
KEEP = "private, max-age=31536000, immutable"  # a year; the version in the address changes when the map does
SHELF_BYTES = 64 * 1024 * 1024  # of each server process: some 5,000 tiles of a dense town
PACKING = 1  # gzip level: a seventh of level 6's time for a twentieth more bytes
HEADERS = [*security.HEADERS.items(), ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")]

LAYERS = {str(layer) for layer in Layer}

Key = tuple[int, Layer, str, str, int, int, int]


class Shelf:
    """Keeps the tiles asked for most recently, zipped, up to a number of bytes."""

    def __init__(self, capacity: int = SHELF_BYTES) -> None:
        self.capacity = capacity
        self.used = 0
        self._kept: OrderedDict[Key, bytes] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Key) -> bytes | None:
        """Return a kept tile, or None."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: Key, packed: bytes) -> None:
        """Keep a tile; the ones not asked for longest go."""
        with self._lock:
            self.used += len(packed) - len(self._kept.pop(key, b""))
            self._kept[key] = packed
            while self.used > self.capacity:
                _, gone = self._kept.popitem(last=False)
                self.used -= len(gone)


@dataclass(frozen=True)
class Asked:
    """A request for one tile, read from its address and headers."""

    layer: str
    scope: str
    version: str
    z: int
    x: int
    y: int
    takes_gzip: bool
    known: str  # If-None-Match

    @property
    def tile(self) -> Tile:
        """Return which tile this is.

        Raises
        ------
        NotFound
            When we draw no such tile.
        """
        if self.layer not in LAYERS or not is_version(self.version):
            raise NotFound("没有这张地图切片")
        tile = Tile(Layer(self.layer), self.z, self.x, self.y)
        if not tile.exists:
            raise NotFound("没有这张地图切片")
        return tile


@dataclass(frozen=True)
class Drawn:
    """An answer, ready for Flask or for the wire."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes = b""


def draw(world: edge.World, shelf: Shelf, session: Session, asked: Asked) -> Drawn:
    """Return the answer to who asks for a tile; the gate is the same whether it is kept or made anew."""
    actor, tile = session.actor, asked.tile
    if asked.scope != actor.scope:
        raise NotFound("没有这张地图切片")
    access.require(actor, *tiles.MAY_SEE[tile.layer])
    current = version(session.here.map_version, session.today)
    if asked.version != current:
        fresh = tiles.tile(world.database, actor, wanted=tile, on=session.today)
        return _answer(_pack(fresh), [("Cache-Control", "private, no-store")], asked)
    mark = f'W/"{current}"'
    kept = [("Cache-Control", KEEP), ("ETag", mark)]
    if asked.known == mark:
        return Drawn("304 Not Modified", [*kept, ("Vary", "Accept-Encoding"), *HEADERS])
    key = (actor.community_id, tile.layer, asked.scope, current, tile.z, tile.x, tile.y)
    packed = shelf.get(key)
    if packed is None:
        packed = _pack(tiles.tile(world.database, actor, wanted=tile, on=session.today))
        shelf.put(key, packed)
    return _answer(packed, kept, asked)


def _pack(raw: bytes) -> bytes:
    return gzip.compress(raw, PACKING, mtime=0) if raw else b""


def _answer(packed: bytes, keep: list[tuple[str, str]], asked: Asked) -> Drawn:
    """Return a tile's answer; one with nothing in it is 204, which a map draws as nothing."""
    if not packed:
        return Drawn("204 No Content", [*keep, ("Vary", "Accept-Encoding"), *HEADERS])
    body = packed if asked.takes_gzip else gzip.decompress(packed)
    encoding = [("Content-Encoding", "gzip")] if asked.takes_gzip else []
    told = [("Content-Type", MEDIA_TYPE), ("Content-Length", str(len(body))), *encoding]
    return Drawn("200 OK", [*told, *keep, ("Vary", "Accept-Encoding"), *HEADERS], body)


@blueprint.get("/tiles/<layer>/<scope>/<version>/<int:z>/<int:x>/<int:y>.mvt")
@allow(*Role, api=True)
def tile(layer: str, scope: str, version: str, z: int, x: int, y: int) -> Response:
    """Answer one tile."""
    found = edge.session()
    assert found is not None  # noqa: S101 - the gate lets nobody else in
    takes = "gzip" in request.headers.get("Accept-Encoding", "")
    asked = Asked(layer, scope, version, z, x, y, takes, request.headers.get("If-None-Match", ""))
    drawn = draw(edge.world(), current_app.extensions["gridmap.tiles"], found, asked)
    response = Response(drawn.body, status=drawn.status)
    response.headers.clear()
    response.headers.extend(drawn.headers)
    return response


class Shortcut:
    """Answers a tile that is allowed and in order without Flask; anything else goes on to it."""

    def __init__(self, app: WSGIApplication, world: edge.World, shelf: Shelf) -> None:
        self.app = app
        self.world = world
        self.shelf = shelf
        self.cookie = edge.cookie_name(world.settings)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer, or pass on."""
        found = ADDRESS.fullmatch(environ.get("PATH_INFO", ""))
        drawn = self._draw(environ, *found.groups()) if found and environ["REQUEST_METHOD"] == "GET" else None
        if drawn is None:
            return self.app(environ, start_response)
        start_response(drawn.status, drawn.headers)
        return [drawn.body]

    def _draw(self, environ: WSGIEnvironment, layer: str, scope: str, shown: str, *place: str) -> Drawn | None:
        token = parse_cookie(environ.get("HTTP_COOKIE", "")).get(self.cookie, "")
        takes = "gzip" in environ.get("HTTP_ACCEPT_ENCODING", "")
        z, x, y = map(int, place)
        asked = Asked(layer, scope, shown, z, x, y, takes, environ.get("HTTP_IF_NONE_MATCH", ""))
        try:
            session = edge.look_up(self.world, token)
            return draw(self.world, self.shelf, session, asked) if session else None
        except GridmapError:
            return None  # the view meets the same error and tells it in full


def register(app: Flask) -> None:
    """Put the shortcut before Flask's routing; the doors that ``security`` adds afterwards stand before it."""
    shelf = Shelf()
    app.extensions["gridmap.tiles"] = shelf
    app.wsgi_app = Shortcut(app.wsgi_app, app.extensions["gridmap"], shelf)  # type: ignore[method-assign]

"""The web application: the order of its doors, and the list of its stories."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from flask import Flask, g
from werkzeug.middleware.proxy_fix import ProxyFix

from gridmap import __version__
from gridmap.domain.actors import Machine, Role
from gridmap.settings import TEMPLATES, Settings
from gridmap.store.database import Database
from gridmap.web import (
    accounts,
    api,
    assets,
    border_edits,
    border_files,
    boundaries,
    coverage,
    deliveries,
    edge,
    exports,
    facilities,
    faults,
    health,
    held,
    hours,
    households,
    needs,
    notices,
    offline,
    packing,
    pages,
    plans,
    reports,
    security,
    street_edits,
    streets,
    submissions,
    tiles,
    today,
    visits,
    walks,
    weeks,
    words,
    working,
)

# Every story's routes; a new one is listed here and nowhere else.
STORIES = [
    accounts,
    api,
    border_edits,
    border_files,
    boundaries,
    coverage,
    deliveries,
    exports,
    facilities,
    health,
    held,
    hours,
    households,
    needs,
    notices,
    offline,
    pages,
    plans,
    reports,
    street_edits,
    streets,
    submissions,
    tiles,
    today,
    visits,
    walks,
    weeks,
    working,
]

Clock = Callable[[], datetime]


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _context() -> dict[str, Any]:
    """Return what every template may use; an error page is drawn without asking the database again."""
    found = g.get("session")
    return {
        "actor": found.actor if found else edge.VISITOR,
        "community": found.here if found else None,
        "today": found.today if found else None,
        "demo": edge.world().settings.demo,
        "version": __version__,
        "Role": Role,
        "Machine": Machine,
    }


def create_app(database: Database, settings: Settings, *, clock: Clock = _utc_now) -> Flask:
    """Return the application over one database; ``clock`` gives aware moments."""
    app = Flask("gridmap", template_folder=str(TEMPLATES), static_folder=None)
    app.extensions["gridmap"] = edge.World(database, settings, clock)
    app.url_map.strict_slashes = True
    app.url_map.merge_slashes = False
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    security.configure(app, settings)
    words.register(app, settings)
    faults.register(app)
    packing.register(app)  # runs last: Flask calls these in reverse
    assets.register(app)
    edge.register(app)
    tiles.register(app)  # before security, whose doors stand before its shortcut
    security.register(app, settings)
    app.context_processor(_context)
    for story in STORIES:
        app.register_blueprint(story.blueprint)
    if settings.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxies, x_proto=1, x_host=0)  # type: ignore[method-assign]
    return app

"""What the web server's processes import: the application on this machine's database."""

from __future__ import annotations

import threading

from flask import Flask

from gridmap.ops.setup import ready_database
from gridmap.settings import Settings
from gridmap.store.database import Database
from gridmap.web.app import create_app


def _warm() -> None:
    """Load the route engine, so that the first worker of the morning does not wait seconds for it."""
    from gridmap.domain.routes.warm import warm

    warm()


def make_app() -> Flask:
    """Return the application; each server process has its own pool of connections."""
    settings = Settings()
    threading.Thread(target=_warm, daemon=True).start()
    return create_app(Database(ready_database(settings).app_url, pool_size=settings.threads), settings)

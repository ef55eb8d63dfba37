"""What the web server's processes import: the application on this machine's database."""

from __future__ import annotations

from flask import Flask

from gridmap.ops.setup import ready_database
from gridmap.settings import Settings
from gridmap.store.database import Database
from gridmap.web.app import create_app


def make_app() -> Flask:
    """Return the application; each server process has its own pool of connections."""
    settings = Settings()
    return create_app(Database(ready_database(settings).app_url, pool_size=settings.threads), settings)

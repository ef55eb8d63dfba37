"""What the measured server processes import: the product's own application on the database of the measurement."""

from __future__ import annotations

import os

from flask import Flask

from gridmap.settings import Settings
from gridmap.store.database import Database
from gridmap.web.app import create_app


def make_app() -> Flask:
    """Return the application; ``BENCH_SHELF_BYTES`` is how much it may keep, 0 makes every tile anew."""
    settings = Settings()
    app = create_app(Database(os.environ["BENCH_DATABASE_URL"], pool_size=settings.threads), settings)
    app.extensions["gridmap.tiles"].capacity = int(os.environ["BENCH_SHELF_BYTES"])
    return app

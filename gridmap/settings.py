"""Where things are on this machine, read once from the environment.

Every variable is documented in the README; a test compares the two.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent
ROOT = PACKAGE.parent


def _beside_or_inside(name: str) -> Path:
    """Return the folder ``name`` of a checkout, or its copy inside an installed wheel."""
    inside = PACKAGE / f"_{name}"
    return inside if inside.is_dir() else ROOT / name


TEMPLATES = _beside_or_inside("templates")
GEODATA = _beside_or_inside("geodata")
STATIC = PACKAGE / "static"
VENDOR = STATIC / "vendor"
TRANSLATIONS = PACKAGE / "translations"


def default_home() -> Path:
    """Return the data folder of this checkout: outside it, and different for each checkout.

    The postgres user must reach it when we run as root, and nothing below /root can be reached.
    """
    mark = hashlib.sha256(str(ROOT).encode()).hexdigest()[:8]
    name = f"{ROOT.name}-{mark}"
    if os.geteuid() == 0:
        return Path("/var/lib/gridmap") / name
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "gridmap" / name


def _home() -> Path:
    return Path(os.environ["GRIDMAP_HOME"]) if os.environ.get("GRIDMAP_HOME") else default_home()


def _flag(name: str) -> bool:
    return os.environ.get(name, "") not in {"", "0", "no", "false"}


@dataclass(frozen=True)
class Settings:
    """The settings of one process.

    Attributes
    ----------
    home : data folder: cluster, keys, logs. ``GRIDMAP_HOME``.
    database_url : an existing PostGIS, as a libpq URL of a user who may create roles; empty means our own
        private cluster. ``GRIDMAP_DATABASE_URL``.
    port : first port to try on 127.0.0.1. ``GRIDMAP_PORT``.
    workers : server processes. ``GRIDMAP_WORKERS``.
    threads : threads, and database connections, of each process. ``GRIDMAP_THREADS``.
    demo : sign-in links are printed and pages carry the stamp. ``GRIDMAP_DEMO``.
    insecure_http : cookies without ``Secure``, for a plain-http address other than 127.0.0.1.
        ``GRIDMAP_INSECURE_HTTP``.
    """

    home: Path = field(default_factory=_home)
    database_url: str = field(default_factory=lambda: os.environ.get("GRIDMAP_DATABASE_URL", ""))
    port: int = field(default_factory=lambda: int(os.environ.get("GRIDMAP_PORT", "8019")))
    workers: int = field(default_factory=lambda: int(os.environ.get("GRIDMAP_WORKERS", "2")))
    threads: int = field(default_factory=lambda: int(os.environ.get("GRIDMAP_THREADS", "8")))
    demo: bool = field(default_factory=lambda: _flag("GRIDMAP_DEMO"))
    insecure_http: bool = field(default_factory=lambda: _flag("GRIDMAP_INSECURE_HTTP"))

"""Where things are on this machine, read once from the environment.

Every variable is documented in the README; a test compares the two.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import tempfile
from collections.abc import Callable
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


def _list(name: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in os.environ.get(name, "").split(",") if part.strip())


OWN_HOSTS = ("127.0.0.1", "localhost", "::1")


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
    hosts : names and addresses under which the pages may be asked for, besides this machine's own.
        ``GRIDMAP_HOSTS``, separated by commas.
    proxies : how many reverse proxies of ours stand in front; their X-Forwarded-For is believed, nobody else's.
        ``GRIDMAP_PROXIES``.
    dask_scheduler : address of a Dask scheduler, such as tcp://10.0.0.5:8786, on whose workers plans of many grids are
        solved; empty means the processes of this machine. ``GRIDMAP_DASK_SCHEDULER``.
    """

    home: Path = field(default_factory=_home)
    database_url: str = field(default_factory=lambda: os.environ.get("GRIDMAP_DATABASE_URL", ""))
    port: int = field(default_factory=lambda: int(os.environ.get("GRIDMAP_PORT", "8019")))
    workers: int = field(default_factory=lambda: int(os.environ.get("GRIDMAP_WORKERS", "2")))
    threads: int = field(default_factory=lambda: int(os.environ.get("GRIDMAP_THREADS", "8")))
    demo: bool = field(default_factory=lambda: _flag("GRIDMAP_DEMO"))
    insecure_http: bool = field(default_factory=lambda: _flag("GRIDMAP_INSECURE_HTTP"))
    hosts: tuple[str, ...] = field(default_factory=lambda: OWN_HOSTS + _list("GRIDMAP_HOSTS"))
    proxies: int = field(default_factory=lambda: int(os.environ.get("GRIDMAP_PROXIES", "0")))
    dask_scheduler: str = field(default_factory=lambda: os.environ.get("GRIDMAP_DASK_SCHEDULER", ""))

    def kept(self, name: str, make: Callable[[], str]) -> str:
        """Return a text kept in the data folder, readable by its owner only; ``make`` makes it at the first call.

        Two processes may ask at once: the first to link its file wins, and both read that one.
        """
        path = self.home / "keys" / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor, fresh = tempfile.mkstemp(dir=path.parent)
            with os.fdopen(descriptor, "w") as handle:
                handle.write(make())
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)
            Path(fresh).unlink()
        return path.read_text()

    def secret(self, name: str) -> str:
        """Return a random secret kept in the data folder."""
        return self.kept(name, lambda: secrets.token_urlsafe(32))

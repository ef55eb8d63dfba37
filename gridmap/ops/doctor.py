"""Look at this machine: is what gridmap needs here, and which command repairs it."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import create_engine, text

from gridmap.errors import GridmapError
from gridmap.ops.cluster import Cluster, find_programs
from gridmap.ops.setup import ready_database
from gridmap.settings import VENDOR, Settings

DISK_FLOOR_MB = 500
CLOCK_SKEW_S = 5
PAPER_FONTS = ("NotoSansHans-Regular.otf", "NotoSansHans-Bold.otf")


@dataclass(frozen=True)
class Finding:
    """What one look found; ``repair`` is a command, empty when all is well."""

    name: str
    ok: bool
    detail: str
    repair: str = ""


def database(settings: Settings) -> Finding:
    """Reach or wake the database."""
    try:
        ready_database(settings)
    except GridmapError as error:
        repair = "scripts/gridmap init" if settings.database_url else "apt-get install postgresql-postgis"
        return Finding("database", ok=False, detail=str(error), repair=repair)
    where = "GRIDMAP_DATABASE_URL" if settings.database_url else str(Cluster(settings.home).data)
    return Finding("database", ok=True, detail=where)


def postgis(settings: Settings) -> Finding:
    """Ask PostGIS for its version, and whether the spatial index may serve tables with row policies."""
    engine = create_engine(ready_database(settings).app_url)
    try:
        with engine.connect() as con:
            version = con.execute(text("SELECT postgis_lib_version()")).scalar()
            quick = con.execute(
                text(
                    "SELECT proleakproof FROM pg_proc WHERE oid = 'geometry_overlaps(geometry,geometry)'::regprocedure"
                )
            ).scalar()
    finally:
        engine.dispose()
    if quick:
        return Finding("postgis", ok=True, detail=f"{version}")
    return Finding(
        "postgis",
        ok=False,
        detail=f"{version}; 行级权限下地图较慢 / tiles are slow under row security",
        repair="psql -c 'ALTER FUNCTION geometry_overlaps(geometry, geometry) LEAKPROOF'",
    )


def clock(settings: Settings) -> Finding:
    """Compare this machine's clock with the database's."""
    engine = create_engine(ready_database(settings).app_url)
    try:
        with engine.connect() as con:
            theirs: datetime = con.execute(text("SELECT clock_timestamp()")).scalar_one()
    finally:
        engine.dispose()
    skew = abs((datetime.now(UTC) - theirs).total_seconds())
    ok = skew < CLOCK_SKEW_S and time.time() > datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    return Finding("clock", ok=ok, detail=f"{skew:.1f} s", repair="" if ok else "timedatectl set-ntp true")


def assets(_: Settings) -> Finding:
    """Check that every vendored browser file is there."""
    repair = "scripts/demo"
    try:
        table = json.loads((VENDOR / "assets.json").read_text("utf-8"))
    except FileNotFoundError:
        return Finding("assets", ok=False, detail="缺少前端文件 / browser files are missing", repair=repair)
    missing = [name for name in table["files"] if not (VENDOR / name).exists()]
    return Finding(
        "assets",
        ok=not missing,
        detail=f"{len(table['files'])} files, {len(missing)} missing",
        repair=repair if missing else "",
    )


def fonts(_: Settings) -> Finding:
    """Check the Chinese fonts for paper: prints use these and no font of the machine; pages bring their own."""
    missing = [name for name in PAPER_FONTS if not (VENDOR / "fonts-sc" / "fonts" / name).is_file()]
    return Finding(
        "fonts",
        ok=not missing,
        detail="缺少 / missing: " + " ".join(missing) if missing else "Noto Sans SC (自带 / its own)",
        repair="scripts/demo" if missing else "",
    )


def disk(settings: Settings) -> Finding:
    """Check the room left where the data folder is."""
    folder = settings.home
    while not folder.exists():
        folder = folder.parent
    free_mb = shutil.disk_usage(folder).free // 2**20
    ok = free_mb >= DISK_FLOOR_MB
    return Finding("disk", ok=ok, detail=f"{free_mb} MB: {folder}", repair="" if ok else f"df -h {folder}")


def programs(_: Settings) -> Finding:
    """Find PostgreSQL's own programs, which a private cluster needs."""
    try:
        return Finding("programs", ok=True, detail=str(find_programs()))
    except GridmapError as error:
        return Finding("programs", ok=False, detail=str(error), repair="apt-get install postgresql-postgis")


LOOKS: tuple[Callable[[Settings], Finding], ...] = (disk, assets, fonts, programs, database, postgis, clock)
NEED_DATABASE = {postgis, clock}


def examine(settings: Settings) -> list[Finding]:
    """Return every finding; what needs the database is left out when it does not answer."""
    looks = [look for look in LOOKS if not (look is programs and settings.database_url)]
    findings: list[Finding] = []
    for look in looks:
        if look in NEED_DATABASE and any(f.name == "database" and not f.ok for f in findings):
            continue
        findings.append(look(settings))
    return findings

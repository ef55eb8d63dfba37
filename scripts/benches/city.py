"""A throw-away PostGIS with made-up communities of any size at a realistic density, drawn inside the database.

About 3,900 households per square kilometre, 60 in a building: a zoom-16 tile holds about 1,160 of them, as in a
large Chinese housing estate. Communities lie side by side, so that equal tiles hold equal rows for every reader.
"""

from __future__ import annotations

import math
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, create_engine, text

from gridmap.ops.cluster import Cluster
from gridmap.ops.setup import create_database
from gridmap.store import rights, schema
from gridmap.store.tables import metadata

HOUSEHOLDS_PER_KM2 = 3_900
HOUSEHOLDS_PER_BUILDING = 60
HOUSEHOLDS_PER_GRID = 100  # 10,000 grids at a million
FEWEST_GRIDS = 19
WEST, SOUTH = 105.30, 27.20  # of the first community
GAP_M = 3_000  # between two communities: wider than any tile measured
DEGREES_PER_M = 1 / 111_320

_DRAW = """
INSERT INTO community (id, code, name, epsg, lon_min, lat_min, lon_max, lat_max, invented, loaded_at)
OVERRIDING SYSTEM VALUE
VALUES (:c, 'bench' || :c, 'bench', 4544, :west - 0.01, :south - 0.01,
        :west + :columns * :dx + 0.01, :south + :rows * :dy + 0.01, 'all', now());
INSERT INTO grid (community_id, id, code, number, name, kind) OVERRIDING SYSTEM VALUE
SELECT :c, i, 'g' || i, i % 30000, 'g' || i, 'general' FROM generate_series(1, :grids) i;
INSERT INTO building (community_id, id, grid_id, name, kind, floors, shape) OVERRIDING SYSTEM VALUE
SELECT :c, i, 1 + i * CAST(:grids AS bigint) / :buildings, 'b' || i, 'tower', 15,
       ST_MakeEnvelope(x, y, x + :dx * 0.45, y + :dy * 0.3, 4490)
FROM (SELECT i, :west + (i % :columns + 0.3 * random()) * :dx AS x, :south + (i / :columns + 0.3 * random()) * :dy AS y
      FROM generate_series(0, :buildings - 1) i) place;
INSERT INTO entrance (community_id, id, building_id, unit, door) OVERRIDING SYSTEM VALUE
SELECT community_id, id, id, '1', ST_Centroid(shape) FROM building WHERE community_id = :c;
INSERT INTO street (community_id, kind, name, path)
SELECT :c, CASE WHEN i % 8 = 0 THEN 'primary' WHEN i % 4 = 0 THEN 'secondary' ELSE 'residential' END,
       's' || i || '-' || j,
       ST_SetSRID(ST_MakeLine(ST_MakePoint(:west + j * 8 * :dx, :south + (i - 0.1) * :dy),
                              ST_MakePoint(:west + (j + 1) * 8 * :dx, :south + (i - 0.1) * :dy)), 4490)
FROM generate_series(0, :rows - 1) i, generate_series(0, :columns / 8) j WHERE (j + 1) * 8 <= :columns;
INSERT INTO household (community_id, id, grid_id, building_id, entrance_id, floor, room, people_count, group_bits,
                       period_days, last_effective_on, due_on, overdue_on, state_fresh, state_due, state_late, door)
OVERRIDING SYSTEM VALUE
SELECT :c, i, b.grid_id, b.id, b.id, 1 + i % 15, 'r' || i, 1 + i % 5,
       CASE WHEN random() < 0.15 THEN 1 << CAST(random() * 15 AS int) ELSE 0 END,
       90, made.last, made.last + 76, made.last + 90, 1, 2, 3,
       ST_SetSRID(ST_MakePoint(ST_XMin(b.shape) + random() * :dx * 0.45, ST_YMin(b.shape) + random() * :dy * 0.3), 4490)
FROM (SELECT i, DATE '2026-11-22' - CAST(random() * 120 AS int) AS last FROM generate_series(0, :households - 1) i) made
JOIN building b ON b.community_id = :c AND b.id = made.i / :per_building;
"""


@dataclass(frozen=True)
class City:
    """One made-up community: its number, how many live there, and its south-west corner in degrees."""

    community_id: int
    households: int
    west: float = WEST
    south: float = SOUTH
    households_per_grid: int = HOUSEHOLDS_PER_GRID

    @property
    def buildings(self) -> int:
        """Return how many buildings hold its households."""
        return math.ceil(self.households / HOUSEHOLDS_PER_BUILDING)

    @property
    def grids(self) -> int:
        """Return how many grids it has."""
        return max(FEWEST_GRIDS, self.households // self.households_per_grid)

    @property
    def columns(self) -> int:
        """Return how many buildings stand in a row; it has as many rows."""
        return math.ceil(math.sqrt(self.buildings))

    @property
    def pitch_m(self) -> float:
        """Return the distance from one building to the next in metres."""
        return 1000 * math.sqrt(HOUSEHOLDS_PER_BUILDING / HOUSEHOLDS_PER_KM2)

    @property
    def pitch(self) -> tuple[float, float]:
        """Return the same distance in degrees east and north."""
        return self.pitch_m * DEGREES_PER_M / math.cos(math.radians(self.south)), self.pitch_m * DEGREES_PER_M

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Return west, south, east, north in degrees."""
        dx, dy = self.pitch
        return self.west, self.south, self.west + self.columns * dx, self.south + self.columns * dy

    def draw(self, con: Connection) -> None:
        """Put the community into the database."""
        dx, dy = self.pitch
        values = {"c": self.community_id, "west": self.west, "south": self.south, "dx": dx, "dy": dy} | {
            "columns": self.columns,
            "rows": self.columns,
            "grids": self.grids,
            "buildings": self.buildings,
            "households": self.households,
            "per_building": HOUSEHOLDS_PER_BUILDING,
        }
        for statement in _DRAW.split(";\n"):
            if statement.strip():
                con.execute(text(statement), {k: v for k, v in values.items() if f":{k}" in statement})


def side_by_side(sizes: list[int]) -> list[City]:
    """Place communities of these sizes from west to east."""
    cities, west = [], WEST
    for number, households in enumerate(sizes, start=1):
        city = City(number, households, west, SOUTH)
        cities.append(city)
        west = city.box[2] + GAP_M * DEGREES_PER_M
    return cities


@contextmanager
def throw_away_cluster() -> Iterator[Cluster]:
    """Run a PostgreSQL with the product's own settings; its files are gone afterwards."""
    base = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a private folder is made below it
    home = Path(tempfile.mkdtemp(prefix="gridmap-bench-", dir=base))
    home.chmod(0o755)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # told to stop, it still takes its server down
    cluster = Cluster(home)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(home, ignore_errors=True)


def make_tables(cluster: Cluster) -> None:
    """Create the product's own database: tables, indexes and row policies as they are shipped."""
    create_database(cluster)
    for role, step in (("postgres", schema.prepare), (rights.OWNER_ROLE, schema.migrate)):
        engine = create_engine(cluster.url(role))
        with engine.begin() as con:
            step(con)
        engine.dispose()


def draw(cluster: Cluster, cities: list[City]) -> None:
    """Fill the tables. Triggers and foreign keys sleep meanwhile; CHECKs and generated columns do not."""
    engine = create_engine(cluster.url("postgres"))
    slow = [i for name in ("household", "building") for i in metadata.tables[name].indexes]
    with engine.begin() as con:
        con.execute(text("SET LOCAL session_replication_role = replica"))
        for index in slow:
            index.drop(con)
        for city in cities:
            city.draw(con)
        for index in slow:
            index.create(con)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as con:
        con.execute(text("VACUUM ANALYZE"))
    engine.dispose()

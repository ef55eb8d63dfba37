"""Drafts of borders in PostGIS: how long a preview with its effects and an edit take, whatever the size of the town.

A made-up city (``city.py``) is divided into wavy grids. A planner moves corners of borders, cuts a grid and joins two,
each in a transaction of his own with row policies, as the editor does; every fifth edit is taken back. Timed are the
whole wishes: connection, rights, the partition, effects, names, commit to disk. ``cpu_ms`` is what of that both
processes really worked: on a machine that does other things beside, it says more than the time that passed.

Beside them, in the same run:

* ``nothing``: the same transaction without a wish, the floor of this machine at this moment;
* ``by_polygon``: the effects alone as one statement that asks PostGIS which household lies in which changed polygon.

The figures of every tenth preview are compared with a count over all buildings of the city. Exit code 1 when one
differs, when undoing everything does not give the bytes of the beginning, or when the aim is missed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import city
import numpy as np
import shapely
from sqlalchemy import create_engine, text

from gridmap.domain import partition
from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.boundaries import DraftGrid, packed
from gridmap.domain.effects import placed
from gridmap.errors import BadInput
from gridmap.ops.cluster import Cluster
from gridmap.services import boundaries
from gridmap.services.boundaries import Preview
from gridmap.settings import default_home
from gridmap.store import boundaries as drafts
from gridmap.store import communities, effects
from gridmap.store.database import Database

AIM_MS = {"preview": 20.0, "edit": 30.0}  # 95th percentile
UNITS = 1e7
COMMUNITY = 1
AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
SIDE = 8  # pieces of a border between two nodes
WAVE = 0.03  # of a grid's width, how far a border swings

_BY_POLYGON = text(
    "SELECT t.key, count(*), sum(h.people_count) FROM unnest(CAST(:keys AS bigint[]), CAST(:shapes AS bytea[]))"
    " AS t (key, shape) JOIN household AS h ON h.community_id = :c"
    " AND h.shape_3857 && ST_Transform(ST_GeomFromWKB(t.shape, 4490), 3857)"
    " AND ST_Covers(ST_GeomFromWKB(t.shape, 4490), h.door) GROUP BY t.key"
)


@contextmanager
def on_disk() -> Iterator[Cluster]:
    """Run a PostgreSQL whose commits reach the disk; its files are gone afterwards."""
    base = Path(os.environ.get("GRIDMAP_HOME") or default_home().with_name("bench"))
    base.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="borders-", dir=base))
    home.chmod(0o755)
    cluster = Cluster(home)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(home, ignore_errors=True)


def divided(town: city.City, rng: np.random.Generator) -> list[shapely.Polygon]:
    """Return wavy grids over a city's box: neighbours share every corner."""
    west, south, east, north = (round(v * UNITS) for v in town.box)
    rows = max(1, math.isqrt(town.grids))
    columns = math.ceil(town.grids / rows)
    x, y = np.linspace(west, east, columns + 1), np.linspace(south, north, rows + 1)
    step = np.array([x[1] - x[0], y[1] - y[0]])
    nodes = np.stack(np.meshgrid(x, y), axis=-1) + rng.uniform(-0.15, 0.15, (rows + 1, columns + 1, 2)) * step
    nodes = np.rint(nodes).astype(np.int64)

    def line(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        inner = a + (b - a) * np.linspace(0, 1, SIDE + 1)[1:-1, None]
        return np.vstack([[a], np.rint(inner + rng.uniform(-WAVE, WAVE, inner.shape) * step).astype(np.int64)])

    across = [[line(nodes[r, c], nodes[r, c + 1]) for c in range(columns)] for r in range(rows + 1)]
    up = [[line(nodes[r, c], nodes[r + 1, c]) for c in range(columns + 1)] for r in range(rows)]

    def back(part: np.ndarray, end: np.ndarray) -> np.ndarray:
        return np.vstack([[end], part[:0:-1]])

    return [
        shapely.Polygon(
            np.vstack(
                [
                    across[r][c],
                    up[r][c + 1],
                    back(across[r + 1][c], nodes[r + 1, c + 1]),
                    back(up[r][c], nodes[r + 1, c]),
                ]
            )
        )
        for r in range(rows)
        for c in range(columns)
    ][: rows * columns]


def populate(cluster: Cluster, households: int, grids: int) -> tuple[Database, Actor, int]:
    """Draw a city, its grids and a planner; return the database, the planner and how many grids there are."""
    town = city.City(COMMUNITY, households, households_per_grid=max(1, households // grids))
    city.make_tables(cluster)
    city.draw(cluster, [town])
    shapes = divided(town, np.random.default_rng(7))
    owner = create_engine(cluster.url("postgres"))
    with owner.begin() as con:
        con.execute(
            text(
                "INSERT INTO grid (community_id, id, code, number, name, kind) OVERRIDING SYSTEM VALUE"
                " SELECT 1, i, 'g' || i, i % 30000, 'g' || i, 'general' FROM generate_series(1, :n) AS i"
                " ON CONFLICT DO NOTHING"
            ),
            {"n": len(shapes)},
        )
        con.execute(text("UPDATE community SET timezone = 'Asia/Shanghai'"))
        planner = con.execute(
            text(
                "INSERT INTO account (community_id, username, name, role) VALUES (1, 'bench', 'bench', 'planner')"
                " RETURNING id"
            )
        ).scalar_one()
    owner.dispose()
    database = Database(cluster.url(), pool_size=1, options={"statement_timeout": "10min", "lock_timeout": "1min"})
    with database.transaction(Actor(Machine.JOB, COMMUNITY)) as con:
        degrees = [shapely.transform(shape, lambda at: at / UNITS) for shape in shapes]
        communities.copy(
            con,
            "grid_version",
            COMMUNITY,
            {
                "grid_id": range(1, len(shapes) + 1),
                "valid_from": [AT.date()] * len(shapes),
                "boundary": degrees,
                "label_at": [shapely.point_on_surface(shape) for shape in degrees],
                "label_radius_m": [10.0] * len(shapes),
            },
        )
    with create_engine(cluster.url("postgres"), isolation_level="AUTOCOMMIT").connect() as con:
        con.execute(text("ANALYZE"))
    return database, Actor(Role.PLANNER, COMMUNITY, account_id=planner), len(shapes)


@dataclass
class Session:
    """A planner at work."""

    database: Database
    actor: Actor
    rng: np.random.Generator
    plan_id: int = 0
    revision: int = 0
    server: int = 0  # process of the one connection
    ms: dict[str, list[float]] = field(default_factory=dict)
    cpu_ms: dict[str, list[float]] = field(default_factory=dict)
    refused: int = 0
    wrong: int = 0
    compared: int = 0

    def timed(self, name: str, wish: Callable[..., Any], **values: Any) -> Any:
        """Wish for something in a transaction of its own, and keep how long it took."""
        begun, worked = time.perf_counter(), self.worked_s()
        with self.database.transaction(self.actor) as con:
            found = wish(con, self.actor, plan_id=self.plan_id, **values)
        self.ms.setdefault(name, []).append(1000 * (time.perf_counter() - begun))
        self.cpu_ms.setdefault(name, []).append(1000 * (self.worked_s() - worked))
        return found

    def worked_s(self) -> float:
        """Return the seconds this process and its one connection's server process have worked so far."""
        if not self.server:
            with self.database.transaction(self.actor) as con:
                self.server = int(con.execute(text("SELECT pg_backend_pid()")).scalar_one())
        served_ns = int(Path(f"/proc/{self.server}/schedstat").read_text().split()[0])
        return time.process_time() + served_ns / 1e9

    def floor(self) -> None:
        """Do nothing in a transaction."""
        begun = time.perf_counter()
        with self.database.transaction(self.actor) as con:
            con.execute(text("SELECT 1"))
        self.ms.setdefault("nothing", []).append(1000 * (time.perf_counter() - begun))

    def near(self, key: int) -> dict[int, DraftGrid]:
        """Return a grid and what lies around it."""
        with self.database.transaction(self.actor) as con:
            (one,) = drafts.of_day(con, COMMUNITY, on=AT.date(), keys=[key])
            box = one.boundary.bounds if one.boundary else (0, 0, 0, 0)
            return {g.key: g for g in boundaries.grids(con, self.actor, plan_id=self.plan_id, box=box)}

    def operation(self, key: int, turn: int) -> Any:
        """Choose what to do to a grid: mostly move a corner, now and then cut it or join it with a neighbour."""
        around = self.near(key)
        shape = around[key].boundary if key in around else next(iter(around.values())).boundary
        assert shape is not None  # noqa: S101 - a grid that is drawn has a border
        if turn % 20 == 10:
            x, y = shape.representative_point().coords[0]
            _, south, _, north = shape.bounds
            return partition.Cut(key, ((round(x), round(south) - 50), (round(x) + 1, round(north) + 50)), -1)
        if turn % 20 == 15:
            others = [
                g for k, g in around.items() if k != key and g.boundary and g.boundary.intersection(shape).length > 9
            ]
            return partition.Join(key, others[int(self.rng.integers(len(others)))].key)
        corners = shapely.get_coordinates(shape).astype(np.int64)
        x, y = corners[int(self.rng.integers(len(corners)))].tolist()
        reach = math.sqrt(shape.area) * 0.05
        return partition.Move(
            (x, y), (x + round(self.rng.uniform(-reach, reach)), y + round(self.rng.uniform(-reach, reach)))
        )

    def turn(self, number: int, key: int) -> None:
        """Preview an operation, look at it once more as a drag would, keep it, and now and then take it back."""
        self.floor()
        try:
            operation = self.operation(key, number)
            tried = self.timed("preview", boundaries.preview, operation=operation)
        except BadInput:
            self.refused += 1
            return
        if number % 10 == 0:
            self.check(tried)
        told = self.timed("edit", boundaries.edit, revision=self.revision, operation=operation, at=AT)
        self.revision = told.revision
        if number % 5 == 4:
            self.revision = self.timed("undo", boundaries.undo, revision=self.revision, at=AT).revision

    def check(self, tried: Preview) -> None:
        """Compare the effects of a preview with a count over every building, and time the plain statement."""
        with self.database.transaction(Actor(Machine.JOB, COMMUNITY)) as con:
            houses = effects.buildings(con, COMMUNITY)
            homes, _ = effects.households(con, COMMUNITY)
            begun = time.perf_counter()
            shapes = [
                shapely.to_wkb(shapely.transform(g.boundary, lambda at: at / UNITS)) for g in tried.after if g.boundary
            ]
            keys = [g.key for g in tried.after if g.boundary]
            con.execute(_BY_POLYGON, {"c": COMMUNITY, "keys": keys, "shapes": shapes}).all()
            self.ms.setdefault("by_polygon", []).append(1000 * (time.perf_counter() - begun))
        for side, grids in (("before", tried.before), ("after", tried.after)):
            held = placed(houses.x, houses.y, grids)
            for effect in tried.effects:
                figures = getattr(effect, side)
                mine = houses.ids[held == effect.key].tolist()
                if figures and (figures.buildings, figures.households) != (
                    len(mine),
                    sum(homes.get(i, 0) for i in mine),
                ):
                    self.wrong += 1
        self.compared += 1


def work(database: Database, actor: Actor, grids: int, edits: int) -> dict[str, Any]:
    """Let a planner make so many edits, then take them all back."""
    session = Session(database, actor, np.random.default_rng(7))
    with database.transaction(actor) as con:
        session.plan_id = boundaries.begin(con, actor, title="bench", at=AT, on=AT.date())
    whole = begun(session)
    for number in range(edits):
        session.turn(number, int(session.rng.integers(1, grids + 1)))
    with database.transaction(actor) as con:
        plan = boundaries.plan(con, actor, plan_id=session.plan_id)
        session.revision = plan.revision
    for _ in range(plan.edits):
        session.revision = session.timed("undo", boundaries.undo, revision=session.revision, at=AT).revision
    return {
        "edits": len(session.ms.get("edit", ())),
        "refused": session.refused,
        "same_bytes_after_undo": begun(session) == whole,
        "previews_compared": session.compared,
        "figures_wrong": session.wrong,
        "ms": {name: percentiles(values) for name, values in session.ms.items()},
        "cpu_ms": {name: percentiles(values) for name, values in session.cpu_ms.items()},
    }


def begun(session: Session) -> bytes:
    """Return the whole partition of a draft as bytes."""
    with session.database.transaction(session.actor) as con:
        return packed(boundaries.grids(con, session.actor, plan_id=session.plan_id))


def percentiles(values: list[float]) -> dict[str, float]:
    """Return the median, the 95th and the 99th percentile."""
    return {f"p{p}": round(float(np.percentile(values, p)), 2) for p in (50, 95, 99)}


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--households", default="6000,100000,1000000", help="separated by commas")
    parser.add_argument("--grids", default="19,1000,10000", help="of each, separated by commas")
    parser.add_argument("--edits", type=int, default=400)
    parser.add_argument("--quick", action="store_true", help="a small town: does it run at all?")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args()
    sizes = list(zip(*[map(int, part.split(",")) for part in (asked.households, asked.grids)], strict=True))
    rows = []
    for households, grids in [(6_000, 19)] if asked.quick else sizes:
        with on_disk() as cluster:
            print(f"drawing {households:,} households in {grids:,} grids", file=sys.stderr)
            database, actor, made = populate(cluster, households, grids)
            found = work(database, actor, made, 40 if asked.quick else asked.edits)
            database.close()
        rows.append({"households": households, "grids": made, "load_average": round(os.getloadavg()[0], 1), **found})
        print(json.dumps(rows[-1]), file=sys.stderr)
    sound = all(row["same_bytes_after_undo"] and not row["figures_wrong"] for row in rows)
    reached = all(row["ms"][name]["p95"] <= most for row in rows for name, most in AIM_MS.items())
    if asked.json:
        print(json.dumps({"aim_p95_ms": AIM_MS, "reached": reached, "sound": sound, "rows": rows}, indent=1))
    else:
        for row in rows:
            print(f"{row['households']:>9,} households {row['grids']:>6,} grids  {row['ms']}")
    return 0 if sound and (reached or asked.quick) else 1


if __name__ == "__main__":
    sys.exit(main())

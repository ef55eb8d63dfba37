"""Tiles per second at several sizes and zooms: ours, a peer on the same table, and the database alone as the limit.

All in one run on one machine, with the same tiles, the same number of connections and one reader:

* ``limit``: pgbench runs the very statement of our store, prepared, over the socket, as a role without row security.
* ``open``: our server, each tile made anew, row security disabled on every table of this throw-away database.
* ``secure``: the same with row security as shipped.
* ``kept``: the same, tile kept by the server, the session still asked from the database at every request.
* ``tipg``: the peer, as a role without row security: same table, stored Web Mercator copy, columns and bounds.
* ``plain``: the same peer, asked not to zip its answers.

All but ``plain`` are asked for zipped answers, as browsers do; ours with a secretary's real session cookie.
Homes are drawn from zoom 16, so zoom 14 measures the layer that is drawn there: households with special groups.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import city
from sqlalchemy import create_engine, text

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.tiles import Layer, Tile, version
from gridmap.ops.cluster import DATABASE, Cluster, find_programs
from gridmap.services import accounts
from gridmap.settings import ROOT, Settings
from gridmap.store import tiles
from gridmap.store.database import SESSION_OPTIONS, Database
from gridmap.store.rights import BACKUP_ROLE
from gridmap.store.tables import metadata

HERE = Path(__file__).resolve().parent
PEERS = ROOT / ".venv-bench" / "bin"
SIZES = [10_000, 100_000, 1_000_000]
LAYERS = {14: Layer.GROUPS, 16: Layer.HOMES, 17: Layer.HOMES, 18: Layer.HOMES}
BLOCK = 17  # tiles along the edge of the square that is read, at most
CONNECTIONS = 8
WARM_S = 0.5
ROUNDS = 3
HOST = "127.0.0.1"
OPERATOR = Actor(Machine.OPERATOR)
COLUMNS = {Layer.HOMES: "id,building_id,state_fresh", Layer.GROUPS: "id,group_bits"}
CELLS = ("limit", "open", "secure", "kept", "tipg", "plain")
AIMS = {("open", "tipg"): 3.0, ("open", "limit"): 0.55, ("kept", "tipg"): 6.0}  # at zoom 16


@dataclass(frozen=True)
class Block:
    """A square of tiles in the middle of a city."""

    layer: Layer
    z: int
    x0: int
    x1: int
    y0: int
    y1: int

    @property
    def places(self) -> list[tuple[int, int]]:
        """Return every (x, y) of the block."""
        return [(x, y) for x in range(self.x0, self.x1 + 1) for y in range(self.y0, self.y1 + 1)]


def block_of(place: city.City, z: int) -> Block:
    """Return the middle of a city, at most ``BLOCK`` tiles wide."""
    west, south, east, north = place.box
    n = 2**z

    def row(lat: float) -> float:
        return (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2 * n

    def middle(low: float, high: float) -> tuple[int, int]:
        first, last = math.ceil(low), math.floor(high) - 1  # whole tiles within
        if last < first:
            return int((low + high) / 2), int((low + high) / 2)
        spare = max(0, last - first + 1 - BLOCK)
        return first + spare // 2, last - (spare - spare // 2)

    x = middle((west + 180) / 360 * n, (east + 180) / 360 * n)
    return Block(LAYERS[z], z, *x, *middle(row(north), row(south)))


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(command: list[object], port: int, path: str, env: dict[str, str]) -> Iterator[int]:
    """Run a server until the end of the block; it answers ``path`` once it is ready."""
    log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by the process's end
    server = subprocess.Popen([str(c) for c in command], env=os.environ | env, stdout=log, stderr=log, cwd=HERE)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"http://{HOST}:{port}{path}", timeout=5).read()
                break
            except OSError as error:
                if server.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise SystemExit(f"no server: {log.read()[-2000:].decode()}") from error
                time.sleep(0.2)
        yield port
    finally:
        server.terminate()
        server.wait(20)


def our_server(cluster: Cluster, shelf_bytes: int, home: Path) -> AbstractContextManager[int]:
    """Serve the product as ``gridmap serve`` does."""
    settings, port = Settings(), free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "--host", HOST, "--port", port]
    command += ["--workers", settings.workers, "--blocking-threads", settings.threads, "--log-level", "warning"]
    env = {
        "BENCH_DATABASE_URL": cluster.url(),
        "BENCH_SHELF_BYTES": str(shelf_bytes),
        "GRIDMAP_HOME": str(home),
        "PYTHONPATH": f"{ROOT}:{HERE}",
    }
    return serving([*command, "product:make_app"], port, "/healthz", env)


def tipg_server(cluster: Cluster) -> AbstractContextManager[int]:
    """Serve the peer with as many processes as ours, its catalogue read once, its margin equal to ours."""
    port = free_port()
    command = [PEERS / "uvicorn", "tipg.main:app", "--host", HOST, "--port", port]
    command += ["--workers", Settings().workers, "--no-access-log", "--log-level", "warning"]
    env = {
        "DATABASE_URL": f"postgresql://{BACKUP_ROLE}@{urllib.parse.quote(str(cluster.socket), safe='')}/{DATABASE}",
        "TIPG_DB_TABLES": '["public.household"]',
        "TIPG_DB_SPATIAL_EXTENT": "false",
        "TIPG_DB_DATETIME_EXTENT": "false",
        "TIPG_CATALOG_TTL": "0",
        "TIPG_TILE_BUFFER": str(tiles.MARGIN),
        "TIPG_MAX_FEATURES_PER_TILE": "100000",
        "DB_MAX_CONN_SIZE": str(CONNECTIONS),
        "PGOPTIONS": session_options(),
    }
    return serving(command, port, "/healthz", env)


def session_options() -> str:
    """Return the server settings of the product's connections, given to everybody measured."""
    return " ".join(f"-c {name}={value}" for name, value in SESSION_OPTIONS.items())


def read(
    port: int, paths: list[str], headers: dict[str, str], seconds: float, *, warm_s: float = WARM_S
) -> dict[str, float]:
    """Read tiles over HTTP for a while."""
    order = {"host": HOST, "port": port, "paths": paths, "headers": headers, "seconds": seconds}
    order |= {"connections": CONNECTIONS, "warm_s": warm_s}
    told = subprocess.run(
        [PEERS / "python", HERE / "reader.py"], input=json.dumps(order), text=True, capture_output=True, check=True
    )
    figures: dict[str, float] = json.loads(told.stdout)
    return figures


def limit(cluster: Cluster, block: Block, community_id: int, on: str, seconds: float) -> dict[str, float]:
    """Run our own statement under pgbench: what the database can do when nobody stands before it."""
    actor = Actor(Role.SECRETARY, community_id)
    statement = tiles.statement(actor, Tile(block.layer, block.z, block.x0, block.y0))
    for name, value in {"community": community_id, "z": block.z, "on": f"DATE '{on}'"}.items():
        statement = statement.replace(f"%({name})s", str(value))
    statement = statement.replace("%(x)s", ":x").replace("%(y)s", ":y")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "tile.sql"
        lots = f"\\set x random({block.x0}, {block.x1})\n\\set y random({block.y0}, {block.y1})\n"
        script.write_text(f"{lots}{statement};\n")
        command = [find_programs() / "pgbench", "-n", "-M", "prepared", "-c", CONNECTIONS, "-j", os.cpu_count() or 1]
        command += ["-T", max(1, round(seconds)), "-h", cluster.socket, "-U", BACKUP_ROLE, "-f", script, "-l"]
        env = os.environ | {"PGOPTIONS": session_options()}
        out = subprocess.run(
            [str(c) for c in [*command, DATABASE]], cwd=folder, env=env, text=True, capture_output=True, check=True
        )
        took = sorted(int(line.split()[2]) for log in Path(folder).glob("pgbench_log*") for line in log.open())
    per_s = float(out.stdout.rsplit("tps = ", 1)[1].split()[0])
    return {
        "per_s": per_s,
        "p50_ms": took[len(took) // 2] / 1e3,
        "p99_ms": took[int(len(took) * 0.99)] / 1e3,
        "faults": 0,
    }


def set_row_security(cluster: Cluster, *, enabled: bool) -> None:
    """Switch every row policy on or off."""
    engine = create_engine(cluster.url("postgres"))
    verb = "ENABLE" if enabled else "DISABLE"
    with engine.begin() as con:
        for name in metadata.tables:
            con.execute(text(f'ALTER TABLE "{name}" {verb} ROW LEVEL SECURITY'))
    engine.dispose()


def sign_in(database: Database, community_id: int) -> str:
    """Open a secretary's session the way people do and return its token."""
    now = datetime.now(UTC)
    with database.transaction(OPERATOR) as con:
        accounts.ensure_demo_accounts(con, OPERATOR, community_id)
        _, link = accounts.make_link(con, OPERATOR, community_id=community_id, role=Role.SECRETARY, at=now)
    visitor = Actor(Machine.VISITOR, proof=accounts.fingerprint(link))
    with database.transaction(visitor) as con:
        return accounts.use_link(con, visitor, device="bench", at=now)


def our_paths(block: Block, shown: str) -> list[str]:
    """Return the addresses of a block's tiles with us."""
    return [f"/tiles/{block.layer}/secretary/{shown}/{block.z}/{x}/{y}.mvt" for x, y in block.places]


def tipg_paths(block: Block) -> list[str]:
    """Return the addresses of the same tiles with the peer: the same columns and, for groups, the same rows."""
    asked = {"geom-column": "shape_3857", "properties": COLUMNS[block.layer], "limit": "100000"}
    if block.layer is Layer.GROUPS:
        asked |= {"filter": "group_bits > 0", "filter-lang": "cql2-text"}
    where = f"/collections/public.household/tiles/WebMercatorQuad/{block.z}"
    return [f"{where}/{x}/{y}?{urllib.parse.urlencode(asked)}" for x, y in block.places]


class Measurement:
    """The servers of one run, and what has been measured."""

    def __init__(self, cluster: Cluster, cities: list[city.City], seconds: float, rounds: int) -> None:
        self.cluster, self.cities, self.seconds, self.rounds = cluster, cities, seconds, rounds
        self.rows: list[dict[str, object]] = []

    def run(self, zooms: list[int]) -> None:
        """Measure every size and zoom."""
        database = Database(self.cluster.url(), pool_size=1)
        today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
        with ExitStack() as stack:
            home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            self.fresh = stack.enter_context(our_server(self.cluster, 0, home))
            self.keeping = stack.enter_context(our_server(self.cluster, 1 << 30, home))
            self.tipg = stack.enter_context(tipg_server(self.cluster))
            for place in self.cities:
                token = sign_in(database, place.community_id)
                self.headers = {"Cookie": f"__Host-gm={token}", "Accept-Encoding": "gzip"}
                for z in zooms:
                    row = self.row(place, block_of(place, z), version(1, today), str(today))
                    self.rows.append(row)
                    print_row(row)
        database.close()

    def row(self, place: city.City, block: Block, shown: str, on: str) -> dict[str, object]:
        """Measure one size at one zoom: all readers in turn, several rounds, so that a busy minute hits them alike."""
        rounds: dict[str, list[dict[str, float]]] = {name: [] for name in CELLS}
        for _ in range(self.rounds):
            for name, cell in self.one_round(place, block, shown, on).items():
                rounds[name].append(cell)
        told = {"households": place.households, "z": block.z, "layer": str(block.layer), "tiles": len(block.places)}
        return told | {name: middle_of(cells) for name, cells in rounds.items()}

    def one_round(self, place: city.City, block: Block, shown: str, on: str) -> dict[str, dict[str, float]]:
        """Measure every reader once."""
        ours, theirs, seconds = our_paths(block, shown), tipg_paths(block), self.seconds / self.rounds
        cells = {
            "secure": read(self.fresh, ours, self.headers, seconds),
            "kept": read(self.keeping, ours, self.headers, seconds),
            "tipg": read(self.tipg, theirs, {"Accept-Encoding": "gzip"}, seconds),
            "plain": read(self.tipg, theirs, {}, seconds),
            "limit": limit(self.cluster, block, place.community_id, on, seconds),
        }
        set_row_security(self.cluster, enabled=False)
        try:
            return cells | {"open": read(self.fresh, ours, self.headers, seconds)}
        finally:
            set_row_security(self.cluster, enabled=True)


def middle_of(cells: list[dict[str, float]]) -> dict[str, float]:
    """Return the median of each figure over the rounds; faults are added."""
    told = {name: statistics.median(cell[name] for cell in cells) for name in cells[0]}
    return told | {"faults": sum(cell["faults"] for cell in cells)}


def ratios(row: dict[str, dict[str, float]]) -> dict[str, float]:
    """Return ours against the peer and against the limit."""
    pairs = [(mine, other) for mine in ("open", "secure", "kept") for other in ("tipg", "plain", "limit")]
    return {f"{mine}/{other}": row[mine]["per_s"] / row[other]["per_s"] for mine, other in pairs}


def print_row(row: dict[str, object]) -> None:
    """Print one size at one zoom while the rest is still measured."""
    print(f"\n{row['households']:>9,} households, z{row['z']} {row['layer']} ({row['tiles']} tiles)", file=sys.stderr)
    for name in CELLS:
        cell = row[name]
        size = f"{cell['bytes']:>9,.0f} B" if "bytes" in cell else ""
        faults = f"  {cell['faults']} FAULTS" if cell["faults"] else ""
        timing = f"{cell['per_s']:>8,.0f}/s  p50 {cell['p50_ms']:>7.2f}  p99 {cell['p99_ms']:>7.2f} ms"
        print(f"  {name:<8}{timing}{size}{faults}", file=sys.stderr)
    print("  " + "  ".join(f"{k} {v:.2f}" for k, v in ratios(row).items()), file=sys.stderr)


def verdicts(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return each aim at zoom 16 and what was reached at the largest size."""
    largest = [row for row in rows if row["z"] == 16]
    if not largest:
        return []
    reached = ratios(largest[-1])
    return [{"aim": f"{a}/{b}", "at_least": least, "reached": reached[f"{a}/{b}"]} for (a, b), least in AIMS.items()]


def main() -> int:
    """Draw the cities, measure, tell; 1 when an answer was wrong."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--households", default=",".join(map(str, SIZES)), help="sizes, separated by commas")
    parser.add_argument("--zooms", default=",".join(map(str, LAYERS)), help="of 14, 16, 17, 18")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each measurement, in three rounds")
    parser.add_argument("--quick", action="store_true", help="one small size, one second: does it run at all?")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args()
    sizes = [10_000] if asked.quick else [int(n) for n in asked.households.split(",")]
    zooms = [16] if asked.quick else [int(z) for z in asked.zooms.split(",")]
    with city.throw_away_cluster() as cluster:
        print(f"drawing {sum(sizes):,} households", file=sys.stderr)
        city.make_tables(cluster)
        cities = city.side_by_side(sizes)
        city.draw(cluster, cities)
        seconds, rounds = (1.0, 1) if asked.quick else (asked.seconds, ROUNDS)
        measured = Measurement(cluster, cities, seconds, rounds)
        measured.run(zooms)
    found = verdicts(measured.rows)
    if asked.json:
        print(
            json.dumps(
                {"connections": CONNECTIONS, "cores": os.cpu_count(), "rows": measured.rows, "aims": found}, indent=1
            )
        )
    for aim in found:
        print(f"z16 {aim['aim']}: {aim['reached']:.2f} (aim {aim['at_least']})", file=sys.stderr)
    return 1 if any(row[n]["faults"] for row in measured.rows for n in CELLS) else 0


if __name__ == "__main__":
    sys.exit(main())

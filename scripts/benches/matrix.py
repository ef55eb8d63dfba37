"""Walking matrices: contraction hierarchies, scipy's Dijkstra and pgRouting on the same streets, in one run.

Seconds between places anywhere along the streets, each engine on the same edges and the same places:

* ``quick``: the product's walker (pyroutingkit), the four ends of the streets put together in numpy.
* ``scipy``: the product's fallback and judge.
* ``pgrouting``: pgr_withPointsCostMatrix in a throw-away PostgreSQL, which cuts the streets at the places itself.

Beside it what an edit costs: a gate closed (weights of two arcs change), a new path (everything is built anew).
Graphs: the demo, and any extract that is named (without one those in ../shared/data/osm).
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import shapely

from gridmap.domain.invention import passages
from gridmap.domain.shortest import BARRED, QUICK, Hierarchy
from gridmap.domain.streets import draw, network_of
from gridmap.domain.towns import Town
from gridmap.domain.walking import TICK_S, Network, Spots, Walker
from gridmap.domain.working import WorkSetting
from gridmap.files.osm_town import Wish, read_town
from gridmap.ops.cluster import Cluster
from gridmap.services.communities import demo_town

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data" / "osm"
EQUAL_S = 0.01
AIM_GATE_MS, AIM_PATH_MS = 1.0, 200.0


@dataclass(frozen=True)
class Line:
    """One graph and one number of places; milliseconds, the best of some runs; None where a peer is missing."""

    graph: str
    nodes: int
    edges: int
    places: int
    quick_ms: float
    scipy_ms: float
    pgrouting_ms: float | None
    pgrouting_over_quick: float | None
    scipy_differs_s: float
    pgrouting_differs_s: float | None


@dataclass(frozen=True)
class Edit:
    """What an edit costs on one graph, milliseconds."""

    graph: str
    gate_ms: float
    path_ms: float


def best_ms(run: Callable[[], Any], times: int) -> tuple[float, Any]:
    """Return the quickest of some runs in milliseconds, and what it gave."""
    took, found = [], None
    for _ in range(times):
        began = time.perf_counter()
        found = run()
        took.append(time.perf_counter() - began)
    return min(took) * 1000, found


def network(town: Town) -> Network:
    """Return the network of a town, as a load makes it."""
    setting, epsg = WorkSetting(), town.epsg
    ways = town.streets.to_crs(epsg)
    if town.invented == "all":
        walls, houses, water = (
            np.asarray(frame.to_crs(epsg).geometry.to_numpy(), dtype=object)
            for frame in (town.barriers, town.buildings, town.areas[town.areas["kind"] == "water"])
        )
        return network_of(passages.invented(ways, town.places.to_crs(epsg), walls, houses, water, setting))
    if town.gates is None:
        raise ValueError("an extract tells its gates")
    return network_of(draw(ways, town.gates.to_crs(epsg), setting=setting))


def places(net: Network, k: int, seed: int) -> Spots:
    """Return places anywhere along the streets people live at."""
    rng = np.random.default_rng(seed)
    edges = np.flatnonzero(net.for_doors)
    chosen = rng.choice(edges, k, p=net.length_m[edges] / net.length_m[edges].sum())
    share = rng.uniform(0.01, 0.99, k)
    at = shapely.line_interpolate_point(net.paths[chosen], share, normalized=True)
    return Spots(chosen, share, np.zeros(k), np.zeros(k), shapely.get_coordinates(at))


class PgRouting:
    """The peer: one connection to a database that has the extension."""

    def __init__(self, con: psycopg.Connection[Any]) -> None:
        self.con = con

    def load(self, net: Network) -> None:
        """Put a network into the database; what is barred costs -1, as pgRouting wants it."""
        self.con.execute("DROP TABLE IF EXISTS edge")
        self.con.execute(
            "CREATE TABLE edge (id bigint PRIMARY KEY, source bigint, target bigint, cost float8, reverse_cost float8)"
        )
        costs = [np.where(np.isfinite(s), s, -1.0).tolist() for s in (net.forward_s, net.backward_s)]
        rows = zip(
            (np.arange(len(net.edge_id)) + 1).tolist(), net.tail.tolist(), net.head.tolist(), *costs, strict=True
        )
        with self.con.cursor() as cursor, cursor.copy("COPY edge FROM STDIN") as stream:
            for row in rows:
                stream.write_row(row)
        self.con.execute("ANALYZE edge")

    def tie(self, spots: Spots) -> None:
        """Put the places into the database."""
        self.con.execute("DROP TABLE IF EXISTS point")
        self.con.execute("CREATE TABLE point (pid bigint PRIMARY KEY, edge_id bigint, fraction float8)")
        with self.con.cursor() as cursor, cursor.copy("COPY point FROM STDIN") as stream:
            for i, (edge, share) in enumerate(zip(spots.edge.tolist(), spots.share.tolist(), strict=True)):
                stream.write_row((i + 1, edge + 1, share))

    def matrix(self, k: int) -> np.ndarray:
        """Return the seconds between all places."""
        rows = self.con.execute(
            "SELECT start_vid, end_vid, agg_cost FROM pgr_withPointsCostMatrix("
            "'SELECT id, source, target, cost, reverse_cost FROM edge', 'SELECT pid, edge_id, fraction FROM point',"
            " (SELECT array_agg(-pid ORDER BY pid) FROM point), directed => true)"
        ).fetchall()
        found = np.full((k, k), np.inf)
        cells = np.array(rows, float).reshape(-1, 3)
        found[-cells[:, 0].astype(int) - 1, -cells[:, 1].astype(int) - 1] = cells[:, 2]
        np.fill_diagonal(found, 0.0)
        return found


@contextmanager
def pgrouting() -> Iterator[PgRouting | None]:
    """Yield pgRouting in a PostgreSQL that is thrown away afterwards; None where it is not installed."""
    home = Path(tempfile.mkdtemp(prefix="gridmap-matrix-"))
    home.chmod(0o755)
    cluster = Cluster(home, throw_away=True)
    try:
        cluster.start()
        url = f"host={cluster.socket} user=postgres dbname=postgres"
        with psycopg.connect(url, autocommit=True) as con:
            try:
                con.execute("CREATE EXTENSION pgrouting CASCADE")
            except psycopg.Error as error:
                print(f"pgRouting is missing, its columns stay empty: {error}".splitlines()[0], file=sys.stderr)
                yield None
            else:
                yield PgRouting(con)
    finally:
        cluster.stop()
        shutil.rmtree(home, ignore_errors=True)


def compare(name: str, net: Network, k: int, peer: PgRouting | None, times: int) -> Line:
    """Measure one graph with one number of places."""
    spots = places(net, k, seed=k)
    quick, plain = Walker(net), Walker(net, plain=True)
    quick_ms, ours = best_ms(lambda: quick.matrix(spots), times)
    scipy_ms, judge = best_ms(lambda: plain.matrix(spots), max(times // 2, 1))
    theirs_ms = differs = None
    if peer is not None:
        peer.load(net)
        peer.tie(spots)
        theirs_ms, theirs = best_ms(lambda: peer.matrix(k), 1 if k > 200 else 3)
        differs = round(distance(ours, theirs), 6)
    return Line(
        graph=name,
        nodes=len(net.xy),
        edges=len(net.edge_id),
        places=k,
        quick_ms=round(quick_ms, 2),
        scipy_ms=round(scipy_ms, 2),
        pgrouting_ms=None if theirs_ms is None else round(theirs_ms, 1),
        pgrouting_over_quick=None if theirs_ms is None else round(theirs_ms / quick_ms, 1),
        scipy_differs_s=round(distance(ours, judge), 6),
        pgrouting_differs_s=differs,
    )


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """Return the greatest difference of two matrices; inf where only one of them has a way."""
    if not np.array_equal(np.isfinite(one), np.isfinite(other)):
        return float("inf")
    reached = np.isfinite(one)
    return float(np.abs(one[reached] - other[reached]).max()) if reached.any() else 0.0


def edits(name: str, net: Network, times: int) -> Edit:
    """Measure a gate that closes and opens, and a network that is built anew."""
    tail, head = np.concatenate([net.tail, net.head]), np.concatenate([net.head, net.tail])
    seconds = np.concatenate([net.forward_s, net.backward_s])
    weights = np.where(np.isfinite(seconds), np.maximum(np.rint(seconds / TICK_S), 1), BARRED).astype(np.int64)
    engine = Hierarchy(tail, head, net.xy, weights)
    gates = np.flatnonzero(net.kind == "gate")
    gate = int(gates[0]) if len(gates) else int(net.length_m.argmax())
    arcs = np.array([gate, gate + len(net.edge_id)])

    def close_and_open() -> None:
        engine.change(arcs, np.full(2, BARRED))
        engine.change(arcs, weights[arcs])

    gate_ms = best_ms(close_and_open, times * 4)[0] / 2
    return Edit(name, round(gate_ms, 4), round(best_ms(lambda: Walker(net), times)[0], 2))


def graphs(files: list[Path]) -> Iterator[tuple[str, Network]]:
    """Yield the demo and the extracts."""
    yield "demo", network(demo_town())
    for file in files:
        town, _ = read_town(file, Wish(name=file.stem, grids=4, on=date(2026, 1, 1)))
        yield file.name.split(".")[0], network(town)


def show(lines: list[Line], costs: list[Edit]) -> None:
    """Print what people read."""
    print(
        f"{'graph':<28}{'nodes':>7}{'edges':>7}{'places':>8}{'quick':>10}{'scipy':>10}{'pgRouting':>12}{'ratio':>8}{'differs':>10}"
    )
    for one in lines:
        peer = "-" if one.pgrouting_ms is None else f"{one.pgrouting_ms:.0f} ms"
        ratio = "-" if one.pgrouting_over_quick is None else f"{one.pgrouting_over_quick:.0f}x"
        differs = "-" if one.pgrouting_differs_s is None else f"{one.pgrouting_differs_s:.4f} s"
        print(
            f"{one.graph:<28}{one.nodes:>7}{one.edges:>7}{one.places:>8}{one.quick_ms:>7.1f} ms{one.scipy_ms:>7.0f} ms"
            f"{peer:>12}{ratio:>8}{differs:>10}"
        )
    for cost in costs:
        gate, path = f"{cost.gate_ms:.3f} ms (aim {AIM_GATE_MS:g})", f"{cost.path_ms:.1f} ms (aim {AIM_PATH_MS:g})"
        print(f"{cost.graph:<28} a gate closed {gate}, a new path {path}")


def main() -> int:
    """Measure, print, and return 1 when an engine differs or an aim is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE.osm.pbf")
    parser.add_argument("--sizes", default="120,1000", help="numbers of places (default 120,1000)")
    parser.add_argument("--quick", action="store_true", help="the smallest size only, one run each")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not QUICK:
        print("pyroutingkit is missing: nothing to measure", file=sys.stderr)
        return 1
    sizes = [int(size) for size in options.sizes.split(",")][: 1 if options.quick else None]
    times = 1 if options.quick else 5
    lines, costs = [], []
    with pgrouting() as peer:
        for name, net in graphs(options.files or sorted(SHARED.glob("*.osm.pbf"))):
            lines += [compare(name, net, k, peer, times) for k in sizes]
            costs.append(edits(name, net, times))
    wrong = [one for one in lines if one.scipy_differs_s > 0 or (one.pgrouting_differs_s or 0) > EQUAL_S]
    late = [one for one in costs if one.gate_ms > AIM_GATE_MS or one.path_ms > AIM_PATH_MS]
    if options.json:
        print(json.dumps({"matrices": [asdict(x) for x in lines], "edits": [asdict(x) for x in costs]}, indent=1))
    else:
        show(lines, costs)
    return 1 if wrong or late else 0


if __name__ == "__main__":
    sys.exit(main())

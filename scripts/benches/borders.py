"""Chance edits of borders: the partition in whole numbers, and others on the same edits, in one run.

* ``gridmap``: ``domain.partition``; every edit is checked exactly before it is accepted, at the end the independent
  checker looks at everything and all edits are taken back to the same bytes.
* ``floats``: shapely's difference and union on degrees, as a polygon editor does that "avoids overlaps": what a grid
  gains is cut out of the others.
* ``rounded``: the same, each result rounded to 1e-7 degree.
* ``topology``: postgis_topology in a throw-away PostgreSQL. It has no operation that moves a node with edges, gives
  ground, or reshapes over several faces, so each edit is brought about by taking pieces of border out
  (ST_RemEdgeModFace) and adding others (TopoGeo_AddLineString), one by one. Smallest community only, and fewer edits.

Milliseconds are of the processor for the first three, of the clock for the last, which works in another process.
Exit code 1 when gridmap leaves any fault or misses its aim.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import shapely
from shapely import LineString, Polygon
from shapely.ops import split

# in place of this folder, whose coverage.py others would take for the library of that name
sys.path[0] = str(Path(__file__).resolve().parents[2] / "tests")

from border_edits import World, chance, invented, total, wish  # noqa: E402 - they lie there

from gridmap.domain.partition import Cut, Draw, Edit, Kind, Operation, apply, degrees, faults  # noqa: E402
from gridmap.domain.partition.patch import Patch, Side, turned  # noqa: E402
from gridmap.domain.partition.units import scale_at  # noqa: E402
from gridmap.errors import BadInput  # noqa: E402
from gridmap.ops.cluster import Cluster  # noqa: E402

AIM_P95_MS = 20.0
TOPOLOGY_GRIDS, TOPOLOGY_EDITS = 100, 300
SRID = 4490
DEGREE_M2 = 1e14  # square units in a square degree; times the square metres of a unit


@dataclass
class Line:
    """One engine on one community; milliseconds an edit."""

    engine: str
    grids: int
    seed: int
    edits: int
    refused: int = 0
    p50_ms: float = 0.0
    p95_ms: float = 0.0
    p99_ms: float = 0.0
    gaps: int = 0
    overlaps: int = 0
    pieces: int = 0
    gap_m2: float = 0.0
    overlap_m2: float = 0.0
    area_difference: int | None = None  # twice, in square units; only whole numbers can tell
    broken_at: int | None = None  # number of the first edit after which a gap, an overlap or a corner was amiss
    errors: int = 0
    undone_to_the_byte: bool | None = None
    by_kind_ms: dict[str, float] = field(default_factory=dict)
    note: str = ""


def timed(line: Line, took: list[float]) -> None:
    """Put the times into a line."""
    if took:
        p50, p95, p99 = (np.percentile(took, [50, 95, 99]) * 1_000).round(2).tolist()
        line.p50_ms, line.p95_ms, line.p99_ms = p50, p95, p99


@dataclass
class Session:
    """What was done to a community: the edits and the grids at the begin, for the peers."""

    begin: dict[int, Polygon]
    outline: Polygon
    done: list[tuple[Operation, Edit, frozenset[int]]] = field(default_factory=list)


def ours(grids: int, edits: int, seed: int) -> tuple[Line, Session]:
    """Edit with gridmap, look at what came out, and take it back."""
    world, rng = World(invented(grids, seed)), chance(seed)
    session = Session(dict(world.grids), Polygon(shapely.coverage_union_all(list(world.grids.values()))))
    ground, before = total(world.grids), world.bytes()
    line, took, kinds = Line("gridmap", grids, seed, edits), [], dict[str, list[float]]()
    while len(session.done) < edits:
        try:
            operation = wish(world, rng, about=grids)
            patch = world.patch(operation)
            begin = time.process_time()
            edit = apply(Patch(patch.grids), operation)
        except BadInput:
            line.refused += 1
            continue
        took.append(time.process_time() - begin)
        kinds.setdefault(type(operation).__name__, []).append(took[-1])
        world.take(edit)
        world.done.append(edit)
        world.next_key = min([world.next_key, *[key - 1 for key in edit.after]])
        session.done.append((operation, edit, frozenset(patch.grids)))
    timed(line, took)
    line.by_kind_ms = {name: round(float(np.median(each)) * 1_000, 2) for name, each in sorted(kinds.items())}
    found = Counter(fault.kind for fault in faults(world.grids, session.outline))
    line.gaps, line.overlaps = found[Kind.GAP] + found[Kind.BEYOND], found[Kind.OVERLAP]
    line.pieces, line.errors = found[Kind.PIECES], found[Kind.INVALID] + found[Kind.CORNER] + found[Kind.UNREADABLE]
    line.area_difference = total(world.grids) - ground
    world.undo_all()
    line.undone_to_the_byte = world.bytes() == before
    return line, session


class Naive:
    """Polygons by themselves: what a grid gains is cut out of the others."""

    def __init__(self, begin: dict[int, Polygon], grain: float | None) -> None:
        self.grids: dict[int, Any] = {key: degrees(shape) for key, shape in begin.items()}
        self.grain = grain

    def do(self, operation: Operation, edit: Edit) -> None:
        """Do what the hand did that made an edit."""
        if isinstance(operation, Cut):
            return self._cut(operation)
        if isinstance(operation, Draw):
            return self._gain(operation.new_key, degrees(operation.shape), edit)
        for key, shape in edit.after.items():
            if shape is None:
                self._gain(key_kept(edit), self.grids.pop(key), edit)
                continue
            was = edit.before[key]
            gained = degrees(shape) if was is None else shapely.difference(degrees(shape), degrees(was))
            if gained.area > 0:
                self._gain(key, gained, edit)
        return None

    def _cut(self, operation: Cut) -> None:
        line = LineString(np.array(operation.line) / 1e7)
        parts = sorted(split(self.grids[operation.key], line).geoms, key=lambda part: -part.area)
        self.grids[operation.key] = parts[0]
        self.grids[operation.new_key] = shapely.union_all(parts[1:], grid_size=self.grain)

    def _gain(self, key: int, gained: Any, edit: Edit) -> None:
        if key not in self.grids:
            around = shapely.union_all([self.grids[k] for k in edit.before if k in self.grids], grid_size=self.grain)
            gained = shapely.intersection(gained, around, grid_size=self.grain)
        for other in edit.after:
            if other != key and other in self.grids:
                self.grids[other] = shapely.difference(self.grids[other], gained, grid_size=self.grain)
        own = self.grids.get(key, Polygon())
        self.grids[key] = shapely.union(own, gained, grid_size=self.grain)

    def broken(self, keys: frozenset[int]) -> bool:
        """Tell whether some grids no longer fit each other."""
        near = [self.grids[key] for key in keys if key in self.grids]
        return not all(shape.geom_type == "Polygon" for shape in near) or not bool(shapely.coverage_is_valid(near))


def key_kept(edit: Edit) -> int:
    """Return the grid that another was joined to."""
    return next(key for key, shape in edit.after.items() if shape is not None and area(edit.before[key]) < shape.area)


def area(shape: Polygon | None) -> float:
    """Return an area, 0 of nothing."""
    return 0.0 if shape is None else float(shape.area)


def naive(session: Session, name: str, grain: float | None, line: Line) -> Line:
    """Do the same edits with polygons by themselves."""
    peer, took = Naive(session.begin, grain), []
    found = Line(name, line.grids, line.seed, len(session.done))
    for number, (operation, edit, around) in enumerate(session.done, start=1):
        begin = time.process_time()
        try:
            peer.do(operation, edit)
        except (shapely.errors.ShapelyError, ValueError, IndexError, StopIteration, KeyError):
            found.errors += 1
        took.append(time.process_time() - begin)
        if found.broken_at is None and peer.broken(around | edit.after.keys()):
            found.broken_at = number
    timed(found, took)
    scale = scale_at(session.outline.centroid.y)
    _look(found, peer.grids, degrees(session.outline), DEGREE_M2 * scale.east * scale.north)
    return found


def _look(line: Line, grids: dict[int, Any], outline: Polygon, m2: float) -> None:
    """Count gaps, overlaps and grids in pieces."""
    shapes = np.array([shape for shape in grids.values() if not shape.is_empty], dtype=object)
    left, right = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    pair = left < right
    common = shapely.area(shapely.intersection(shapes[left[pair]], shapes[right[pair]]))
    missing = shapely.get_parts(shapely.difference(outline, shapely.union_all(shapes)))
    missing = missing[shapely.area(missing) > 0]
    line.overlaps, line.overlap_m2 = int((common > 0).sum()), round(float(common.sum()) * m2, 6)
    line.gaps, line.gap_m2 = len(missing), round(float(shapely.area(missing).sum()) * m2, 6)
    line.pieces = int((shapely.get_num_geometries(shapes) > 1).sum())


class Topology:
    """The peer: every piece of border an edge of its own."""

    def __init__(self, con: psycopg.Connection[Any]) -> None:
        self.con = con
        con.execute("CREATE EXTENSION IF NOT EXISTS postgis_topology CASCADE")
        con.execute("SELECT topology.CreateTopology('borders', %s, 0)", (SRID,))
        self.con.execute("SET search_path = public, topology")

    def load(self, grids: dict[int, Polygon]) -> None:
        """Put all pieces of border in."""
        for side in sides(grids):
            self._add(side)
        self.con.execute("ANALYZE borders.edge_data")

    def do(self, before: dict[int, Polygon], after: dict[int, Polygon]) -> None:
        """Take out the pieces that an edit ends, put in those it begins: in one transaction."""
        was, now = sides(before), sides(after)
        with self.con.transaction():
            for side in sorted(was - now):
                self._remove(side)
            for side in sorted(now - was):
                self._add(side)

    def _add(self, side: Side) -> None:
        self.con.execute("SELECT TopoGeo_AddLineString('borders', ST_GeomFromText(%s, %s), 0)", (text(side), SRID))

    def _remove(self, side: Side) -> None:
        found = self.con.execute(
            "SELECT edge_id FROM borders.edge_data WHERE geom && ST_GeomFromText(%(line)s, %(srid)s)"
            " AND ST_Equals(geom, ST_GeomFromText(%(line)s, %(srid)s))",
            {"line": text(side), "srid": SRID},
        ).fetchone()
        if found is None:
            raise LookupError("the topology has no such edge")
        self.con.execute("SELECT ST_RemEdgeModFace('borders', %s)", found)

    def differing(self, grids: dict[int, Polygon]) -> int:
        """Return how many grids are not a face of the topology, of the same area."""
        wrong = 0
        for shape in grids.values():
            at = degrees(shape).point_on_surface()
            try:
                row = self.con.execute(
                    "SELECT ST_Area(ST_GetFaceGeometry('borders', GetFaceByPoint('borders',"
                    " ST_SetSRID(ST_MakePoint(%s, %s), %s), 0)))",
                    (at.x, at.y, SRID),
                ).fetchone()
            except psycopg.Error:
                row = None
            wrong += row is None or row[0] is None or abs(row[0] * 1e14 - shape.area) > 1e-6 * shape.area
        return wrong

    def invalid(self) -> int:
        """Return the number of errors the topology finds in itself."""
        return len(self.con.execute("SELECT * FROM ValidateTopology('borders')").fetchall())


def sides(grids: dict[int, Polygon]) -> set[Side]:
    """Return all pieces of border, each in one direction."""
    return {min(side, turned(side)) for side in Patch(grids).of(grids)}


def text(side: Side) -> str:
    """Return a piece of border in degrees."""
    x0, y0, x1, y1 = (c / 1e7 for c in side)
    return f"LINESTRING({x0:.7f} {y0:.7f},{x1:.7f} {y1:.7f})"


@contextmanager
def postgres() -> Iterator[psycopg.Connection[Any]]:
    """Yield a connection to a PostgreSQL that is thrown away afterwards."""
    home = Path(tempfile.mkdtemp(prefix="gridmap-borders-"))
    home.chmod(0o755)
    cluster = Cluster(home, throw_away=True)
    try:
        cluster.start()
        with psycopg.connect(f"host={cluster.socket} user=postgres dbname=postgres", autocommit=True) as con:
            yield con
    finally:
        cluster.stop()
        shutil.rmtree(home, ignore_errors=True)


def topology(session: Session, line: Line, most: int) -> Line:
    """Do the first of the same edits with postgis_topology; tell in a note why not."""
    found = Line("topology", line.grids, line.seed, 0)
    if line.grids > TOPOLOGY_GRIDS:
        found.note = f"not tried: loading one edge after the other takes minutes above {TOPOLOGY_GRIDS} grids"
        return found
    try:
        with postgres() as con:
            peer = Topology(con)
            _with_topology(peer, session, found, most)
    except psycopg.Error as error:
        found.note = f"could not be brought to it: {str(error).splitlines()[0]}"
    return found


def _with_topology(peer: Topology, session: Session, found: Line, most: int) -> None:
    begin = time.perf_counter()
    peer.load(session.begin)
    found.note = f"loaded in {time.perf_counter() - begin:.1f} s"
    grids, took, reasons = dict(session.begin), [], Counter[str]()
    for number, (_, edit, _) in enumerate(session.done[:most], start=1):
        before = {key: shape for key, shape in edit.before.items() if shape is not None}
        after = {key: shape for key, shape in edit.after.items() if shape is not None}
        begin = time.perf_counter()
        try:
            peer.do(before, after)
        except (psycopg.Error, LookupError) as error:
            reasons[str(error).splitlines()[0]] += 1
            found.errors += 1
            found.broken_at = found.broken_at or number
        took.append(time.perf_counter() - begin)
        grids = {key: shape for key, shape in {**grids, **edit.after}.items() if shape is not None}
    timed(found, took)
    found.edits = len(took)
    found.pieces = peer.differing(grids)
    faulty = peer.invalid()
    told = f"; {reasons.most_common(1)[0][1]} times: {reasons.most_common(1)[0][0]}" if reasons else ""
    found.note += f"; {found.pieces} grids are no longer a face, ValidateTopology finds {faulty} errors{told}"


def show(lines: list[Line]) -> None:
    """Print what people read."""
    print(
        f"{'engine':<10}{'grids':>7}{'edits':>7}{'refused':>8}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}"
        f"{'gaps':>7}{'overlaps':>9}{'pieces':>7}{'errors':>7}{'broken at':>10}{'area':>6}{'undo':>6}"
    )
    for one in lines:
        broken = "never" if one.broken_at is None else str(one.broken_at)
        exact = "" if one.area_difference is None else str(one.area_difference)
        undone = {None: "", True: "same", False: "OTHER"}[one.undone_to_the_byte]
        print(
            f"{one.engine:<10}{one.grids:>7}{one.edits:>7}{one.refused:>8}{one.p50_ms:>9.2f}{one.p95_ms:>9.2f}"
            f"{one.p99_ms:>9.2f}{one.gaps:>7}{one.overlaps:>9}{one.pieces:>7}{one.errors:>7}{broken:>10}{exact:>6}{undone:>6}"
        )
        if one.gap_m2 or one.overlap_m2:
            print(f"{'':<10}gaps of {one.gap_m2:g} m2, overlaps of {one.overlap_m2:g} m2")
        if one.by_kind_ms:
            print(f"{'':<10}median ms: " + ", ".join(f"{name} {ms:g}" for name, ms in one.by_kind_ms.items()))
        if one.note:
            print(f"{'':<10}{one.note}")


def sound(line: Line) -> bool:
    """Tell whether gridmap kept its word."""
    whole = not (line.gaps or line.overlaps or line.pieces or line.errors or line.area_difference)
    return whole and bool(line.undone_to_the_byte) and line.p95_ms <= AIM_P95_MS


def main() -> int:
    """Measure, print, and return 1 when gridmap leaves a fault or is late."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--edits", type=int, default=2_000)
    parser.add_argument("--grids", default="19,1000,10000", help="numbers of grids (default 19,1000,10000)")
    parser.add_argument("--seed", default="7", help="seeds (default 7)")
    parser.add_argument("--alone", action="store_true", help="without the peers")
    parser.add_argument("--quick", action="store_true", help="200 edits of 19 grids")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sizes = [19] if options.quick else [int(size) for size in options.grids.split(",")]
    edits = 200 if options.quick else options.edits
    lines = []
    for seed in [int(seed) for seed in options.seed.split(",")]:
        for size in sizes:
            own, session = ours(size, edits, seed)
            lines.append(own)
            if not options.alone:
                lines += [naive(session, "floats", None, own), naive(session, "rounded", 1e-7, own)]
                lines.append(topology(session, own, 40 if options.quick else TOPOLOGY_EDITS))
            print(f"{size} grids, seed {seed}: done", file=sys.stderr, flush=True)
    if options.json:
        print(json.dumps([asdict(line) for line in lines], indent=1))
    else:
        show(lines)
    return 0 if all(sound(line) for line in lines if line.engine == "gridmap") else 1


if __name__ == "__main__":
    sys.exit(main())

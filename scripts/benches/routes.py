"""Routes beside peers in one run: exact orders, and choices under limits, on instances anybody can bring.

* TSPLIB (.tsp, .atsp): the exact order. Value, bound and proof are ours; best known from the .sol or
  bestSolutions.txt beside the file, or --best.
* OPLib (.oplib): orienteering; one walk no longer than the limit, most score, the depot's own counted as theirs is.
* Solomon (.txt): team orienteering with time windows (demand is the score, 1 to 4 walks, distances cut after one
  decimal as that literature does). NOT as VRPTW: our problem has no loads and may leave stops out, so nothing of it
  may be compared with the VRPTW values. No best known value of TOPTW stands beside the files: the gap is to the best of
  all runs here.
* CVRP (.vrp) is refused with a sentence: people who walk carry no load.
* Without files: open walks of 20 to 120 doors on the streets of the demo and of every extract in ../shared/data/osm
  (stairwells of six storeys, and towers with lifts), invented clustered ones (exact order), days of 120 households
  (replanning after "not home" against a full search, and the time of all reasons).

Peers' answers are recomputed by the same checker as ours. Seconds are meant as seconds of work: ours turns them into a
number of iterations by its own speed on the instance (--iterations makes it repeatable), and peers, who look at the
wall clock, get more of it while the machine is busy. CPU seconds stand beside wall seconds.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg
from instances import Instance, Unreadable, read
from matrix import SHARED, graphs, places

from gridmap.domain.routes import DAY_S, Broken, Problem, Shift, check, explain, order, solve
from gridmap.domain.vertical import climb_s
from gridmap.domain.walking import Walker
from gridmap.domain.working import WorkSetting
from gridmap.errors import GridmapError
from gridmap.ops.cluster import Cluster
from gridmap.settings import ROOT

HERE = Path(__file__).resolve().parent
sys.path.remove(str(HERE))  # numba, loaded later, would take coverage.py beside us for the tool of that name
PEERS = ROOT / ".venv-bench" / "bin" / "python"
NAMES = ("VROOM", "OR-Tools", "PyVRP")
TRIAL = 1_000  # iterations that tell our speed
WALKS = [20, 40, 60, 80, 100, 120]
STOREYS = {"stairs": 6, "lifts": 18}
DOORS_OF_A_STAIRWELL = 3  # in one walk, on average
PATIENCE_S = 60  # of work, for one proof
SHARE: dict[str, float] = {}  # wall seconds a peer lately needed for a second of work
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Row:
    """One answer; ``value`` is None when there was none, ``gap`` is percent worse than the reference."""

    instance: str
    what: str
    who: str
    seconds: float | None
    value: int | None
    best: int | None
    gap: float | None
    bound: int | None
    proven: bool | None
    wall_s: float
    cpu_s: float
    note: str = ""


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """Return what a piece of work gives, and its wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = work()
    return found, time.perf_counter() - wall, time.process_time() - cpu


def as_problem(instance: Instance, walks: int) -> Problem:
    """Return an OP or TOPTW as a problem of ours."""
    n = len(instance.travel)
    windows = instance.windows
    horizon = instance.limit if windows is None else int(windows[0, 1])
    if horizon is None or instance.score is None:
        raise Unreadable(f"{instance.name}: no score or no limit")
    score = instance.score.copy()
    score[0] = 0
    return Problem(
        travel_s=instance.travel,
        service_s=instance.service if instance.service is not None else np.zeros(n, dtype=np.int64),
        weight=score[:, None],
        band_until_s=np.array([DAY_S]),
        windows_at=np.zeros(n + 1, dtype=np.int64) if windows is None else np.arange(n + 1),
        windows_s=np.empty((0, 2), dtype=np.int64) if windows is None else windows,
        required=np.zeros(n, dtype=np.bool_),
        allowed=np.ones((n, walks), dtype=np.bool_),
        shifts=tuple(Shift(0, 0, 0, horizon) for _ in range(walks)),
    )


def as_told(problem: Problem) -> dict[str, Any]:
    """Return a problem as peers are told it (at most one window for each place)."""
    lone = bool((np.diff(problem.windows_at) == 1).all())
    return {
        "travel": problem.travel_s.tolist(),
        "service": problem.service_s.tolist(),
        "worth": problem.weight[:, 0].tolist() if problem.weight.any() else None,
        "windows": problem.windows_s.tolist() if lone else None,
        "shifts": [[s.opens_s, s.closes_s] for s in problem.shifts],
        "open": problem.shifts[0].end < 0,
    }


def ask(peer: str, told: dict[str, Any], seconds: float) -> dict[str, Any]:
    """Let a peer solve in its own environment; on a busy machine it gets as much more time as it got less of it."""
    limit = seconds * SHARE.get(peer, 1.0)
    command = [str(PEERS), str(HERE / "peers.py"), peer, str(limit)]
    run = subprocess.run(command, input=json.dumps(told), capture_output=True, text=True, timeout=120 + 60 * seconds)
    if run.returncode != 0:
        raise RuntimeError(f"{peer}: {run.stderr.strip().splitlines()[-1:]}")
    answer: dict[str, Any] = json.loads(run.stdout.strip().splitlines()[-1])
    SHARE[peer] = min(40.0, max(1.0, answer["wall_s"] / max(answer["cpu_s"], 0.01)))
    return answer


def peer_rows(
    name: str, what: str, problem: Problem, seconds: float, best: int | None, *, every: bool
) -> Iterator[Row]:
    """Yield one row for each peer, its routes recomputed by our checker."""
    for peer in NAMES:
        try:
            answer = ask(peer, as_told(problem), seconds)
        except (RuntimeError, subprocess.TimeoutExpired) as fault:
            yield Row(name, what, peer, seconds, None, best, None, None, None, 0, 0, str(fault)[:120])
            continue
        try:
            found = check(problem, answer["routes"])
            value, note = (found.travel_s if every else found.objective), ""
            if every and sum(map(len, answer["routes"])) < len(problem.service_s) - 1:
                value, note = None, "left places out"
        except Broken as broken:
            value, note = None, f"broken: {broken.faults[0]}"
        yield Row(name, what, peer, seconds, value, best, None, None, None, answer["wall_s"], answer["cpu_s"], note)


def with_gaps(rows: list[Row], *, most: bool) -> list[Row]:
    """Return rows with the gap to the best known, or to the best of these rows."""
    values = [row.value for row in rows if row.value is not None]
    known = [row.best for row in rows if row.best is not None]
    if not values:
        return rows
    reference = known[0] if known else (max(values) if most else min(values))
    sign = 1 if most else -1

    def gap(row: Row) -> float | None:
        return None if row.value is None or not reference else sign * 100 * (reference - row.value) / reference

    return [replace(row, gap=gap(row), best=reference) for row in rows]


def tours(instance: Instance, seconds: list[float], *, peers: bool, base: str | None) -> list[Row]:
    """Return our exact order and the peers' tours."""
    found, wall, cpu = timed(lambda: order(instance.travel, 0, 0, effort=20_000, stop=deadline(600)))
    rows = [
        Row(instance.name, "order", "gridmap", None, found.length_s, instance.best, None, found.bound_s, found.proven,
            wall, cpu)
    ]  # fmt: skip
    if peers:
        problem = closed(instance.travel)
        for limit in seconds:
            rows += peer_rows(instance.name, "order", problem, limit, instance.best, every=True)
        if base:
            rows.append(pgr_tsp(instance, base))
    return with_gaps(rows, most=False)


def closed(travel: Ints, end: int = 0) -> Problem:
    """Return the problem of serving all places of a matrix in one walk."""
    n = len(travel)
    return Problem(
        travel_s=travel, service_s=np.zeros(n, dtype=np.int64), weight=np.zeros((n, 1), dtype=np.int64),
        band_until_s=np.array([DAY_S]), windows_at=np.zeros(n + 1, dtype=np.int64),
        windows_s=np.empty((0, 2), dtype=np.int64), required=np.arange(n) > 0, allowed=np.ones((n, 1), dtype=np.bool_),
        shifts=(Shift(0, end, 0, int(travel.max()) * (n + 1)),),
    )  # fmt: skip


def deadline(seconds: float) -> Callable[[], bool]:
    """Return a question that is answered yes after some CPU seconds."""
    until = time.process_time() + seconds
    return lambda: time.process_time() > until


def pgr_tsp(instance: Instance, base: str) -> Row:
    """Return pgRouting's tour of the same matrix."""
    n = len(instance.travel)
    with psycopg.connect(base, autocommit=True) as con:
        con.execute("drop table if exists matrix")
        con.execute("create table matrix (start_vid bigint, end_vid bigint, agg_cost float8)")
        with con.cursor().copy("copy matrix from stdin") as copy:
            for a in range(n):
                for b in range(n):
                    if a != b:
                        copy.write_row((a + 1, b + 1, float(instance.travel[a, b])))
        asked = "select node from pgr_TSP('select * from matrix', start_id := 1) order by seq"
        wall = time.perf_counter()
        nodes = [int(row[0]) - 1 for row in con.execute(asked).fetchall()]
        wall = time.perf_counter() - wall
    value = sum(int(instance.travel[a, b]) for a, b in pairwise(nodes))
    sound = sorted(nodes[:-1]) == list(range(n)) and nodes[0] == nodes[-1]
    return Row(instance.name, "order", "pgRouting", None, value if sound else None, instance.best, None, None, None,
               wall, wall, "one round, CPU = wall of the statement")  # fmt: skip


@contextmanager
def pgrouting() -> Iterator[str | None]:
    """Run a throw-away PostgreSQL with pgRouting; None where it is not installed."""
    home = Path(tempfile.mkdtemp(prefix="gridmap-bench-"))
    home.chmod(0o755)
    made = Cluster(home, throw_away=True)
    try:
        made.start()
        base = made.url("postgres", "postgres").replace("postgresql+psycopg", "postgresql")
        with psycopg.connect(base, autocommit=True) as con:
            con.execute("create extension pgrouting cascade")
        yield base
    except (psycopg.Error, GridmapError) as fault:
        print(f"pgRouting is left out: {str(fault).splitlines()[0]}", file=sys.stderr)
        yield None
    finally:
        made.stop()
        shutil.rmtree(home, ignore_errors=True)


def choices(instance: Instance, settings: argparse.Namespace) -> list[Row]:
    """Return our choice and the peers' for every number of walks."""
    rows: list[Row] = []
    for walks in settings.routes if instance.kind == "SOLOMON" else [1]:
        what = f"TOPTW m={walks}" if instance.kind == "SOLOMON" else "OP"
        problem = as_problem(instance, walks)
        solve(problem, seed=settings.seed, iterations=1)
        _, _, trial = timed(lambda p=problem: solve(p, seed=settings.seed, iterations=TRIAL, prove=False))
        told: list[Row] = []
        for limit in settings.seconds:
            turns = settings.iterations or max(100, int(TRIAL * limit / trial))
            found, wall, cpu = timed(lambda p=problem, t=turns: solve(p, seed=settings.seed, iterations=t))
            told.append(
                Row(instance.name, what, "gridmap", limit, check(problem, found.routes).objective, instance.best, None,
                    found.bound, found.choice_optimal, wall, cpu, f"{turns} iterations")
            )  # fmt: skip
            if settings.peers:
                told += peer_rows(instance.name, what, problem, limit, instance.best, every=False)
        rows += with_gaps([_with_depot(row, instance) for row in told], most=True)
    return rows


def _with_depot(row: Row, instance: Instance) -> Row:
    """Count the depot's score, which every walk of an OP has."""
    depot = int(instance.score[0]) if instance.kind == "OP" and instance.score is not None else 0
    value, bound = (None if v is None else v + depot for v in (row.value, row.bound))
    return replace(row, value=value, bound=bound)


def invented_walk(rng: np.random.Generator, doors: int) -> Ints:
    """Return seconds between doors in stairwells along streets: uneven by the floors."""
    middles = rng.integers(0, 900, (max(3, doors // 3), 2))
    xy = middles[rng.integers(len(middles), size=doors + 1)] + rng.integers(-12, 12, (doors + 1, 2))
    floors = rng.integers(0, 6, doors + 1)
    travel = np.abs(xy[:, None] - xy[None]).sum(axis=2) + 12 * floors[:, None] + 16 * floors[None, :]
    np.fill_diagonal(travel, 0)
    return travel.astype(np.int64)


def street_walk(walker: Walker, doors: int, kind: str, seed: int) -> Ints:
    """Return seconds between doors in stairwells on real streets, the start on the street being place 0."""
    rng = np.random.default_rng(seed)
    spots = places(walker.network, max(3, doors // DOORS_OF_A_STAIRWELL) + 1, seed)
    level = np.rint(walker.matrix(spots))
    at = np.concatenate([[0], rng.integers(1, len(level), doors)])
    floor = np.concatenate([[1], rng.integers(1, STOREYS[kind] + 1, doors)])
    setting, lift = WorkSetting(), kind == "lifts"

    def climb(a: int, b: int) -> float:
        return climb_s(int(floor[a]), b, has_lift=lift, setting=setting)

    up = [climb_s(1, int(f), has_lift=lift, setting=setting) for f in floor]
    n = doors + 1
    seconds = [
        [climb(a, int(floor[b])) if at[a] == at[b] else climb(a, 1) + level[at[a], at[b]] + up[b] for b in range(n)]
        for a in range(n)
    ]
    return np.rint(np.array(seconds)).astype(np.int64)


def all_walks(settings: argparse.Namespace) -> Iterator[tuple[str, int, Ints]]:
    """Yield names, numbers of doors and seconds: real streets first, then invented clusters."""
    sizes = WALKS[:2] if settings.quick else WALKS
    for graph, net in graphs(sorted(SHARED.glob("*.osm.pbf"))):
        walker = Walker(net)
        for doors in sizes:
            for kind in STOREYS:
                yield f"{graph[:16]}-{kind}-{doors}", doors, street_walk(walker, doors, kind, settings.seed + doors)
    rng = np.random.default_rng(settings.seed)
    for doors in sizes[:2] if settings.quick else [100, 110, 120]:
        for k in range(2 if settings.quick else 3):
            yield f"clusters-{doors}-{k}", doors, invented_walk(rng, doors)


def walks(settings: argparse.Namespace) -> Iterator[list[Row]]:
    """Yield exact orders of open walks."""
    for name, doors, travel in all_walks(settings):
        found, wall, cpu = timed(lambda t=travel: order(t, 0, -1, stop=deadline(PATIENCE_S)))
        ours = Row(
            name, "open walk", "gridmap", None, found.length_s, None, None, found.bound_s, found.proven, wall, cpu
        )  # fmt: skip
        told = [ours]
        if settings.peers and doors == WALKS[-1]:
            told += peer_rows(name, "open walk", closed(travel, -1), min(settings.seconds), None, every=True)
        yield with_gaps(told, most=False)


def invented_day(rng: np.random.Generator, doors: int) -> Problem:
    """Return a day of three hours: doors with evening or split hours, three bands of worth."""
    hour = 3_600
    travel = invented_walk(rng, doors)
    n = len(travel)
    kinds = rng.random(n)
    spans: list[list[list[int]]] = [
        [] if k > 0.4 else [[18 * hour, 20 * hour]] if k > 0.2 else [[9 * hour, 15 * hour], [16 * hour, 18 * hour]]
        for k in kinds
    ]
    spans[0] = []
    weight = rng.integers(20, 1_000, (n, 1)) * rng.integers(30, 90, (n, 3)) // 100
    weight[0] = 0
    service = rng.choice([240, 300, 480], n)
    service[0] = 0
    return Problem(
        travel_s=travel, service_s=service, weight=weight, band_until_s=np.array([12 * hour, 18 * hour, DAY_S]),
        windows_at=np.concatenate([[0], np.cumsum([len(s) for s in spans])]).astype(np.int64),
        windows_s=np.array([w for s in spans for w in s], dtype=np.int64).reshape(-1, 2),
        required=np.zeros(n, dtype=np.bool_), allowed=np.ones((n, 1), dtype=np.bool_),
        shifts=(Shift(0, 0, 15 * hour + hour // 2, 19 * hour),),
    )  # fmt: skip


def days(settings: argparse.Namespace) -> Iterator[list[Row]]:
    """Yield replanning (the first stop is not home) against a full search, and the time of all reasons."""
    rng = np.random.default_rng(settings.seed + 1)
    full, quick = settings.iterations or 60_000, max(1, (settings.iterations or 60_000) // 15)
    for k in range(2 if settings.quick else 10):
        day = invented_day(rng, 120)
        plan = solve(day, seed=settings.seed, iterations=full)
        gone = plan.routes[0][0]
        allowed = day.allowed.copy()
        allowed[gone] = False
        changed = replace(day, allowed=allowed)
        best = solve(changed, seed=settings.seed, iterations=full)
        start = [[p for p in plan.routes[0] if p != gone]]
        again, wall, cpu = timed(
            lambda p=changed, s=start: solve(p, seed=settings.seed, iterations=quick, start=s, prove=False)
        )
        value = check(changed, again.routes).objective
        rows = [
            Row(f"day-{k}", "replan", "gridmap", None, value, best.objective, 100 * (1 - value / best.objective),
                best.bound, None, wall, cpu, f"{quick} iterations against {full}")
        ]  # fmt: skip
        told, wall, cpu = timed(lambda p=day, s=plan: explain(p, s))
        rows.append(Row(f"day-{k}", "reasons", "gridmap", None, len(told), None, None, None, None, wall, cpu,
                        f"{len(plan.routes[0])} stops"))  # fmt: skip
        yield rows


def shown(row: Row) -> str:
    """Return a row as a line."""

    def cell(value: object, form: str, width: int) -> str:
        return (format(value, form) if value is not None else "-").rjust(width)

    limit = f"{row.seconds:g}s" if row.seconds is not None else ""
    proof = {True: "proven", False: "open", None: ""}[row.proven]
    spent = f"{row.wall_s:7.2f} {row.cpu_s:7.2f}"
    return (
        f"{row.instance:16} {row.what:10} {row.who:10} {limit:>5} {cell(row.value, 'd', 9)} {cell(row.best, 'd', 9)}"
        f" {cell(row.gap, '.2f', 7)}% {cell(row.bound, 'd', 9)} {proof:7} {spent}  {row.note}"
    )


def told_in_short(rows: list[Row]) -> list[str]:
    """Return mean and worst gap of everybody, and how many proofs."""
    lines = []
    keys = sorted({(row.what.split(" m=")[0], row.who, row.seconds or 0) for row in rows if row.what != "reasons"})
    for what, who, limit in keys:
        own = [r for r in rows if (r.what.split(" m=")[0], r.who, r.seconds or 0) == (what, who, limit)]
        gaps = [r.gap for r in own if r.gap is not None]
        proofs = [r.proven for r in own if r.proven is not None]
        line = f"{what:10} {who:10} {f'{limit:g}s' if limit else '':>5} {len(own):4} runs"
        if gaps:
            line += f"  gap mean {statistics.mean(gaps):6.2f}%  worst {max(gaps):6.2f}%"
        if proofs:
            line += f"  proven {sum(proofs)}/{len(proofs)}"
        lines.append(
            line
            + f"  cpu median {statistics.median(r.cpu_s for r in own):.2f} s, worst {max(r.cpu_s for r in own):.2f} s"
        )
    return lines


def read_settings() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench routes", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path)
    parser.add_argument("--seconds", default="1,5", help="limits of everybody, one after another (default 1,5)")
    parser.add_argument("--iterations", type=int, help="of our search, instead of seconds: repeatable")
    parser.add_argument("--routes", default="1,2,3,4", help="walks of a Solomon file (default 1,2,3,4)")
    parser.add_argument("--best", type=Path, help="a list of 'name : value' lines, or JSON, of best known values")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--alone", action="store_true", help="without peers")
    parser.add_argument(
        "--quick", action="store_true", help="one second, one and two walks, a tenth of the invented ones"
    )
    parser.add_argument("--json", action="store_true")
    settings = parser.parse_args()
    settings.seconds = [float(s) for s in ("1" if settings.quick else settings.seconds).split(",")]
    settings.routes = [int(m) for m in ("1,2" if settings.quick else settings.routes).split(",")]
    settings.peers = not settings.alone
    return settings


def measured(settings: argparse.Namespace, say: Callable[[list[Row]], None]) -> Iterator[Row]:
    """Yield the rows of every file, or of the invented ones."""
    instances: list[Instance] = []
    for path in settings.files:
        try:
            instance = read(path, settings.best)
        except (Unreadable, OSError, KeyError, ValueError) as fault:
            print(f"{path.name}: cannot be read: {fault}", file=sys.stderr)
            continue
        if instance.kind not in {"TSP", "ATSP", "OP", "SOLOMON"}:
            print(
                f"{path.name}: {instance.kind} is not a walk: people carry no load, so it is left out", file=sys.stderr
            )
            continue
        instances.append(instance)
    plain = [i for i in instances if i.kind in {"TSP", "ATSP"}]
    with pgrouting() if settings.peers and plain else nothing() as base:
        for instance in instances:
            if instance in plain:
                rows = tours(instance, settings.seconds, peers=settings.peers, base=base)
            else:
                rows = choices(instance, settings)
            say(rows)
            yield from rows
    if not settings.files:
        for work in (walks, days):
            for rows in work(settings):
                say(rows)
                yield from rows


@contextmanager
def nothing() -> Iterator[None]:
    """Stand in for a server nobody needs."""
    yield None


def main() -> None:
    """Measure and print."""
    settings = read_settings()
    head = (
        f"{'instance':16} {'what':10} {'who':10} {'limit':>5} {'value':>9} {'best':>9} {'gap':>8} {'bound':>9}"
        f" {'':7} {'wall s':>7} {'cpu s':>7}"
    )

    def say(rows: list[Row]) -> None:
        if not settings.json:
            print("\n".join(shown(row) for row in rows), flush=True)

    order(np.ones((8, 8), dtype=np.int64) - np.eye(8, dtype=np.int64), 0, 0)  # loads the compiled code
    if not settings.json:
        print(head)
    rows = list(measured(settings, say))
    if settings.json:
        print(json.dumps([asdict(row) for row in rows], ensure_ascii=False))
    else:
        print("\n" + "\n".join(told_in_short(rows)))


if __name__ == "__main__":
    main()

"""How long a phone waits until the server has kept one visit (committed, counted, learned from) or tells the day.

Communities of several sizes, ten earlier visits a household, 200 households a grid. Measured is the whole wish behind
``PUT /submissions/<id>`` and its commit; a tmpfs takes the place of a disk, so a real one adds its flush.

* ``visit``: somebody was met, with a need; the household is decided anew and its grid counted.
* ``again``: the same text under the same id, as a phone sends it whose first answer was lost.
* ``list``: all that the worker's grid asks for on this day, which his plan is made of.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import city
import coverage as drawn
from city import City
from sqlalchemy import create_engine, text

from gridmap.domain.actors import Actor, Role
from gridmap.ops.cluster import Cluster
from gridmap.services import coverage, visits, worklist
from gridmap.store.database import Database

ACCOUNT = 1
GRID_HOUSEHOLDS = 200
SIZES = [4_000, 100_000]


def open_account(cluster: Cluster) -> None:
    """Give the worker of the first grid an account."""
    engine = create_engine(cluster.url("postgres"))
    with engine.begin() as con:
        con.execute(
            text(
                "INSERT INTO account (community_id, id, username, name, role, worker_id) OVERRIDING SYSTEM VALUE"
                " VALUES (1, :a, 'bench', 'bench', 'worker', 1)"
            ),
            {"a": ACCOUNT},
        )
    engine.dispose()


def quantiles(ask: Callable[[int], object], times: int) -> dict[str, float]:
    """Ask several times; return the best, the median and the 95th percentile in milliseconds."""
    took = []
    for number in range(times):
        begin = time.perf_counter()
        ask(number)
        took.append(1000 * (time.perf_counter() - begin))
    took.sort()
    return {"best_ms": took[0], "p50_ms": took[times // 2], "p95_ms": took[int(times * 0.95)]}


def body_of(household_id: int, at: datetime) -> str:
    """Return what a phone writes."""
    return json.dumps(
        {
            "household_id": household_id,
            "in_grid_id": 1,
            "result": "met",
            "mode": "door",
            "visited_at": at.isoformat(),
            "purpose": "routine",
            "needs": [{"kind": "repair", "summary": "灯不亮"}],
        }
    )


def measure(cluster: Cluster, on: date, times: int) -> dict[str, dict[str, float]]:
    """Measure one community."""
    database = Database(cluster.url(), pool_size=1, options={"statement_timeout": "10min"})
    worker = Actor(Role.WORKER, 1, frozenset([1]), ACCOUNT, worker_id=1)
    with database.transaction(worker) as con:
        coverage.overview(con, worker, on=on)  # the day has begun: its first reader counted every grid
        homes = list(con.execute(text("SELECT id FROM household WHERE grid_id = 1 AND id > 0 ORDER BY id")).scalars())
    chance, at = random.Random(7), datetime.now(UTC)
    sent = [(uuid.UUID(int=chance.getrandbits(128)), body_of(chance.choice(homes), at - timedelta(minutes=1)))
            for _ in range(times)]  # fmt: skip

    def send(number: int) -> None:
        made, said = sent[number]
        with database.transaction(worker) as con:
            receipt = visits.submit(
                con, worker, submission_id=made, kind="visit", version=1, captured_at=at, sent_at=at, text=said, at=at
            )
        if receipt.state != "kept":
            raise SystemExit(f"not kept: {receipt}")

    send(0)

    def ask(_: int) -> None:
        with database.transaction(worker) as con:
            found = worklist.worklist(con, worker, grid_ids=[1], on=on, at=at)
        if not found.tasks:
            raise SystemExit("a list without tasks")

    figures = {
        "visit": quantiles(lambda n: send(n + 1), times - 1),
        "again": quantiles(send, times),
        "list": quantiles(ask, times),
    }
    database.close()
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--households", default=",".join(map(str, SIZES)))
    parser.add_argument("--times", type=int, default=300)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    found = {}
    for size in [SIZES[0]] if options.quick else map(int, options.households.split(",")):
        with city.throw_away_cluster() as cluster:
            city.make_tables(cluster)
            city.draw(cluster, [City(1, size, households_per_grid=GRID_HOUSEHOLDS)])
            on = drawn.populate(cluster)
            open_account(cluster)
            found[size] = measure(cluster, on, options.times)
        for name, cell in found[size].items():
            told = "   ".join(f"{key[:-3]} {value:7.1f} ms" for key, value in cell.items())
            print(f"{size:>9,} households   {name:<6} {told}", file=sys.stderr)
    if options.json:
        print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

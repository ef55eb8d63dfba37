"""How many grids are planned a minute: on the processes of this machine, and on a Dask cluster on loopback.

The problems are those of the demo's own grids for a day, each drawn anew by seed: ways, worth and time at the doors are
changed by up to a tenth, so that no two are equal. Solving, checking and explaining are measured; composing a grid's
problem from the database takes about 0.1 s more. The independent checker looks at every plan where it was made and once
more here.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from gridmap.domain import planning
from gridmap.domain.actors import Actor, Machine
from gridmap.domain.routes import UNREACHABLE, Problem, check
from gridmap.ops.executor import executor
from gridmap.services import communities, plans
from gridmap.services.planning import gather
from gridmap.settings import Settings
from gridmap.store.database import Database

HERE = str(Path(__file__).resolve().parent)
# A bench beside this one is called coverage, and numba, loaded later, would take it for the tool of that name.
sys.path[:] = [folder for folder in sys.path if folder != HERE]

DAY = date(2026, 11, 23)
PATIENCE_S = 60


def demo_problems() -> list[Problem]:
    """Return the problem of every worker of the demo on a day."""
    sys.path.append(HERE)
    import city

    sys.path.remove(HERE)
    with city.throw_away_cluster() as cluster:
        city.make_tables(cluster)
        database = Database(cluster.url(), options={"statement_timeout": "10min"})
        job = Actor(Machine.JOB, communities.ready_demo(database.transaction, on=DAY))
        with database.transaction(job) as con:
            turns = plans.turns_of(con, job, on=DAY)
            found = [gather(con, job, mine).composed.problem for mine in turns.values()]
        database.close()
    return found


def drawn_anew(problem: Problem, seed: int) -> Problem:
    """Return a problem like another: ways, worth and time at doors changed by up to a tenth."""
    rng = np.random.default_rng(seed)
    way = rng.uniform(0.9, 1.1)
    travel = np.rint(problem.travel_s * way).astype(np.int64)
    n = len(problem.service_s)
    return replace(
        problem,
        travel_s=np.where(problem.travel_s >= UNREACHABLE, UNREACHABLE, travel),
        service_s=np.rint(problem.service_s * rng.uniform(0.9, 1.1, n)).astype(np.int64),
        weight=np.rint(problem.weight * rng.uniform(0.9, 1.1, (n, 1))).astype(np.int64),
    )


@contextmanager
def _process(*arguments: str, log: Path) -> Iterator[None]:
    with log.open("wb") as out:
        made = subprocess.Popen([sys.executable, "-m", *arguments], stdout=out, stderr=subprocess.STDOUT)
        try:
            yield
        finally:
            made.terminate()
            made.wait()


def _address(log: Path) -> str:
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        if found := re.search(r"tcp://127\.0\.0\.1:\d+", log.read_text()):
            return found[0]
        time.sleep(0.1)
    raise SystemExit(f"the scheduler did not start:\n{log.read_text()}")


@contextmanager
def dask(workers: int) -> Iterator[str]:
    """Run a scheduler and workers on loopback; yield the scheduler's address."""
    folder = Path(tempfile.mkdtemp(prefix="gridmap-dask-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        scheduler = ("distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
        stack.enter_context(_process(*scheduler, log=folder / "scheduler"))
        address = _address(folder / "scheduler")
        for i in range(workers):
            options = ("--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", "--no-dashboard")
            local = ("--local-directory", str(folder))
            worker = ("distributed.cli.dask_worker", address, *options, *local)
            stack.enter_context(_process(*worker, log=folder / f"worker-{i}"))
        yield address


def timed(problem: Problem, iterations: int) -> tuple[planning.Answer, float]:
    """Return an answer and the CPU seconds it took: they hold on a busy machine, too."""
    begun = time.process_time()
    found = planning.answer(problem, 1, iterations)
    return found, time.process_time() - begun


def run(settings: Settings, problems: list[Problem], iterations: int, workers: int) -> dict[str, Any]:
    """Solve all problems; return what it took. The first ones only load the compiled search and are not counted."""
    with executor(settings, processes=workers) as pool:
        for warm in [pool.submit(timed, problems[0], 1) for _ in range(4 * workers)]:
            warm.result()
        begun = time.monotonic()
        told = [f.result() for f in [pool.submit(timed, p, iterations) for p in problems]]
        took = time.monotonic() - begun
    answers, cpu_s = [answer for answer, _ in told], statistics.mean(cpu for _, cpu in told)
    for problem, answer in zip(problems, answers, strict=True):
        check(problem, answer.solved.routes)
    gaps = [1 - a.solved.objective / a.solved.bound for a in answers if a.solved.bound]
    return {
        "grids": len(problems),
        "seconds": round(took, 2),
        "workers": workers,
        "grids_per_minute": round(60 * len(problems) / took, 1),
        "grids_per_minute_and_core": round(60 * len(problems) / took / workers, 1),
        "cpu_seconds_per_grid": round(cpu_s, 3),
        "grids_per_cpu_minute": round(60 / cpu_s, 1),
        "doors_planned": sum(len(route) for a in answers for route in a.solved.routes),
        "gap_to_bound_mean": round(statistics.mean(gaps), 4),
        "order_proven": sum(all(a.solved.order_optimal) for a in answers),
        "objective": sum(a.solved.objective for a in answers),
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--grids", type=int, default=1000)
    parser.add_argument("--iterations", type=int, default=plans.ITERATIONS)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--dask", action="store_true", help="on a Dask cluster on loopback besides")
    parser.add_argument("--quick", action="store_true", help="38 grids")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    grids = 38 if asked.quick else asked.grids
    base = demo_problems()
    problems = [drawn_anew(base[i % len(base)], i) for i in range(grids)]
    home = Path(tempfile.gettempdir())
    found = {"pool": run(Settings(home=home, dask_scheduler=""), problems, asked.iterations, asked.workers)}
    if asked.dask:
        with dask(asked.workers) as address:
            found["dask"] = run(Settings(home=home, dask_scheduler=address), problems, asked.iterations, asked.workers)
        found["dask"]["equal_to_pool"] = found["dask"]["objective"] == found["pool"]["objective"]
    places = statistics.mean(len(p.service_s) for p in base)
    told = {"iterations": asked.iterations, "places_mean": round(places, 1), **found}
    if asked.json:
        print(json.dumps(told))
        return 0
    print(f"{grids} grids of {places:.0f} places, {asked.iterations} turns of the search each")
    for name, row in found.items():
        print(f"{name:5}", "  ".join(f"{key} {value}" for key, value in row.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())

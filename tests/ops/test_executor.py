"""The seam plans are solved through: processes of this machine, or a real Dask cluster of which a worker dies."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from gridmap.domain import planning
from gridmap.domain.answering import BANDS
from gridmap.domain.routes import Problem, Shift
from gridmap.errors import Unavailable
from gridmap.ops.executor import executor
from gridmap.settings import Settings

PROBLEMS = 12


def problem(seed: int, n: int = 40) -> Problem:
    """Return a made-up walk of an hour."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 500, (n, 2))
    travel = np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1)).round().astype(np.int64)
    weight = np.repeat(rng.integers(1, 100, (n, 1)), len(BANDS), axis=1)
    weight[0] = 0
    return Problem(
        travel,
        np.full(n, 240),
        weight,
        np.array(BANDS, np.int64),
        np.zeros(n + 1, np.int64),
        np.zeros((0, 2), np.int64),
        np.zeros(n, np.bool_),
        np.ones((n, 1), np.bool_),
        (Shift(0, 0, 32_400, 36_000),),
    )


def solved(pool: Executor) -> list[tuple[tuple[tuple[int, ...], ...], int]]:
    futures = [pool.submit(planning.answer, problem(seed), 1, 2_000) for seed in range(PROBLEMS)]
    return [(a.solved.routes, a.solved.objective) for a in (future.result(timeout=120) for future in futures)]


@contextmanager
def process(*arguments: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as out:
        made = subprocess.Popen([sys.executable, "-m", *arguments], stdout=out, stderr=subprocess.STDOUT)
        try:
            yield made
        finally:
            made.kill()
            made.wait()


def address(log: Path, patience_s: float = 60) -> str:
    """Return where a scheduler says it listens."""
    until = time.monotonic() + patience_s
    while time.monotonic() < until:
        if found := re.search(r"tcp://127\.0\.0\.1:\d+", log.read_text() if log.exists() else ""):
            return found[0]
        time.sleep(0.1)
    raise AssertionError(log.read_text())


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Run a scheduler and two workers on this machine, as processes of their own."""
    quiet = ("--no-dashboard",)
    with process(
        "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", *quiet, log=tmp_path / "scheduler"
    ):
        where = address(tmp_path / "scheduler")
        options = ("--nthreads", "1", "--no-nanny", "--host", "127.0.0.1", "--local-directory", str(tmp_path), *quiet)
        with (
            process("distributed.cli.dask_worker", where, *options, log=tmp_path / "one") as one,
            process("distributed.cli.dask_worker", where, *options, log=tmp_path / "two") as two,
        ):
            yield where, [one, two]


def test_a_cluster_that_loses_a_worker_gives_the_plans_the_pool_gives(
    cluster: tuple[str, list[subprocess.Popen[bytes]]], tmp_path: Path
) -> None:
    where, workers = cluster
    with executor(Settings(home=tmp_path), processes=1) as pool:
        assert isinstance(pool, ProcessPoolExecutor)
        expected = solved(pool)
    with executor(Settings(home=tmp_path, dask_scheduler=where)) as pool:
        futures = [pool.submit(planning.answer, problem(seed), 1, 2_000) for seed in range(PROBLEMS)]
        futures[0].result(timeout=120)
        os.kill(workers[0].pid, signal.SIGKILL)
        answers = [future.result(timeout=120) for future in futures]
    assert [(a.solved.routes, a.solved.objective) for a in answers] == expected
    assert workers[0].wait(timeout=10) == -signal.SIGKILL
    assert workers[1].poll() is None


def test_a_scheduler_that_does_not_answer_is_told_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gridmap.ops.executor.CONNECT_S", 1)
    with pytest.raises(Unavailable, match="没有回应"):
        executor(Settings(home=tmp_path, dask_scheduler="tcp://127.0.0.1:9"))
    with pytest.raises(Unavailable, match="没有回应"):
        executor(Settings(home=tmp_path, dask_scheduler="nonsense://x"))

"""Compiles the kernels of this room once and keeps the machine code: ``python -m gridmap.domain.routes.warm``.

Runs at set-up, so that nobody's first plan waits for the compiler. Code kept for an earlier state of these files is
thrown away first: numba would notice a change in a kernel's own file only.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gridmap.domain.routes import DAY_S, Problem, Shift, costs_s, explain, order, solve

PLACES = 14


def small_day(*, bands: int = 1) -> Problem:
    """Return a problem that touches every kernel: windows, a required stop, more doors than time."""
    n = PLACES
    at = np.arange(n)
    travel = np.abs(at[:, None] - at[None, :]) * 60
    return Problem(
        travel_s=travel.astype(np.int64),
        service_s=np.where(at == 0, 0, 300).astype(np.int64),
        weight=np.repeat((at % 5)[:, None], bands, axis=1).astype(np.int64),
        band_until_s=np.linspace(DAY_S // bands, DAY_S, bands).astype(np.int64),
        windows_at=np.concatenate([np.zeros(n - 1), [0, 2]]).astype(np.int64),
        windows_s=np.array([[600, 900], [2_400, 3_000]], dtype=np.int64),
        required=at == 3,
        allowed=np.ones((n, 1), dtype=np.bool_),
        shifts=(Shift(0, 0, 0, 2_400),),
    )


def forget() -> None:
    """Throw away machine code kept beside the source files."""
    for kept in Path(__file__).parent.glob("__pycache__/*.nb[ci]"):
        kept.unlink(missing_ok=True)


def warm() -> None:
    """Run every kernel once on small arrays of the types it will meet."""
    day = small_day()
    solved = solve(day, seed=1, iterations=20)
    explain(day, solved)
    costs_s(day, solved)
    order(day.travel_s, 0, 0)
    rng = np.random.default_rng(1)
    level = rng.integers(100, 200, (PLACES, PLACES)).astype(np.int64)
    order(level, 0, -1)
    order(level + level.T, 0, 1)
    _cut()


def _cut() -> None:
    """Look for every kind of cut: easy tours need few of them."""
    from gridmap.domain.routes.cutting import Fractional

    ring = np.arange(PLACES)
    tail, head = np.minimum(ring, (ring + 1) % PLACES), np.maximum(ring, (ring + 1) % PLACES)
    now = Fractional(PLACES, ring, tail, head, np.ones(PLACES))
    for look in (now.loose, now.weak, now.blossoming, now.combs):
        look()


if __name__ == "__main__":
    forget()
    warm()

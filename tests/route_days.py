"""Invented route problems: small ones to be solved by trying everything, and whole days."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np

from gridmap.domain.routes import DAY_S, Broken, Problem, Shift, check

HOUR = 3_600


def invented(seed: int, places: int, *, bands: int = 1, uneven: bool = False, shifts: int = 1) -> Problem:
    """Return a small problem: place 0 is where walks begin, 1 where they end; the rest are drawn by chance."""
    rng = np.random.default_rng(seed)
    n = places + 2
    xy = rng.integers(0, 900, (n, 2))
    travel = np.rint(np.hypot(*(xy[:, None] - xy[None]).transpose(2, 0, 1))).astype(np.int64)
    if uneven:
        travel += rng.integers(0, 200, (n, n))
        np.fill_diagonal(travel, 0)
    weight = rng.integers(1, 100, (n, bands))
    weight[:2] = 0
    windows, at = [], [0]
    for _ in range(n):
        begins = np.sort(rng.choice(np.arange(8 * HOUR, 11 * HOUR, 300), 2, replace=False))
        kind = rng.integers(4)
        found = [[int(b), int(b) + 1_200] for b in begins[: max(kind - 1, 0)]]
        if len(found) == 2 and found[0][1] >= found[1][0]:
            found = [[found[0][0], found[1][1]]]
        windows += found
        at.append(len(windows))
    allowed = rng.random((n, shifts)) < 0.9
    return Problem(
        travel_s=travel,
        service_s=np.where(np.arange(n) < 2, 0, rng.integers(60, 600, n)),
        weight=weight,
        band_until_s=np.array([*np.linspace(8.5, 10, bands - 1) * HOUR, DAY_S]).astype(np.int64),
        windows_at=np.array(at, dtype=np.int64),
        windows_s=np.array(windows, dtype=np.int64).reshape(-1, 2),
        required=(rng.random(n) < 0.15) & (np.arange(n) > 1),
        allowed=allowed,
        shifts=tuple(
            Shift(0, (-1, 0, 1)[int(rng.integers(3))], (8 + r) * HOUR, (8 + r) * HOUR + int(rng.integers(1_500, 4_000)))
            for r in range(shifts)
        ),
    )


def best_of_all(problem: Problem) -> tuple[int, int, int]:
    """Return the best rank there is, by trying every plan of up to two shifts: -missed, worth, -travel."""
    n, m = len(problem.service_s), len(problem.shifts)
    walks = [_walks(problem, r, n) for r in range(m)]
    must = {int(i) for i in np.flatnonzero(problem.required)}
    best = (-n - 1, -1, 0)
    for a, (worth_a, travel_a) in walks[0].items():
        for b, (worth_b, travel_b) in (walks[1] if m > 1 else {frozenset[int](): (0, 0)}).items():
            if not a & b:
                best = max(best, (-len(must - a - b), worth_a + worth_b, -travel_a - travel_b))
    return best


def _walks(problem: Problem, r: int, n: int) -> dict[frozenset[int], tuple[int, int]]:
    """Return the best worth and travel of each set of places one shift can hold."""
    found: dict[frozenset[int], tuple[int, int]] = {frozenset(): (0, 0)}
    open_walks: list[tuple[int, ...]] = [()]
    while open_walks:
        walk = open_walks.pop()
        for place in (p for p in range(2, n) if p not in walk):
            longer = (*walk, place)
            try:
                told = check(problem, [longer if i == r else () for i in range(len(problem.shifts))])
            except Broken as broken:
                if any(f.startswith(("window", "allowed")) for f in broken.faults):
                    continue
                if not _may_still_hold(problem, r, longer):
                    continue
            else:
                key = frozenset(longer)
                now = found.get(key)
                if now is None or (told.objective, -told.travel_s) > (now[0], -now[1]):
                    found[key] = (told.objective, told.travel_s)
            open_walks.append(longer)
    return found


def _may_still_hold(problem: Problem, r: int, walk: tuple[int, ...]) -> bool:
    """Tell whether a walk that ends too late for the way home might hold by another last stop."""
    shift = problem.shifts[r]
    if shift.end < 0:
        return False
    rows = [(shift.start, shift.opens_s)]
    now = shift.opens_s
    for before, place in zip((shift.start, *walk), walk, strict=False):
        now += int(problem.travel_s[before, place]) + int(problem.service_s[place])
        rows.append((place, now))
    return now <= shift.closes_s


def shortest_walk(travel: list[list[int]], start: int, end: int) -> int:
    """Return the length of the shortest walk through all places, by trying every order."""
    inner = [i for i in range(len(travel)) if i not in {start, end}]
    tail = (end,) if end >= 0 else ()
    walks = ((start, *order, *tail) for order in permutations(inner))
    return min(sum(travel[a][b] for a, b in pairwise(w)) for w in walks)


def invented_day(seed: int, places: int = 120) -> Problem:
    """Return a worker's day: doors in clusters, evening windows, promises, three bands, one or two shifts."""
    rng = np.random.default_rng(seed)
    n = places + 1
    middles = rng.integers(0, 900, (max(3, places // 8), 2))
    xy = middles[rng.integers(len(middles), size=n)] + rng.integers(-25, 25, (n, 2))
    level = np.abs(xy[:, None] - xy[None]).sum(axis=2)
    climb = rng.integers(0, 60, n)
    travel = (level + climb[:, None] + climb[None, :] * 4 // 3).astype(np.int64)
    np.fill_diagonal(travel, 0)
    service = rng.choice([240, 300, 480, 900], n)
    weight = rng.integers(20, 1_000, (n, 1)) * rng.integers(30, 90, (1, 3)) // 100
    service[0], weight[0] = 0, 0
    spans: list[list[list[int]]] = [[] for _ in range(n)]
    for i in range(1, n):
        draw = rng.random()
        if draw < 0.1:
            begin = int(rng.integers(14 * 2, 17 * 2)) * 1_800
            spans[i] = [[begin, begin + 900]]
        elif draw < 0.25:
            spans[i] = [[18 * HOUR, 20 * HOUR]]
        elif draw < 0.4:
            spans[i] = [[9 * HOUR, 10 * HOUR], [16 * HOUR, 18 * HOUR]]
    two = bool(rng.random() < 0.4)
    shifts = [Shift(0, 0, 14 * HOUR, 14 * HOUR + int(rng.integers(5, 20)) * 900)]
    if two:
        shifts.insert(0, Shift(0, -1, 9 * HOUR, 11 * HOUR))
    required = np.array([len(s) == 1 and s[0][1] - s[0][0] == 900 and rng.random() < 0.6 for s in spans])
    return Problem(
        travel_s=travel,
        service_s=service.astype(np.int64),
        weight=weight.astype(np.int64),
        band_until_s=np.array([12 * HOUR, 18 * HOUR, DAY_S]),
        windows_at=np.concatenate([[0], np.cumsum([len(s) for s in spans])]).astype(np.int64),
        windows_s=np.array([w for s in spans for w in s], dtype=np.int64).reshape(-1, 2),
        required=required,
        allowed=np.ones((n, len(shifts)), dtype=np.bool_),
        shifts=tuple(shifts),
    )

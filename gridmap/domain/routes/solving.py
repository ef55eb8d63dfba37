"""Solves a route problem: search, exact order of each shift, filling up, bound."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gridmap.domain.routes.checking import Broken, check
from gridmap.domain.routes.ordering import Ordered, order
from gridmap.domain.routes.problem import UNREACHABLE, Ints, Problem, Shift, Solved

Routes = tuple[tuple[int, ...], ...]
NEIGHBOURS = 40
WARMTH_FROM_START = 1.0
FILLINGS = 3  # times a shorter order may make room for more stops
ORDERED_STOPS = 150  # stops of one shift whose order is still to be proven
ORDER_EFFORT = 300  # linear programmes one such proof may take


def solve(
    problem: Problem, *, seed: int, iterations: int, start: Sequence[Sequence[int]] | None = None, prove: bool = True
) -> Solved:
    """Find the plan worth most: which places, in which shift, in which order.

    Rule: as few required places missed as can be found, then most weight, then least travel. The same problem, seed,
    iterations and start give the same plan, byte for byte.

    Parameters
    ----------
    iterations : turns of the search
    start : a plan to begin from; stops of it that no longer hold are left out
    prove : put the stops of shifts without windows into their exact order, with proof

    Returns
    -------
    Solved
        A plan ``check`` accepts.
    """
    from gridmap.domain.routes.bounding import most_worth

    routes = _searched(problem, seed, iterations, _sound_part(problem, start or ()), warm=start is not None)
    proofs = tuple(False for _ in problem.shifts)
    for _ in range(FILLINGS if prove else 0):
        routes, proofs = _in_best_order(problem, routes)
        fuller = _searched(problem, seed, 0, [list(route) for route in routes], warm=True)
        if _rank(problem, fuller) <= _rank(problem, routes):
            break
        routes, proofs = fuller, tuple(False for _ in problem.shifts)
    found = check(problem, routes)
    bound = max(most_worth(problem), found.objective)
    missed = _missed(problem, routes)
    return Solved(
        routes=routes,
        objective=found.objective,
        travel_s=found.travel_s,
        bound=bound,
        choice_optimal=found.objective == bound and not missed,
        order_optimal=proofs,
        missed_required=missed,
        seed=seed,
        iterations=iterations,
    )


def _missed(problem: Problem, routes: Routes) -> tuple[int, ...]:
    """Return the required places a plan leaves out."""
    inside = {place for route in routes for place in route}
    return tuple(i for i in np.flatnonzero(problem.required).tolist() if i not in inside)


def _rank(problem: Problem, routes: Routes) -> tuple[int, int, int]:
    """Return what makes a plan better, first things first; the greater the better."""
    found = check(problem, routes)
    return -len(_missed(problem, routes)), found.objective, -found.travel_s


def _in_best_order(problem: Problem, routes: Routes) -> tuple[Routes, tuple[bool, ...]]:
    """Put each shift's stops into their exact order where that holds; say for which shifts no order is quicker.

    An order proven without regard to windows is a bound for every order that keeps them.
    """
    now, proofs = list(routes), []
    for r, (route, shift) in enumerate(zip(routes, problem.shifts, strict=True)):
        if not 1 < len(route) <= ORDERED_STOPS:
            proofs.append(len(route) <= 1)
            continue
        exact = exact_order(problem, route, shift)
        walked = check(problem, [route if i == r else () for i in range(len(routes))]).travel_s
        if exact.length_s < walked:
            stops = tuple(route[i - 1] for i in exact.order[1 : len(route) + 1])
            tried = tuple(stops if i == r else other for i, other in enumerate(now))
            if _holds(problem, tried) and _rank(problem, tried) > _rank(problem, tuple(now)):
                now[r], walked = stops, exact.length_s
        proofs.append(walked <= exact.bound_s)
    return tuple(now), tuple(proofs)


def exact_order(problem: Problem, route: Sequence[int], shift: Shift) -> Ordered:
    """Order a shift's stops without regard to windows; position 0 is the start, 1 to n the stops as given."""
    places = [shift.start, *route] + ([shift.end] if shift.end >= 0 else [])
    end = len(places) - 1 if shift.end >= 0 else -1
    travel = np.minimum(problem.travel_s[np.ix_(places, places)], UNREACHABLE)
    return order(travel, 0, end, effort=ORDER_EFFORT)


def wanted(problem: Problem) -> Ints:
    """Return the places that may be chosen at all: worth something or required, and allowed somewhere."""
    asked = (problem.weight.max(axis=1, initial=0) > 0) | problem.required
    found: Ints = np.flatnonzero(asked & problem.allowed.any(axis=1)).astype(np.int64)
    return found


def shift_table(problem: Problem) -> Ints:
    """Return the shifts as an (m, 4) array: start, end, opens, closes."""
    rows = [(s.start, s.end, s.opens_s, s.closes_s) for s in problem.shifts]
    return np.array(rows, dtype=np.int64).reshape(-1, 4)


def neighbours(problem: Problem, places: Ints, count: int = NEIGHBOURS) -> Ints:
    """Return for every place the nearest of ``places``, nearest first, itself left out."""
    n = len(problem.service_s)
    near = np.minimum(problem.travel_s, problem.travel_s.T)[:, places].astype(np.int64)
    own = places[None, :] == np.arange(n)[:, None]
    near[own] = np.iinfo(np.int64).max
    order = np.argsort(near, axis=1, kind="stable")[:, : min(count, max(len(places) - 1, 0))]
    found: Ints = np.ascontiguousarray(places[order])
    return found


def columns(problem: Problem) -> tuple[Ints, Ints, Ints, Ints, Ints, Ints]:
    """Return the arrays of a problem as the compiled kernels take them."""
    return (
        np.ascontiguousarray(np.minimum(problem.travel_s, UNREACHABLE), dtype=np.int64),
        np.ascontiguousarray(problem.service_s, dtype=np.int64),
        np.ascontiguousarray(problem.weight, dtype=np.int64),
        np.ascontiguousarray(problem.band_until_s, dtype=np.int64),
        np.ascontiguousarray(problem.windows_at, dtype=np.int64),
        np.ascontiguousarray(problem.windows_s, dtype=np.int64).reshape(-1, 2),
    )


def _sound_part(problem: Problem, start: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return what of a given plan still holds, stop by stop."""
    kept: list[list[int]] = []
    for r in range(len(problem.shifts)):
        route = [int(p) for p in start[r]] if r < len(start) else []
        others: list[list[int]] = [[] for _ in problem.shifts]
        others[r] = route
        kept.append(route if _holds(problem, others) else _thinned(problem, r, route))
    seen: set[int] = set()
    return [[p for p in route if not (p in seen or seen.add(p))] for route in kept]  # type: ignore[func-returns-value]


def _thinned(problem: Problem, r: int, route: list[int]) -> list[int]:
    """Return the stops of a broken route that hold when taken up one after another."""
    kept: list[list[int]] = [[] for _ in problem.shifts]
    for place in route:
        kept[r].append(place)
        if not _holds(problem, kept):
            kept[r].pop()
    return kept[r]


def _holds(problem: Problem, routes: Sequence[Sequence[int]]) -> bool:
    """Tell whether a plan holds."""
    try:
        check(problem, routes)
    except Broken:
        return False
    return True


def _searched(
    problem: Problem, seed: int, iterations: int, start: list[list[int]], *, warm: bool
) -> tuple[tuple[int, ...], ...]:
    """Run the compiled search."""
    places = wanted(problem)
    m = len(problem.shifts)
    if m == 0 or len(places) == 0:
        return tuple(() for _ in problem.shifts)
    from gridmap.domain.routes.search import search

    routes = np.zeros((m, len(problem.service_s) + 1), dtype=np.int64)
    counts = np.zeros(m, dtype=np.int64)
    for r, route in enumerate(start):
        routes[r, : len(route)] = route
        counts[r] = len(route)
    search(
        *columns(problem),
        np.ascontiguousarray(problem.required, dtype=np.bool_),
        np.ascontiguousarray(problem.allowed, dtype=np.bool_),
        shift_table(problem),
        neighbours(problem, places),
        places,
        routes,
        counts,
        seed,
        iterations,
        WARMTH_FROM_START if warm else 1.0,
    )
    return tuple(tuple(routes[r, : counts[r]].tolist()) for r in range(m))

"""Cuts of the proof: what is cut off is never a tour."""

from __future__ import annotations

import numpy as np

from gridmap.domain.routes.cutting import Cut
from gridmap.domain.routes.ordering import Tour, shortened
from gridmap.domain.routes.programme import Programme

ROUNDS = 40


def clusters(rng: np.random.Generator, n: int) -> Tour:
    """Return a tour over stairwells of three doors or so: where combs are needed."""
    middles = rng.integers(0, 900, (n // 3, 2))
    xy = middles[rng.integers(len(middles), size=n)] + rng.integers(-12, 12, (n, 2))
    cost = np.abs(xy[:, None] - xy[None]).sum(axis=2).astype(np.int64)
    barred = 1 + n * int(cost.max())
    np.fill_diagonal(cost, barred)
    return Tour(cost, np.empty((0, 2), dtype=np.int64), barred)


def cuts_of(tour: Tour, first: np.ndarray) -> tuple[list[Cut], Programme]:
    """Return every cut some rounds of a programme find."""
    programme, found = Programme(tour, first), []
    for _ in range(ROUNDS):
        values = programme.solve()
        assert values is not None
        now = programme.used(values)
        cuts = now.loose() or now.weak()
        if not cuts and not now.whole():
            cuts = now.combs() or now.blossoming()
        if not cuts:
            break
        for cut in cuts:
            left = cut.crossings(now.tail, now.head) @ now.value - 2 * now.value[np.isin(now.column, cut.teeth)].sum()
            assert left < cut.right - 1e-4
        programme.add_cuts(cuts)
        found += cuts
    return found, programme


def test_no_tour_breaks_a_cut_that_the_programme_broke(nightly: bool) -> None:
    rng = np.random.default_rng(5)
    combs = 0
    for _ in range(40 if nightly else 2):
        n = int(rng.integers(90, 121))
        tour = clusters(rng, n)
        orders = [shortened(tour, rng.permutation(n), seed) for seed in range(3)] + [
            rng.permutation(n) for _ in range(20)
        ]
        cuts, programme = cuts_of(tour, orders[0])
        combs += sum(bool(cut.sets) for cut in cuts)
        for order in orders:
            ends = np.sort(np.stack([order, np.roll(order, -1)]), axis=0)
            taken = [programme.known.get((int(a), int(b)), -1) for a, b in ends.T]
            for cut in cuts:
                left = int(cut.crossings(ends[0], ends[1]).sum()) - 2 * len(set(taken) & set(cut.teeth))
                assert left >= cut.right
    assert combs > 5


def test_cuts_that_cost_nothing_are_forgotten_without_changing_the_bound() -> None:
    rng = np.random.default_rng(6)
    tour = clusters(rng, 60)
    cuts, programme = cuts_of(tour, shortened(tour, rng.permutation(60), 1))
    before = programme.objective
    places, prices = programme.prices()
    left = programme.reduced(places, prices)
    bound = programme.bound(places, prices, left, {})
    programme.idle += ROUNDS * (prices == 0)
    programme.forget_idle()
    assert len(programme.cuts) < len(cuts)
    places, prices = programme.prices()
    assert programme.bound(places, prices, programme.reduced(places, prices), {}) == bound
    assert programme.solve() is not None
    assert abs(programme.objective - before) < 1e-3

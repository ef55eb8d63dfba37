"""Walking: seconds, ways and reach over random and over tiny networks, against a plain judge."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from gridmap.domain import shortest
from gridmap.domain.vertical import climb_s
from gridmap.domain.walking import DAY_S, Floats, Network, Spots, Walker, access_s, cut_line, snap
from gridmap.domain.working import WorkSetting

SETTING = WorkSetting()
DAY = (9 * 3600, 12 * 3600)


def net(
    xy: list[tuple[float, float]],
    edges: list[tuple[int, int]],
    *,
    kinds: list[str] | None = None,
    forward: list[float] | None = None,
    backward: list[float] | None = None,
    hours: dict[int, tuple[int, int]] | None = None,
    bends: dict[int, list[tuple[float, float]]] | None = None,
) -> Network:
    """Return a small network; streets are straight unless bent, and take a second a metre."""
    places = np.asarray(xy, float)
    paths = [np.asarray([xy[a], *(bends or {}).get(i, []), xy[b]], float) for i, (a, b) in enumerate(edges)]
    length = np.array([np.hypot(*np.diff(p, axis=0).T).sum() for p in paths])
    opens, closes = np.zeros(len(edges), np.int64), np.full(len(edges), DAY_S)
    for i, (a, b) in (hours or {}).items():
        opens[i], closes[i] = a, b
    return Network(
        mark=1,
        xy=places,
        edge_id=np.arange(len(edges)) + 100,
        tail=np.array([a for a, _ in edges], np.int64),
        head=np.array([b for _, b in edges], np.int64),
        forward_s=np.asarray(forward, float) if forward else length.copy(),
        backward_s=np.asarray(backward, float) if backward else length.copy(),
        opens_s=opens,
        closes_s=closes,
        kind=np.array(kinds or ["residential"] * len(edges)),
        steps=np.zeros(len(edges), np.int64),
        length_m=length,
        path_xy=np.concatenate(paths),
        path_at=np.concatenate([[0], np.cumsum([len(p) for p in paths])]),
    )


def at(network: Network, *ties: tuple[int, float]) -> Spots:
    """Return places that stand on streets: (edge, share along it)."""
    edge, share = np.array([e for e, _ in ties], np.int64), np.array([s for _, s in ties])
    xy = np.array(
        [shapely.get_coordinates(network.paths[e].interpolate(s, normalized=True))[0] for e, s in ties]
    ).reshape(-1, 2)
    return Spots(edge, share, np.zeros(len(ties)), np.zeros(len(ties)), xy)


def random_network(seed: int) -> Network:
    """Return a random town: one-way and barred streets, gates with hours, parallel streets, loose pieces."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(2, 60))
    m = int(rng.integers(1, 3 * n))
    xy = rng.uniform(0, 500, (n, 2))
    tail = rng.integers(0, n, m)
    head = (tail + rng.integers(1, n, m)) % n
    forward, backward = rng.uniform(0.01, 600, (2, m))
    forward[rng.random(m) < 0.15] = np.inf
    backward[rng.random(m) < 0.15] = np.inf
    gates = rng.random(m) < 0.2
    gates[0] = False
    hours = {
        int(i): (int(rng.integers(0, 11 * 3600)), int(rng.integers(11 * 3600, DAY_S))) for i in np.flatnonzero(gates)
    }
    return net(
        [tuple(p) for p in xy],
        list(zip(tail.tolist(), head.tolist(), strict=True)),
        kinds=["gate" if g else "residential" for g in gates],
        forward=forward.tolist(),
        backward=backward.tolist(),
        hours=hours,
    )


def random_spots(network: Network, seed: int, k: int) -> Spots:
    """Return places anywhere on a network's streets but gates, some at a street's ends, some unreachable."""
    rng = np.random.default_rng(seed)
    edge = rng.choice(np.flatnonzero(network.kind != "gate"), k)
    edge[rng.random(k) < 0.3] = edge[0]
    share = np.where(rng.random(k) < 0.2, rng.integers(0, 2, k), rng.random(k))
    found = at(network, *zip(edge.tolist(), share.tolist(), strict=True))
    metres = rng.uniform(0, 80, k)
    lost = rng.random(k) < 0.1
    return Spots(
        np.where(lost, -1, edge), share, metres, access_s(metres, SETTING), found.xy + rng.uniform(1, 9, (k, 2))
    )


def judged(network: Network, a: Spots, b: Spots, during: tuple[int, int] | None) -> Floats:
    """Return the matrix as somebody would who knows nothing of ours: streets cut at every place, then Dijkstra."""
    n, k, m = len(network.xy), len(a.edge) + len(b.edge), len(network.edge_id)
    size = n + k
    best = np.full((size, size), np.inf)
    share = np.concatenate([a.share, b.share])
    tied = np.concatenate([a.edge, b.edge])
    for e in range(m):
        closed = during is not None and (network.opens_s[e] > during[0] or network.closes_s[e] < during[1])
        for seconds, reverse in ((network.forward_s[e], False), (network.backward_s[e], True)):
            ends = [(0.0, int(network.tail[e])), (1.0, int(network.head[e]))]
            on = sorted([*ends, *((share[p], n + p) for p in np.flatnonzero(tied == e))])
            on = [(1 - s, node) for s, node in on[::-1]] if reverse else on
            for s, p in on:
                for t, q in on:
                    if t == s:
                        best[p, q] = 0.0  # no way at all, barred or not
                    elif t > s and not closed and np.isfinite(seconds):
                        best[p, q] = min(best[p, q], (t - s) * seconds)
    rows, columns = np.nonzero(np.isfinite(best))
    tiny = np.maximum(best[rows, columns], 1e-12)  # a sparse matrix must not take 0 for no way
    found = dijkstra(csr_array((tiny, (rows, columns)), shape=(size, size)), indices=range(n, size))
    between = found[: len(a.edge), n + len(a.edge) :] + a.access_s[:, None] + b.access_s[None, :]
    between[a.edge < 0] = np.inf
    between[:, b.edge < 0] = np.inf
    same = (a.xy[:, None, :] == b.xy[None, :, :]).all(axis=2)
    return np.where(same, 0.0, between)


def test_both_engines_give_the_seconds_an_outsider_finds(nightly: bool) -> None:
    mismatches = 0
    for seed in range(300 if nightly else 30):
        network = random_network(seed)
        a, b = random_spots(network, seed, 12), random_spots(network, seed + 1000, 9)
        quick, plain = Walker(network), Walker(network, plain=True)
        for during in (None, DAY, None, (10 * 3600, 23 * 3600)):
            found = quick.matrix(a, b, during=during)
            assert np.array_equal(found, plain.matrix(a, b, during=during))
            wanted = judged(network, a, b, during)
            assert np.array_equal(np.isfinite(found), np.isfinite(wanted)), seed
            reached = np.isfinite(wanted)
            mismatches += int((np.abs(found[reached] - wanted[reached]) > 0.01).sum())
    assert mismatches == 0


def test_a_leg_takes_what_the_matrix_says_and_leads_from_place_to_place(nightly: bool) -> None:
    for seed in range(60 if nightly else 10):
        network = random_network(seed)
        spots = random_spots(network, seed, 8)
        for walker in (Walker(network), Walker(network, plain=True)):
            matrix = walker.matrix(spots, during=DAY)
            for i in range(8):
                for j in range(8):
                    leg = walker.leg(spots, i, spots, j, during=DAY)
                    if leg is None:
                        assert np.isinf(matrix[i, j]) or i == j
                        continue
                    if i != j:
                        assert leg.seconds == pytest.approx(matrix[i, j], abs=1e-6)
                        assert np.allclose(leg.xy[0], spots.xy[i])
                        assert np.allclose(leg.xy[-1], spots.xy[j])
                    assert leg.metres == pytest.approx(np.hypot(*np.diff(leg.xy, axis=0).T).sum())
                    assert [first for _, first, _ in leg.parts[1:]] == [last for *_, last in leg.parts[:-1]]


CROSS = [(0.0, 0.0), (100.0, 0.0), (200.0, 0.0), (100.0, 100.0)]


def test_two_places_of_one_street_are_reached_along_it() -> None:
    network = net(CROSS, [(0, 1), (1, 2), (1, 3)])
    walker = Walker(network)
    spots = at(network, (0, 0.2), (0, 0.7), (1, 0.5))
    assert walker.matrix(spots).round(3).tolist() == [[0, 50, 130], [50, 0, 80], [130, 80, 0]]


def test_a_one_way_street_is_walked_around_backwards() -> None:
    square = [(0.0, 0.0), (100.0, 0.0), (100.0, 100.0), (0.0, 100.0)]
    edges = [(0, 1), (1, 2), (2, 3), (3, 0)]
    network = net(square, edges, backward=[np.inf, 100, 100, 100], forward=[100, 100, 100, 100])
    spots = at(network, (0, 0.25), (0, 0.75))
    assert Walker(network).matrix(spots).round(3).tolist() == [[0, 50], [350, 0]]


def test_a_gate_is_open_only_when_it_is_open_all_the_while() -> None:
    network = net(
        CROSS,
        [(0, 1), (1, 2), (0, 3), (3, 2)],
        kinds=["gate", "service", "path", "path"],
        hours={0: (7 * 3600, 19 * 3600)},
    )
    walker = Walker(network)
    spots = at(network, (2, 0.0), (1, 1.0))
    around = 2 * np.hypot(100, 100)
    for during, seconds in (
        (None, 200),
        (DAY, 200),
        ((9 * 3600, 20 * 3600), around),
        ((6 * 3600, 8 * 3600), around),
        (DAY, 200),
    ):
        assert walker.matrix(spots, during=during)[0, 1] == pytest.approx(seconds, abs=0.01)
    closed = walker.leg(spots, 0, spots, 1, during=(9 * 3600, 20 * 3600))
    assert closed is not None
    assert {kind for kind, *_ in closed.parts} == {"path"}


def test_a_legs_parts_name_what_is_walked() -> None:
    network = net(
        [(0.0, 0.0), (50.0, 0.0), (52.0, 0.0), (52.0, 40.0)],
        [(0, 1), (1, 2), (2, 3)],
        kinds=["residential", "gate", "steps"],
        bends={0: [(25.0, 10.0)]},
    )
    spots = Walker(network).spots(np.array([(0.0, -6.0), (60.0, 30.0)]), setting=SETTING)
    leg = Walker(network).leg(spots, 0, spots, 1)
    assert leg is not None
    assert leg.parts == (("access", 0, 1), ("residential", 1, 3), ("gate", 3, 4), ("steps", 4, 5), ("access", 5, 6))
    assert leg.xy[[0, -1]].tolist() == [[0.0, -6.0], [60.0, 30.0]]


def test_the_straight_way_to_the_street_is_walked_longer_than_it_is() -> None:
    network = net(CROSS, [(0, 1), (1, 2), (1, 3)])
    spots = snap(network, np.array([(50.0, 20.0), (150.0, -10.0)]), setting=SETTING)
    assert spots.access_m.tolist() == [20, 10]
    assert spots.access_s == pytest.approx(np.array([20, 10]) * 1.3 / 1.2)
    assert Walker(network).matrix(spots)[0, 1] == pytest.approx(100 + 30 * 1.3 / 1.2, abs=0.001)


def test_places_are_tied_to_the_piece_people_can_reach_but_never_refused() -> None:
    places = [*CROSS, (0.0, 30.0), (40.0, 30.0)]  # the last two: a street that hangs together with no other
    network = net(places, [(0, 1), (1, 2), (1, 3), (4, 5)])
    spots = snap(network, np.array([(20.0, 29.0), (20.0, 9000.0)]), setting=SETTING)
    assert spots.edge.tolist() == [0, 2]
    assert spots.access_m[0] == pytest.approx(29)


def test_what_lies_behind_a_closed_gate_belongs_to_the_town() -> None:
    places = [*CROSS, (100.0, 102.0), (100.0, 160.0)]
    network = net(
        places,
        [(0, 1), (1, 2), (1, 3), (3, 4), (4, 5)],
        kinds=["residential"] * 3 + ["gate", "compound"],
        forward=[100, 100, 100, np.inf, 58],
        backward=[100, 100, 100, np.inf, 58],
    )
    spots = snap(network, np.array([(105.0, 150.0), (10.0, 3.0)]), setting=SETTING)
    assert network.kind[spots.edge].tolist() == ["compound", "residential"]
    assert np.isinf(Walker(network).matrix(spots)[0, 1])
    assert Walker(network).leg(spots, 0, spots, 1) is None


def test_nobody_climbs_over_a_wall_while_there_is_a_street_on_his_side() -> None:
    network = net([(0.0, 0.0), (100.0, 0.0), (100.0, 60.0), (0.0, 60.0)], [(0, 1), (1, 2), (2, 3)])
    wall = np.array([shapely.LineString([(-10.0, 20.0), (60.0, 20.0)])], dtype=object)
    door = np.array([(30.0, 25.0)])
    assert snap(network, door, setting=SETTING).edge.tolist() == [0]
    behind = snap(network, door, setting=SETTING, walls=wall)
    assert (behind.edge.tolist(), behind.access_m.tolist()) == ([2], [35])


def test_without_a_street_nothing_is_reached_and_nothing_breaks() -> None:
    empty = _empty()
    spots = snap(empty, np.array([(1.0, 2.0), (3.0, 4.0)]), setting=SETTING)
    walker = Walker(empty)
    assert spots.edge.tolist() == [-1, -1]
    assert walker.matrix(spots).tolist() == [[0, np.inf], [np.inf, 0]]
    assert walker.leg(spots, 0, spots, 1) is None
    assert walker.reach(spots, 600).tolist() == []


def _empty() -> Network:
    zero = np.zeros(0, np.int64)
    none = np.zeros(0)
    return Network(
        1, np.zeros((0, 2)), zero, zero, zero, none, none, zero, zero, np.zeros(0, np.str_), zero, none,
        np.zeros((0, 2)), np.zeros(1, np.int64),
    )  # fmt: skip


def test_reach_tells_the_seconds_to_every_node_within_them() -> None:
    network = net(CROSS, [(0, 1), (1, 2), (1, 3)])
    spots = at(network, (0, 0.5))
    assert Walker(network).reach(spots, 120).tolist() == [50, 50, np.inf, np.inf]
    assert Walker(network).reach(spots, 150).round(2).tolist() == [50, 50, 150, 150]


def test_a_walker_made_like_another_walks_the_new_seconds() -> None:
    one = random_network(5)
    fields = {name: getattr(one, name) for name in Network.__dataclass_fields__}
    slow = Network(**fields | {"forward_s": one.forward_s * 2, "backward_s": one.backward_s * 2, "mark": 2})
    spots = random_spots(one, 5, 10)
    made = Walker(slow, like=Walker(one))
    assert np.array_equal(made.matrix(spots), Walker(slow).matrix(spots))


def test_the_quick_engine_is_the_one_that_runs_here() -> None:
    assert shortest.QUICK


@pytest.mark.parametrize(
    ("line_from", "line_to", "wanted"),
    [
        (0.25, 0.75, [[5, 0], [10, 0], [10, 5]]),
        (0.75, 0.25, [[10, 5], [10, 0], [5, 0]]),
        (0.5, 0.5, [[10, 0], [10, 0]]),
    ],
)
def test_a_line_is_cut_between_two_shares(line_from: float, line_to: float, wanted: list[list[float]]) -> None:
    line = shapely.LineString([(0, 0), (10, 0), (10, 10)])
    assert cut_line(line, line_from, line_to).tolist() == wanted


@pytest.mark.parametrize(
    ("floors", "has_lift", "wanted"),
    [
        ((1, 1), True, 0),
        ((1, 1), False, 0),
        ((1, 6), False, 5 * 16),
        ((6, 1), False, 5 * 12),
        ((1, 2), True, 16),
        ((1, 33), True, 25 + 32 * 2.5),
        ((33, 31), True, 24),
        ((-1, 1), False, 32),
    ],
)
def test_the_way_up_and_down(floors: tuple[int, int], has_lift: bool, wanted: float) -> None:
    assert climb_s(*floors, has_lift=has_lift, setting=SETTING) == pytest.approx(wanted)

"""Short tours, quickly and without proof: local search with kicks, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from gridmap.domain.routes.compiled import compiled
from gridmap.domain.routes.search import random

Array = Any  # numpy arrays; the compiler knows their types
LONGEST = 50  # places a kick displaces at most, for each of its two pieces


@compiled
def length(cost: Array, tour: Array) -> int:
    """Return the cost of a closed tour."""
    total = cost[tour[-1], tour[0]]
    for k in range(tour.size - 1):
        total += cost[tour[k], tour[k + 1]]
    return total


@compiled
def nearest_first(cost: Array, tour: Array) -> None:
    """Fill ``tour`` by always going on to the nearest place left."""
    n = tour.size
    left = np.ones(n, np.bool_)
    at = 0
    for k in range(n):
        tour[k] = at
        left[at] = False
        best, following = 1 << 60, -1
        for j in range(n):
            if left[j] and cost[at, j] < best:
                best, following = cost[at, j], j
        at = following


@compiled
def reverse(tour: Array, where: Array, i: int, j: int) -> None:
    """Reverse the places at positions ``i`` to ``j`` (round the end when j < i), the shorter side of it."""
    n = tour.size
    inner = j - i + 1 if j >= i else j - i + 1 + n
    if 2 * inner > n:
        i, j = (j + 1) % n, (i - 1 + n) % n
        inner = n - inner
    for _ in range(inner // 2):
        a, b = tour[i], tour[j]
        tour[i], tour[j] = b, a
        where[b], where[a] = i, j
        i = i + 1 if i + 1 < n else 0
        j = j - 1 if j > 0 else n - 1


@compiled
def two_opt(cost: Array, near: Array, tour: Array, where: Array, a: int) -> int:
    """Try to replace a link of ``a`` by one to a near place, the rest reversed; return what is saved."""
    n = tour.size
    for forward in range(2):
        b = tour[(where[a] + 1) % n] if forward else tour[where[a] - 1]
        old = cost[a, b]
        for i in range(near.shape[1]):
            c = near[a, i]
            if cost[a, c] >= old:
                break
            d = tour[(where[c] + 1) % n] if forward else tour[where[c] - 1]
            saved = old + cost[c, d] - cost[a, c] - cost[b, d]
            if saved > 0:
                if forward:
                    reverse(tour, where, where[b], where[c])
                else:
                    reverse(tour, where, where[c], where[b])
                return saved
    return 0


@compiled
def or_opt(cost: Array, near: Array, tour: Array, where: Array, a: int) -> int:  # noqa: C901 - one inner loop of the machine, cut apart it would only be slower
    """Try to move one to three places that begin or end with ``a`` beside a near place; return what is saved."""
    n = tour.size
    if n < 6:
        return 0
    for size in range(1, 4):
        for back in range(2):
            # The piece runs from ``a`` away over ``size`` places to ``z``; it leaves p and q behind.
            step = n - 1 if back else 1
            z = tour[(where[a] + (size - 1) * step) % n]
            p = tour[(where[a] - step + n) % n]
            q = tour[(where[z] + step) % n]
            taken = cost[p, a] + cost[z, q] - cost[p, q]
            if taken <= 0:
                continue
            for i in range(near.shape[1]):
                c = near[a, i]
                if cost[a, c] >= taken:
                    break
                off = (where[c] - where[a]) * (n - 1 if back else 1) % n
                if off < size:
                    continue
                for side in range(2):
                    d = tour[(where[c] + (1 if side else n - 1)) % n]
                    if (where[d] - where[a]) * (n - 1 if back else 1) % n < size:
                        continue
                    saved = taken - cost[a, c] - cost[z, d] + cost[c, d]
                    if saved > 0:
                        move(tour, where, a, z, size, back, c, d)
                        return saved
    return 0


@compiled
def move(tour: Array, where: Array, a: int, z: int, size: int, back: int, c: int, d: int) -> None:
    """Set the piece between ``a`` and ``z`` between the neighbours ``c`` and ``d``, ``a`` beside ``c``."""
    n = tour.size
    first = where[z] if back else where[a]
    piece = np.empty(size, np.int64)
    for s in range(size):
        piece[s] = tour[(first + s) % n]
    head = piece[0]
    # Which of c, d comes first in tour order decides how the piece must lie.
    low = c if tour[(where[c] + 1) % n] == d else d
    a_first = low == c
    target = (where[low] - first) % n  # how far after the piece's first position
    if target >= size:  # everything between moves forward by the size of the piece
        ahead, behind = target - size + 1, n - target - 1
    else:
        ahead, behind = 0, 0
    if ahead <= behind:
        k = first
        for s in range(ahead):
            place = tour[(first + size + s) % n]
            tour[k] = place
            where[place] = k
            k = k + 1 if k + 1 < n else 0
    else:
        k = (first + size - 1) % n
        for s in range(behind):
            place = tour[(first - 1 - s) % n]
            tour[k] = place
            where[place] = k
            k = k - 1 if k > 0 else n - 1
        k = (k - size + 1) % n
    flip = (head == a) != a_first
    for s in range(size):
        place = piece[size - 1 - s] if flip else piece[s]
        tour[k] = place
        where[place] = k
        k = k + 1 if k + 1 < n else 0


@compiled
def settle(cost: Array, near: Array, tour: Array, where: Array, stack: Array, queued: Array, height: int) -> int:
    """Improve around the places on the stack until nothing is won; return what is saved."""
    n = tour.size
    saved = 0
    while height > 0:
        height -= 1
        a = stack[height]
        queued[a] = False
        before = tour[where[a] - 1]
        after = tour[(where[a] + 1) % n]
        won = two_opt(cost, near, tour, where, a)
        if won == 0:
            won = or_opt(cost, near, tour, where, a)
        if won > 0:
            saved += won
            for place in (before, after, tour[where[a] - 1], tour[(where[a] + 1) % n], a):
                if not queued[place]:
                    queued[place] = True
                    stack[height] = place
                    height += 1
    return saved


@compiled
def short_tour(cost: Array, near: Array, tour: Array, kicks: int, seed: int) -> int:  # noqa: C901 - one inner loop of the machine, cut apart it would only be slower
    """Shorten a closed tour of symmetric costs in place; return its cost.

    Rule: 2-opt and Or-opt among near places; then, ``kicks`` times, two neighbouring pieces change places and the
    spot is settled again; what is not worse stays.
    """
    n = tour.size
    state = np.empty(1, np.uint64)
    state[0] = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x1234567890ABCDEF)
    where = np.empty(n, np.int64)
    stack, queued = np.empty(n + 8, np.int64), np.zeros(n, np.bool_)
    height = 0
    for k in range(n):
        where[tour[k]] = k
        stack[height] = tour[n - 1 - k]
        queued[tour[n - 1 - k]] = True
        height += 1
    now = length(cost, tour) - settle(cost, near, tour, where, stack, queued, height)
    if n < 8:
        return now
    kept = tour.copy()
    for _ in range(kicks):
        most = min(LONGEST, (n - 2) // 2)
        one = 1 + int(random(state) * most)
        two = 1 + int(random(state) * most)
        at = int(random(state) * n)
        piece = np.empty(one, np.int64)
        ends = np.empty(6, np.int64)
        ends[0], ends[1] = tour[at - 1], tour[at]
        ends[2], ends[3] = tour[(at + one - 1) % n], tour[(at + one) % n]
        ends[4], ends[5] = tour[(at + one + two - 1) % n], tour[(at + one + two) % n]
        change = (
            cost[ends[0], ends[3]] + cost[ends[4], ends[1]] + cost[ends[2], ends[5]]
            - cost[ends[0], ends[1]] - cost[ends[2], ends[3]] - cost[ends[4], ends[5]]
        )  # fmt: skip
        for s in range(one):
            piece[s] = tour[(at + s) % n]
        for s in range(two):
            place = tour[(at + one + s) % n]
            tour[(at + s) % n] = place
            where[place] = (at + s) % n
        for s in range(one):
            tour[(at + two + s) % n] = piece[s]
            where[piece[s]] = (at + two + s) % n
        height = 0
        for place in ends:
            if not queued[place]:
                queued[place] = True
                stack[height] = place
                height += 1
        fresh = now + change - settle(cost, near, tour, where, stack, queued, height)
        if fresh <= now:
            kept[:] = tour
            now = fresh
        else:
            tour[:] = kept
            for k in range(n):
                where[tour[k]] = k
    return now


@compiled
def lay(cost: Array, tour: Array, where: Array, forth: Array, back: Array) -> None:
    """Note where every place stands, and the cost up to each position walked forwards and backwards."""
    forth[0] = back[0] = 0
    where[tour[0]] = 0
    for k in range(1, tour.size):
        where[tour[k]] = k
        forth[k] = forth[k - 1] + cost[tour[k - 1], tour[k]]
        back[k] = back[k - 1] + cost[tour[k], tour[k - 1]]


@compiled
def swap_pieces(tour: Array, i: int, j: int, k: int, room: Array) -> None:
    """Let the pieces at positions ``i + 1`` to ``j`` and ``j + 1`` to ``k`` change places (positions run round)."""
    n = tour.size
    one, two = (j - i) % n, (k - j) % n
    for s in range(one + two):
        room[s] = tour[(i + 1 + s) % n]
    for s in range(two):
        tour[(i + 1 + s) % n] = room[one + s]
    for s in range(one):
        tour[(i + 1 + two + s) % n] = room[s]


@compiled
def better_directed(
    cost: Array, near: Array, tour: Array, where: Array, forth: Array, back: Array, a: int, room: Array
) -> int:
    """Try to go on from ``a`` to a near place, by two pieces changing places or one turning round; return the gain."""
    n = tour.size
    i = where[a]
    b = tour[(i + 1) % n]
    old = cost[a, b]
    for s in range(near.shape[1]):
        c = near[a, s]
        if cost[a, c] >= old:
            break
        j = where[c]
        before = tour[j - 1]
        gain = old - cost[a, c] + cost[before, c]
        best, best_k = 0, -1
        k = j
        while k != i:
            x, y = tour[k], tour[(k + 1) % n]
            won = gain + cost[x, y] - cost[x, b] - cost[before, y]
            if won > best:
                best, best_k = won, k
            k = k + 1 if k + 1 < n else 0
        if best > 0:
            swap_pieces(tour, i, (j - 1) % n, best_k, room)
            lay(cost, tour, where, forth, back)
            return best
        if j > i:  # from b to c, turned round
            after = tour[(j + 1) % n]
            turned = (back[j] - back[i + 1]) - (forth[j] - forth[i + 1])
            won = old + cost[c, after] - cost[a, c] - cost[b, after] - turned
            if won > 0 and not (i == 0 and j == n - 1):
                for k in range((j - i) // 2):
                    tour[i + 1 + k], tour[j - k] = tour[j - k], tour[i + 1 + k]
                lay(cost, tour, where, forth, back)
                return won
    return 0


@compiled
def settle_directed(
    cost: Array, near: Array, tour: Array, where: Array, forth: Array, back: Array, stack: Array, queued: Array,
    height: int, room: Array,
) -> int:  # fmt: skip
    """Improve a directed tour around the places on the stack until nothing is won; return what is saved."""
    n = tour.size
    saved = 0
    while height > 0:
        height -= 1
        a = stack[height]
        queued[a] = False
        ahead = tour[(where[a] + 1) % n]
        won = better_directed(cost, near, tour, where, forth, back, a, room)
        if won > 0:
            saved += won
            for place in (ahead, tour[where[ahead] - 1], tour[(where[a] + 1) % n], tour[where[a] - 1], a):
                if not queued[place]:
                    queued[place] = True
                    stack[height] = place
                    height += 1
    return saved


@compiled
def short_directed(cost: Array, near: Array, tour: Array, kicks: int, seed: int) -> int:
    """Shorten a closed tour of directed costs in place; return its cost.

    Rule: as ``short_tour``, with moves that keep the direction and turns counted by their true cost.
    """
    n = tour.size
    state = np.empty(1, np.uint64)
    state[0] = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x1234567890ABCDEF)
    where, room = np.empty(n, np.int64), np.empty(n, np.int64)
    forth, back = np.empty(n, np.int64), np.empty(n, np.int64)
    stack, queued = np.empty(n + 10, np.int64), np.zeros(n, np.bool_)
    for k in range(n):
        stack[k] = tour[n - 1 - k]
        queued[stack[k]] = True
    lay(cost, tour, where, forth, back)
    settle_directed(cost, near, tour, where, forth, back, stack, queued, n, room)
    now = length(cost, tour)
    if n < 8:
        return now
    kept = tour.copy()
    most = min(LONGEST, (n - 2) // 3)
    for _ in range(kicks):
        i = int(random(state) * n)
        j = (i + 1 + int(random(state) * most)) % n
        k = (j + 1 + int(random(state) * most)) % n
        last = (k + 1 + int(random(state) * most)) % n
        height = 0
        for at in (i, i + 1, j, j + 1, k, k + 1, last, last + 1):
            place = tour[at % n]
            if not queued[place]:
                queued[place] = True
                stack[height] = place
                height += 1
        swap_pieces(tour, i, j, k, room)  # three pieces in reverse order: no single move undoes that
        swap_pieces(tour, i, k, last, room)
        lay(cost, tour, where, forth, back)
        settle_directed(cost, near, tour, where, forth, back, stack, queued, height, room)
        fresh = length(cost, tour)
        if fresh <= now:
            now = fresh
            kept[:] = tour
        else:
            tour[:] = kept
    return now

"""Cuts a fractional tour breaks: places joined to the rest by less than two links, and blossoms; compiled.

Blossoms of a graph in which tight sets are drawn together to one place each are combs of the whole one.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gridmap.domain.routes.compiled import compiled

Array = Any  # numpy arrays; the compiler knows their types
EPS = 1e-6


@compiled
def pieces(n: int, tail: Array, head: Array, value: Array, least: float, most: float, label: Array) -> int:
    """Label the places joined by links valued between ``least`` and ``most``; return how many pieces there are."""
    parent = np.arange(n)
    for e in range(tail.size):
        if least < value[e] < most:
            a, b = tail[e], head[e]
            while parent[a] != a:
                parent[a] = parent[parent[a]]
                a = parent[a]
            while parent[b] != b:
                parent[b] = parent[parent[b]]
                b = parent[b]
            parent[max(a, b)] = min(a, b)
    count = 0
    for i in range(n):
        a = i
        while parent[a] != a:
            a = parent[a]
        if a == i:
            label[i] = count
            count += 1
        else:
            label[i] = label[a]
    return count


@compiled
def weak_cuts(n: int, tail: Array, head: Array, value: Array, sides: Array) -> int:  # noqa: C901 - one inner loop of the machine, cut apart it would only be slower
    """Fill ``sides`` (k, n) with sets of places joined to the rest by less than two links; return how many.

    Rule: Stoer and Wagner's maximum adjacency orders; the least cut of all is among them, and every weak cut of a
    phase is taken along.
    """
    weight = np.zeros((n, n), np.float64)
    for e in range(tail.size):
        weight[tail[e], head[e]] += value[e]
        weight[head[e], tail[e]] += value[e]
    member = np.eye(n).astype(np.bool_)
    alive = np.arange(n)
    left = n
    found = 0
    joined = np.empty(n, np.float64)
    added = np.empty(n, np.bool_)
    while left > 1 and found < sides.shape[0]:
        for i in range(left):
            joined[alive[i]] = 0.0
            added[alive[i]] = False
        last, before = alive[0], -1
        added[last] = True
        for i in range(left):
            joined[alive[i]] = weight[last, alive[i]]
        for _ in range(left - 1):
            best = -1
            for i in range(left):
                v = alive[i]
                if not added[v] and (best < 0 or joined[v] > joined[best]):
                    best = v
            added[best] = True
            before, last = last, best
            for i in range(left):
                v = alive[i]
                if not added[v]:
                    joined[v] += weight[best, v]
        if joined[last] < 2.0 - 1e-4:
            sides[found] = member[last]
            found += 1
        for i in range(left):
            v = alive[i]
            weight[before, v] += weight[last, v]
            weight[v, before] = weight[before, v]
        weight[before, before] = 0.0
        member[before] |= member[last]
        for i in range(left):
            if alive[i] == last:
                alive[i] = alive[left - 1]
                break
        left -= 1
    return found


@compiled
def blossom_of(tail: Array, head: Array, value: Array, inside: Array, teeth: Array) -> float:
    """Fill the best teeth for a handle; return the left side less the right (negative: broken).

    x(border without teeth) - x(teeth) >= 1 - |teeth|, with an odd number of teeth.
    """
    slack = 0.0
    count = 0
    turn, turn_cost = -1, 2.0
    for e in range(tail.size):
        teeth[e] = False
        if inside[tail[e]] == inside[head[e]]:
            continue
        if value[e] > 0.5:
            teeth[e] = True
            count += 1
            slack += 1.0 - value[e]
        else:
            slack += value[e]
        cost = abs(1.0 - 2.0 * value[e])
        if cost < turn_cost:
            turn, turn_cost = e, cost
    if count % 2 == 0:
        if turn < 0:
            return 1.0
        slack += turn_cost
        teeth[turn] = not teeth[turn]
        count += 1 if teeth[turn] else -1
    return slack - 1.0


@compiled
def blossoms(n: int, tail: Array, head: Array, value: Array, handles: Array, all_teeth: Array) -> int:  # noqa: C901 - one inner loop of the machine, cut apart it would only be slower
    """Find broken blossoms exactly: Letchford, Reinelt and Theis' way over a tree of least cuts (Gusfield).

    Every cut of the tree of capacities min(x, 1 - x) is tried as a handle; fills ``handles`` (k, n) and ``all_teeth``
    (k, e) and returns how many.
    """
    m = tail.size
    start = np.zeros(n + 1, np.int64)
    for e in range(m):
        start[tail[e] + 1] += 1
        start[head[e] + 1] += 1
    for i in range(n):
        start[i + 1] += start[i]
    fill = start.copy()
    link, other = np.empty(2 * m, np.int64), np.empty(2 * m, np.int64)
    for e in range(m):
        a, b = tail[e], head[e]
        link[fill[a]], other[fill[a]] = e, b
        fill[a] += 1
        link[fill[b]], other[fill[b]] = e, a
        fill[b] += 1
    capacity = np.minimum(value, 1.0 - value)
    capacity = np.maximum(capacity, 0.0)
    flow = np.zeros(m, np.float64)  # from tail to head
    parent = np.zeros(n, np.int64)
    seen = np.empty(n, np.bool_)
    queue, came = np.empty(n, np.int64), np.empty(n, np.int64)
    teeth = np.empty(m, np.bool_)
    found = 0
    for s in range(1, n):
        t = parent[s]
        flow[:] = 0.0
        while True:
            seen[:] = False
            seen[s] = True
            queue[0] = s
            first, last = 0, 1
            while first < last and not seen[t]:
                v = queue[first]
                first += 1
                for k in range(start[v], start[v + 1]):
                    e, w = link[k], other[k]
                    rest = capacity[e] - flow[e] if tail[e] == v else capacity[e] + flow[e]
                    if rest > EPS and not seen[w]:
                        seen[w] = True
                        came[w] = e
                        queue[last] = w
                        last += 1
            if not seen[t]:
                break
            push, v = 1e9, t
            while v != s:
                e = came[v]
                if head[e] == v:
                    push = min(push, capacity[e] - flow[e])
                    v = tail[e]
                else:
                    push = min(push, capacity[e] + flow[e])
                    v = head[e]
            v = t
            while v != s:
                e = came[v]
                if head[e] == v:
                    flow[e] += push
                    v = tail[e]
                else:
                    flow[e] -= push
                    v = head[e]
        for i in range(s + 1, n):
            if seen[i] and parent[i] == t:
                parent[i] = s
        if found < handles.shape[0]:
            slack = blossom_of(tail, head, value, seen, teeth)
            if slack < -1e-3:
                handles[found] = seen
                all_teeth[found] = teeth
                found += 1
    return found


@compiled
def tight_sets(n: int, tail: Array, head: Array, value: Array, sets: Array) -> int:
    """Fill ``sets`` (k, n) with sets of 2 to n / 2 places that two links join to the rest; return how many.

    Rule: from every place the one joined most to those taken is taken next; sets may come more than once.
    """
    weight = np.zeros((n, n), np.float64)
    for e in range(tail.size):
        weight[tail[e], head[e]] += value[e]
        weight[head[e], tail[e]] += value[e]
    found = 0
    inside = np.empty(n, np.bool_)
    for first in range(n):
        inside[:] = False
        inside[first] = True
        joined = weight[first].copy()
        border = 2.0
        for _ in range(n // 2 - 1):
            best = -1
            for v in range(n):
                if not inside[v] and (best < 0 or joined[v] > joined[best]):
                    best = v
            border += 2.0 - 2.0 * joined[best]
            inside[best] = True
            joined += weight[best]
            if border < 2.0 + 1e-4 and found < sets.shape[0]:
                sets[found] = inside
                found += 1
    return found

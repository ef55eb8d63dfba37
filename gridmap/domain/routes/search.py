"""The search for a good choice and order: large-neighbourhood search under annealing, compiled.

Rule: take out strings of stops that lie near one another, put stops back where they cost least, in an order drawn
anew each time, and accept the result when it is better or by the odds of a falling temperature. The best plan seen is
kept: fewest required places missed, then most worth, then least travel. All chance comes from ``random`` here, so
that a seed and a number of iterations give the same plan on every machine.

References
----------
Christiaens, Vanden Berghe (2020): Slack induction by string removals for vehicle routing problems. Only the ruin
is taken from there; stops have a worth and may stay out here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from gridmap.domain.routes.compiled import compiled

Array = Any  # numpy arrays; the compiler knows their types
NEVER = 1 << 60
DAY = 86_400
BLINK = 0.01  # odds that a position is overlooked


@compiled
def random(state: Array) -> float:
    """Return the next number of [0, 1): xorshift64*, one word of state."""
    x = state[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    state[0] = x
    return float((x * np.uint64(2685821657736338717)) >> np.uint64(11)) / 9007199254740992.0


@compiled
def earliest(place: int, t: int, windows_at: Array, windows: Array) -> int:
    """Return the first moment from ``t`` on at which service may begin; ``NEVER`` without one."""
    first, last = windows_at[place], windows_at[place + 1]
    if first == last:
        return t
    for w in range(first, last):
        if t <= windows[w, 1]:
            return max(t, windows[w, 0])
    return NEVER


@compiled
def latest(place: int, t: int, windows_at: Array, windows: Array) -> int:
    """Return the last moment up to ``t`` at which service may begin; ``-NEVER`` without one."""
    first, last = windows_at[place], windows_at[place + 1]
    if first == last:
        return t
    for w in range(last - 1, first - 1, -1):
        if windows[w, 0] <= t:
            return min(t, windows[w, 1])
    return -NEVER


@compiled
def worth(place: int, t: int, weight: Array, bands: Array) -> int:
    """Return what service beginning at ``t`` is worth."""
    if bands.size == 1:
        return weight[place, 0]
    of_day = t % DAY
    for b in range(bands.size):
        if of_day < bands[b]:
            return weight[place, b]
    return weight[place, bands.size - 1]


@compiled
def same_worth_until(place: int, t: int, weight: Array, bands: Array) -> int:
    """Return the last moment from ``t`` on, within the day, up to which the worth stays."""
    if bands.size == 1:
        return NEVER
    of_day = t % DAY
    b = 0
    while b < bands.size - 1 and of_day >= bands[b]:
        b += 1
    now = weight[place, b]
    while b < bands.size - 1 and weight[place, b + 1] == now:
        b += 1
    return t - of_day + bands[b] - 1


@compiled
def time_route(
    route: Array,
    count: int,
    shift: Array,
    travel: Array,
    service: Array,
    windows_at: Array,
    windows: Array,
    weight: Array,
    bands: Array,
    start: Array,
    late: Array,
    hold: Array,
) -> bool:
    """Fill ``start`` (first possible), ``late`` (last possible) and ``hold`` (last without loss); False: impossible."""
    t, at = shift[2], shift[0]
    for k in range(count):
        place = route[k]
        t = earliest(place, t + travel[at, place], windows_at, windows)
        if t > shift[3]:
            return False
        start[k] = t
        t += service[place]
        at = place
    if count == 0:
        return True
    if shift[1] >= 0:
        t += travel[at, shift[1]]
    if t > shift[3]:
        return False
    rest = shift[3] - (travel[at, shift[1]] if shift[1] >= 0 else 0)
    held = rest
    for k in range(count - 1, -1, -1):
        place = route[k]
        late[k] = latest(place, rest - service[place], windows_at, windows)
        hold[k] = late[k]
        if bands.size > 1:
            cap = min(held - service[place], same_worth_until(place, start[k], weight, bands))
            hold[k] = latest(place, cap, windows_at, windows)
        before = route[k - 1] if k > 0 else shift[0]
        rest = late[k] - travel[before, place]
        held = hold[k] - travel[before, place]
    return True


@compiled
def lost_later(
    route: Array,
    count: int,
    k: int,
    arrive: int,
    travel: Array,
    service: Array,
    windows_at: Array,
    windows: Array,
    weight: Array,
    bands: Array,
    start: Array,
) -> int:
    """Return the worth lost by stops from ``k`` on when ``k`` is reached at ``arrive`` (negative: won)."""
    lost = 0
    t = arrive
    for j in range(k, count):
        place = route[j]
        t = earliest(place, t, windows_at, windows)
        if t == start[j]:
            break
        lost += worth(place, start[j], weight, bands) - worth(place, t, weight, bands)
        if j + 1 < count:
            t += service[place] + travel[place, route[j + 1]]
    return lost


@compiled
def route_worth(route: Array, count: int, start: Array, weight: Array, bands: Array) -> int:
    """Return the sum of worth along a timed route."""
    total = 0
    for k in range(count):
        total += worth(route[k], start[k], weight, bands)
    return total


@compiled
def route_travel(route: Array, count: int, shift: Array, travel: Array) -> int:
    """Return the travel of a route; a shift without stops is not walked."""
    if count == 0:
        return 0
    total, at = 0, shift[0]
    for k in range(count):
        total += travel[at, route[k]]
        at = route[k]
    return total + (travel[at, shift[1]] if shift[1] >= 0 else 0)


@compiled
def best_insertion(  # noqa: C901 - one inner loop of the machine, cut apart it would only be slower
    place: int,
    routes: Array,
    counts: Array,
    shifts: Array,
    allowed: Array,
    travel: Array,
    service: Array,
    windows_at: Array,
    windows: Array,
    weight: Array,
    bands: Array,
    start: Array,
    late: Array,
    hold: Array,
    must: bool,
    by_delay: float,
    exchange: float,
    state: Array,
    blink: float,
    found: Array,
) -> float:
    """Find where a place costs least; ``found`` gets shift and position (-1 when it fits nowhere).

    The cost is travel added plus ``by_delay`` times the waiting it causes, less ``exchange`` times the worth won
    beyond its worst when there are bands.
    """
    found[0] = -1
    best = 1e300
    banded = bands.size > 1
    for r in range(counts.size):
        if not allowed[place, r]:
            continue
        shift = shifts[r]
        route = routes[r]
        count = counts[r]
        for k in range(count + 1):
            before = route[k - 1] if k > 0 else shift[0]
            free = start[r, k - 1] + service[before] if k > 0 else shift[2]
            reached = free + travel[before, place]
            if reached > shift[3]:
                if k > 0 and free > shift[3]:
                    break
                continue
            begin = earliest(place, reached, windows_at, windows)
            if begin > shift[3]:
                continue
            leave = begin + service[place]
            added = travel[before, place]
            lost = 0
            if k < count:
                after = route[k]
                arrive = leave + travel[place, after]
                if arrive > late[r, k]:
                    continue
                added += travel[place, after] - travel[before, after]
                if banded and arrive > hold[r, k]:
                    lost = lost_later(
                        route, count, k, arrive, travel, service, windows_at, windows, weight, bands, start[r]
                    )
            elif shift[1] >= 0:
                added += travel[place, shift[1]]
                if leave + travel[place, shift[1]] > shift[3]:
                    continue
                if count > 0:
                    added -= travel[before, shift[1]]
            elif leave > shift[3]:
                continue
            cost = float(added) + by_delay * (begin - reached)
            if banded:
                won = worth(place, begin, weight, bands) - lost
                if won <= 0 and not must:
                    continue
                cost -= exchange * won
            if cost < best and (blink == 0.0 or random(state) >= blink):
                best = cost
                found[0] = r
                found[1] = k
    return best


@compiled
def put(route: Array, count: int, k: int, place: int) -> None:
    """Make room at ``k`` and set the place there."""
    for j in range(count, k, -1):
        route[j] = route[j - 1]
    route[k] = place


@compiled
def ruin(
    routes: Array,
    counts: Array,
    where: Array,
    near: Array,
    inside: int,
    size: float,
    state: Array,
    taken: Array,
) -> int:
    """Take strings of stops out around a place drawn by chance; return how many, listed in ``taken``."""
    n = where.size
    walked = 0
    for r in range(counts.size):
        walked += counts[r] > 0
    mean = inside / max(walked, 1)
    longest = min(10.0, mean)
    strings = int(random(state) * (4.0 * size / (1.0 + longest) - 1.0)) + 1
    middle = int(random(state) * n)
    removed = 0
    for i in range(-1, near.shape[1]):
        if strings == 0:
            break
        place = middle if i < 0 else near[middle, i]
        r = where[place]
        if r < 0:
            continue
        count = counts[r]
        length = int(random(state) * min(float(count), longest)) + 1
        k = 0
        while routes[r, k] != place:
            k += 1
        spared = 0
        if length < count and length > 1 and random(state) < 0.5:
            while length + spared < count and random(state) < 0.5:
                spared += 1
        whole = length + spared
        low, high = max(0, k - whole + 1), min(k, count - whole)
        first = low + int(random(state) * (high - low + 1))
        gap = first + 1 + int(random(state) * (length - 1)) if spared else first + whole
        kept = first
        for j in range(first, count):
            stop = routes[r, j]
            if j < first + whole and not (gap <= j < gap + spared):
                taken[removed] = stop
                removed += 1
                where[stop] = -1
            else:
                routes[r, kept] = stop
                kept += 1
        counts[r] = kept
        strings -= 1
    return removed


@compiled
def by_key(items: Array, keys: Array, count: int) -> None:
    """Sort items by key, ascending; stable, so that equal keys keep their order."""
    order = np.argsort(keys[:count], kind="mergesort")
    copy = items[:count].copy()
    for i in range(count):
        items[i] = copy[order[i]]


@compiled
def search(  # noqa: C901 - one inner loop of the machine, cut apart it would only be slower
    travel: Array,
    service: Array,
    weight: Array,
    bands: Array,
    windows_at: Array,
    windows: Array,
    required: Array,
    allowed: Array,
    shifts: Array,
    near: Array,
    candidates: Array,
    routes: Array,
    counts: Array,
    seed: int,
    iterations: int,
    warmth: float,
) -> tuple[int, int, int]:
    """Improve ``routes`` (m, n) and ``counts`` (m,) in place; return required missed, worth, travel of the best.

    ``candidates`` are the places that may be chosen at all, ``near`` (n, k) their neighbours, nearest first;
    ``shifts`` (m, 4) start, end, opens, closes; ``warmth`` scales the first temperature (1 from nothing, less from a
    good start).
    """
    n, m = service.size, counts.size
    state = np.empty(1, np.uint64)
    state[0] = np.uint64(seed) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x1234567890ABCDEF)
    for _ in range(8):
        random(state)
    top = np.zeros(n, np.int64)
    total, positive = 0.0, 0
    for i in range(n):
        for b in range(bands.size):
            top[i] = max(top[i], weight[i, b])
        if top[i] > 0:
            total += top[i]
            positive += 1
    mean = total / max(positive, 1)
    must = 0
    for c in range(candidates.size):
        must += required[candidates[c]]
    penalty = 5.0 * mean + 1.0
    side = 0.0
    for c in range(candidates.size):
        place = candidates[c]
        side += service[place] + travel[place, near[place, 0]] if near.shape[1] else service[place]
    side = max(1.0, side / max(1, candidates.size))
    alpha = 0.05 * mean / side  # what a second of travel weighs in the energy
    hot, cold = 0.35 * mean * warmth, 0.01 * mean
    exchange = side / max(mean, 1e-9)

    start = np.zeros((m, n + 1), np.int64)
    late = np.zeros((m, n + 1), np.int64)
    hold = np.zeros((m, n + 1), np.int64)
    where = np.full(n, -1, np.int64)
    for r in range(m):
        for k in range(counts[r]):
            where[routes[r, k]] = r
    now, now_counts, now_where = routes.copy(), counts.copy(), where.copy()
    best, best_counts = routes.copy(), counts.copy()
    taken, pool = np.empty(n + 1, np.int64), np.empty(n + 1, np.int64)
    keys = np.empty(n + 1, np.float64)
    found = np.zeros(2, np.int64)
    best_missed, best_worth, best_travel = must + 1, -1, 0
    energy = 1e300
    temperature = hot
    fall = (cold / hot) ** (1.0 / max(iterations, 1)) if hot > 0 else 1.0

    for turn in range(iterations + 1):
        inside = 0
        for r in range(m):
            inside += counts[r]
        if turn > 0 and inside > 0:
            ruin(routes, counts, where, near, inside, 10.0, state, taken)
        sound = True
        for r in range(m):
            if not time_route(
                routes[r],
                counts[r],
                shifts[r],
                travel,
                service,
                windows_at,
                windows,
                weight,
                bands,
                start[r],
                late[r],
                hold[r],
            ):
                sound = False
        if sound:
            # What is out, in an order drawn anew.
            kind = int(random(state) * 4.0)
            by_delay = 1.0 if random(state) < 0.5 else 0.0
            count = 0
            outside = 0
            for c in range(candidates.size):
                outside += where[candidates[c]] < 0
            share = 150.0 / outside if outside > 150 and turn > 0 else 1.0
            for c in range(candidates.size):
                place = candidates[c]
                if where[place] >= 0 or (share < 1.0 and not required[place] and random(state) >= share):
                    continue
                if kind == 0:
                    key = random(state)
                elif kind == 1:
                    key = -float(top[place]) * (0.7 + 0.6 * random(state))
                else:
                    key = -float(top[place]) / (service[place] + side * (0.2 + random(state)))
                pool[count] = place
                keys[count] = key - (1e15 if required[place] else 0.0)
                count += 1
            by_key(pool, keys, count)
            for i in range(count):
                place = pool[i]
                best_insertion(
                    place,
                    routes,
                    counts,
                    shifts,
                    allowed,
                    travel,
                    service,
                    windows_at,
                    windows,
                    weight,
                    bands,
                    start,
                    late,
                    hold,
                    required[place],
                    by_delay,
                    exchange,
                    state,
                    BLINK if turn > 0 else 0.0,
                    found,
                )
                if found[0] < 0:
                    continue
                r = found[0]
                put(routes[r], counts[r], found[1], place)
                counts[r] += 1
                where[place] = r
                time_route(
                    routes[r],
                    counts[r],
                    shifts[r],
                    travel,
                    service,
                    windows_at,
                    windows,
                    weight,
                    bands,
                    start[r],
                    late[r],
                    hold[r],
                )
            won, walked, kept = 0, 0, 0
            for r in range(m):
                won += route_worth(routes[r], counts[r], start[r], weight, bands)
                walked += route_travel(routes[r], counts[r], shifts[r], travel)
                for k in range(counts[r]):
                    kept += required[routes[r, k]]
            missed = must - kept
            fresh = penalty * missed - won + alpha * walked
            if missed < best_missed or (
                missed == best_missed and (won > best_worth or (won == best_worth and walked < best_travel))
            ):
                best_missed, best_worth, best_travel = missed, won, walked
                for r in range(m):
                    best_counts[r] = counts[r]
                    best[r, : counts[r]] = routes[r, : counts[r]]
            accept = fresh < energy - temperature * np.log(max(random(state), 1e-300))
        else:
            accept = False
        if accept:
            energy = fresh
            now_where[:] = where
            for r in range(m):
                now_counts[r] = counts[r]
                now[r, : counts[r]] = routes[r, : counts[r]]
        else:
            where[:] = now_where
            for r in range(m):
                counts[r] = now_counts[r]
                routes[r, : counts[r]] = now[r, : counts[r]]
        temperature *= fall
    for r in range(m):
        counts[r] = best_counts[r]
        routes[r, : counts[r]] = best[r, : counts[r]]
    return best_missed, best_worth, best_travel

"""When a walk ends if one stop more is made: exact, over every position and some changes of order, compiled."""

from __future__ import annotations

from typing import Any

import numpy as np

from gridmap.domain.routes.compiled import compiled
from gridmap.domain.routes.search import NEVER, earliest, put

Array = Any  # numpy arrays; the compiler knows their types
SEGMENT = 3  # stops moved together when the order is changed


@compiled
def ends(
    route: Array,
    count: int,
    shift: Array,
    travel: Array,
    service: Array,
    windows_at: Array,
    windows: Array,
    lifted: int,
    limit: int,
) -> int:
    """Return when a walk ends; ``NEVER`` when a window is missed or ``limit`` is passed. ``lifted`` has no windows."""
    t, at = shift[2], shift[0]
    for k in range(count):
        place = route[k]
        t += travel[at, place]
        if place != lifted:
            t = earliest(place, t, windows_at, windows)
        if t > limit:
            return NEVER
        t += service[place]
        at = place
    if count > 0 and shift[1] >= 0:
        t += travel[at, shift[1]]
    return t if t <= limit else NEVER


@compiled
def first_end(
    place: int,
    route: Array,
    count: int,
    shift: Array,
    travel: Array,
    service: Array,
    windows_at: Array,
    windows: Array,
    lifted: int,
    limit: int,
    room: Array,
) -> tuple[int, int]:
    """Return the first end of a walk with ``place`` put in somewhere, and where; ``room`` is scratch."""
    best, where = NEVER, -1
    for j in range(count):
        room[j + 1] = route[j]
    for k in range(count + 1):
        if k > 0:
            room[k - 1] = route[k - 1]
        room[k] = place
        end = ends(room, count + 1, shift, travel, service, windows_at, windows, lifted, min(limit, best - 1))
        if end < best:
            best, where = end, k
    return best, where


@compiled
def shorten(  # noqa: C901 - one inner loop of the machine, cut apart it would only be slower
    route: Array,
    count: int,
    shift: Array,
    travel: Array,
    service: Array,
    windows_at: Array,
    windows: Array,
    lifted: int,
    end: int,
    tries: int,
    room: Array,
) -> int:
    """Change the order in place until it ends no sooner or ``tries`` are used up; return its end."""
    improved = True
    while improved and tries > 0:
        improved = False
        for i in range(count):
            for length in range(1, min(SEGMENT, count - i) + 1):
                for to in range(count - length + 1):
                    if to == i:
                        continue
                    moved(route, count, i, length, to, room)
                    fresh = ends(room, count, shift, travel, service, windows_at, windows, lifted, end - 1)
                    tries -= 1
                    if fresh < end:
                        end = fresh
                        route[:count] = room[:count]
                        improved = True
        for i in range(count - 1):
            for j in range(i + 1, count):
                room[:count] = route[:count]
                for k in range(i, j + 1):
                    room[k] = route[i + j - k]
                fresh = ends(room, count, shift, travel, service, windows_at, windows, lifted, end - 1)
                tries -= 1
                if fresh < end:
                    end = fresh
                    route[:count] = room[:count]
                    improved = True
            if tries <= 0:
                break
    return end


@compiled
def moved(route: Array, count: int, i: int, length: int, to: int, room: Array) -> None:
    """Write into ``room`` the route with ``length`` stops from ``i`` set before position ``to`` of the rest."""
    at = 0
    for k in range(count - length):
        if k == to:
            for s in range(length):
                room[at] = route[i + s]
                at += 1
        room[at] = route[k] if k < i else route[k + length]
        at += 1
    if to == count - length:
        for s in range(length):
            room[at] = route[i + s]
            at += 1


@compiled
def first_ends(
    places: Array,
    route: Array,
    count: int,
    shift: Array,
    allowed: Array,
    travel: Array,
    service: Array,
    windows_at: Array,
    windows: Array,
    lift_own: bool,
    tries: int,
    end: Array,
    order: Array,
) -> None:
    """Fill, for each place, the first end of the walk with it in (``NEVER``: impossible) and that walk's order."""
    room = np.empty(count + 2, np.int64)
    for i in range(places.size):
        place = places[i]
        end[i] = NEVER
        if not allowed[place]:
            continue
        lifted = place if lift_own else -1
        best, k = first_end(place, route, count, shift, travel, service, windows_at, windows, lifted, NEVER - 1, room)
        if k < 0:
            continue
        order[i, :count] = route[:count]
        put(order[i], count, k, place)
        if best > shift[3] and tries > 0:
            best = shorten(order[i], count + 1, shift, travel, service, windows_at, windows, lifted, best, tries, room)
        end[i] = best


@compiled
def first_without(
    place: int,
    route: Array,
    count: int,
    shift: Array,
    spare: Array,
    travel: Array,
    service: Array,
    windows_at: Array,
    windows: Array,
    order: Array,
) -> int:
    """Return the first of ``spare`` without which ``place`` fits into a walk, -1 when none; fill the walk's order."""
    room, rest = np.empty(count + 1, np.int64), np.empty(count + 1, np.int64)
    for s in range(spare.size):
        kept = 0
        for k in range(count):
            if route[k] != spare[s]:
                rest[kept] = route[k]
                kept += 1
        if kept == count:
            continue
        _, k = first_end(place, rest, kept, shift, travel, service, windows_at, windows, -1, shift[3], room)
        if k >= 0:
            order[:kept] = rest[:kept]
            put(order, kept, k, place)
            return int(spare[s])
    return -1


@compiled
def first_moved(
    place: int,
    route: Array,
    count: int,
    shift: Array,
    pinned: Array,
    travel: Array,
    service: Array,
    windows_at: Array,
    windows: Array,
    order: Array,
) -> int:
    """Return the first of ``pinned`` with whose windows lifted ``place`` fits too, -1 when none; fill the order."""
    room, rest = np.empty(count + 2, np.int64), np.empty(count + 2, np.int64)
    for s in range(pinned.size):
        kept = 0
        for k in range(count):
            if route[k] != pinned[s]:
                rest[kept] = route[k]
                kept += 1
        if kept == count:
            continue
        _, k = first_end(place, route, count, shift, travel, service, windows_at, windows, pinned[s], shift[3], room)
        if k >= 0:
            order[:count] = route[:count]
            put(order, count, k, place)
            return int(pinned[s])
        # The pinned stop itself may move to another place of the walk.
        _, k = first_end(place, rest, kept, shift, travel, service, windows_at, windows, -1, shift[3], room)
        if k < 0:
            continue
        put(rest, kept, k, place)
        _, k = first_end(
            pinned[s], rest, kept + 1, shift, travel, service, windows_at, windows, pinned[s], shift[3], room
        )
        if k >= 0:
            order[: kept + 1] = rest[: kept + 1]
            put(order, kept + 1, k, pinned[s])
            return int(pinned[s])
    return -1


@compiled
def saved_without(
    route: Array,
    count: int,
    shift: Array,
    travel: Array,
    service: Array,
    windows_at: Array,
    windows: Array,
    saved: Array,
) -> None:
    """Fill how much sooner a walk ends when a stop is left out."""
    room = np.empty(count + 1, np.int64)
    whole = ends(route, count, shift, travel, service, windows_at, windows, -1, NEVER - 1)
    for i in range(count):
        for k in range(count - 1):
            room[k] = route[k] if k < i else route[k + 1]
        end = ends(room, count - 1, shift, travel, service, windows_at, windows, -1, NEVER - 1)
        saved[i] = 0 if end == NEVER else whole - end

"""A walk as it is drawn, on a screen or on paper: the day, the gates about it, the ground under it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from gridmap.domain.plans import Day

Box = tuple[float, float, float, float]  # west, south, east, north in degrees
LonLat = tuple[float, float]
DEGREE_M = 111_320.0  # of latitude, near enough to frame a picture
MARGIN_M = 60.0  # of ground around a walk
GATE_M = 40.0  # a gate farther from the walk than this is not told


@dataclass(frozen=True)
class Gate:
    """A gate as it stands on the day: its hours in minutes of the local day, None when it is always open."""

    lon: float
    lat: float
    opens_min: int | None
    closes_min: int | None
    barred: bool


@dataclass(frozen=True)
class Piece:
    """One thing of the ground: an open line, or the outer ring of an area; degrees."""

    kind: str
    name: str
    line: tuple[LonLat, ...]
    id: int = 0


@dataclass(frozen=True)
class Ground:
    """What lies under a walk, for paper."""

    areas: tuple[Piece, ...] = ()
    compounds: tuple[Piece, ...] = ()
    streets: tuple[Piece, ...] = ()
    barriers: tuple[Piece, ...] = ()
    buildings: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class Walk:
    """A day to be drawn.

    Attributes
    ----------
    gates : those on the walk and near it
    navigation : links to map apps may be shown
    ground : only for paper; the screen takes it from tiles
    """

    day: Day
    gates: tuple[Gate, ...] = ()
    navigation: bool = False
    ground: Ground = field(default_factory=Ground)


def points_of(day: Day) -> list[LonLat]:
    """Return every point the walk touches: start, end, stops, vertices of the ways between them."""
    found = [(day.start.lon, day.start.lat), (day.end.lon, day.end.lat)]
    for stop in day.stops:
        found.append((stop.lon, stop.lat))
        found += stop.path.lonlat if stop.path else ()
    found += day.way_back.lonlat if day.way_back else ()
    return found


def box_of(points: Iterable[LonLat], *, margin_m: float = MARGIN_M) -> Box:
    """Return the box around some points, with ground about it.

    Parameters
    ----------
    points : degrees, at least one
    margin_m : metres of ground on each side
    """
    lons, lats = zip(*points, strict=True)
    tall = margin_m / DEGREE_M
    wide = tall / math.cos(math.radians((min(lats) + max(lats)) / 2))
    return (min(lons) - wide, min(lats) - tall, max(lons) + wide, max(lats) + tall)


def places_of(day: Day) -> list[LonLat]:
    """Return the points of the stops and of the ways between them: without the way there and back, if it is longer."""
    found = [(stop.lon, stop.lat) for stop in day.stops]
    for stop in day.stops[1:]:
        found += stop.path.lonlat if stop.path else ()
    return found or points_of(day)


def around(one: Box, other: Box) -> Box:
    """Return the box around two boxes."""
    return (min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3]))


def wide_m(box: Box) -> float:
    """Return the longer side of a box in metres."""
    west, south, east, north = box
    squeeze = math.cos(math.radians((south + north) / 2))
    return max((east - west) * squeeze, north - south) * DEGREE_M


def stairs_on(day: Day) -> bool:
    """Tell whether some way of the day has stairs."""
    return any(kind == "steps" for stop in day.stops if stop.path for kind, _, _ in stop.path.parts)


def by_the_way(gates: Iterable[Gate], day: Day, *, within_m: float = GATE_M) -> tuple[Gate, ...]:
    """Return the gates so near a vertex or a stop of the walk that they matter to it."""
    points = points_of(day)
    squeeze = math.cos(math.radians(day.start.lat))
    near = within_m / DEGREE_M

    def close(gate: Gate) -> bool:
        return any(math.hypot((lon - gate.lon) * squeeze, lat - gate.lat) <= near for lon, lat in points)

    return tuple(gate for gate in gates if close(gate))


def framed(box: Box, ratio: float) -> Box:
    """Return a box widened on its shorter side until its width over its height, in metres, is ``ratio``."""
    west, south, east, north = box
    squeeze = math.cos(math.radians((south + north) / 2))
    wide, tall = (east - west) * squeeze, north - south
    more_wide, more_tall = max(0.0, tall * ratio - wide) / squeeze / 2, max(0.0, wide / ratio - tall) / 2
    return (west - more_wide, south - more_tall, east + more_wide, north + more_tall)

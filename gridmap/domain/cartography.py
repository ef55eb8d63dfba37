"""Drawing for paper: a frame in millimetres, lines beside their street, arrows, labels that do not cover each other."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from gridmap.domain.walks import DEGREE_M, Box, LonLat

Point = tuple[float, float]  # millimetres, x to the right, y downwards
SCALE_STEPS_M = (10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
ROUNDS = 80
STRAIGHT = 0.985  # chord over length of a stretch that a name may follow


@dataclass(frozen=True)
class Frame:
    """A picture of a box of ground.

    Attributes
    ----------
    box : the ground, degrees
    width_mm, height_mm : of the picture; the ground fills it
    """

    box: Box
    width_mm: float
    height_mm: float

    @property
    def mm_per_m(self) -> float:
        """Return how many millimetres a metre is in the picture."""
        west, south, east, north = self.box
        wide_m = (east - west) * DEGREE_M * math.cos(math.radians((south + north) / 2))
        return self.width_mm / max(wide_m, 1e-9)

    def put(self, at: LonLat) -> Point:
        """Return where a place is in the picture."""
        west, south, east, north = self.box
        x = (at[0] - west) / (east - west) * self.width_mm
        y = (north - at[1]) / (north - south) * self.height_mm
        return (round(x, 2), round(y, 2))

    def line(self, points: Iterable[LonLat]) -> list[Point]:
        """Return a line in the picture."""
        return [self.put(point) for point in points]

    def holds(self, at: Point, *, margin_mm: float = 0.0) -> bool:
        """Tell whether a point of the picture is inside it, so far from its edge."""
        inside_x = margin_mm <= at[0] <= self.width_mm - margin_mm
        return inside_x and margin_mm <= at[1] <= self.height_mm - margin_mm


def scale_bar(mm_per_m: float, *, longest_mm: float) -> tuple[int, float]:
    """Return the round number of metres that a bar of at most ``longest_mm`` shows, and its length."""
    metres = max((step for step in SCALE_STEPS_M if step * mm_per_m <= longest_mm), default=SCALE_STEPS_M[0])
    return metres, round(metres * mm_per_m, 2)


def _distinct(line: Sequence[Point]) -> list[Point]:
    found: list[Point] = []
    for point in line:
        if not found or math.dist(point, found[-1]) > 1e-3:
            found.append(point)
    return found


def _normal(a: Point, b: Point) -> Point:
    """Return the unit vector to the right of the way from a to b (y points down)."""
    long = math.dist(a, b)
    return (-(b[1] - a[1]) / long, (b[0] - a[0]) / long)


def beside(line: Sequence[Point], by: float) -> list[Point]:
    """Return a line moved to the right of its direction, so that there and back are two lines; its ends stay."""
    points = _distinct(line)
    moved = list(points)
    for i in range(1, len(points) - 1):
        before, after = _normal(points[i - 1], points[i]), _normal(points[i], points[i + 1])
        x, y = before[0] + after[0], before[1] + after[1]
        long = math.hypot(x, y)
        if long < 0.5:  # a turn on the heel
            x, y, share = before[0], before[1], by
        else:
            share = by * min(2.0, 2.0 / long) / long
        moved[i] = (round(points[i][0] + x * share, 2), round(points[i][1] + y * share, 2))
    return moved


def arrows(line: Sequence[Point], *, every: float, size: float) -> list[list[Point]]:
    """Return arrow heads along a line, three points each, at even distances; none on a line too short for one."""
    points = _distinct(line)
    lengths = [math.dist(a, b) for a, b in pairwise(points)]
    total = sum(lengths)
    if total < 3 * size:
        return []
    count = max(1, int(total / every))
    return [_head(points, lengths, total * (n + 0.5) / count, size) for n in range(count)]


def beads(line: Sequence[Point], *, every: float) -> list[Point]:
    """Return points along a line, its vertices and some between them, none farther apart than ``every``."""
    found = list(line[:1])
    for a, b in pairwise(line):
        steps = max(1, math.ceil(math.dist(a, b) / every))
        found += [(a[0] + (b[0] - a[0]) * n / steps, a[1] + (b[1] - a[1]) * n / steps) for n in range(1, steps + 1)]
    return found


def _head(points: Sequence[Point], lengths: Sequence[float], at: float, size: float) -> list[Point]:
    i, gone = 0, 0.0
    while i < len(lengths) - 1 and gone + lengths[i] < at:
        gone += lengths[i]
        i += 1
    (ax, ay), (bx, by) = points[i], points[i + 1]
    ux, uy = (bx - ax) / lengths[i], (by - ay) / lengths[i]
    tip = (ax + ux * (at - gone + size / 2), ay + uy * (at - gone + size / 2))
    back = (tip[0] - ux * size, tip[1] - uy * size)
    half = size * 0.8
    corners = [(back[0] - uy * half, back[1] + ux * half), tip, (back[0] + uy * half, back[1] - ux * half)]
    return [(round(x, 2), round(y, 2)) for x, y in corners]


def apart(points: Sequence[Point], *, least: float, farthest: float) -> list[Point]:
    """Return where signs stand so that none covers another, none farther from its own place than ``farthest``."""
    placed = [[x + math.cos(i * 2.4) * 0.1, y + math.sin(i * 2.4) * 0.1] for i, (x, y) in enumerate(points)]
    for _ in range(ROUNDS):
        if not _push(placed, least):
            break
        for (x, y), at in zip(points, placed, strict=True):
            off = math.dist((x, y), at)
            if off > farthest:
                at[0], at[1] = x + (at[0] - x) * farthest / off, y + (at[1] - y) * farthest / off
    return [
        at if math.dist(at, moved) < 0.3 else (round(moved[0], 2), round(moved[1], 2))
        for at, moved in zip(points, placed, strict=True)
    ]


def _push(placed: list[list[float]], least: float) -> bool:
    moved = False
    for i, a in enumerate(placed):
        for b in placed[i + 1 :]:
            gap_x, gap_y = b[0] - a[0], b[1] - a[1]
            gap = math.hypot(gap_x, gap_y) or 1e-6
            if gap < least:
                x, y = gap_x / gap * (least - gap) / 2, gap_y / gap * (least - gap) / 2
                a[0], a[1], b[0], b[1] = a[0] - x, a[1] - y, b[0] + x, b[1] + y
                moved = True
    return moved


@dataclass(frozen=True)
class Label:
    """A text in the picture: its middle, its size, how far it is turned (degrees, clockwise), what it is about.

    Of labels with the same ``once`` only the first that fits is written.
    """

    text: str
    x: float
    y: float
    size_mm: float
    turn_deg: float = 0.0
    kind: str = ""
    once: str = ""

    @property
    def wide(self) -> float:
        """Return about how long the text is, millimetres."""
        return self.size_mm * sum(1.0 if ord(sign) > 0x2E80 else 0.55 for sign in self.text)

    @property
    def reach(self) -> tuple[float, float, float, float]:
        """Return the box it covers: left, top, right, bottom."""
        wide, turn = self.wide, math.radians(self.turn_deg)
        half_x = (abs(wide * math.cos(turn)) + abs(self.size_mm * math.sin(turn))) / 2
        half_y = (abs(wide * math.sin(turn)) + abs(self.size_mm * math.cos(turn))) / 2
        return (self.x - half_x, self.y - half_y, self.x + half_x, self.y + half_y)


Reach = tuple[float, float, float, float]


def _meet(a: Reach, b: Reach) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def chosen(labels: Iterable[Label], frame: Frame, *, taken: Iterable[Reach] = ()) -> list[Label]:
    """Return the labels that fit: within the frame, covering nothing taken and no label before them."""
    used = list(taken)
    found: list[Label] = []
    said: set[str] = set()
    for label in labels:
        if label.once in said:
            continue
        left, top, right, bottom = reach = label.reach
        inside = left > 0 and top > 0 and right < frame.width_mm and bottom < frame.height_mm
        if inside and not any(_meet(reach, other) for other in used):
            used.append(reach)
            found.append(label)
            said |= {label.once} - {""}
    return found


def along(name: str, line: Sequence[Point], size_mm: float, frame: Frame, kind: str) -> list[Label]:
    """Return where a street's name could stand: on its straightest stretches inside the frame, never upside down.

    A stretch is as long as the name; one that bends is none.
    """
    points = _distinct(line)
    wide = Label(name, 0, 0, size_mm).wide * 1.15
    found = []
    for i in range(len(points) - 1):
        end = _onward(points, i, wide)
        if end is None:
            break
        a, b = points[i], end
        at = (round((a[0] + b[0]) / 2, 2), round((a[1] + b[1]) / 2, 2))
        if math.dist(a, b) < wide * STRAIGHT or not frame.holds(at, margin_mm=3):
            continue
        turn = math.degrees(math.atan2(b[1] - a[1], b[0] - a[0]))
        turn = turn - 180 if turn > 90 else turn + 180 if turn < -90 else turn
        found.append((math.dist(a, b), Label(name, *at, size_mm, round(turn, 1), kind, once=name)))
    return [label for _, label in sorted(found, key=lambda one: -round(one[0], 2))]


def _onward(points: Sequence[Point], start: int, far: float) -> Point | None:
    """Return the point so far along a line from one of its vertices; None when the line ends before."""
    gone = 0.0
    for a, b in pairwise(points[start:]):
        step = math.dist(a, b)
        if gone + step >= far:
            share = (far - gone) / step
            return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share)
        gone += step
    return None


def middle(ring: Sequence[Point]) -> Point:
    """Return the centroid of a ring."""
    zero = ring[0]
    area = x = y = 0.0
    for a, b in pairwise(ring):
        ax, ay, bx, by = a[0] - zero[0], a[1] - zero[1], b[0] - zero[0], b[1] - zero[1]
        cross = ax * by - bx * ay
        area, x, y = area + cross, x + (ax + bx) * cross, y + (ay + by) * cross
    if abs(area) < 1e-9:
        return zero
    return (round(zero[0] + x / (3 * area), 2), round(zero[1] + y / (3 * area), 2))


def width(ring: Sequence[Point]) -> float:
    """Return how wide a ring is in the picture."""
    xs = [x for x, _ in ring]
    return max(xs) - min(xs)

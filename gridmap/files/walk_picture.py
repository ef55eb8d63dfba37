"""The map of a walk on paper: ground, way, numbered places and names, in millimetres, drawn by ``walk_sheet.typ``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from gridmap.domain.cartography import (
    Frame,
    Label,
    Point,
    Reach,
    along,
    apart,
    arrows,
    beads,
    beside,
    chosen,
    middle,
    scale_bar,
    width,
)
from gridmap.domain.plans import Day
from gridmap.domain.plans import Path as Way
from gridmap.domain.walks import Box, Gate, Ground, Piece, Walk, box_of, framed, places_of, points_of, wide_m

MAP_MM = (186.0, 128.0)
FRAME = MAP_MM[0] / MAP_MM[1]
INSET_MM = (44.0, 40.0)
MUCH_LONGER = 1.5  # a whole way so many times wider than its stops gets a small picture of its own
MAJOR = {"motorway", "trunk", "primary", "secondary", "tertiary"}
WALKS = {"footway", "path", "cycleway", "bridleway", "corridor", "steps", "track"}
STREET_M = {"major": 15.0, "minor": 8.0, "small": 4.5}  # as wide as on the screen, about
GREEN = {"park", "green", "grass", "forest", "garden", "pitch"}
WATER = {"water", "river"}
PIN_MM = 5.4
BESIDE_MM = 0.75


def clock(seconds: float) -> str:
    """Return a time of the local day."""
    minutes = int(seconds) // 60
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _class(kind: str) -> str:
    if kind in MAJOR:
        return "major"
    if kind in WALKS:
        return "walk"
    return "small" if kind in {"service"} else "minor"


def _tone(kind: str) -> str:
    return "green" if kind in GREEN else "water" if kind in WATER else "public"


def _streets(streets: Iterable[Piece], frame: Frame) -> list[dict[str, Any]]:
    made = []
    for street in streets:
        kind = _class(street.kind)
        wide = max(0.5, min(4.2, STREET_M.get(kind, 1.0) * frame.mm_per_m))
        made.append({"kind": kind, "mm": round(wide, 2), "line": frame.line(street.line)})
    order = ["walk", "small", "minor", "major"]
    return sorted(made, key=lambda street: order.index(street["kind"]))


def _short(name: str, compounds: Iterable[str]) -> str:
    """Return a building's name without its compound's, which stands beside it in the picture."""
    for compound in compounds:
        if compound and name.startswith(compound) and len(name) > len(compound):
            return name[len(compound) :]
    return name


def _labels(ground: Ground, frame: Frame, ours: set[int]) -> Iterable[Label]:
    """Yield what could be written, the most useful first: the buildings of the walk, compounds, streets, the rest."""
    names = [compound.name for compound in ground.compounds]
    rings = [(building, frame.line(building.line)) for building in ground.buildings]
    for building, ring in rings:
        if building.id in ours:
            yield Label(_short(building.name, names), *middle(ring), 2.5, kind="ours")
    for piece in ground.compounds:
        yield Label(piece.name, *middle(frame.line(piece.line)), 2.9, kind="compound")
    for street in sorted(ground.streets, key=lambda s: _class(s.kind) != "major"):
        if street.name:
            yield from along(street.name, frame.line(street.line), 2.5, frame, "street")
    for piece in ground.areas:
        if piece.name:
            yield Label(piece.name, *middle(frame.line(piece.line)), 2.5, kind="area")
    for building, ring in rings:
        short = _short(building.name, names)
        if building.id not in ours and width(ring) > 2.1 * len(short) * 0.6:
            yield Label(short, *middle(ring), 2.1, kind="building")


def _leg(way: Way, frame: Frame, *, done: bool) -> dict[str, Any]:
    """Return the way to a stop: its level stretches beside the street with arrows, its stairs, its last steps."""
    made: dict[str, Any] = {"done": done, "level": [], "stairs": [], "access": [], "arrows": []}
    for kind, first, last in way.parts or (("street", 0, len(way.lonlat) - 1),):
        line = frame.line(way.lonlat[first : last + 1])
        if kind == "access":
            made["access"].append(line)
            continue
        moved = beside(line, BESIDE_MM)
        if len(moved) < 2:
            continue
        made["stairs" if kind == "steps" else "level"].append(moved)
    made["level"] = _joined(made["level"])
    if not done:
        made["arrows"] = [head for line in made["level"] for head in arrows(line, every=15, size=1.15)]
    return made


def _joined(lines: Sequence[list[Point]]) -> list[list[Point]]:
    """Return lines with those that continue each other made one."""
    found: list[list[Point]] = []
    for line in lines:
        if found and found[-1][-1] == line[0]:
            found[-1] += line[1:]
        else:
            found.append(list(line))
    return found


def _signs(day: Day, frame: Frame) -> dict[str, Any]:
    """Return numbered stops, start and end, each where it covers no other, with where it belongs."""
    start, end = frame.put((day.start.lon, day.start.lat)), frame.put((day.end.lon, day.end.lat))
    same = abs(start[0] - end[0]) + abs(start[1] - end[1]) < 1
    ends = [("start_end" if same else "start", start), *([] if same else [("end", end)])]
    true = [frame.put((stop.lon, stop.lat)) for stop in day.stops] + [at for _, at in ends]
    placed = apart(true, least=PIN_MM + 0.3, farthest=13)
    pins = [
        {"n": stop.number, "errand": stop.kind == "errand", "done": stop.done, "at": at, "true": own}
        for stop, at, own in zip(day.stops, placed, true, strict=False)
    ]
    marks = [
        {"role": role, "at": at, "true": own} for (role, own), at in zip(ends, placed[len(day.stops) :], strict=True)
    ]
    return {"pins": pins, "ends": marks}


def _gates(gates: Sequence[Gate], frame: Frame) -> list[dict[str, Any]]:
    places = [(gate, frame.put((gate.lon, gate.lat))) for gate in gates]
    return [
        {"at": at, "barred": gate.barred, "hours": _hours(gate)} for gate, at in places if frame.holds(at, margin_mm=2)
    ]


def _hours(gate: Gate) -> str:
    if gate.barred or gate.opens_min is None or gate.closes_min is None:
        return ""
    return f"{clock(gate.opens_min * 60)}–{clock(gate.closes_min * 60)}"


def picture(walk: Walk) -> dict[str, Any]:
    """Return the map in millimetres, ready to be drawn: ground, way, signs, names, scale.

    It shows where the stops are. When the way there is much longer than that, a small picture in a corner shows all
    of it.
    """
    day, ground = walk.day, walk.ground
    near, whole = box_of(places_of(day)), box_of(points_of(day))
    far = wide_m(whole) > MUCH_LONGER * wide_m(near)
    frame = Frame(framed(near if far else whole, FRAME), *MAP_MM)
    signs, gates = _signs(day, frame), _gates(walk.gates, frame)
    legs = _legs(day, frame)
    inset = _inset(day, ground, near, whole, signs) if far else None
    ours = {stop.building_id for stop in day.stops if stop.building_id is not None}
    taken = _taken(signs, legs, inset)
    metres, bar = scale_bar(frame.mm_per_m, longest_mm=45)
    return {
        "size": MAP_MM,
        "areas": [{"tone": _tone(a.kind), "line": frame.line(a.line)} for a in ground.areas],
        "compounds": [frame.line(c.line) for c in ground.compounds],
        "streets": _streets(ground.streets, frame),
        "buildings": [{"ours": b.id in ours, "line": frame.line(b.line)} for b in ground.buildings],
        "walls": [frame.line(w.line) for w in ground.barriers],
        "labels": [asdict(label) for label in chosen(_labels(ground, frame, ours), frame, taken=taken)],
        "legs": legs,
        "gates": gates,
        "stairs": any(leg["stairs"] for leg in legs),
        **signs,
        "bar": {"m": metres, "mm": bar},
        "inset": inset,
    }


def _legs(day: Day, frame: Frame) -> list[dict[str, Any]]:
    legs = [_leg(stop.path, frame, done=stop.done) for stop in day.stops if stop.path]
    return legs + ([_leg(day.way_back, frame, done=False)] if day.way_back else [])


def _taken(signs: dict[str, Any], legs: list[dict[str, Any]], inset: dict[str, Any] | None) -> list[Reach]:
    """Return what no name may cover: the scale, the arrow, the signs, the way, the small picture."""
    half = PIN_MM / 2
    wide, tall = MAP_MM
    taken: list[Reach] = [(0, tall - 9, 60, tall), (wide - 12, 0, wide, 15)]
    taken += [(x - half, y - half, x + half, y + half) for x, y in [s["at"] for s in [*signs["pins"], *signs["ends"]]]]
    taken += [(x - 1, y - 1, x + 1, y + 1) for leg in legs for line in leg["level"] for x, y in beads(line, every=2)]
    if inset:
        x, y = inset["at"]
        taken.append((x, y, x + INSET_MM[0], y + INSET_MM[1]))
    return taken


def _inset(day: Day, ground: Ground, near: Box, whole: Box, signs: dict[str, Any]) -> dict[str, Any]:
    """Return a small picture of the whole way, in the corner with the fewest signs."""
    frame = Frame(framed(whole, INSET_MM[0] / INSET_MM[1]), *INSET_MM)
    (wide, tall), (w, h) = MAP_MM, INSET_MM
    corners = [(2.0, 2.0), (wide - w - 2, tall - h - 12), (2.0, tall - h - 12), (wide - w - 16, 2.0)]

    def signs_in(at: Point) -> int:
        reach = (at[0] - 4, at[1] - 4, at[0] + w + 4, at[1] + h + 4)
        return sum(reach[0] < x < reach[2] and reach[1] < y < reach[3] for x, y in (pin["at"] for pin in signs["pins"]))

    west, south, east, north = near
    return {
        "at": min(corners, key=signs_in),
        "size": INSET_MM,
        "areas": [{"tone": _tone(a.kind), "line": frame.line(a.line)} for a in ground.areas],
        "streets": [frame.line(s.line) for s in ground.streets if _class(s.kind) in {"major", "minor"}],
        "way": [frame.line(way.lonlat) for way in [*(s.path for s in day.stops), day.way_back] if way],
        "start": frame.put((day.start.lon, day.start.lat)),
        "near": [frame.put((west, north)), frame.put((east, south))],
    }

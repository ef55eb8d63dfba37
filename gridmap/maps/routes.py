"""The walk map: one worker's way from door to door over the paper basemap. Ids and numbers only."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from folium.template import Template

from gridmap.maps.canvas import Canvas, Parts
from gridmap.maps.layers import Layer, Paper, Start

LonLat = tuple[float, float]
DIGITS = 6  # of a degree: a decimetre

# How a stretch is drawn; every other kind is a street.
STREET, GATE, STEPS, LIFT, ACCESS = range(5)
KINDS = {"gate": GATE, "steps": STEPS, "lift": LIFT, "access": ACCESS}

DONE = "#8b979c"  # what lies behind
AHEAD = "#1d6273"  # what lies ahead
NEXT = "#17303a"  # the way to the stop that is next
STAIR = "#8a4b00"


@dataclass(frozen=True)
class Leg:
    """The way to a stop; ``number`` 0 is the way back.

    Attributes
    ----------
    points : degrees, longitude first
    parts : (kind, first vertex, last vertex)
    """

    number: int
    points: Sequence[LonLat]
    parts: Sequence[tuple[str, int, int]]


@dataclass(frozen=True)
class Stop:
    """A place of the walk: an entrance with doors, or an errand."""

    number: int
    at: LonLat
    errand: bool
    done: bool


@dataclass(frozen=True)
class Drawn:
    """What the map is told of a walk."""

    start: LonLat
    end: LonLat
    legs: Sequence[Leg]
    stops: Sequence[Stop]
    gates: Sequence[tuple[LonLat, bool]]  # where, and whether it is barred


def _flat(points: Iterable[LonLat]) -> list[float]:
    return [round(value, DIGITS) for point in points for value in point]


def _latlng(point: LonLat) -> list[float]:
    lon, lat = point
    return [round(lat, DIGITS), round(lon, DIGITS)]


class Way(Layer):
    """The path with its direction, stairs, gates, numbered stops."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            const {{ this.get_name() }} = (await import("gridmap/way")).draw(
                {{ this._parent.get_name() }}, {{ this.options|tojson }});
        {% endmacro %}
        """
    )

    def __init__(self, drawn: Drawn) -> None:
        options: dict[str, Any] = {
            "start": _latlng(drawn.start),
            "end": _latlng(drawn.end),
            "legs": [
                {
                    "n": leg.number,
                    "p": _flat(leg.points),
                    "k": [[KINDS.get(kind, STREET), first, last] for kind, first, last in leg.parts],
                }
                for leg in drawn.legs
            ],
            "stops": [
                {"n": stop.number, "at": _latlng(stop.at), "errand": stop.errand, "done": stop.done}
                for stop in drawn.stops
            ],
            "gates": [{"at": _latlng(at), "barred": barred} for at, barred in drawn.gates],
            "colours": {"done": DONE, "ahead": AHEAD, "next": NEXT, "stair": STAIR},
        }
        super().__init__("way", options)


def draw(drawn: Drawn, paper: str) -> Parts:
    """Return the map of a walk, ready to be placed in a page.

    Parameters
    ----------
    drawn : the walk
    paper : tile address of the basemap, with ``{z}/{x}/{y}``
    """
    canvas = Canvas(drawn.start)
    layers = [Paper(paper), Way(drawn)]
    for layer in layers:
        canvas.add_child(layer)
    canvas.add_child(Start("walk", layers))
    return canvas.parts()

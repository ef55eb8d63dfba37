"""The map on which a planner draws borders: the paper basemap, and grids as the browser module draws them.

Shapes travel in whole units of 1e-7 degree, so that what comes back names the very corner that was sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import numpy as np
import shapely
from folium.template import Template
from shapely import LineString, Polygon

from gridmap.maps.canvas import Canvas, Parts
from gridmap.maps.layers import Layer, Paper, Start

UNIT = 1e-7  # degrees
DEGREE_M = 111_195.0  # of latitude; a label's size needs no better


class Borders(Layer):
    """The borders of a draft; the page hands their shapes over."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            const {{ this.get_name() }} = (await import("gridmap/boundaries")).borders({{ this._parent.get_name() }});
        {% endmacro %}
        """
    )

    def __init__(self) -> None:
        super().__init__("borders", {})


def draw(centre: tuple[float, float], paper: str) -> Parts:
    """Return the editor's map.

    Parameters
    ----------
    centre : (lon, lat), degrees
    paper : tile address of the basemap, with ``{z}/{x}/{y}``
    """
    canvas = Canvas(centre)
    layers = [Paper(paper), Borders()]
    for layer in layers:
        canvas.add_child(layer)
    canvas.add_child(Start("boundaries", layers))
    return canvas.parts()


def flat(points: Iterable[tuple[float, ...]]) -> list[int]:
    """Return points of whole units as differences: x0, y0, then dx, dy ..."""
    listed = [(round(p[0]), round(p[1])) for p in points]
    found = list(listed[0])
    for (ax, ay), (bx, by) in pairwise(listed):
        found += [bx - ax, by - ay]
    return found


def rings(shape: Polygon) -> list[list[int]]:
    """Return a polygon of whole units as rings of differences, without their closing corner."""
    return [flat(list(ring.coords)[:-1]) for ring in (shape.exterior, *shape.interiors)]


def in_units(shape: Polygon | LineString) -> Any:
    """Return a shape of degrees in whole units."""
    return shapely.transform(shape, lambda at: np.rint(at / UNIT))


def label(shape: Polygon) -> tuple[tuple[float, float], float]:
    """Return the best place for a label (lon, lat in degrees), and the radius in metres of the circle around it.

    Parameters
    ----------
    shape : Polygon of whole units
    """
    squeeze = np.array([np.cos(np.radians(shape.centroid.y * UNIT)), 1.0])  # so that the circle is one on the ground
    x, y = shape.exterior.coords[0][:2]
    ground = shapely.transform(shape, lambda at: (at - (x, y)) * squeeze)
    circle = shapely.maximum_inscribed_circle(ground, tolerance=max(ground.length / 2_000, 1.0))
    at = circle.coords[0]
    lon, lat = x + at[0] / squeeze[0], y + at[1]
    return (round(lon * UNIT, 6), round(lat * UNIT, 6)), round(circle.length * UNIT * DEGREE_M, 1)


def outer(shape: Polygon) -> list[list[int]]:
    """Return the rings of a polygon of whole units, closed: to be drawn as a line."""
    return [flat(ring.coords) for ring in (shape.exterior, *shape.interiors)]

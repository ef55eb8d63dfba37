"""The coverage map: grids by value over the paper basemap, with households and services that can be switched on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gridmap.domain.attention import Story
from gridmap.maps import colours
from gridmap.maps.canvas import Canvas, Parts
from gridmap.maps.layers import GridFace, Grids, Groups, Homes, Layer, Paper, Points, Runs, Start


@dataclass(frozen=True)
class Sources:
    """Addresses the map's layers read; ``None`` where the viewer has no right to a layer.

    Attributes
    ----------
    paper, homes, groups : tile addresses with ``{z}/{x}/{y}``.
    points, runs : JSON addresses.
    """

    paper: str
    homes: str | None = None
    groups: str | None = None
    points: str | None = None
    runs: str | None = None


def _layers(faces: Sequence[GridFace], sources: Sources) -> list[Layer]:
    made: list[Layer] = [Paper(sources.paper), Grids(faces)]
    optional: list[tuple[type[Homes | Groups | Points | Runs], str | None]] = [
        (Runs, sources.runs),
        (Homes, sources.homes),
        (Groups, sources.groups),
        (Points, sources.points),
    ]
    made += [layer(url) for layer, url in optional if url is not None]
    return made


def draw(faces: Sequence[GridFace], sources: Sources) -> Parts:
    """Return the coverage map, ready to be placed in a page.

    Parameters
    ----------
    faces : the grids the viewer may see, as they were on the day asked for.
    sources : where the layers come from.
    """
    labels = [face.label for face in faces] or [(105.0, 35.0)]
    centre = (sum(lon for lon, _ in labels) / len(labels), sum(lat for _, lat in labels) / len(labels))
    canvas = Canvas(centre)
    layers = _layers(faces, sources)
    for layer in layers:
        canvas.add_child(layer)
    canvas.add_child(Start("coverage", layers))
    return canvas.parts()


@dataclass(frozen=True)
class LegendRow:
    """One class of the legend: its blended colour, its range and how many grids are in it.

    ``low`` and ``high`` are limits in the story's unit; ``None`` where the class is open.
    """

    number: int
    colour: str
    low: float | None
    high: float | None
    count: int


def legend(story: Story, values: Iterable[float | None]) -> list[LegendRow]:
    """Return the legend's rows, the class that needs help first."""
    scale = colours.SCALES[story]
    counts = Counter(scale.class_of(value) for value in values)
    edges: list[float | None] = [None, *scale.limits, None]
    ranges = [(edges[i], edges[i + 1]) for i in range(len(edges) - 1)]
    if scale.more_is_worse:
        ranges.reverse()
    return [
        LegendRow(number, colours.SWATCHES[number], low, high, counts[number])
        for number, (low, high) in enumerate(ranges)
    ]

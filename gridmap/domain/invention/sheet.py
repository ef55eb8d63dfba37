"""The sheet the town is drawn on: what has been put down so far, and the ground that waits for houses."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import shapely
from shapely import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from gridmap.domain.invention.plan import Plot
from gridmap.domain.invention.shapes import join, largest, lines, polygons


class Street(NamedTuple):
    """One drawn street."""

    name: str
    kind: str
    line: LineString


@dataclass
class House:
    """One drawn building; ``doors`` are (unit, point on its edge), empty until doors are set at the nearest street.

    ``homes`` is the number of homes on each floor behind each door.
    """

    shape: Polygon
    kind: str
    grid: str
    quarter: str
    floors: int
    homes: int
    name: str = ""
    has_lift: bool = False
    compound: int | None = None
    doors: list[tuple[str, Point]] = field(default_factory=list)


@dataclass
class Compound:
    """One drawn compound; ``committee`` as in the plan."""

    name: str
    kind: str
    built_year: int
    committee: str
    shape: Polygon


@dataclass(frozen=True)
class Ground:
    """A plot that waits for its houses: the ground between the pavements, and the streets around it."""

    plot: Plot
    shape: Polygon
    streets: tuple[Street, ...]


@dataclass
class Sheet:
    """Everything drawn so far, in metres from the middle of the sheet."""

    rng: np.random.Generator
    outline: Polygon
    river: Polygon
    streets: list[Street] = field(default_factory=list)
    barriers: list[tuple[str, LineString]] = field(default_factory=list)
    areas: list[tuple[str, str, Polygon]] = field(default_factory=list)
    compounds: list[Compound] = field(default_factory=list)
    houses: list[House] = field(default_factory=list)
    places: list[tuple[str, str, Point]] = field(default_factory=list)
    facilities: list[tuple[str, str, Point]] = field(default_factory=list)

    def pave(self, name: str, kind: str, line: BaseGeometry) -> None:
        """Draw a street; pieces shorter than a step are dropped."""
        self.streets += [Street(name, kind, part) for part in lines(line) if part.length > 3]

    def wall(self, shape: BaseGeometry, kind: str = "wall") -> None:
        """Draw a wall or fence."""
        self.barriers += [(kind, part) for part in lines(shape) if part.length > 2]

    def built(self) -> BaseGeometry:
        """Return all houses as one shape."""
        return join([house.shape for house in self.houses])

    def free(self, site: Polygon, gap_m: float) -> BaseGeometry:
        """Return what of a site no house has taken, with a gap around each."""
        taken = join([h.shape for h in self.houses if h.shape.intersects(site)])
        return site.difference(taken.buffer(gap_m, join_style="mitre")) if not taken.is_empty else site

    def build(self, house: House, ground: BaseGeometry) -> bool:
        """Put a house down when its ground holds it whole."""
        if not ground.contains(house.shape):
            return False
        self.houses.append(house)
        return True

    def build_public(self, grid: str, name: str, shape: Polygon, floors: int, ground: Polygon) -> None:
        """Put down a building the plan asks for.

        Raises
        ------
        ValueError
            When its ground has no room for it: the plan must be changed.
        """
        if not self.build(House(shape, "public", grid, name, floors, 0, name=name), ground):
            raise ValueError(f"no room for {name}")

    def plant(self, ground: BaseGeometry, *, at_least_m2: float) -> None:
        """Plant the open ground a quarter has left over, where there is enough of it."""
        taken = join([h.shape.buffer(5) for h in self.houses if h.shape.intersects(ground)])
        ways = join([s.line.buffer(3.5) for s in self.streets if s.line.intersects(ground)])
        rest = ground.buffer(-4).difference(shapely.union_all([taken, ways])).buffer(-5).buffer(4.5)
        for part in polygons(rest)[:3]:
            if part.area > at_least_m2:
                self.areas.append(("", "green", largest(part.simplify(0.5))))

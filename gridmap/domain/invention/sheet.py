"""The sheet the town is drawn on: what has been put down so far, and what is in the way of the next house."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from shapely import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry
from shapely.prepared import prep

from gridmap.domain.invention.shapes import lines


@dataclass
class Street:
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
class Sheet:
    """Everything drawn so far, in metres from the middle of the sheet."""

    rng: np.random.Generator
    outline: Polygon
    river: Polygon
    streets: list[Street] = field(default_factory=list)
    barriers: list[tuple[str, LineString]] = field(default_factory=list)
    areas: list[tuple[str, str, Polygon]] = field(default_factory=list)
    compounds: list[dict[str, object]] = field(default_factory=list)
    houses: list[House] = field(default_factory=list)
    places: list[tuple[str, str, Point]] = field(default_factory=list)
    facilities: list[tuple[str, str, Point]] = field(default_factory=list)

    def pave(self, name: str, kind: str, line: BaseGeometry) -> None:
        """Draw a street; pieces shorter than a step are dropped."""
        self.streets += [Street(name, kind, part) for part in lines(line) if part.length > 3]

    def wall(self, shape: BaseGeometry, kind: str = "wall") -> None:
        """Draw a wall or fence."""
        self.barriers += [(kind, part) for part in lines(shape) if part.length > 2]

    def free(self, site: Polygon, gap_m: float) -> BaseGeometry:
        """Return what of a site no house has taken, with a gap around each."""
        taken = [h.shape for h in self.houses if h.shape.intersects(site)]
        if not taken:
            return site
        return site.difference(shapely.union_all(taken).buffer(gap_m, join_style="mitre"))

    def build(self, house: House, ground: BaseGeometry) -> bool:
        """Put a house down when its ground holds it whole."""
        if not prep(ground).contains(house.shape):
            return False
        self.houses.append(house)
        return True

"""Water on its way: the runs of one day, each with its path and its stops in order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Stop:
    """One customer on a run; several orders of one customer are one stop.

    Attributes
    ----------
    customer : an institution, a shop or a door; never a resident's name.
    kind : 'institution', 'shop' or 'household'.
    lon, lat : degrees, EPSG:4490.
    barrels : by brand, in the order of the brand's name.
    delivered_at : aware; None while it is on its way.
    """

    number: int
    customer: str
    kind: str
    lon: float
    lat: float
    barrels: dict[str, int]
    delivered_at: datetime | None


@dataclass(frozen=True)
class Run:
    """One drive through the community.

    Attributes
    ----------
    path : (lon, lat) pairs in driving order, EPSG:4490.
    length_m : of the path, in metres.
    """

    id: int
    number: int
    driver: str
    length_m: float
    path: tuple[tuple[float, float], ...]
    stops: tuple[Stop, ...]

    @property
    def barrels(self) -> int:
        """Return how many barrels it carries."""
        return sum(sum(stop.barrels.values()) for stop in self.stops)

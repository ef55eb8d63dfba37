"""Which map tiles there are, and the name under which a browser may keep one for ever."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Layer(StrEnum):
    """What a tile shows."""

    BASE = "base"  # streets, buildings, areas, places: equal for all roles
    HOMES = "homes"  # households and their state on the day
    GROUPS = "groups"  # households with special groups


DEEPEST = 20  # zoom; at 20 a pixel is 0.13 m, finer than any source
LOWEST = {Layer.BASE: 6, Layer.HOMES: 16, Layer.GROUPS: 14}  # below, a tile would hold a whole district's households

_VERSION = re.compile(r"[0-9]{1,19}-[0-9]{8}")


@dataclass(frozen=True)
class Tile:
    """One square of the Web Mercator pyramid; ``exists`` tells whether we draw it."""

    layer: Layer
    z: int
    x: int
    y: int

    @property
    def exists(self) -> bool:
        """Tell whether the square is on the globe and its zoom is drawn."""
        return LOWEST[self.layer] <= self.z <= DEEPEST and 0 <= self.x < 2**self.z and 0 <= self.y < 2**self.z


def tile_of(lon: float, lat: float, z: int) -> tuple[int, int]:
    """Return x and y of the square that holds a point in degrees, WGS 84 or CGCS2000."""
    y = (1 - math.asinh(math.tan(math.radians(lat))) / math.pi) / 2
    return int((lon + 180) / 360 * 2**z), int(y * 2**z)


def version(map_version: int, on: date) -> str:
    """Name what a community's map shows: it changes with every stored change and with the day.

    Parameters
    ----------
    map_version : int
        ``community.map_version``, raised in each transaction that changes a tile.
    on : date
        The community's own date: what is due today was not yesterday.
    """
    return f"{map_version}-{on:%Y%m%d}"


def is_version(shown: str) -> bool:
    """Tell whether this could be, or have been, a version."""
    return _VERSION.fullmatch(shown) is not None

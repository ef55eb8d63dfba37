"""What the coordinates of a bureau's file mean: every reading is tried against the borders that are known.

A file may name its system wrongly or not at all, have its axes swapped, or come from a map service whose datum is
shifted by some 500 m. The reading under which the file's corners lie closest to today's borders and within the
community is the guess; a person confirms it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyproj
import shapely
from shapely import Polygon

from gridmap.domain import datum
from gridmap.domain.crs import STORE_SRID, TILE_SRID, WGS84_SRID, is_known, projected_epsg, zoned_epsg
from gridmap.domain.drafting.arrangement import UNITS
from gridmap.domain.partition.units import scale_at
from gridmap.errors import BadInput

Floats = npt.NDArray[np.float64]

GCJ02, BD09 = "gcj02", "bd09"
SAMPLE = 600  # corners are looked at
FAR_M = 1_000.0  # farther from the community than this is another place
CLOSE_M = 20.0  # what a file names is believed while it fits within this
CLEARLY = 3.0  # times better must another reading be to be preferred


@dataclass(frozen=True, order=True)
class Reading:
    """One way to read coordinates.

    Attributes
    ----------
    system : an EPSG number in digits, or "gcj02", "bd09".
    swapped : the first coordinate is the north one.
    """

    system: str
    swapped: bool = False

    def __str__(self) -> str:
        """Return it as it is typed."""
        return self.system + ("/swapped" if self.swapped else "")


@dataclass(frozen=True)
class Guess:
    """How a file is read, and why.

    Attributes
    ----------
    reading : the one that is taken; misfit_m : how far its corners lie from today's borders and from the community,
        together.
    named : the reading the file names, or None; named_misfit_m : that of the one it names.
    options : every reading that gives a place on the globe, the closest first, with its misfit.
    chosen : a person chose it; else it is guessed.
    """

    reading: Reading
    misfit_m: float
    named: Reading | None
    named_misfit_m: float
    options: tuple[tuple[Reading, float], ...]
    chosen: bool = False


def readings(lon: float, lat: float, named: int | None) -> list[Reading]:
    """Return the readings that are possible at a place: degrees, the map services' datums, the usual plane systems."""
    systems = [str(n) for n in (STORE_SRID, WGS84_SRID, projected_epsg(lon, lat), zoned_epsg(lon), TILE_SRID)]
    if named is not None and is_known(named) and str(named) not in systems:
        systems.insert(0, str(named))
    return [Reading(system, swapped) for swapped in (False, True) for system in [*systems, GCJ02, BD09]]


def lonlat(corners: Floats, reading: Reading) -> Floats:
    """Return corners in degrees, CGCS2000; not finite where a reading makes no sense of them."""
    at = corners[:, ::-1] if reading.swapped else corners
    nowhere = np.full_like(at, np.nan)
    if reading.system in (GCJ02, BD09):
        turn = datum.wgs84_from_gcj02 if reading.system == GCJ02 else datum.wgs84_from_bd09
        try:
            return turn(at)
        except (datum.OutsideChina, ArithmeticError):
            return nowhere
    epsg = int(reading.system)
    if epsg in (STORE_SRID, WGS84_SRID):
        return at if (np.abs(at) <= (180.0, 90.0)).all() else nowhere
    # the plane's own inverse, no datum shift: CGCS2000 and WGS 84 are one at our scale
    found = np.stack(pyproj.Proj(f"EPSG:{epsg}")(at[:, 0], at[:, 1], inverse=True), axis=-1)
    return found if np.isfinite(found).all() else nowhere


def guessed(shapes: np.ndarray, known: Iterable[Polygon], named: int | None, wished: Reading | None = None) -> Guess:
    """Return how to read a file's coordinates.

    Parameters
    ----------
    shapes : in the file's own coordinates; known : today's grids, whole units; named : EPSG number the file names.
    wished : what a person chose instead.

    Raises
    ------
    BadInput
        When no reading puts it near the community, or a person's choice does not.
    """
    place = _Place(known)
    corners = shapely.get_coordinates(shapes)
    corners = corners[np.linspace(0, len(corners) - 1, min(len(corners), SAMPLE)).round().astype(int)]
    options = sorted(
        ((reading, place.misfit_m(lonlat(corners, reading))) for reading in readings(*place.centre, named)),
        key=lambda one: (round(one[1], 2), one[0].swapped),
    )
    options = [one for one in options if np.isfinite(one[1])]
    own = Reading(str(named)) if named is not None and is_known(named) else None
    by = dict(options)
    if wished is not None:
        misfit = place.misfit_m(lonlat(corners, wished)) if is_possible(wished) else np.inf
        if not misfit < FAR_M:
            raise BadInput("按 %(system)s 读，图形不在本社区。请选别的坐标系", system=wished)
        return Guess(wished, misfit, own, by.get(own, np.inf) if own else np.inf, tuple(options), chosen=True)
    if not options or options[0][1] > FAR_M:
        km = options[0][1] / 1000 if options else 0
        raise BadInput("按哪种坐标系读，图形都不在本社区（最近也差约 %(km).0f 公里）。请检查是不是别处的文件", km=km)
    best, misfit = options[0]
    named_misfit = by.get(own, np.inf) if own else np.inf
    if own and (named_misfit <= CLOSE_M or named_misfit <= CLEARLY * misfit):
        best, misfit = own, named_misfit
    return Guess(best, misfit, own, named_misfit, tuple(options))


def is_possible(reading: Reading) -> bool:
    """Tell whether coordinates can be read so at all."""
    return reading.system in (GCJ02, BD09) or (
        reading.system.isascii()
        and reading.system.isdecimal()
        and len(reading.system) < 6
        and is_known(int(reading.system))
    )


class _Place:
    """A community's ground and borders, in metres about its middle."""

    def __init__(self, known: Iterable[Polygon]) -> None:
        shapes = np.array(list(known), dtype=object)
        if not len(shapes):
            raise BadInput("这个社区还没有网格，无法对照文件里的边界")
        west, south, east, north = shapely.total_bounds(shapes)
        self.middle = np.array([(west + east) / 2, (south + north) / 2])
        scale = scale_at(self.middle[1])
        self.scale = np.array([scale.east, scale.north])
        self.centre = (self.middle[0] / UNITS, self.middle[1] / UNITS)
        metres = shapely.transform(shapes, lambda at: (at - self.middle) * self.scale)
        self.ground = shapely.union_all(metres)
        self.borders = shapely.union_all(shapely.boundary(metres))
        shapely.prepare([self.ground, self.borders])

    def misfit_m(self, degrees: Floats) -> float:
        """Return the median distance from borders plus the mean distance from the ground; inf for no place."""
        if not len(degrees) or not np.isfinite(degrees).all():
            return np.inf
        points = shapely.points((degrees * UNITS - self.middle) * self.scale)
        from_border = np.median(shapely.distance(points, self.borders))
        return float(from_border + np.mean(shapely.distance(points, self.ground)))


def in_units(shapes: Sequence[shapely.Geometry] | np.ndarray, reading: Reading) -> np.ndarray:
    """Return shapes in whole units of 1e-7 degree, CGCS2000."""
    found: np.ndarray = shapely.transform(
        np.asarray(shapes, dtype=object), lambda at: np.rint(lonlat(at, reading) * UNITS)
    )
    return found


def from_degrees(corners: Floats, reading: Reading) -> Floats:
    """Return corners given in degrees, CGCS2000, as a reading would have them: what ``lonlat`` undoes."""
    if reading.system in (GCJ02, BD09):
        made = (datum.gcj02_from_wgs84 if reading.system == GCJ02 else datum.bd09_from_wgs84)(corners)
    elif int(reading.system) in (STORE_SRID, WGS84_SRID):
        made = corners
    else:
        made = np.stack(pyproj.Proj(f"EPSG:{reading.system}")(corners[:, 0], corners[:, 1]), axis=-1)
    return made[:, ::-1] if reading.swapped else made

"""Coordinate systems. Only this file holds an EPSG number."""

from __future__ import annotations

import math

STORE_SRID = 4490  # CGCS2000, longitude and latitude in degrees; equals WGS 84 at our scale
TILE_SRID = 3857  # Web Mercator, of the map tiles
WGS84_SRID = 4326  # OpenStreetMap, phone GPS

CHINA_BOX = (73.0, 3.0, 136.0, 54.0)  # lon_min, lat_min, lon_max, lat_max in degrees


def projected_epsg(lon: float, lat: float) -> int:
    """Return the EPSG code in which lengths and areas near a point are true.

    In China the CGCS2000 3-degree Gauss-Krueger zone without zone prefix (EPSG:4534 for the central meridian
    75 E, one more for each 3 degrees: 4544 for 105 E); elsewhere the UTM zone of WGS 84.

    Parameters
    ----------
    lon, lat : float
        Degrees, CGCS2000 or WGS 84.

    Raises
    ------
    ValueError
        When the point is not finite or not on the globe.

    References
    ----------
    EPSG registry, 4534-4554 and 32601-32760.
    """
    if not (-180 <= lon <= 180 and -90 <= lat <= 90):  # NaN fails as well
        raise ValueError(f"not on the globe: {lon}, {lat}")
    west, south, east, north = CHINA_BOX
    if west <= lon <= east and south <= lat <= north:
        meridian = min(max(round(lon / 3) * 3, 75), 135)
        return 4534 + (meridian - 75) // 3
    zone = min(math.floor((lon + 180) / 6) + 1, 60)
    return (32600 if lat >= 0 else 32700) + zone


def zoned_epsg(lon: float) -> int:
    """Return the EPSG code of the CGCS2000 3-degree zone of a longitude in China whose eastings begin with its number.

    EPSG:4513 is zone 25 (75 E), 4523 zone 35 (105 E), 4533 zone 45 (135 E).
    """
    return 4513 + min(max(round(lon / 3), 25), 45) - 25


def is_known(epsg: int) -> bool:
    """Tell whether coordinates of a system need no datum shift: CGCS2000, WGS 84, and the planes over them."""
    utm = 32601 <= epsg <= 32660
    return epsg in (STORE_SRID, WGS84_SRID, TILE_SRID) or 4502 <= epsg <= 4554 or utm

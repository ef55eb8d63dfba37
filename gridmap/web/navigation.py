"""Links that hand a place to a map app: shown only when the community switched them on.

Such a link tells a third party which entrance somebody looks for. So it carries the point and nothing else: no name,
no address, no person; the page says so before the first one is followed. The addresses of the map apps stand in this
file and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from flask_babel import gettext, lazy_gettext

from gridmap.domain.datum import OutsideChina, gcj02_from_wgs84

DIGITS = 6  # of a degree: a decimetre
AMAP = "https://uri.amap.com/navigation"
BAIDU = "https://api.map.baidu.com/marker"
HERE = lazy_gettext("目的地")  # what the app shows at the point, for everybody the same


@dataclass(frozen=True)
class Link:
    """One way to a map app."""

    app: str
    word: Any
    href: str


def _amap(lon: float, lat: float) -> Link:
    """Return a walk from where one is to a point, in the datum of AMap."""
    there = ",".join(f"{degree:.{DIGITS}f}" for degree in gcj02_from_wgs84((lon, lat)))
    values = {"to": f"{there},{HERE}", "mode": "walk", "callnative": "1"}
    return Link("amap", lazy_gettext("高德"), f"{AMAP}?{urlencode(values, safe=',', quote_via=quote)}")


def _baidu(lon: float, lat: float) -> Link:
    """Return a point for Baidu, which is told that it is WGS 84 and shifts it itself."""
    point = f"{lat:.{DIGITS}f},{lon:.{DIGITS}f}"
    title = gettext("目的地")
    values = {"location": point, "title": title, "content": title, "coord_type": "wgs84", "output": "html"}
    return Link("baidu", lazy_gettext("百度"), f"{BAIDU}?{urlencode(values, safe=',', quote_via=quote)}")


def _geo(lon: float, lat: float) -> Link:
    """Return the address of a place for whatever app the phone has (RFC 5870)."""
    return Link("geo", lazy_gettext("其他地图"), f"geo:{lat:.{DIGITS}f},{lon:.{DIGITS}f}")


def links(lon: float, lat: float) -> list[Link]:
    """Return the links to one entrance; outside China only the one that needs no shifted datum.

    Parameters
    ----------
    lon, lat : degrees, CGCS2000 (equal to WGS 84 at our scale)
    """
    try:
        return [_amap(lon, lat), _baidu(lon, lat), _geo(lon, lat)]
    except OutsideChina:
        return [_geo(lon, lat)]

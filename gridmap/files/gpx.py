"""A walk as GPX 1.1, for a watch or a map app of one's own: the track and numbered points, and no word about anybody.

Whoever opens the file in an app may hand it to a third party. So a point carries its number in the walk and whether
it is an entrance or an errand; no address, no resident, no reason, no time.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from gridmap.domain.plans import Day, Path

NAMESPACE = "http://www.topografix.com/GPX/1/1"
DIGITS = 6  # of a degree, WGS 84 (CGCS2000 equals it at our scale): a decimetre


def _point(tag: str, lon: float, lat: float) -> ET.Element:
    return ET.Element(tag, {"lat": f"{lat:.{DIGITS}f}", "lon": f"{lon:.{DIGITS}f}"})


def _waypoint(lon: float, lat: float, name: str, kind: str) -> ET.Element:
    made = _point("wpt", lon, lat)
    ET.SubElement(made, "name").text = name
    ET.SubElement(made, "type").text = kind
    return made


def _segment(path: Path) -> ET.Element:
    made = ET.Element("trkseg")
    made.extend(_point("trkpt", lon, lat) for lon, lat in path.lonlat)
    return made


def to_gpx(day: Day) -> bytes:
    """Return the walk: start, end and stops as waypoints, and one track with a segment for each leg.

    References
    ----------
    GPX 1.1 schema: ``metadata``, then ``wpt``, then ``trk``; positions in WGS 84.
    """
    root = ET.Element("gpx", {"version": "1.1", "creator": "gridmap", "xmlns": NAMESPACE})
    ET.SubElement(ET.SubElement(root, "metadata"), "name").text = f"{day.on.isoformat()} {day.plan_id}"
    root.append(_waypoint(day.start.lon, day.start.lat, "S", "start"))
    root.extend(_waypoint(s.lon, s.lat, str(s.number), s.kind) for s in day.stops)
    root.append(_waypoint(day.end.lon, day.end.lat, "E", "end"))
    legs = [path for path in [*(stop.path for stop in day.stops), day.way_back] if path and len(path.lonlat) > 1]
    if legs:
        track = ET.SubElement(root, "trk")
        track.extend(_segment(path) for path in legs)
    ET.indent(root)
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True))

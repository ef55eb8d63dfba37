"""A tiny town written as OpenStreetMap XML, for tests: metres east and north of a corner become degrees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

Corner = tuple[float, float]


class Sheet:
    """Collects nodes, ways and relations and writes them."""

    def __init__(self, lon: float = 116.4, lat: float = 40.0) -> None:
        self.lon, self.lat = lon, lat
        self.known: dict[Corner, int] = {}
        self.nodes: list[str] = []
        self.ways: list[str] = []
        self.relations: list[str] = []

    def node(self, at: Corner, **tags: str) -> int:
        """Add a node, or return the one that is there."""
        if at in self.known and not tags:
            return self.known[at]
        number = len(self.nodes) + 1
        self.known.setdefault(at, number)
        lon = self.lon + at[0] / (111_320 * math.cos(math.radians(self.lat)))
        lat = self.lat + at[1] / 110_574
        self.nodes.append(f'<node id="{number}" lon="{lon:.7f}" lat="{lat:.7f}">{_tags(tags)}</node>')
        return number

    def way(self, corners: Sequence[Corner], **tags: str) -> int:
        """Add a way."""
        number = len(self.ways) + 1
        refs = "".join(f'<nd ref="{self.node(at)}"/>' for at in corners)
        self.ways.append(f'<way id="{number}">{refs}{_tags(tags)}</way>')
        return number

    def block(self, x: float, y: float, width: float, depth: float, **tags: str) -> int:
        """Add a closed rectangle, a building unless tags say otherwise."""
        ring = [(x, y), (x + width, y), (x + width, y + depth), (x, y + depth), (x, y)]
        return self.way(ring, **(tags or {"building": "apartments", "building:levels": "6"}))

    def multipolygon(self, members: Sequence[tuple[int, str]], **tags: str) -> None:
        """Add a multipolygon of ways with their roles."""
        refs = "".join(f'<member type="way" ref="{way}" role="{role}"/>' for way, role in members)
        number = len(self.relations) + 1
        self.relations.append(f'<relation id="{number}">{refs}{_tags(tags | {"type": "multipolygon"})}</relation>')

    def text(self) -> str:
        """Return the whole file."""
        body = "\n".join([*self.nodes, *self.ways, *self.relations])
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<osm version="0.6" generator="test">\n{body}\n</osm>\n'

    def write(self, folder: Path) -> Path:
        """Write the file and return where."""
        path = folder / "town.osm"
        path.write_text(self.text(), encoding="utf-8")
        return path


def _tags(tags: dict[str, str]) -> str:
    return "".join(f"<tag k={quoteattr(k)} v={quoteattr(v)}/>" for k, v in tags.items())


def checkerboard(columns: int = 4, rows: int = 3, *, side: float = 120.0, **where: float) -> Sheet:
    """Return a town of streets at right angles with four buildings in each block."""
    sheet = Sheet(**where)
    for i in range(columns + 1):
        sheet.way([(i * side, j * side) for j in range(rows + 1)], highway="residential", name=f"纵{i + 1}路")
    for j in range(rows + 1):
        sheet.way([(i * side, j * side) for i in range(columns + 1)], highway="residential", name=f"横{j + 1}路")
    for i in range(columns):
        for j in range(rows):
            for dx in (15, 70):
                for dy in (15, 70):
                    sheet.block(i * side + dx, j * side + dy, 40, 15)
    return sheet

"""Layers as Folium elements: each writes one call of the browser module ``stage`` with ids, numbers and our colours.

Households never become Folium objects: their layers are addresses of vector tiles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from branca.element import MacroElement
from folium.template import Template
from shapely import Polygon

from gridmap.maps import colours
from gridmap.maps.borders import UNIT, arcs_of


class Layer(MacroElement):
    """One layer: a function of ``stage`` and what it is given.

    Parameters
    ----------
    name : the variable in the script; also the layer's name in the address of the page.
    options : JSON; nothing in it may come from what people entered.
    """

    function = ""
    _template = Template(
        """
        {% macro script(this, kwargs) %}
            const {{ this.get_name() }} = stage.{{ this.function }}(
                {{ this._parent.get_name() }}, {{ this.options|tojson }});
        {% endmacro %}
        """
    )

    def __init__(self, name: str, options: dict[str, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name, self._id, self.options = "layer", name, options

    def get_name(self) -> str:
        """Return the script's variable."""
        return f"layer_{self._id}"


class Paper(Layer):
    """The paper basemap: ground, green, water, buildings, streets and their names, from our own tiles."""

    function = "paper"

    def __init__(self, tiles: str) -> None:
        super().__init__("paper", {"url": tiles, "ground": colours.GROUND})


class Homes(Layer):
    """Households as dots by state, from our own tiles; they appear where they can be told apart."""

    function = "homes"

    def __init__(self, tiles: str) -> None:
        super().__init__("homes", {"url": tiles, "colours": {int(s): c for s, c in colours.STATE_COLOURS.items()}})


class Groups(Layer):
    """Households with a special group, for roles that may know of them."""

    function = "groups"

    def __init__(self, tiles: str) -> None:
        super().__init__("groups", {"url": tiles})


@dataclass(frozen=True)
class GridFace:
    """The shape of one grid and the best place for its label.

    Attributes
    ----------
    boundary : GeoJSON polygon, degrees, longitude first.
    label : (lon, lat), centre of the largest circle inside.
    radius_m : of that circle.
    """

    grid_id: int
    boundary: dict[str, Any]
    label: tuple[float, float]
    radius_m: float
    commercial: bool


def _polygon(boundary: dict[str, Any]) -> Polygon:
    """Return a GeoJSON polygon as a shape."""
    outer, *holes = boundary["coordinates"]
    return Polygon(outer, holes)


class Grids(Layer):
    """The grids: faces coloured by class, each border drawn once, labels where they fit."""

    function = "grids"

    def __init__(self, faces: Sequence[GridFace]) -> None:
        arcs = arcs_of({face.grid_id: _polygon(face.boundary) for face in faces})
        super().__init__(
            "grids",
            {
                "unit": UNIT,
                "arcs": arcs.arcs,
                "outer": arcs.outer,
                "faces": [
                    {
                        "id": face.grid_id,
                        "rings": arcs.rings[face.grid_id],
                        "at": [round(face.label[1], 6), round(face.label[0], 6)],
                        "r": round(face.radius_m, 1),
                        "commercial": face.commercial,
                    }
                    for face in faces
                ],
                "ramp": colours.RAMP,
                "opacity": colours.OPACITY,
                "nothing": colours.NOTHING,
                "ground": colours.GROUND,
                "dash": colours.BORDER_COMMERCIAL,
                "texts": [colours.text_colour(swatch) for swatch in colours.SWATCHES],
            },
        )


class Points(Layer):
    """Facilities: fetched as JSON when they are switched on."""

    function = "points"

    def __init__(self, url: str) -> None:
        super().__init__("points", {"url": url})


class Runs(Layer):
    """Delivery routes: fetched as JSON when they are switched on."""

    function = "runs"

    def __init__(self, url: str) -> None:
        super().__init__("runs", {"url": url})


class Start(MacroElement):
    """Hand map and layers to the page's own module, when everything above exists."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            const page = await import("gridmap/{{ this.module }}");
            page.start({{ this._parent.get_name() }}, {
                {%- for layer in this.layers %} {{ layer._id }}: {{ layer.get_name() }}, {%- endfor %}
            });
        {% endmacro %}
        """
    )

    def __init__(self, module: str, layers: Sequence[Layer]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._name, self.module, self.layers = "Start", module, layers

"""The map on which a planner edits the streets people walk: the paper basemap and the network fetched by view."""

from __future__ import annotations

from folium.template import Template

from gridmap.maps.canvas import Canvas, Parts
from gridmap.maps.layers import Layer, Paper, Start


class Network(Layer):
    """Edges of the walking network, fetched for what is in view; nothing of them goes through Folium."""

    _template = Template(
        """
        {% macro script(this, kwargs) %}
            const {{ this.get_name() }} = (await import("gridmap/streets")).network(
                {{ this._parent.get_name() }}, {{ this.options|tojson }});
        {% endmacro %}
        """
    )

    def __init__(self, url: str) -> None:
        super().__init__("network", {"url": url})


def draw(centre: tuple[float, float], paper: str, edges: str) -> Parts:
    """Return the editor's map.

    Parameters
    ----------
    centre : (lon, lat), degrees
    paper : tile address of the basemap, with ``{z}/{x}/{y}``
    edges : JSON address of the network, to which the box in view is added
    """
    canvas = Canvas(centre)
    layers = [Paper(paper), Network(edges)]
    for layer in layers:
        canvas.add_child(layer)
    canvas.add_child(Start("streets", layers))
    return canvas.parts()

"""The engine: a Folium map whose header, html and script are rendered apart and placed in our own page.

Only ids, numbers and colours of our own go into Folium's strings. Every text from data travels as JSON and is put
on the page with ``textContent`` by the browser modules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import folium
from branca.element import CssLink, Figure, JavascriptLink
from folium.template import Template
from markupsafe import Markup

# The asset table: all a map may load, by the names the page turns into addresses of this server.
JS = [
    ("leaflet", "leaflet/dist/leaflet.js"),
    ("protomaps", "protomaps-leaflet/dist/protomaps-leaflet.js"),
]
CSS = [("leaflet_css", "leaflet/dist/leaflet.css")]
ASSETS = frozenset(name for _, name in JS + CSS)
FOREIGN = re.compile(r"(?:https?:)?//[A-Za-z0-9][A-Za-z0-9.-]*\.[A-Za-z]{2,}")


class UnknownAsset(LookupError):
    """A map asks for a file that is not in the asset table."""


def _known(name: str) -> str:
    if name not in ASSETS:
        raise UnknownAsset(f"{name} is not in the asset table")
    return name


@dataclass(frozen=True)
class Parts:
    """A rendered map, ready to be placed in a page.

    Attributes
    ----------
    css, js : names of style sheets and classic scripts, in order; ``asset(name)`` gives their addresses.
    html : the element the map lives in.
    script : the body of one module script; the page gives it its nonce.
    """

    css: tuple[str, ...]
    js: tuple[str, ...]
    html: Markup
    script: Markup


class Canvas(folium.Map):
    """A map without tiles, controls, flags or addresses of its own.

    Parameters
    ----------
    centre : (lon, lat)
        Where to look before the page fits the view; degrees.
    name : str
        The element's id; the same for each rendering, so that equal data gives equal bytes.
    """

    _template = Template(
        """
        {% macro html(this, kwargs) %}<div class="map" id="{{ this.get_name() }}"></div>{% endmacro %}
        {% macro script(this, kwargs) %}
            import * as stage from "gridmap/stage";
            const {{ this.get_name() }} = stage.open({{ this.get_name()|tojson }}, {
                center: {{ this.location|tojson }}, ...{{ this.options|tojson }}
            });
        {% endmacro %}
        """
    )
    default_js = JS
    default_css = CSS

    def __init__(self, centre: tuple[float, float], *, name: str = "map") -> None:
        lon, lat = centre
        super().__init__(location=[lat, lon], tiles=None, zoom_start=15, zoom_control=False)
        self._name, self._id = "map", name
        self.options = {"zoom": 15}

    def get_name(self) -> str:
        """Return the element's id, which is also the script's variable."""
        return str(self._id)

    def parts(self) -> Parts:
        """Render the map.

        Raises
        ------
        UnknownAsset
            When any part names an address that is not in the asset table.
        """
        figure = self.get_root()
        assert isinstance(figure, Figure)  # noqa: S101 - folium.Map puts itself into one
        for child in list(figure._children.values()):  # noqa: SLF001 - branca has no other way to its parts
            child.render()
        links = [e for e in figure.header._children.values() if isinstance(e, JavascriptLink | CssLink)]  # noqa: SLF001
        html, script = figure.html.render(), figure.script.render()
        for text in (html, script):
            if found := FOREIGN.search(text):
                raise UnknownAsset(f"{found.group()} is in a rendered map")
        return Parts(
            css=tuple(_known(e.url) for e in links if isinstance(e, CssLink)),
            js=tuple(_known(e.url) for e in links if isinstance(e, JavascriptLink)),
            html=Markup(html),  # noqa: S704 - made of our own template, ids and numbers
            script=Markup(script),  # noqa: S704
        )

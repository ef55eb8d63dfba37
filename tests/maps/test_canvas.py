"""The map in the page: our own files only, ids and numbers only, no flags of Folium."""

from __future__ import annotations

import folium
import folium.plugins
import pytest
from shapely import box
from shapely.geometry import mapping

from gridmap.maps.canvas import ASSETS, Canvas, Parts, UnknownAsset
from gridmap.maps.coverage import Sources, draw
from gridmap.maps.layers import GridFace


@pytest.fixture
def parts() -> Parts:
    """Return a small map."""
    faces = [
        GridFace(7, dict(mapping(box(105, 27, 105.01, 27.01))), (105.005, 27.005), 400, commercial=False),
        GridFace(8, dict(mapping(box(105.01, 27, 105.02, 27.01))), (105.015, 27.005), 400, commercial=True),
    ]
    return draw(faces, Sources("/tiles/base/s/1-20261122/{z}/{x}/{y}.mvt", points="/facilities.json"))


def test_the_same_map_has_the_same_bytes(parts: Parts) -> None:
    faces = [GridFace(1, dict(mapping(box(105, 27, 105.01, 27.01))), (105.005, 27.005), 400, commercial=False)]
    assert draw(faces, Sources("/a")) == draw(faces, Sources("/a"))
    assert draw(faces, Sources("/a")) != parts


def test_only_files_of_the_asset_table_are_loaded(parts: Parts) -> None:
    assert {*parts.css, *parts.js} == ASSETS
    assert "://" not in parts.script + parts.html


def test_folium_s_flags_and_sizes_are_gone(parts: Parts) -> None:
    for word in ("L_NO_TOUCH", "L_DISABLE_3D", "user-scalable", "<style", "<script", "bootstrap", "jquery", "imperial"):
        assert word not in parts.script + parts.html


def test_a_layer_without_a_right_is_not_there(parts: Parts) -> None:
    assert "stage.points(" in parts.script
    for layer in ("stage.homes(", "stage.groups(", "stage.runs("):
        assert layer not in parts.script


def test_an_address_of_the_internet_is_an_error() -> None:
    canvas = Canvas((105, 27))
    folium.TileLayer("https://tiles.example.org/{z}/{x}/{y}.png", attr="x").add_to(canvas)
    with pytest.raises(UnknownAsset):
        canvas.parts()


def test_an_unknown_script_is_an_error() -> None:
    canvas = Canvas((105, 27))
    folium.plugins.Fullscreen().add_to(canvas)
    with pytest.raises(UnknownAsset):
        canvas.parts()


def test_no_grid_is_drawn_without_a_grid() -> None:
    assert '"faces": []' in draw([], Sources("/a")).script

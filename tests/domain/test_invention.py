"""The invented town: the same seed gives the same town, and it is a town one could build."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, Polygon

from gridmap.domain.invention import invent_town
from gridmap.domain.invention.frames import numeral
from gridmap.domain.invention.plan import HALF_WIDTH_M
from gridmap.domain.invention.shapes import compactness, curve, cut, frontage
from gridmap.domain.people import homes
from gridmap.domain.towns import Town
from gridmap.files.towns import read_town, write_town
from gridmap.settings import GEODATA

COMMITTED = GEODATA / "nanshan"
ONE_CENTIMETRE_DEG = 1.5e-7


@pytest.fixture(scope="module")
def town() -> Town:
    return invent_town(7)


@pytest.fixture(scope="module")
def metres(town: Town) -> dict[str, gpd.GeoDataFrame]:
    names = ("streets", "areas", "buildings", "grids", "entrances", "facilities")
    return {name: getattr(town, name).to_crs(town.epsg) for name in names}


def test_the_same_seed_gives_the_bytes_that_are_committed(town: Town, tmp_path: Path) -> None:
    write_town(town, tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_bytes() for path in COMMITTED.iterdir()}


def test_another_seed_draws_another_town_on_the_same_plan(town: Town) -> None:
    other = invent_town(8)
    assert not other.buildings.union_all().equals(town.buildings.union_all())
    assert other.grids.geometry.geom_equals(town.grids.geometry).all()


def test_the_figures_are_those_the_community_published(town: Town) -> None:
    assert town.grids["kind"].value_counts().to_dict() == {"general": 18, "commercial": 1}
    assert town.facilities["kind"].value_counts().to_dict() == {"vending": 8, "locker": 3, "charging": 3}
    assert town.compounds["committee_since"].notna().sum() == 5
    assert town.invented == "all"
    assert 440 <= len(town.buildings) <= 520
    assert 5_500 <= len(homes(town)) <= 6_600


def test_every_grid_holds_150_to_500_homes(town: Town) -> None:
    count = homes(town)["grid_number"].value_counts()
    assert sorted(count.index) == list(range(1, 20))
    assert count.between(150, 500).all(), count.to_dict()


def test_grids_tile_the_outline_with_shared_borders(town: Town) -> None:
    shapes = town.grids.geometry.to_numpy()
    assert shapely.coverage_is_valid(shapes)
    assert shapely.is_valid(shapes).all()
    assert set(shapely.get_type_id(shapes)) == {3}
    assert shapely.equals_exact(shapely.normalize(shapely.coverage_union_all(shapes)), shapely.normalize(town.outline))
    assert shapely.area(shapes).sum() == pytest.approx(town.outline.area, rel=1e-12)


def test_grids_are_compact(metres: dict[str, gpd.GeoDataFrame]) -> None:
    assert min(map(compactness, metres["grids"].geometry)) > 0.5


def test_inner_borders_follow_streets_or_the_river(metres: dict[str, gpd.GeoDataFrame], town: Town) -> None:
    rim = gpd.GeoSeries([town.outline], crs=town.grids.crs).to_crs(town.epsg).iloc[0].exterior
    inner = metres["grids"].boundary.union_all().difference(rim.buffer(0.1))
    water = metres["areas"].query("kind == 'water'").union_all()
    ways = metres["streets"].query("kind in ['primary', 'secondary', 'residential', 'pedestrian']").union_all()
    assert inner.difference(shapely.union_all([ways.buffer(0.1), water])).length < 0.005 * inner.length


def test_grids_are_numbered_row_by_row_from_the_north_west(town: Town) -> None:
    middles = town.grids.set_index("number").to_crs(town.epsg).representative_point()
    assert list(town.grids["code"]) == [f"520502009005{n:03d}" for n in range(1, 20)]
    assert middles.y[1:5].min() > middles.y[6:10].max() - 60
    assert middles.x[1:5].is_monotonic_increasing
    assert town.grids["name"].iloc[[0, 9, 17, 18]].tolist() == ["第一网格", "第十网格", "第十八网格", "商圈专属网格"]


def test_buildings_stand_apart_from_each_other_from_streets_and_from_water(metres: dict[str, gpd.GeoDataFrame]) -> None:
    houses = metres["buildings"].geometry.to_numpy()
    tree = shapely.STRtree(houses)
    a, b = tree.query(houses, predicate="intersects")
    assert (a == b).all()
    wide = metres["streets"].query("kind in ['primary', 'secondary', 'residential', 'pedestrian']")
    carriageways = [s.buffer(HALF_WIDTH_M[k] * 0.6) for s, k in zip(wide.geometry, wide["kind"], strict=True)]
    assert tree.query(carriageways, predicate="intersects").size == 0
    street, house = shapely.STRtree(metres["streets"].geometry.to_numpy()).query(houses, predicate="intersects")[::-1]
    inside = shapely.length(shapely.intersection(houses[house], metres["streets"].geometry.to_numpy()[street]))
    assert inside.max(initial=0) < 0.03  # a path ends at a tower's door, to the rounded centimetre
    water = metres["areas"].query("kind == 'water'").union_all()
    assert not shapely.intersects(houses, water).any()


def test_no_building_is_cut_by_a_border(town: Town) -> None:
    grid = town.grids.set_index("number").geometry
    assert all(
        grid[n].covers(shape) for n, shape in zip(town.buildings["grid_number"], town.buildings.geometry, strict=True)
    )


def test_doors_are_on_the_edge_of_their_building(town: Town) -> None:
    edges = town.buildings.set_index("id").geometry.exterior
    far = [
        edges[b].distance(door) for b, door in zip(town.entrances["building_id"], town.entrances.geometry, strict=True)
    ]
    assert max(far) < ONE_CENTIMETRE_DEG
    assert set(town.entrances["building_id"]) == set(town.buildings["id"])
    assert not town.entrances.duplicated(["building_id", "unit"]).any()


def test_houses_have_names_of_their_own(town: Town) -> None:
    assert town.buildings["name"].is_unique
    assert town.buildings["name"].str.contains("[0-9一二三四]+[栋号]|座|南山|中心|幼儿园").all()


def test_facilities_stand_in_the_park(metres: dict[str, gpd.GeoDataFrame]) -> None:
    park = metres["areas"].query("kind == 'park'").union_all()
    assert metres["facilities"].within(park).all()


def test_everything_lies_in_the_box_and_is_rounded(town: Town) -> None:
    west, south, east, north = town.box
    for name in ("streets", "barriers", "areas", "compounds", "buildings", "entrances", "places", "facilities"):
        frame: gpd.GeoDataFrame = getattr(town, name)
        xy = shapely.get_coordinates(frame.geometry.to_numpy())
        assert ((xy >= (west, south)) & (xy <= (east, north))).all(), name
        assert frame.geometry.is_valid.all(), name
        assert (xy == np.round(xy, 7)).all(), name


@pytest.mark.parametrize(
    ("number", "word"), [(1, "一"), (10, "十"), (11, "十一"), (19, "十九"), (20, "二十"), (42, "四十二")]
)
def test_numerals(number: int, word: str) -> None:
    assert numeral(number) == word


# --- figures small enough to be worked by hand -------------------------------------------------------------------


def test_a_curve_passes_its_points() -> None:
    points = ((0, 0), (100, 30), (200, -10))
    line = curve(points)
    assert all(line.distance(Point(p)) < 1e-9 for p in points)


@settings(deadline=None)  # a busy machine is no fault
@given(st.floats(-80, 80), st.floats(0.5, 5), st.floats(-30, 30))
def test_a_cut_keeps_the_area_but_the_gap(angle: float, gap: float, shift: float) -> None:
    block = shapely.box(0, 0, 200, 100)
    parts = cut(block, Point(100 + shift, 50), angle, gap)
    assert len(parts) == 2
    across = shapely.LineString([(0, 0), (1, np.tan(np.radians(angle)))]).length
    lost = block.area - sum(p.area for p in parts)
    assert 0 < lost <= gap * (200 * across + 100 * 12)
    assert parts[0].distance(parts[1]) == pytest.approx(gap, rel=1e-6)


def test_a_street_front_is_set_on_its_own_side() -> None:
    street = LineString([(0, 0), (100, 0)])
    left = list(frontage(street, 10.0, iter([20.0] * 9), 12.0))
    right = list(frontage(street, -10.0, iter([20.0] * 9), 12.0))
    assert len(left) == len(right) == 4
    assert all(p.bounds[1] == pytest.approx(10) and p.bounds[3] == pytest.approx(22) for p in left)
    assert all(p.bounds[3] == pytest.approx(-10) for p in right)


def test_compactness_of_known_figures() -> None:
    assert compactness(shapely.box(0, 0, 1, 1)) == pytest.approx(np.pi / 4)
    assert compactness(Polygon([(0, 0), (100, 0), (100, 1), (0, 1)])) < 0.04


def test_the_committed_town_can_be_read(town: Town) -> None:
    assert read_town(COMMITTED).outline.equals(town.outline)

"""A town written to a folder and read again is the same town."""

from pathlib import Path

import pytest
from geopandas.testing import assert_geodataframe_equal

from gridmap.domain.towns import Town
from gridmap.errors import BadInput
from gridmap.files.towns import FACTS, FRAMES, read_town, write_town
from gridmap.settings import GEODATA


@pytest.fixture(scope="module")
def town() -> Town:
    return read_town(GEODATA / "nanshan")


def test_a_town_comes_back_as_it_was_written(town: Town, tmp_path: Path) -> None:
    write_town(town, tmp_path / "copy")
    again = read_town(tmp_path / "copy")
    for name in FRAMES:
        assert_geodataframe_equal(getattr(again, name), getattr(town, name))
    assert {key: getattr(again, key) for key in FACTS} == {key: getattr(town, key) for key in FACTS}
    assert again.outline.equals(town.outline)


def test_writing_twice_gives_the_same_bytes(town: Town, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_town(town, tmp_path / folder)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_each_feature_has_a_line_of_its_own(town: Town, tmp_path: Path) -> None:
    write_town(town, tmp_path)
    for name in FRAMES:
        assert len((tmp_path / f"{name}.geojson").read_text().splitlines()) == len(getattr(town, name)) + 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "grids.geojson").unlink(),
        lambda folder: (folder / "grids.geojson").write_text("{"),
        lambda folder: (folder / "town.geojson").write_text('{"features": []}'),
        lambda folder: (folder / "streets.geojson").write_text('{"features": [{"properties": {}, "geometry": {}}]}'),
    ],
)
def test_a_damaged_folder_is_refused_in_one_sentence(damage: object, town: Town, tmp_path: Path) -> None:
    write_town(town, tmp_path)
    assert callable(damage)
    damage(tmp_path)
    with pytest.raises(BadInput, match="读不出"):
        read_town(tmp_path)

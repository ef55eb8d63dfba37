"""Giving buildings and compounds of the demo: whole, joined, and never through another building."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import shapely
from border_edits import total
from shapely import Polygon

from gridmap.domain.partition import Give, Kind, Patch, apply, faults, whole
from gridmap.errors import BadInput

GEODATA = Path(__file__).resolve().parents[2] / "geodata" / "nanshan"
LITTLE = 5_000.0  # square units: half a square metre


def shapes(name: str) -> list[Polygon]:
    features = json.loads((GEODATA / f"{name}.geojson").read_text("utf-8"))["features"]
    return [whole(shapely.geometry.shape(feature["geometry"])) for feature in features]


@pytest.fixture(scope="module")
def grids() -> dict[int, Polygon]:
    return dict(enumerate(shapes("grids"), start=1))


def receiver(grids: dict[int, Polygon], shape: Polygon) -> int:
    """Return the nearest grid that does not hold most of a shape."""
    shares = {key: grid.intersection(shape).area for key, grid in grids.items()}
    home = max(shares, key=lambda key: shares[key])
    return min((grid.distance(shape), key) for key, grid in grids.items() if key != home)[1]


def test_buildings_are_given_whole_and_no_other_is_cut(
    grids: dict[int, Polygon], nightly: bool, tell: Callable[[str], None]
) -> None:
    buildings = shapes("buildings")
    tree = shapely.STRtree(buildings)
    tally: Counter[str] = Counter()
    for i in range(0, len(buildings), 1 if nightly else 12):
        house, to = buildings[i], receiver(grids, buildings[i])
        others = tuple(buildings[k] for k in tree.query(house.buffer(15_000)) if k != i)
        try:
            edit = apply(Patch(grids), Give((house,), to, others))
        except BadInput as refusal:
            tally[refusal.sentence] += 1
            continue
        tally["given"] += 1
        after = {**grids, **edit.after}
        gained = after[to]
        assert gained is not None
        assert house.difference(gained).area < LITTLE
        others_in = np.array(others, dtype=object)
        was, now = (shapely.area(shapely.intersection(others_in, shape)) for shape in (grids[to], gained))
        assert not (np.abs(now - was) > LITTLE).any(), i
        whole_after = {key: shape for key, shape in after.items() if shape is not None}
        assert total(whole_after) == total(grids)
        changed = faults({key: whole_after[key] for key in edit.after})
        assert [fault for fault in changed if fault.kind != Kind.GAP] == []  # they may enclose what is not among them
    tell(", ".join(f"{n} {words}" for words, n in tally.most_common()))
    assert tally["given"] > tally.total() / 4


def test_compounds_take_the_street_between_along(
    grids: dict[int, Polygon], nightly: bool, tell: Callable[[str], None]
) -> None:
    tally: Counter[str] = Counter()
    for compound in shapes("compounds")[:: 1 if nightly else 3]:
        to = receiver(grids, compound)
        try:
            edit = apply(Patch(grids), Give((compound,), to))
        except BadInput as refusal:
            tally[refusal.sentence] += 1
            continue
        tally["given"] += 1
        after = {key: shape for key, shape in {**grids, **edit.after}.items() if shape is not None}
        assert compound.difference(after[to]).area < 0.02 * compound.area
        assert faults(after) == ()
        assert total(after) == total(grids)
    tell(", ".join(f"{n} {words}" for words, n in tally.most_common()))
    assert tally["given"] > tally.total() / 2

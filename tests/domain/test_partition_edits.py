"""Chance edits without end: after each the grids are a partition of the same ground, and all can be taken back."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import shapely
from border_edits import World, chance, invented, total, tried
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import Polygon

from gridmap.domain.partition import Kind, faults, whole
from gridmap.files.osm_town import Wish, read_town

GEODATA = Path(__file__).resolve().parents[2] / "geodata" / "nanshan"
EDITS = 10_000  # each night


def outline_of(world: World) -> Polygon:
    return Polygon(shapely.coverage_union_all(list(world.grids.values())))


def edited(world: World, edits: int, seed: int, tell: Callable[[str], None], *, look: bool = True) -> None:
    """Edit, hold everything against the independent checker, take everything back."""
    rng, tally, about = chance(seed), Counter[str](), len(world.grids)
    outline, ground, bytes_before = outline_of(world), total(world.grids), world.bytes()
    while tally["done"] < edits:
        made = tried(world, rng, about=about, tally=tally)
        if made and tally["done"] % 50 == 0:
            around = world.patch(made[0]).grids
            assert [fault for fault in faults(around) if fault.kind != Kind.GAP] == []  # a ring encloses what it misses
            assert total(world.grids) == ground
    assert total(world.grids) == ground
    if look:
        assert faults(world.grids, outline) == ()
    tell(f"{edits} edits of {about} grids, seed {seed}; {tally.total() - edits} more were refused")
    world.undo_all()
    assert world.bytes() == bytes_before


@pytest.mark.parametrize(("count", "share"), [(19, 0.03), (1_000, 0.02), (10_000, 0.01)])
def test_chance_edits_leave_a_partition_of_the_same_ground_and_can_all_be_undone(
    count: int, share: float, nightly: bool, tell: Callable[[str], None]
) -> None:
    for seed in (7, 8, 9) if nightly else (7,):
        edits = EDITS if nightly else round(EDITS * share)
        edited(World(invented(count, seed)), edits, seed, tell, look=nightly or count <= 1_000)


def test_chance_edits_of_the_demo(nightly: bool, tell: Callable[[str], None]) -> None:
    features = json.loads((GEODATA / "grids.geojson").read_text("utf-8"))["features"]
    grids = {
        number: whole(shapely.geometry.shape(feature["geometry"])) for number, feature in enumerate(features, start=1)
    }
    assert faults(grids) == ()
    edited(World(grids), EDITS if nightly else 100, 3, tell)


def test_chance_edits_of_real_towns(osm_extracts: list[Path], nightly: bool, tell: Callable[[str], None]) -> None:
    if not nightly:
        pytest.skip("drafting real towns takes its time: nightly")
    for file in osm_extracts:
        town, _ = read_town(file, Wish(name=file.stem, grids=19, on=date(2026, 1, 1)))
        grids = {i: whole(shape) for i, shape in enumerate(town.grids.geometry, start=1)}
        assert faults(grids) == ()
        edited(World(grids), EDITS, 5, tell)


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 10**9), st.integers(2, 30))
def test_any_small_community_survives_any_edits(seed: int, count: int) -> None:
    world = World(invented(count, seed))
    outline, rng, tally = outline_of(world), chance(seed), Counter[str]()
    before = world.bytes()
    for _ in range(12):
        tried(world, rng, about=count, tally=tally)
        assert faults(world.grids, outline) == ()
    world.undo_all()
    assert world.bytes() == before


def test_the_same_chance_leads_to_the_same_bytes() -> None:
    ways = []
    for _ in range(2):
        world, rng = World(invented(30, 4)), chance(4)
        for _ in range(40):
            tried(world, rng, about=30, tally=Counter())
        ways.append(world.bytes())
    assert ways[0] == ways[1]

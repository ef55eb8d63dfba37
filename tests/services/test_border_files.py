"""A bureau's file becomes a draft of borders: read rightly, matched, repaired by stated rules, and never live."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import bureau_files as bureau
import numpy as np
import pytest
import shapely
from bureau_files import Told
from conftest import DEMO_DAY
from shapely.affinity import translate
from sqlalchemy import Connection, text

from gridmap.domain import partition
from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.border_systems import Reading
from gridmap.domain.boundaries import Origin, fingerprint
from gridmap.errors import BadInput, Forbidden
from gridmap.files import borders, borders_out
from gridmap.files.borders import Paper
from gridmap.services import border_files, boundaries
from gridmap.services.border_files import Survey
from gridmap.services.grids import partition as drawn
from gridmap.store.database import Database, become


class Office:
    """The demo with its planner, in one transaction that is undone, and the grids as the bureau knows them."""

    def __init__(self, con: Connection, community_id: int, now: datetime) -> None:
        self.con, self.now = con, now
        query = "SELECT id FROM account WHERE community_id = :c AND role = 'planner' ORDER BY id LIMIT 1"
        become(con, Actor(Machine.OPERATOR))
        account = con.execute(text(query), {"c": community_id}).scalar_one()
        self.planner = Actor(Role.PLANNER, community_id, account_id=account)
        become(con, self.planner)
        codes = {one.grid_id: one.code for one in drawn(con, self.planner, on=DEMO_DAY)}
        self.today = boundaries.present(con, self.planner, on=DEMO_DAY)
        self.grids = [
            Told(partition.degrees(g.boundary), codes[g.key], g.number, g.name) for g in self.today if g.boundary
        ]

    def survey(self, data: bytes, wished: Reading | None = None) -> Survey:
        """Tell what a file would become."""
        return border_files.survey(self.con, self.planner, paper=self.paper(data), on=DEMO_DAY, wished=wished)

    def paper(self, data: bytes) -> Paper:
        """Read a file."""
        return borders.read(data, "区民政局网格.dat")

    def draft(self, data: bytes) -> tuple[int, Survey]:
        """Make a draft of a file."""
        return border_files.begin(self.con, self.planner, paper=self.paper(data), at=self.now, on=DEMO_DAY)


@pytest.fixture(scope="module")
def office(demo: Database, demo_id: int, demo_clock: Callable[[], datetime]) -> Iterator[Office]:
    with demo.engine.connect() as con:
        transaction = con.begin()
        yield Office(con, demo_id, demo_clock())
        transaction.rollback()


def numbers(found: Survey) -> dict[int, int]:
    """Return the numbers of the draft's grids by key."""
    return {g.key: g.number for g in found.grids}


def is_partition(found: Survey) -> bool:
    return not partition.faults({g.key: g.boundary for g in found.grids if g.boundary is not None})


def test_every_awkward_file_of_the_same_borders_is_recognised(office: Office, tell: Callable[[str], None]) -> None:
    same = office.grids
    plain = bureau.in_system(same, "4544", decimals=3)
    zoned = bureau.in_system(same, "4523", decimals=3)
    files: dict[str, tuple[bytes, str]] = {
        "GeoPackage": (bureau.ours(same, "gpkg"), "4490"),
        "GeoPackage, plane": (bureau.ours(same, "gpkg", "4544"), "4544"),
        "Shapefile, GBK, no .prj, no zone": (bureau.shapefile(plain), "4544"),
        "Shapefile, GBK, no .prj, zone 35": (bureau.shapefile(zoned), "4523"),
        "Shapefile, UTF-8, names cut": (bureau.shapefile(zoned, encoding="utf-8"), "4523"),
        "GeoJSON": (bureau.geojson(same), "4490"),
        "GeoJSON, axes swapped": (
            bureau.geojson(bureau.in_system(same, "4490", swapped=True, decimals=7)),
            "4490/swapped",
        ),
        "GeoJSON, GCJ-02": (bureau.geojson(bureau.in_system(same, "gcj02", decimals=7)), "gcj02"),
        "GeoJSON, BD-09": (bureau.geojson(bureau.in_system(same, "bd09", decimals=7)), "bd09"),
        "GeoJSON, Mercator": (bureau.geojson(bureau.in_system(same, "3857"), crs="EPSG:3857"), "3857"),
        "GeoJSON, north first": (bureau.geojson(bureau.in_system(same, "4544", swapped=True)), "4544/swapped"),
        "KML": (bureau.ours(same, "kml"), "4490"),
        "DXF, closed lines": (bureau.ours(same, "dxf", "4544"), "4544"),
        "DXF, zone 35": (bureau.ours(same, "dxf", "4523"), "4523"),
    }
    for name, (data, system) in files.items():
        found = office.survey(data)
        assert str(found.guess.reading) == system, name
        assert (found.changed, found.questions, found.gone) == (0, (), ()), name
        assert numbers(found) == {g.key: g.number for g in office.today}, name
    tell(f"{len(files)} awkward files read and recognised")


def test_a_file_becomes_a_draft_and_nothing_else(office: Office) -> None:
    first, second = office.grids[0], office.grids[1]
    both = shapely.union_all([first.shape, second.shape])
    joined = [Told(both, first.code, first.number, "东头网格"), *office.grids[2:]]
    before = fingerprint(boundaries.present(office.con, office.planner, on=DEMO_DAY))
    if both.geom_type != "Polygon":
        pytest.fail("the demo's first two grids are not neighbours any more")
    plan_id, found = office.draft(bureau.geojson(joined))
    plan = boundaries.plan(office.con, office.planner, plan_id=plan_id)
    assert (plan.origin, plan.changed, found.gone) == (Origin.IMPORT, 2, (second.number,))
    assert {g.name for g in boundaries.grids(office.con, office.planner, plan_id=plan_id)} >= {"东头网格"}
    assert fingerprint(boundaries.present(office.con, office.planner, on=DEMO_DAY)) == before
    kept = boundaries.source(office.con, office.planner, plan_id=plan_id)
    assert (kept["crs"], kept["format"], kept["gone"]) == ("4490", "geojson", [second.number])


@pytest.mark.parametrize("wobble_m", [0.1, 0.5, 1.0])
def test_slivers_close_without_asking(office: Office, wobble_m: float) -> None:
    rng = np.random.default_rng(7)
    sloppy = [
        Told(shapely.make_valid(shape, method="structure"), g.code, g.number, g.name)
        for g in office.grids
        for shape in [
            shapely.Polygon(
                shapely.get_coordinates(g.shape.exterior)[:-1]
                + rng.uniform(-wobble_m, wobble_m, (len(g.shape.exterior.coords) - 1, 2)) / 111_000
            )
        ]
    ]
    found = office.survey(bureau.geojson(sloppy))
    assert is_partition(found)
    assert all(one.area_m2 < 400 for one in found.questions)
    before, after = (
        sum(partition.twice_area(g.boundary) for g in some if g.boundary) for some in (office.today, found.grids)
    )
    assert abs(after / before - 1) < 1e-6  # new corners on the outline lie on whole units, less than one beside it


def test_streets_that_were_left_out_go_to_their_two_sides(office: Office) -> None:
    apart = [Told(g.shape.buffer(-4 / 111_000, join_style="mitre"), g.code, g.number, g.name) for g in office.grids]
    found = office.survey(bureau.geojson(apart))
    assert is_partition(found)
    assert found.questions
    ratio = [
        g.boundary.area / old.boundary.area
        for g, old in zip(sorted(found.grids, key=lambda g: g.key), office.today, strict=True)
    ]  # type: ignore[union-attr]
    assert min(ratio) > 0.8
    assert max(ratio) < 1.25


def test_what_really_conflicts_is_asked(office: Office) -> None:
    first, *rest = office.grids
    wide = Told(first.shape.buffer(60 / 111_000), first.code, first.number, first.name)
    found = office.survey(bureau.geojson([wide, *rest]))
    assert is_partition(found)
    kinds = {str(one.kind) for one in found.questions}
    assert "overlap" in kinds
    overlap = next(one for one in found.questions if one.kind == "overlap")
    assert overlap.given_to != 0  # stays with the grid that has it today
    assert found.changed == 0
    left_out = office.survey(bureau.geojson(rest))
    assert is_partition(left_out)
    assert left_out.gone == (first.number,)
    assert any(one.kind == "gap" and one.area_m2 > 1_000 for one in left_out.questions)


def test_a_shift_against_what_the_file_says_is_seen_and_can_be_overridden(office: Office) -> None:
    shifted = bureau.geojson(bureau.in_system(office.grids, "gcj02", decimals=7), crs="urn:ogc:def:crs:EPSG::4490")
    found = office.survey(shifted)
    assert (str(found.guess.reading), found.guess.chosen) == ("gcj02", False)
    assert found.guess.misfit_m < 1 < found.guess.options[-1][1]
    chosen = office.survey(shifted, Reading("4490"))
    assert chosen.guess.chosen
    assert chosen.guess.misfit_m > 50


@pytest.mark.parametrize(
    "place", [(-60.0, 0.0), (2.0, 1.0), (0.0, 40.0)], ids=["another continent", "another town", "the north sea"]
)
def test_files_of_other_places_are_refused(office: Office, place: tuple[float, float]) -> None:
    far = [Told(translate(g.shape, *place), g.code, g.number, g.name) for g in office.grids]
    with pytest.raises(BadInput, match="不在本社区"):
        office.survey(bureau.geojson(far))


def test_combs_that_cross_a_million_times_are_refused_quickly(office: Office) -> None:
    west, south, east, north = shapely.total_bounds([g.shape for g in office.grids])
    at = np.linspace(0, 1, 8_000)
    teeth = np.where(np.arange(8_000) % 4 < 2, 0.05, 0.95)
    lying = np.column_stack([west + (east - west) * at, south + (north - south) * teeth])
    standing = np.column_stack([west + (east - west) * teeth, south + (north - south) * at])
    combs = [
        Told(shapely.Polygon([*lying, (east, south), (west, south)]), "", 1, "一"),
        Told(shapely.Polygon([*standing, (west, north), (west, south)]), "", 2, "二"),
    ]
    with pytest.raises(BadInput, match=r"交错得太多|自己与自己相交"):
        office.survey(bureau.geojson(combs))


def test_lines_that_stop_short_are_led_on_and_loose_ends_are_told(office: Office) -> None:
    ground = shapely.union_all([g.shape for g in bureau.in_system(office.grids, "4544")])
    west, south, east, north = ground.bounds
    across = np.array([(west - 50, (south + north) / 2), (east + 50, (south + north) / 2)])
    up = np.array([((west + east) / 2, (south + north) / 2 + 0.4), ((west + east) / 2, north + 50)])
    stray = np.array(
        [((west + east) / 2 + 30, (south + north) / 2 - 20), ((west + east) / 2 + 90, (south + north) / 2 - 60)]
    )
    outline = shapely.get_coordinates(ground.exterior)
    drawing = bureau.dxf_lines([across, up, stray, outline], [((west + east) / 2 + 5, north - 30, "第一网格")])
    found = office.survey(drawing)
    assert is_partition(found)
    assert len(found.grids) >= 3
    assert any(one.kind == "loose" and 70 < one.area_m2 < 75 for one in found.questions)


def test_a_day_and_a_draft_are_taken_away_and_come_back_the_same(office: Office) -> None:
    whole = border_files.handed(office.con, office.planner, on=DEMO_DAY)
    assert whole.difference is None
    for kind, system in [("gpkg", "4490"), ("zip", "4544"), ("geojson", "gcj02"), ("kml", "4326"), ("dxf", "4523")]:
        found = office.survey(borders_out.written(whole, kind, border_files.reading(system)))
        assert (found.changed, found.questions) == (0, ()), kind
    first, second = office.grids[0], office.grids[1]
    both = shapely.union_all([first.shape, second.shape])
    plan_id, _ = office.draft(bureau.geojson([Told(both, first.code, first.number, first.name), *office.grids[2:]]))
    handed = border_files.handed(office.con, office.planner, on=DEMO_DAY, plan_id=plan_id)
    assert handed.difference is not None
    assert [dict(piece.row)["from"] for piece in handed.difference] == [second.number]
    assert borders.read(borders_out.written(handed, "gpkg", Reading("4490")), "").layers == ("grids", "difference")


def test_workers_and_drivers_import_and_export_nothing(office: Office) -> None:
    paper: Any = None
    for role in (Role.WORKER, Role.DRIVER, Role.CLERK):
        with pytest.raises(Forbidden):
            border_files.survey(office.con, Actor(role, 1), paper=paper, on=DEMO_DAY)
    for role in (Role.WORKER, Role.DRIVER):
        with pytest.raises(Forbidden):
            border_files.handed(office.con, Actor(role, 1), on=DEMO_DAY)

"""Communities: made by the operator, loaded by a job, whole or not at all."""

import dataclasses
from collections.abc import Callable
from datetime import date

import pandas as pd
import pytest
import shapely
from sqlalchemy import Connection, text

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.groups import RULE_DEFAULTS
from gridmap.domain.people import invent_people
from gridmap.domain.simulation import invent_history
from gridmap.domain.towns import History, People, Town
from gridmap.errors import BadInput, Forbidden
from gridmap.services import communities
from gridmap.services.communities import demo_town, label_spots
from gridmap.store.database import Database, become

ON = date(2026, 11, 22)
OPERATOR = Actor(Machine.OPERATOR)


@pytest.fixture(scope="module")
def town() -> Town:
    return demo_town()


@pytest.fixture(scope="module")
def people(town: Town) -> People:
    return invent_people(town, ON, communities.DEMO_SEED)


@pytest.fixture(scope="module")
def history(town: Town, people: People) -> History:
    return invent_history(town, people, ON, communities.DEMO_SEED)


@pytest.fixture(scope="module")
def hamlet(town: Town) -> tuple[Town, People, History]:
    """Return the town with few homes: quick to load."""
    few = town.buildings.assign(doors_per_floor=(town.buildings["kind"] == "lane").astype(int), floors=1)
    small = dataclasses.replace(town, code="520502009777", buildings=few)
    residents = invent_people(small, ON, 3)
    return small, residents, invent_history(small, residents, ON, 3)


def count(con: Connection, table: str) -> int:
    return int(con.execute(text(f"SELECT count(*) FROM {table}")).scalar_one())


# --- the demo ----------------------------------------------------------------------------------------------------


def test_the_demo_holds_every_row_of_its_frames(
    demo: Database, demo_id: int, town: Town, people: People, history: History
) -> None:
    expected = {
        "street": town.streets,
        "barrier": town.barriers,
        "area": town.areas,
        "compound": town.compounds,
        "grid": town.grids,
        "grid_version": town.grids,
        "building": town.buildings,
        "entrance": town.entrances,
        "place": town.places,
        "facility": town.facilities,
        "household": people.households,
        "resident": people.residents,
        "group_tag": people.tags,
        "household_spell": people.spells,
        "worker": history.workers,
        "worker_assignment": history.assignments,
        "visit": history.visits,
        "need": history.needs,
        "delivery_customer": history.customers,
        "delivery_run": history.runs,
        "delivery_order": history.orders,
        "facility_income": history.incomes,
        "visit_rule": RULE_DEFAULTS,
    }
    with demo.transaction(Actor(Machine.JOB, demo_id)) as con:
        assert {table: count(con, table) for table in expected} == {t: len(f) for t, f in expected.items()}


def test_what_is_kept_is_what_was_invented(demo: Database, demo_id: int, people: People, history: History) -> None:
    with demo.transaction(Actor(Machine.JOB, demo_id)) as con:
        homes = pd.read_sql(
            "SELECT g.number AS grid_number, b.name AS building, e.unit, h.floor, h.room, h.people_count,"
            " ST_X(h.door) AS x, ST_Y(h.door) AS y FROM household h JOIN grid g ON g.id = h.grid_id"
            " JOIN building b ON b.id = h.building_id JOIN entrance e ON e.id = h.entrance_id ORDER BY h.id",
            con,
        )
        visits = pd.read_sql("SELECT id, visited_at, recorded_at, minutes, mode, result FROM visit ORDER BY id", con)
        moved = con.execute(
            text(
                "SELECT count(*) FROM visit v JOIN household h ON h.id = v.household_id"
                " WHERE v.grid_id <> h.grid_id OR v.made_in_grid_id <> h.grid_id"
            )
        ).scalar_one()
    frame = people.households
    assert homes["grid_number"].tolist() == frame["grid_number"].tolist()
    assert homes["floor"].tolist() == frame["floor"].tolist()
    assert homes["room"].tolist() == frame["room"].tolist()
    assert homes["x"].tolist() == frame.geometry.x.tolist()
    assert homes["y"].tolist() == frame.geometry.y.tolist()
    assert homes["people_count"].sum() == len(people.residents)
    wanted = history.visits.sort_values("id", ignore_index=True)
    for column in ("id", "minutes", "mode", "result"):
        assert visits[column].tolist() == wanted[column].tolist(), column
    for column in ("visited_at", "recorded_at"):
        assert (pd.to_datetime(visits[column], utc=True) == wanted[column]).all(), column
    assert moved == 0


def test_shapes_come_back_to_the_last_digit(demo: Database, demo_id: int, town: Town) -> None:
    with demo.transaction(Actor(Machine.JOB, demo_id)) as con:
        rows = con.execute(
            text("SELECT g.number, ST_AsBinary(v.boundary) FROM grid g JOIN grid_version v ON v.grid_id = g.id")
        ).all()
        outline = shapely.from_wkb(con.execute(text("SELECT ST_AsBinary(boundary) FROM outline")).scalar_one())
    kept = {number: shapely.from_wkb(bytes(shape)) for number, shape in rows}
    for number, shape in zip(town.grids["number"], town.grids.geometry, strict=True):
        assert shapely.equals_exact(kept[number], shape)
    assert outline.equals(town.outline)


def test_the_demo_is_marked_as_invented_and_finished(demo: Database, demo_id: int) -> None:
    with demo.transaction(OPERATOR) as con:
        listed = communities.listing(con, OPERATOR)
        version = con.execute(text("SELECT map_version FROM community WHERE id = :i"), {"i": demo_id}).scalar_one()
    mine = next(row for row in listed if row["id"] == demo_id)
    assert (mine["code"], mine["name"], mine["invented"]) == ("520502009005", "南山社区", "all")
    assert mine["loaded_at"] is not None
    assert version > 1


def test_the_demo_shows_a_year_with_rough_edges(demo: Database, demo_id: int) -> None:
    from gridmap.services import coverage

    secretary = Actor(Role.SECRETARY, demo_id)
    with demo.transaction(secretary) as con:
        seen = coverage.overview(con, secretary, on=ON)
    shares = sorted(grid.counts.coverage_share or 0 for grid in seen.grids)
    assert 0.70 <= (seen.total.coverage_share or 0) <= 0.85
    assert 100 <= seen.total.overdue <= 250
    assert shares[0] < 0.5 < shares[1]
    assert sum(share > 0.9 for share in shares) >= 3
    assert 60 <= seen.total.open_needs <= 120
    assert all(grid.worker_name for grid in seen.grids)


def test_a_demo_that_is_ready_is_not_loaded_again(demo: Database, demo_id: int) -> None:
    told: list[str] = []
    again = communities.ready_demo(demo.transaction, on=ON, progress=lambda sentence, _: told.append(sentence))
    assert again == demo_id
    assert told == []


# --- loads of any town -------------------------------------------------------------------------------------------


def test_a_load_tells_how_far_it_is_and_reads_back(con: Connection, hamlet: tuple[Town, People, History]) -> None:
    small, residents, year = hamlet
    become(con, OPERATOR)
    made = communities.create(con, OPERATOR, town=small)
    job = Actor(Machine.JOB, made)
    become(con, job)
    shares: list[float] = []
    communities.load(
        con, job, town=small, people=residents, history=year, on=ON, progress=lambda _, share: shares.append(share)
    )
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    become(con, job)
    assert count(con, "household") == len(residents.households)
    assert count(con, "visit") == len(year.visits)
    decided = con.execute(text("SELECT decided_on FROM community WHERE id = :i"), {"i": made}).scalar_one()
    assert decided == ON


def test_a_town_without_people_is_a_map(con: Connection, town: Town) -> None:
    become(con, OPERATOR)
    made = communities.create(con, OPERATOR, town=dataclasses.replace(town, code="520502009778"))
    job = Actor(Machine.JOB, made)
    become(con, job)
    communities.load(con, job, town=town, people=None, history=None, on=ON)
    assert count(con, "building") == len(town.buildings)
    assert count(con, "household") == 0
    become(con, OPERATOR)
    loaded = con.execute(text("SELECT loaded_at FROM community WHERE id = :i"), {"i": made}).scalar_one()
    assert loaded is not None


def test_a_load_that_is_killed_is_removed_and_made_anew(new_database: Callable[[str], str]) -> None:
    database = Database(new_database("killed"), options={"statement_timeout": "10min"})
    try:

        def die(_: str, share: float) -> None:
            if share > 0.5:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            communities.ready_demo(database.transaction, on=ON, progress=die)
        with database.transaction(OPERATOR) as con:
            (left,) = communities.listing(con, OPERATOR)
        assert left["loaded_at"] is None
        with database.transaction(Actor(Machine.JOB, left["id"])) as con:
            assert count(con, "building") == count(con, "household") == 0
        made = communities.ready_demo(database.transaction, on=ON)
        with database.transaction(OPERATOR) as con:
            (whole,) = communities.listing(con, OPERATOR)
        assert whole["id"] == made != left["id"]
        assert whole["loaded_at"] is not None
    finally:
        database.close()


def test_a_community_code_is_taken_once(con: Connection, town: Town) -> None:
    become(con, OPERATOR)
    communities.create(con, OPERATOR, town=town)
    with pytest.raises(BadInput, match="520502009005"):
        communities.create(con, OPERATOR, town=town)


def test_frames_that_refer_to_nothing_are_refused(con: Connection, town: Town) -> None:
    become(con, OPERATOR)
    made = communities.create(con, OPERATOR, town=town)
    job = Actor(Machine.JOB, made)
    become(con, job)
    astray = dataclasses.replace(town, entrances=town.entrances.assign(building_id=99_999))
    with pytest.raises(BadInput, match="不一致"):
        communities.load(con, job, town=astray, people=None, history=None, on=ON)


@pytest.mark.parametrize("role", [*Role, Machine.JOB])
def test_only_the_operator_makes_and_removes_communities(con: Connection, town: Town, role: Role | Machine) -> None:
    actor = Actor(role, 1)
    with pytest.raises(Forbidden):
        communities.create(con, actor, town=town)
    with pytest.raises(Forbidden):
        communities.remove(con, actor, community_id=1)
    with pytest.raises(Forbidden):
        communities.listing(con, actor)


@pytest.mark.parametrize("role", [*Role, Machine.OPERATOR])
def test_only_a_job_loads(con: Connection, town: Town, role: Role | Machine) -> None:
    with pytest.raises(Forbidden):
        communities.load(con, Actor(role, 1), town=town, people=None, history=None, on=ON)


def test_a_label_stands_in_the_middle_of_the_largest_circle(town: Town) -> None:
    spots, radii = label_spots(town.grids.geometry, town.epsg)
    metres = town.grids.to_crs(town.epsg)
    gap = spots.to_crs(town.epsg).distance(metres.boundary, align=False)
    assert spots.within(town.grids.geometry, align=False).all()
    assert gap.to_numpy() == pytest.approx(radii, abs=0.02)

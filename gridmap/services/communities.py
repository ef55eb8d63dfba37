"""Communities: create one, load a town with its people and history, keep the demo community ready."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely
from sqlalchemy import Connection

from gridmap.domain.actors import Actor, Machine
from gridmap.domain.groups import RULE_DEFAULTS
from gridmap.domain.occasions import Prospects, invent_occasions
from gridmap.domain.people import invent_people
from gridmap.domain.simulation import invent_history
from gridmap.domain.towns import History, People, Town
from gridmap.errors import BadInput
from gridmap.files.towns import read_town
from gridmap.services import access, coverage, streets, worklist
from gridmap.settings import GEODATA
from gridmap.store import communities

Progress = Callable[[str, float], None]
Transaction = Callable[[Actor], AbstractContextManager[Connection]]
Ints = npt.NDArray[np.int64]

DEMO_CODE = "520502009005"
DEMO_SEED = 7
DEMO_FOLDER = GEODATA / "nanshan"
RULE_YEARS = 5  # a new community's rules hold from so many years before the day it is loaded


def silent(sentence: str, share: float) -> None:
    """Take a progress report and tell nobody."""


def create(con: Connection, actor: Actor, *, town: Town) -> int:
    """Make a community without anything in it; return its id.

    Raises
    ------
    BadInput
        When a community with this code is there already.
    """
    access.require(actor, Machine.OPERATOR)
    if communities.find(con, town.code):
        raise BadInput("已有编码为 %(code)s 的社区", code=town.code)
    west, south, east, north = town.box
    return communities.create(
        con,
        {
            "code": town.code,
            "name": town.name,
            "epsg": town.epsg,
            "lon_min": west,
            "lat_min": south,
            "lon_max": east,
            "lat_max": north,
            "timezone": town.timezone,
            "invented": town.invented,
            "attribution": town.attribution,
        },
    )


def remove(con: Connection, actor: Actor, *, community_id: int) -> None:
    """Remove a community and all that belongs to it."""
    access.require(actor, Machine.OPERATOR)
    communities.remove(con, community_id)


def listing(con: Connection, actor: Actor) -> list[dict[str, Any]]:
    """Return every community of this server."""
    access.require(actor, Machine.OPERATOR)
    return communities.listing(con)


def demo_town() -> Town:
    """Return the demo community as it was drawn."""
    return read_town(DEMO_FOLDER)


def ready_demo(
    transaction: Transaction, *, fresh: bool = False, progress: Progress = silent, on: dt.date | None = None
) -> int:
    """Return the demo community's id; load it when it is missing, was left half finished, or ``fresh`` is wanted.

    Creation and load are two transactions because two roles do them: a load that is killed leaves an unfinished
    community, which the next call removes.
    """
    operator = Actor(Machine.OPERATOR)
    with transaction(operator) as con:
        found = communities.find(con, DEMO_CODE)
    if found and found[1] and not fresh:
        return found[0]
    progress("读取演示地图", 0.02)
    town = demo_town()
    day = on or dt.datetime.now(ZoneInfo(town.timezone)).date()
    progress("虚构住户和一年的走访", 0.08)
    people = invent_people(town, day, DEMO_SEED)
    history = invent_history(town, people, day, DEMO_SEED)
    with transaction(operator) as con:
        if found:
            remove(con, operator, community_id=found[0])
        made = create(con, operator, town=town)
    job = Actor(Machine.JOB, made)
    with transaction(job) as con:
        load(con, job, town=town, people=people, history=history, on=day, progress=progress)
    return made


def load(
    con: Connection,
    actor: Actor,
    *,
    town: Town,
    people: People | None,
    history: History | None,
    on: dt.date,
    seed: int = DEMO_SEED,
    progress: Progress = silent,
) -> None:
    """Put a town, its people and its history into an empty community, decide its coverage, and mark it loaded.

    Parameters
    ----------
    people, history : None for a town of which only the map is known.
    on : the community's date today; rules hold from years before it.
    seed : of what is invented about the next days of a town whose people are invented.
    progress : is told a sentence and the share that is done, 0..1.
    """
    access.require(actor, Machine.JOB)
    loading = _Loading(con, actor.community_id)
    progress("写入街道和楼栋", 0.25)
    _load_map(loading, town, on)
    streets.build(con, actor, on=on, town=town)
    _load_rules(loading, on)
    if people is not None:
        progress("写入住户", 0.4)
        _load_people(loading, people)
    if history is not None:
        progress("写入走访、诉求和送水", 0.55)
        _load_history(loading, history, people)
    if history is not None and people is not None:
        progress("虚构近日的约定和事项", 0.75)
        _load_occasions(loading, invent_occasions(town, people, history, on, seed))
    communities.analyze(con)
    progress("计算走访覆盖", 0.85)
    if people is not None:
        coverage.recompute(con, actor, on=on)
        coverage.overview(con, actor, on=on)  # counts the period before as well: the first page need not wait
        worklist.learn(con, actor)
    communities.finish(con, actor.community_id)
    progress("完成", 1.0)


class _Loading:
    """One load: which id of ours stands for each local id of a frame."""

    def __init__(self, con: Connection, community_id: int) -> None:
        self.con = con
        self.community_id = community_id
        self.ids: dict[str, pd.Series] = {}

    def number(self, table: str, local: pd.Series) -> Ints:
        """Reserve ids for the rows of a frame and remember which local id they stand for."""
        reserved = communities.reserve(self.con, table, len(local))
        self.ids[table] = pd.Series(reserved, index=pd.Index(local.to_numpy()), dtype="int64")
        return reserved

    def of(self, table: str, local: pd.Series) -> list[int | None]:
        """Return our ids of local ids; none stays none."""
        mapped = local.map(self.ids[table])
        if (mapped.isna() & local.notna()).any():
            raise BadInput("地图数据前后不一致：%(table)s 里没有被引用的编号", table=table)
        return [None if missing else int(value) for value, missing in zip(mapped, mapped.isna(), strict=True)]

    def copy(self, table: str, **columns: Any) -> None:
        """Put rows into a table."""
        communities.copy(self.con, table, self.community_id, columns)


def label_spots(shapes: gpd.GeoSeries, epsg: int) -> tuple[gpd.GeoSeries, npt.NDArray[np.float64]]:
    """Return the spots of labels: centre (CRS of ``shapes``) and radius (metres) of the largest circle inside."""
    circles = shapely.maximum_inscribed_circle(shapes.to_crs(epsg).to_numpy(), tolerance=0.5)
    centres = gpd.GeoSeries(shapely.get_point(circles, 0), crs=epsg).to_crs(shapes.crs)
    return centres, np.maximum(shapely.length(circles), 0.1)


def _load_map(loading: _Loading, town: Town, on: dt.date) -> None:
    since = on - dt.timedelta(days=366 * RULE_YEARS)
    loading.copy("outline", valid_from=[since], boundary=[town.outline])
    streets, areas, barriers = town.streets, town.areas, town.barriers
    loading.copy(
        "street", name=streets["name"], kind=streets["kind"], source_id=streets["source_id"], path=streets.geometry
    )
    loading.copy("barrier", kind=barriers["kind"], path=barriers.geometry)
    loading.copy("area", name=areas["name"], kind=areas["kind"], shape=areas.geometry)
    compounds = town.compounds
    loading.copy(
        "compound",
        id=loading.number("compound", compounds["id"]),
        **{c: compounds[c] for c in ("name", "kind", "built_year", "committee_since")},
        shape=compounds.geometry,
    )
    _load_grids(loading, town, since)
    buildings, doors = town.buildings, town.entrances
    loading.copy(
        "building",
        id=loading.number("building", buildings["id"]),
        compound_id=loading.of("compound", buildings["compound_id"]),
        grid_id=loading.of("grid", buildings["grid_number"]),
        **{c: buildings[c] for c in ("name", "kind", "floors", "has_lift", "source_id")},
        shape=buildings.geometry,
    )
    loading.copy(
        "entrance",
        id=loading.number("entrance", doors["id"]),
        building_id=loading.of("building", doors["building_id"]),
        unit=doors["unit"],
        assumed=doors["assumed"],
        door=doors.geometry,
    )
    loading.copy("place", name=town.places["name"], kind=town.places["kind"], at=town.places.geometry)
    facilities = town.facilities
    loading.copy(
        "facility",
        id=loading.number("facility", facilities["number"]),
        **{c: facilities[c] for c in ("number", "kind", "name", "opened_on")},
        at=facilities.geometry,
    )


def _load_grids(loading: _Loading, town: Town, since: dt.date) -> None:
    grids = town.grids
    ids = loading.number("grid", grids["number"])
    loading.copy("grid", id=ids, **{c: grids[c] for c in ("code", "number", "name", "kind")})
    spots, radii = label_spots(grids.geometry, town.epsg)
    loading.copy(
        "grid_version",
        grid_id=ids,
        valid_from=[since] * len(grids),
        boundary=grids.geometry,
        label_at=spots,
        label_radius_m=radii,
    )


def _load_rules(loading: _Loading, on: dt.date) -> None:
    rules = RULE_DEFAULTS
    loading.copy(
        "visit_rule",
        group_code=[rule.group_code for rule in rules],
        period_days=[rule.period_days for rule in rules],
        soon_days=[rule.soon_days for rule in rules],
        modes=[list(rule.modes) for rule in rules],
        source=[rule.source for rule in rules],
        valid_from=[on - dt.timedelta(days=366 * RULE_YEARS)] * len(rules),
    )


def _load_people(loading: _Loading, people: People) -> None:
    households, residents, spells, tags = people.households, people.residents, people.spells, people.tags
    grid = loading.of("grid", households["grid_number"])
    count = np.bincount(residents["household_id"].to_numpy(np.int64), minlength=int(households["id"].max() or 0) + 1)
    loading.copy(
        "household",
        id=loading.number("household", households["id"]),
        grid_id=grid,
        building_id=loading.of("building", households["building_id"]),
        entrance_id=loading.of("entrance", households["entrance_id"]),
        floor=households["floor"],
        room=households["room"],
        people_count=count[households["id"].to_numpy(np.int64)],
        door=households.geometry,
    )
    loading.ids["grid_of"] = pd.Series(grid, index=pd.Index(households["id"].to_numpy()))
    loading.copy(
        "household_spell",
        **_home(loading, spells),
        in_grid_id=loading.of("grid_of", spells["household_id"]),
        **{c: spells[c] for c in ("standing", "reason", "valid_from", "valid_to", "recorded_at")},
    )
    loading.copy(
        "resident",
        id=loading.number("resident", residents["id"]),
        **_home(loading, residents),
        **{c: residents[c] for c in ("name", "sex", "born_year", "relation", "registration")},
    )
    loading.copy(
        "group_tag",
        **_home(loading, tags),
        resident_id=loading.of("resident", tags["resident_id"]),
        **{c: tags[c] for c in ("group_code", "valid_from", "valid_to", "recorded_at", "basis")},
    )


def _home(loading: _Loading, frame: pd.DataFrame) -> dict[str, list[int | None]]:
    """Return the two columns that tie a row to its household and to today's grid."""
    local = frame["household_id"]
    return {"household_id": loading.of("household", local), "grid_id": loading.of("grid_of", local)}


def _load_history(loading: _Loading, history: History, people: People | None) -> None:
    workers, duty = history.workers, history.assignments
    loading.copy("worker", id=loading.number("worker", workers["id"]), name=workers["name"])
    loading.copy(
        "worker_assignment",
        worker_id=loading.of("worker", duty["worker_id"]),
        grid_id=loading.of("grid", duty["grid_number"]),
        **{c: duty[c] for c in ("duty", "valid_from", "valid_to")},
    )
    if people is not None:
        _load_visits(loading, history)
    _load_water(loading, history)
    incomes = history.incomes
    loading.copy(
        "facility_income",
        facility_id=loading.of("facility", incomes["facility_number"]),
        month=incomes["month"],
        amount_yuan=incomes["amount_yuan"],
    )


def _load_visits(loading: _Loading, history: History) -> None:
    visits, needs = history.visits, history.needs
    loading.copy(
        "visit",
        **_home(loading, visits),
        made_in_grid_id=loading.of("grid_of", visits["household_id"]),
        worker_id=loading.of("worker", visits["worker_id"]),
        **{c: visits[c] for c in ("id", "visited_at", "recorded_at", "minutes", "mode", "result", "purpose", "note")},
    )
    loading.copy(
        "need",
        **_home(loading, needs),
        made_in_grid_id=loading.of("grid_of", needs["household_id"]),
        **{c: needs[c] for c in ("kind", "summary", "raised_at", "recorded_at", "closed_at")},
    )


def _load_occasions(loading: _Loading, found: Prospects) -> None:
    """Put in what is promised, planned and open in the next days, and what was agreed at visits."""
    hours, events, promises = found.at_home, found.events, found.promises
    days = ("weekday_bits", "from_min", "until_min", "valid_from", "recorded_at")
    loading.copy("availability", **_home(loading, hours), **{c: hours[c] for c in days})
    loading.copy(
        "appointment", **_home(loading, promises), **{c: promises[c] for c in ("starts_at", "ends_at", "made_at")}
    )
    told = ("kind", "happened_at", "visit_by", "recorded_at")
    loading.copy("household_event", **_home(loading, events), **{c: events[c] for c in told})
    materials, handed = found.materials, found.deliveries
    loading.copy(
        "material",
        id=loading.number("material", materials["id"]),
        **{c: materials[c] for c in ("code", "name", "group_code", "valid_from")},
    )
    loading.copy(
        "material_delivery",
        **_home(loading, handed),
        material_id=loading.of("material", handed["material_id"]),
        **{c: handed[c] for c in ("visit_id", "delivered_at")},
    )
    hazards, disputes, shifts = found.hazards, found.disputes, found.shifts
    loading.copy("hazard", **_home(loading, hazards), **{c: hazards[c] for c in ("kind", "found_at", "resolved_at")})
    loading.copy(
        "dispute", **_home(loading, disputes), **{c: disputes[c] for c in ("summary", "raised_at", "closed_at")}
    )
    loading.copy(
        "shift",
        worker_id=loading.of("worker", shifts["worker_id"]),
        **{c: shifts[c] for c in ("on", "start_min", "end_min")},
    )
    _load_errands(loading, found.errands)
    agreed = found.visits[found.visits["follow_up_on"].notna() | found.visits["consent"].notna()]
    columns = (agreed[c].to_numpy(dtype=object) for c in ("id", "follow_up_on", "consent"))
    communities.agreed_at(loading.con, loading.community_id, *columns)


def _load_errands(loading: _Loading, errands: pd.DataFrame) -> None:
    loading.copy(
        "errand",
        grid_id=loading.of("grid", errands["grid_number"]),
        facility_id=loading.of("facility", errands["facility_number"]),
        household_id=loading.of("household", errands["household_id"]),
        **{c: errands[c] for c in ("kind", "title", "on", "minutes", "from_min", "until_min", "done_at")},
        at=errands["geometry"],
    )


def _load_water(loading: _Loading, history: History) -> None:
    customers, runs, orders = history.customers, history.runs, history.orders
    loading.copy(
        "delivery_customer",
        id=loading.number("delivery_customer", customers["id"]),
        name=customers["name"],
        kind=customers["kind"],
        at=customers.geometry,
    )
    loading.copy(
        "delivery_run",
        id=loading.number("delivery_run", runs["id"]),
        **{c: runs[c] for c in ("on", "number", "driver", "length_m")},
        path=runs.geometry,
    )
    loading.copy(
        "delivery_order",
        customer_id=loading.of("delivery_customer", orders["customer_id"]),
        run_id=loading.of("delivery_run", orders["run_id"]),
        **{c: orders[c] for c in ("brand", "barrels", "ordered_at", "delivered_at", "stop_number")},
    )

"""Water runs of a day: their order, their barrels, and who may ask."""

from datetime import date

import pytest
from sqlalchemy import Connection, text

from gridmap.domain.actors import Actor, Role
from gridmap.errors import Forbidden
from gridmap.services import deliveries
from gridmap.store.database import become

ON = date(2026, 11, 21)


@pytest.fixture
def water(con: Connection, community_id: int) -> int:
    """One run with two stops, the first of them with two brands in three orders, and an empty run the day before."""
    con.execute(
        text(
            "INSERT INTO delivery_customer (community_id, id, name, kind, at) OVERRIDING SYSTEM VALUE VALUES"
            " (:c, 901, '二十二小', 'institution', ST_SetSRID(ST_MakePoint(105.28, 27.30), 4490)),"
            " (:c, 902, '便民超市', 'shop', ST_SetSRID(ST_MakePoint(105.29, 27.31), 4490))"
        ),
        {"c": community_id},
    )
    path = "ST_GeomFromText('LINESTRING(105.27 27.3, 105.28 27.3, 105.29 27.31)', 4490)"
    con.execute(
        text(
            'INSERT INTO delivery_run (community_id, id, "on", number, driver, length_m, path) OVERRIDING SYSTEM VALUE'
            f" VALUES (:c, 801, '2026-11-20', 1, '甲', 900, {path}), (:c, 802, '2026-11-21', 1, '乙', 1200.5, {path})"
        ),
        {"c": community_id},
    )
    orders = [(902, "彝山一水", 4, 2), (901, "飞龙雨", 3, 1), (901, "彝山一水", 2, 1), (901, "彝山一水", 5, 1)]
    for customer, brand, barrels, stop in orders:
        con.execute(
            text(
                "INSERT INTO delivery_order"
                " (community_id, customer_id, brand, barrels, ordered_at, run_id, stop_number)"
                " VALUES (:c, :customer, :brand, :barrels, '2026-11-20 09:00+08', 802, :stop)"
            ),
            {"c": community_id, "customer": customer, "brand": brand, "barrels": barrels, "stop": stop},
        )
    return community_id


@pytest.mark.parametrize("role", [Role.SECRETARY, Role.CLERK, Role.DRIVER])
def test_a_run_lists_its_stops_in_driving_order(con: Connection, water: int, role: Role) -> None:
    actor = Actor(role, water)
    become(con, actor)
    (run,) = deliveries.runs(con, actor, on=ON)
    assert [(s.number, s.customer, s.barrels) for s in run.stops] == [
        (1, "二十二小", {"彝山一水": 7, "飞龙雨": 3}),
        (2, "便民超市", {"彝山一水": 4}),
    ]
    assert (run.barrels, run.length_m, run.driver) == (14, 1200.5, "乙")
    assert run.path == ((105.27, 27.3), (105.28, 27.3), (105.29, 27.31))


def test_a_day_off_has_no_run_and_the_last_day_is_found(con: Connection, water: int) -> None:
    actor = Actor(Role.DRIVER, water)
    become(con, actor)
    assert deliveries.runs(con, actor, on=date(2026, 11, 22)) == []
    assert deliveries.last_day(con, actor, on=date(2026, 11, 22)) == ON
    assert deliveries.last_day(con, actor, on=date(2026, 11, 20)) == date(2026, 11, 20)
    assert deliveries.last_day(con, actor, on=date(2026, 11, 19)) is None


@pytest.mark.parametrize("role", [Role.WORKER, Role.PLANNER, Role.ADMIN])
def test_who_has_no_business_with_water_may_not_ask(con: Connection, water: int, role: Role) -> None:
    with pytest.raises(Forbidden):
        deliveries.runs(con, Actor(role, water, frozenset({1})), on=ON)
    with pytest.raises(Forbidden):
        deliveries.last_day(con, Actor(role, water), on=ON)

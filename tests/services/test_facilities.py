"""Facilities and their income: who sees what, and which months count."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import ProgrammingError

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.facilities import months_told
from gridmap.errors import Forbidden, SignInNeeded
from gridmap.services.facilities import facilities
from gridmap.store.database import become

ON = date(2026, 11, 22)


@pytest.fixture
def park(con: Connection, community_id: int) -> int:
    """Two machines, one closed on the day before; income from before, within and after the year told."""
    con.execute(
        text(
            "INSERT INTO facility (community_id, number, kind, name, opened_on, closed_on, at) VALUES"
            " (:c, 'V2', 'vending', '北门', '2025-01-01', NULL, ST_SetSRID(ST_MakePoint(105.28, 27.30), 4490)),"
            " (:c, 'L1', 'locker', '南门', '2025-01-01', '2026-11-22', ST_SetSRID(ST_MakePoint(105.28, 27.30), 4490)),"
            " (:c, 'C1', 'charging', '东门', '2026-11-22', NULL, ST_SetSRID(ST_MakePoint(105.29, 27.31), 4490))"
        ),
        {"c": community_id},
    )
    for month, amount in [("2025-10-01", 1000), ("2025-11-01", 100), ("2026-10-01", 20.5), ("2026-11-01", 4000)]:
        con.execute(
            text(
                "INSERT INTO facility_income (community_id, facility_id, month, amount_yuan)"
                " SELECT community_id, id, :m, :a FROM facility WHERE number = 'V2'"
            ),
            {"m": month, "a": amount},
        )
    return community_id


def test_the_last_twelve_whole_months_are_told() -> None:
    assert months_told(ON) == (date(2025, 11, 1), date(2026, 11, 1))
    assert months_told(date(2024, 2, 29)) == (date(2023, 2, 1), date(2024, 2, 1))


def test_the_secretary_sees_open_facilities_with_income(con: Connection, park: int) -> None:
    actor = Actor(Role.SECRETARY, park)
    become(con, actor)
    found = facilities(con, actor, on=ON)
    assert [(f.number, f.income_yuan) for f in found] == [("C1", Decimal(0)), ("V2", Decimal("120.50"))]
    assert (found[0].lon, found[0].lat, found[0].kind, found[0].name) == (105.29, 27.31, "charging", "东门")
    assert [f.number for f in facilities(con, actor, on=date(2026, 11, 21))] == ["L1", "V2"]


@pytest.mark.parametrize("role", [Role.WORKER, Role.DRIVER])
def test_worker_and_driver_see_places_without_income(con: Connection, park: int, role: Role) -> None:
    actor = Actor(role, park, frozenset({1}))
    become(con, actor)
    assert [(f.number, f.income_yuan) for f in facilities(con, actor, on=ON)] == [("C1", None), ("V2", None)]
    with pytest.raises(ProgrammingError, match="permission denied"):  # the second wall says the same
        con.execute(text("SELECT * FROM facility_income"))


def test_another_community_sees_none_of_them(con: Connection, park: int) -> None:
    actor = Actor(Role.SECRETARY, park + 1)
    become(con, actor)
    assert facilities(con, actor, on=ON) == []


@pytest.mark.parametrize(
    ("role", "error"), [(Role.ADMIN, Forbidden), (Machine.JOB, Forbidden), (Machine.VISITOR, SignInNeeded)]
)
def test_others_may_not_ask(con: Connection, park: int, role: Role | Machine, error: type[Exception]) -> None:
    with pytest.raises(error):
        facilities(con, Actor(role, park), on=ON)

"""Publishing borders: what moves with them, what stays as it was known, and who is told."""

from __future__ import annotations

from datetime import date

import pytest
from border_town import Town
from small_world import at
from sqlalchemy import Connection

from gridmap.domain.boundaries import PlanState

DAY = date(2026, 6, 1)
NOON = at(DAY, 12)


@pytest.fixture
def town(con: Connection, community_id: int) -> Town:
    return Town(con, community_id)


def grid_of(town: Town, household_id: int) -> int:
    return int(town.value("SELECT grid_id FROM household WHERE community_id = :c AND id = :h", h=household_id))


def test_a_border_that_moves_takes_its_households_along(town: Town) -> None:
    plan_id = town.draft(DAY, town.shifted(0.4))
    town.publish(plan_id, DAY)
    moved = town.households[1][:4]  # two buildings of two doors lie in the strip
    assert town.state(plan_id) is PlanState.IN_EFFECT
    assert {grid_of(town, home) for home in moved} == {town.grids[0]}
    assert {grid_of(town, home) for home in town.households[1][4:]} == {town.grids[1]}
    spells = town.rows_of(
        "SELECT in_grid_id, grid_id, valid_from, valid_to, standing FROM household_spell"
        " WHERE community_id = :c AND household_id = :h ORDER BY valid_from",
        h=moved[0],
    )
    begin = spells[0].valid_from
    assert [tuple(s) for s in spells] == [
        (town.grids[1], town.grids[0], begin, DAY, "occupied"),
        (town.grids[0], town.grids[0], DAY, None, "occupied"),
    ]

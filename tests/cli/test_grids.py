"""``gridmap grids``: approved borders take effect on their day although nobody asks for a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from border_town import Town, new_community
from click.testing import CliRunner

from gridmap.cli import edge, gridmap
from gridmap.domain.boundaries import PlanState
from gridmap.services import coverage
from gridmap.store.database import Database


@pytest.fixture
def database(new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    made = Database(new_database("grids_effect"))
    monkeypatch.setattr(edge, "database", lambda: made)
    yield made
    made.close()


def run(*arguments: str) -> str:
    done = CliRunner().invoke(gridmap, ["grids", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_due_borders_take_effect_once(database: Database) -> None:
    with database.engine.begin() as con:
        town = Town(con, new_community(con))
        today = coverage.days(con, town.act(town.job)).today
        yesterday = today - timedelta(days=1)
        due = town.draft(yesterday, town.shifted(0.4))
        town.publish(due, yesterday, effect_on=today)
        later = town.draft(yesterday, {town.grids[2]: town.present(yesterday)[town.grids[2]].boundary})
        town.publish(later, yesterday, effect_on=today + timedelta(days=1))
    assert json.loads(run("effect", "--json")) == {"effect": {"520502009999": [due]}}
    assert "0 个" in run("effect", "--community", "520502009999")
    with database.engine.begin() as con:
        town.con = con
        assert [town.state(plan_id) for plan_id in (due, later)] == [PlanState.IN_EFFECT, PlanState.APPROVED]

"""``gridmap streets``: the same figures as the services give, for people and for programs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from click.testing import CliRunner
from conftest import DEMO_DAY
from sqlalchemy import text

from gridmap.cli import edge, gridmap
from gridmap.domain.actors import Actor, Machine
from gridmap.services import streets
from gridmap.store.database import Database


@pytest.fixture
def shown(demo: Database, demo_id: int, monkeypatch: pytest.MonkeyPatch) -> Actor:
    monkeypatch.setattr(edge, "database", lambda: demo)
    monkeypatch.setenv("COLUMNS", "160")
    return Actor(Machine.JOB, demo_id)


def run(*arguments: str) -> str:
    done = CliRunner().invoke(gridmap, ["streets", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def told(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--on", str(DEMO_DAY), "--json"))


def test_programs_read_the_figures_of_the_service(shown: Actor, demo: Database) -> None:
    with demo.transaction(shown) as con:
        summary = streets.summary(con, shown, on=DEMO_DAY)
        listed = streets.unreached(con, shown, on=DEMO_DAY)
        lon, lat = streets.centre(con, shown)
        within = streets.reach(con, shown, lon=lon, lat=lat, minutes=10, on=DEMO_DAY)
    found = told("list")
    assert found["kinds"]["gate"][0] == summary.kinds["gate"][0]
    assert found["entrances"] == summary.entrances
    assert [one["entrance_id"] for one in told("unreached")["entrances"]] == [one.entrance_id for one in listed]
    assert (
        told("reach", "10")["homes"] == within.homes.total == told("reach", "10", "--at", str(lon), str(lat))["homes"]
    )


def test_people_read_tables(shown: Actor) -> None:
    assert shown
    assert "大门" in run("list", "--on", str(DEMO_DAY))
    assert "隔着围墙" in run("unreached", "--on", str(DEMO_DAY))
    assert "户" in run("reach", "5", "--on", str(DEMO_DAY))


def test_a_network_that_is_there_is_not_made_again(shown: Actor, demo: Database) -> None:
    query = text("SELECT network_mark FROM community WHERE id = :c")
    with demo.transaction(shown) as con:
        before = con.execute(query, {"c": shown.community_id}).scalar_one()
    assert json.loads(run("build", "--json")) == {"built": []}
    with demo.transaction(shown) as con:
        assert con.execute(query, {"c": shown.community_id}).scalar_one() == before != 0

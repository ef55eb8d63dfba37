"""``gridmap due``: the list of a grid, for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner
from two_communities import DAY, Small, populate

from gridmap.cli import edge, gridmap
from gridmap.domain.actors import Actor, Machine
from gridmap.services import coverage
from gridmap.store.database import Database


@pytest.fixture(scope="module")
def untouched(new_database: Callable[[str], str]) -> Iterator[Small]:
    """Yield two communities of this module's own: elsewhere doors are knocked at, and a list would show it."""
    made = Small(Database(new_database("untouched")))
    with made.database.engine.begin() as connection:
        for number in (1, 2):
            populate(connection, made, number)
    yield made
    made.database.close()


@pytest.fixture
def asked(untouched: Small, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the options that name the first grid of the first community on a day."""
    job = Actor(Machine.JOB, untouched.community_id)
    with untouched.database.transaction(job) as con:
        coverage.recompute(con, job, on=DAY)
        code = coverage.days(con, job).code
    monkeypatch.setattr(edge, "database", lambda: untouched.database)
    monkeypatch.setenv("COLUMNS", "160")
    return ["--community", code, "--on", str(DAY), "--grid", untouched.codes[0][0]]


def test_programs_read_tasks_with_their_reasons(asked: list[str], untouched: Small) -> None:
    done = CliRunner().invoke(gridmap, ["due", *asked, "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)
    (task,) = told["tasks"]
    # living alone: 30 days, met 40 days ago
    assert task["household_id"] == untouched.households[0][0]
    assert task["urgency"] == "should"
    assert [r["code"] for r in task["reasons"]] == ["overdue", "group", "need"]
    assert task["reasons"][0]["days"] == 10
    assert told["errands"] == []


def test_people_read_sentences(asked: list[str]) -> None:
    done = CliRunner().invoke(gridmap, ["due", *asked])
    assert done.exit_code == 0, done.output
    assert "逾期 10 天" in done.output
    assert "应该去 1" in done.output


@pytest.mark.parametrize("options", [["--grid", "nowhere"], ["--on", "tomorrow"], ["--on", "1999-01-01"]])
def test_nonsense_is_told_in_a_sentence(asked: list[str], options: list[str]) -> None:
    done = CliRunner().invoke(gridmap, ["due", *asked, *options])
    assert done.exit_code == 1
    assert any("一" <= sign <= "鿿" for sign in str(done.exception))

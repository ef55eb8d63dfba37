"""``gridmap coverage`` for people: a table of the grids with their sum."""

from __future__ import annotations

import pytest
from click.testing import CliRunner
from two_communities import DAY, Small

from gridmap.cli import edge, gridmap
from gridmap.domain.actors import Actor, Machine
from gridmap.services import coverage


@pytest.fixture
def shown(small: Small, monkeypatch: pytest.MonkeyPatch) -> Small:
    job = Actor(Machine.JOB, small.community_id)
    with small.database.transaction(job) as con:
        coverage.recompute(con, job, on=DAY)
    monkeypatch.setattr(edge, "database", lambda: small.database)
    monkeypatch.setenv("COLUMNS", "160")
    return small


def test_people_read_a_table(shown: Small) -> None:
    done = CliRunner().invoke(gridmap, ["coverage", "--community", _code(shown), "--on", str(DAY)])
    assert done.exit_code == 0, done.output
    rows = [line for line in done.output.splitlines() if "第1网格" in line or "合计" in line]
    figures = [[part.strip() for part in row.strip("│ ").split("│")] for row in rows]
    # one household in each grid, met 40 days ago: alone (30 days) is overdue, the other is covered
    assert [row[2:6] for row in figures] == [["1", "0", "0.0%", "1"], ["2", "1", "50.0%", "1"]]


def test_of_two_communities_one_must_be_named(shown: Small) -> None:
    assert shown
    done = CliRunner().invoke(gridmap, ["coverage", "--json"])
    assert done.exit_code == 1
    assert "--community" in str(done.exception)


def _code(small: Small) -> str:
    job = Actor(Machine.JOB, small.community_id)
    with small.database.transaction(job) as con:
        return coverage.days(con, job).code

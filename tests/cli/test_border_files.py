"""``gridmap grids check``, ``gridmap export grids``, ``gridmap import grids``: for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from border_town import Town, new_community
from click.testing import CliRunner
from sqlalchemy import text

from gridmap.cli import edge, gridmap
from gridmap.domain.actors import Actor, Machine
from gridmap.store.database import Database


@pytest.fixture(scope="module")
def database(new_database: Callable[[str], str]) -> Iterator[Database]:
    made = Database(new_database("border_files"))
    with made.engine.begin() as con:
        Town(con, new_community(con))
    yield made
    made.close()


@pytest.fixture
def shown(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setattr(edge, "database", lambda: database)
    return database


def job(database: Database) -> Actor:
    """Return the program's own rights in the one community."""
    with database.transaction(Actor(Machine.OPERATOR)) as con:
        return Actor(Machine.JOB, con.execute(text("SELECT id FROM community")).scalar_one())


def run(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(gridmap, arguments)
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def told(*arguments: str, code: int = 0) -> Any:
    return json.loads(run(*arguments, "--json", code=code))


def test_grids_go_out_and_come_in_as_a_draft(shown: Database, tmp_path: Path) -> None:
    assert shown
    for suffix in ("gpkg", "zip", "geojson", "kml", "dxf"):
        file = tmp_path / f"网格.{suffix}"
        assert "个网格" in run("export", "grids", "--out", str(file))
        found = told("import", "grids", str(file), "--dry-run")
        assert (found["changed"], found["questions"], found["plan_id"]) == (0, [], None)
    assert "没有建方案" in run("import", "grids", str(tmp_path / "网格.kml"), "--dry-run")
    made = told("import", "grids", str(tmp_path / "网格.gpkg"))
    assert made["plan_id"]
    out = tmp_path / "plan.geojson"
    run("export", "grids", "--plan", str(made["plan_id"]), "--out", str(out), "--crs", "gcj02")
    again = told("import", "grids", str(out), "--dry-run", "--crs", "gcj02")
    assert (again["crs_chosen"], again["changed"]) == (True, 0)


def test_what_is_wrong_ends_with_one_and_a_wrong_wish_is_told(shown: Database, tmp_path: Path) -> None:
    fine = told("grids", "check")
    assert fine["ok"] is True
    assert "✓" in run("grids", "check")
    move = "UPDATE building SET grid_id = (SELECT {}(id) FROM grid) WHERE id = (SELECT min(id) FROM building)"
    with shown.transaction(job(shown)) as con:
        con.execute(text(move.format("max")))
    wrong = told("grids", "check", code=1)
    assert wrong["wrong"]["misplaced"] == 1
    assert "✗ 楼登记在别的网格：1 处" in run("grids", "check", code=1)
    with shown.transaction(job(shown)) as con:
        con.execute(text(move.format("min")))
    answer = CliRunner().invoke(gridmap, ["export", "grids", "--out", str(tmp_path / "x.doc")])
    assert "不能导出" in str(answer.exception)
    bad = CliRunner().invoke(gridmap, ["export", "grids", "--as-of", "1999-01-01", "--out", str(tmp_path / "x.kml")])
    assert "还没有网格" in str(bad.exception)
    crs = CliRunner().invoke(gridmap, ["export", "grids", "--crs", "2381", "--out", str(tmp_path / "x.kml")])
    assert "不认识坐标系" in str(crs.exception)

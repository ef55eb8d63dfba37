"""``gridmap community``: a file becomes a community that answers, a bad one leaves nothing behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from gridmap.cli import edge, main
from gridmap.domain.actors import Actor, Machine
from gridmap.services import communities
from gridmap.store.database import Database
from tests.files.osm_xml import checkerboard

DAY = "2026-11-22"


@pytest.fixture(scope="module")
def own_database(new_database: Callable[[str], str]) -> Iterator[Database]:
    """Yield a database of this file's own: the command commits."""
    made = Database(new_database("communities_cli"))
    yield made
    made.close()


@pytest.fixture
def database(own_database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """Let the command use the test's database; remove what it made."""
    monkeypatch.setattr(edge, "database", lambda: own_database)
    yield own_database
    operator = Actor(Machine.OPERATOR)
    with own_database.transaction(operator) as con:
        for row in communities.listing(con, operator):
            communities.remove(con, operator, community_id=row["id"])


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["community", *arguments])
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def counts(database: Database, community_id: int) -> dict[str, int]:
    tables = ("grid", "building", "entrance", "street", "household", "visit", "worker")
    with database.transaction(Actor(Machine.JOB, community_id)) as con:
        return {name: con.execute(text(f"SELECT count(*) FROM {name}")).scalar_one() for name in tables}


def test_a_real_town_without_households(database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = checkerboard().write(tmp_path)
    code, out, _ = run(capsys, "create", "试验", "--osm", str(path), "--grids", "4", "--json", "--on", DAY)
    assert code == 0
    told = json.loads(out)
    assert told["invented"] == "none"
    assert told["attribution"] == "© OpenStreetMap contributors, ODbL 1.0"
    assert told["measures"]["load_max_over_mean"] == 1.0
    assert {"text", "count"} == set(told["notes"][0])
    assert "%(" not in out
    code, out, _ = run(capsys, "list", "--json")
    (row,) = json.loads(out)
    assert (row["code"], row["name"], bool(row["loaded_at"])) == (told["code"], "试验", True)
    found = counts(database, row["id"])
    assert (found["grid"], found["building"], found["household"], found["visit"]) == (4, 48, 0, 0)
    assert found["street"] == told["read"]["streets"]


def test_households_are_invented_only_when_asked_and_marked(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = checkerboard(2, 2).write(tmp_path)
    arguments = ("create", "试验", "--osm", str(path), "--grids", "2", "--code", "520502009998", "--on", DAY)
    code, out, err = run(capsys, *arguments, "--invent-households", "--json")
    assert (code, err.count("✗")) == (0, 0)
    told = json.loads(out)
    assert told["invented"] == "people"
    (row,) = json.loads(run(capsys, "list", "--json")[1])
    found = counts(database, row["id"])
    assert found["household"] == told["read"]["homes_estimated"] == told["read"]["households_invented"] > 0
    assert found["visit"] > 0
    code, _, err = run(capsys, *arguments)
    assert (code, "已有编码" in err) == (2, True)


def test_what_cannot_be_used_leaves_nothing_behind(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = checkerboard(2, 2).write(tmp_path)
    broken = tmp_path / "broken.osm"
    broken.write_bytes(path.read_bytes()[:900])
    tomorrow = str(date.today() + timedelta(days=2))  # noqa: DTZ011 - two days on, it is later everywhere
    bad = [
        ("--osm", str(broken), "--grids", "2"),
        ("--osm", str(path), "--grids", "999"),
        ("--osm", str(path), "--grids", "2", "--on", tomorrow),
        ("--osm", str(path), "--grids", "2", "--seed", "-1"),
        ("--osm", str(path), "--grids", "two"),
        ("--osm", str(path)),
    ]
    for arguments in bad:
        code, _, err = run(capsys, "create", "试验", *arguments)
        assert code == 2
        assert "Traceback" not in err

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr(communities, "load", fail)
    with pytest.raises(RuntimeError, match="power cut"):
        main(["--debug", "community", "create", "试验", "--osm", str(path), "--grids", "2"])
    monkeypatch.undo()
    monkeypatch.setattr(edge, "database", lambda: database)
    capsys.readouterr()
    assert json.loads(run(capsys, "list", "--json")[1]) == []


@pytest.mark.usefixtures("database")
def test_a_community_is_removed_only_when_confirmed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = checkerboard(2, 2).write(tmp_path)
    run(capsys, "create", "试验", "--osm", str(path), "--grids", "2", "--code", "L-1", "--on", DAY)
    assert run(capsys, "remove", "L-1")[0] == 2
    assert run(capsys, "remove", "L-2", "--yes")[0] == 1
    code, out, _ = run(capsys, "remove", "L-1", "--yes")
    assert (code, "已删除" in out) == (0, True)
    assert json.loads(run(capsys, "list", "--json")[1]) == []
    assert "编码" in run(capsys, "list")[1]

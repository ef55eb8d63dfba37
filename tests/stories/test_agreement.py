"""Map, page, table, files, command and API tell the same figures to the last digit."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Callable
from datetime import date
from typing import Any

import openpyxl
import pytest
from click.testing import CliRunner
from flask.testing import FlaskClient

from gridmap.cli import coverage as command
from gridmap.cli import edge
from gridmap.cli import gridmap as whole_command
from gridmap.domain.actors import Role
from gridmap.files.coverage import FIGURES
from gridmap.store.database import Database

DEMO_DAY = date(2026, 11, 22)
DATES = [DEMO_DAY, date(2026, 10, 1), date(2026, 5, 17)]
GROUPS = [None, "alone", "high_risk", "veteran"]
CASES = [(on, group) for on in DATES for group in GROUPS]
NUMBER = re.compile(r'<span class="number[^"]*">\s*([^<]*)')


@pytest.fixture
def secretary(client: Callable[[Role | None], FlaskClient]) -> FlaskClient:
    return client(Role.SECRETARY)


def query(on: date, group: str | None) -> str:
    return f"?on={on}" + (f"&group={group}" if group else "")


def from_api(browser: FlaskClient, on: date, group: str | None) -> dict[str, Any]:
    told: dict[str, Any] = browser.get(f"/api/coverage.json{query(on, group)}").get_json()
    return told


def plain(told: dict[str, Any]) -> dict[str, list[Any]]:
    """Return code -> the figures an exported row carries, the sum under 合计."""
    rows = {grid["code"]: [grid["figures"][name] for name in FIGURES] for grid in told["grids"]}
    return rows | {"合计": [told["total"][name] for name in FIGURES]}


@pytest.mark.parametrize(("on", "group"), CASES)
def test_grids_add_up_to_the_total(secretary: FlaskClient, on: date, group: str | None) -> None:
    told = from_api(secretary, on, group)
    assert len(told["grids"]) == 19
    for name in FIGURES:
        if name.endswith(("share", "rate")):
            continue
        assert round(sum(grid["figures"][name] for grid in told["grids"]), 2) == told["total"][name], name


@pytest.mark.parametrize(("on", "group"), CASES)
def test_the_xlsx_holds_the_figures_of_the_api(secretary: FlaskClient, on: date, group: str | None) -> None:
    raw = secretary.get(f"/coverage.xlsx{query(on, group)}").data
    page = openpyxl.load_workbook(io.BytesIO(raw)).active
    assert page is not None
    rows = [[cell.value for cell in row] for row in page.iter_rows()]
    top = next(i for i, row in enumerate(rows) if row[0] == "网格编码")
    assert rows[top][4:-1] == list(FIGURES.values())
    assert {str(row[0]): row[4:-1] for row in rows[top + 1 :]} == plain(from_api(secretary, on, group))
    assert any("演示数据" in str(row[0]) for row in rows[:top])


@pytest.mark.parametrize(("on", "group"), CASES)
def test_the_csv_holds_the_figures_of_the_api(secretary: FlaskClient, on: date, group: str | None) -> None:
    text = secretary.get(f"/coverage.csv{query(on, group)}").data.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    found = {row[0]: [float(cell) if cell else None for cell in row[4:-1]] for row in rows[1:21]}
    assert found == plain(from_api(secretary, on, group))


@pytest.mark.parametrize(("on", "group"), CASES)
def test_the_command_prints_the_figures_of_the_api(
    secretary: FlaskClient, demo: Database, monkeypatch: pytest.MonkeyPatch, on: date, group: str | None
) -> None:
    monkeypatch.setattr(edge, "database", lambda: demo)
    options = ["--json", "--on", str(on), *(["--group", group] if group else [])]
    printed = CliRunner().invoke(command.coverage, options)
    assert printed.exit_code == 0, printed.output
    assert json.loads(printed.output) == from_api(secretary, on, group)


@pytest.mark.parametrize(("on", "group"), CASES)
def test_the_page_shows_the_figures_of_the_api(secretary: FlaskClient, on: date, group: str | None) -> None:
    told = from_api(secretary, on, group)
    page = html.unescape(secretary.get(f"/coverage{query(on, group)}").get_data(as_text=True))
    share, overdue, needs = NUMBER.findall(page)[:3]
    total = told["total"]
    assert [int(overdue), int(needs)] == [total["overdue"], total["open_needs"]]
    assert share == f"{total['covered'] * 1000 // total['base'] / 10:.1f}"  # cut, not rounded
    for grid in told["grids"]:
        assert f"{grid['figures']['covered']}/{grid['figures']['base']} 户" in page


def test_the_page_of_a_grid_shows_the_figures_of_the_api(secretary: FlaskClient) -> None:
    for on in DATES[:2]:
        for grid in from_api(secretary, on, None)["grids"][:4]:
            figures = grid["figures"]
            page = secretary.get(f"/coverage/{grid['code']}?on={on}").get_data(as_text=True)
            numbers = [int(n) for n in NUMBER.findall(page)[1:] if n.isdigit()]
            assert numbers[:2] == [figures["overdue"], figures["open_needs"]]
            states = secretary.get(f"/api/states/{grid['code']}.json?on={on}").get_json()["states"]
            names = [name for name in FIGURES if name.startswith("state_")]
            assert [list(states.values()).count(n.removeprefix("state_")) for n in names] == [figures[n] for n in names]


def test_a_file_of_doors_lists_what_the_number_says(secretary: FlaskClient) -> None:
    told = from_api(secretary, DEMO_DAY, None)
    grid = max(told["grids"], key=lambda g: g["figures"]["overdue"])
    text = secretary.get(f"/coverage/{grid['code']}.csv?state=overdue").data.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows.index([]) - 1 == grid["figures"]["overdue"] > 0


def test_the_command_refuses_what_it_cannot_use(
    demo: Database, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from gridmap.cli import main

    monkeypatch.setattr(edge, "database", lambda: demo)
    for arguments in (
        ["coverage", "--on", "2026-02-30"],
        ["coverage", "--on", "2999-01-01"],
        ["coverage", "--on", "1999-01-01"],
        ["coverage", "--community", "nowhere"],
        ["coverage", "--group", "petition"],
        ["export", "coverage", "figures.pdf"],
        ["export", "coverage", "/nowhere/figures.csv"],
    ):
        with pytest.raises(SystemExit) as stopped:
            main(arguments)
        assert stopped.value.code == 2, arguments
        assert "Traceback" not in capsys.readouterr().err


def test_the_command_writes_the_file_the_page_hands_out(
    secretary: FlaskClient, demo: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(edge, "database", lambda: demo)
    file = tmp_path / "coverage.csv"
    done = CliRunner().invoke(whole_command, ["export", "coverage", str(file), "--on", str(DEMO_DAY)])
    assert done.exit_code == 0, done.output
    handed_out = secretary.get(f"/coverage.csv?on={DEMO_DAY}").data.decode("utf-8-sig").splitlines()
    assert sorted(file.read_text("utf-8-sig").splitlines()[:21]) == sorted(handed_out[:21])


@pytest.mark.parametrize("bad", ["on=2026-02-30", "on=2999-01-01", "on=x", "group=petition", "on=1999-01-01"])
def test_what_cannot_be_asked_is_answered_with_a_sentence(secretary: FlaskClient, bad: str) -> None:
    answer = secretary.get(f"/api/coverage.json?{bad}")
    assert (answer.status_code, list(answer.get_json())) == (400, ["error"])


def test_a_household_and_a_search_over_the_api(
    secretary: FlaskClient, client: Callable[[Role | None], FlaskClient]
) -> None:
    grid = from_api(secretary, DEMO_DAY, None)["grids"][0]
    states = secretary.get(f"/api/states/{grid['code']}.json").get_json()["states"]
    household_id, state = next(iter(states.items()))
    told = secretary.get(f"/api/households/{household_id}.json").get_json()
    assert (told["state"], told["home"]["household_id"]) == (state, int(household_id))
    found = secretary.get("/api/search.json", query_string={"q": told["home"]["address"]}).get_json()["found"]
    assert int(household_id) in [hit["household_id"] for hit in found]
    assert client(Role.PLANNER).get(f"/api/households/{household_id}.json").status_code == 403


@pytest.mark.parametrize(("on", "group"), CASES)
def test_the_overdue_number_opens_the_list_of_just_so_many_homes(
    secretary: FlaskClient, on: date, group: str | None
) -> None:
    total = from_api(secretary, on, group)["total"]["overdue"]
    answer = secretary.get(f"/coverage/all.xlsx{query(on, group)}")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.data)).worksheets[0]
    rows = [row for row in sheet.iter_rows(values_only=True) if any(row)]
    head = next(i for i, row in enumerate(rows) if "逾期天数" in row)
    late = [row[rows[head].index("逾期天数")] for row in rows[head + 1 :]]
    page = secretary.get(f"/coverage/all{query(on, group)}").get_data(as_text=True)
    assert f"{total} 户，最急的在前" in page
    assert sum(isinstance(days, int) and days > 0 for days in late) == total

"""``gridmap plan``: what people and programs read, and how nonsense is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection

from gridmap.cli import edge, main
from gridmap.domain.actors import Actor
from gridmap.domain.routes import Problem, Shift, check
from gridmap.store.database import Database, become

CODE = "520502009005002"
DAY = "2026-11-22"


@pytest.fixture
def run(
    demo: Database, demo_id: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., tuple[int, str, str]]]:
    """Return what runs a command against the demo community; nothing it keeps stays."""
    assert demo_id
    with demo.engine.connect() as con:
        whole = con.begin()

        @contextmanager
        def transaction(actor: Actor) -> Iterator[Connection]:
            become(con, actor)
            yield con

        monkeypatch.setattr(edge, "transaction", transaction)

        def call(*arguments: str) -> tuple[int, str, str]:
            try:
                main(list(arguments))
                code = 0
            except SystemExit as left:
                code = int(left.code or 0)
            told = capsys.readouterr()
            return code, told.out, told.err

        yield call
        whole.rollback()


def problem_of(written: dict[str, Any]) -> Problem:
    """Build the problem again from nothing but the file."""
    windows = written["windows_s"]
    return Problem(
        np.array(written["travel_s"]),
        np.array(written["service_s"]),
        np.array(written["weight"]),
        np.array(written["band_until_s"]),
        np.cumsum([0, *(len(w) for w in windows)]),
        np.array([span for w in windows for span in w], np.int64).reshape(-1, 2),
        np.array(written["required"]),
        np.array(written["allowed"]),
        tuple(Shift(*shift) for shift in written["shifts"]),
    )


def test_a_day_is_printed_and_the_file_lets_anyone_check_it(
    run: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    file = tmp_path / "matrix.json"
    code, out, _ = run("plan", "visits", "--grid", CODE, "--on", DAY, "--minutes", "120", "--seed", "3",
                       "--iterations", "300", "--json", "--matrix", str(file))  # fmt: skip
    assert code == 0
    told, written = json.loads(out), json.loads(file.read_text())
    (day,) = told["days"]
    timetable = check(problem_of(written), written["routes"])
    assert timetable.objective == told["objective"] == written["objective"] <= told["bound"]
    assert [s["arrive_s"] for s in day["stops"]] == timetable.arrive_s[0].tolist()
    assert (day["stops"][0]["kind"], day["stops"][-1]["kind"]) == ("start", "end")
    assert day["stops"][-1]["leave_s"] <= 11 * 3600
    assert set(day["status"].values()) <= {"optimal", "best_found"}
    assert all(one["condition"] for one in told["left_out"])
    again = run("plan", "visits", "--grid", CODE, "--on", DAY, "--minutes", "120", "--seed", "3", "--iterations", "300",
                "--json")  # fmt: skip
    assert json.loads(again[1]) == told


CODES = re.compile(r"\b(overdue|due_soon|never_met|no_answer|group|nearby|minutes|without|window|must|should|may)\b")


def test_people_read_a_table_of_a_day_and_of_a_week(
    run: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    code, out, _ = run("plan", "visits", "--grid", CODE, "--on", DAY, "--iterations", "100")
    assert (code, "上界" in out, "没排进" in out) == (0, True, True)
    assert ("应该去" in out, "再有" in out) == (True, True)
    assert CODES.findall(out) == []
    code, out, _ = run("plan", "week", "--grid", CODE, "--on", DAY, "--minutes", "40", "--iterations", "100")
    assert (code, out.count("出发")) == (0, 7)


def test_who_works_in_english_reads_the_same_reasons_in_english(
    run: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("LANG", "en_GB.UTF-8")
    monkeypatch.delenv("LC_ALL", raising=False)
    code, out, _ = run("plan", "visits", "--grid", CODE, "--on", DAY, "--minutes", "60", "--iterations", "100")
    assert (code, "days overdue" in out, "fits with" in out, "应该去" in out) == (0, True, True, False)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--grid", "nowhere", "--on", DAY),
        ("--grid", "'; drop table plan; --", "--on", DAY),
        ("--grid", CODE, "--on", DAY, "--minutes", "-5"),
        ("--grid", CODE, "--on", DAY, "--minutes", "0"),
        ("--grid", CODE, "--on", DAY, "--minutes", "100000"),
        ("--grid", CODE, "--on", DAY, "--minutes", "many"),
        ("--grid", CODE, "--on", "2026-13-77"),
        ("--grid", CODE, "--on", "yesterday"),
        ("--grid", CODE, "--on", "1999-01-01"),
        ("--grid", CODE, "--on", "2099-01-01"),
        ("--grid", CODE, "--on", DAY, "--seed", "-1"),
        ("--grid", CODE, "--on", DAY, "--iterations", "0"),
        ("--grid", CODE, "--on", DAY, "--matrix", "/nowhere/at/all.json", "--iterations", "10"),
        ("--on", DAY),
    ],
)
def test_nonsense_is_refused_in_a_sentence(
    run: Callable[..., tuple[int, str, str]], arguments: tuple[str, ...]
) -> None:
    code, out, error = run("plan", "visits", *arguments)
    assert (code, out) == (2, "")
    assert error
    assert "Traceback" not in error


def test_a_batch_is_kept_and_listed(
    run: Callable[..., tuple[int, str, str]], monkeypatch: pytest.MonkeyPatch, demo_clock: Callable[[], Any]
) -> None:
    def here(*_: object, **__: object) -> Executor:
        return ThreadPoolExecutor(1)

    class Clock:
        @staticmethod
        def now(_: object) -> Any:
            return demo_clock()

    monkeypatch.setattr("gridmap.cli.plans.executor", here)
    monkeypatch.setattr("gridmap.cli.plans.datetime", Clock)
    code, out, error = run("plan", "batch", "--on", DAY, "--iterations", "50", "--json")
    assert (code, error) == (0, "")
    told = json.loads(out)
    assert told["made"] + len(told["idle"]) == 19
    assert sum(1 for line in told["plans"] if line["plan_id"]) == told["made"]


def test_the_hours_that_would_be_offered_are_told_with_all_that_was_tried(
    run: Callable[..., tuple[int, str, str]],
) -> None:
    asked = ("plan", "visits", "--grid", CODE, "--on", "2026-11-23", "--iterations", "200")
    code, out, _ = run(*asked, "--hours", "best", "--json")
    told = json.loads(out)
    assert code == 0
    usual, best, tried = (told["hours"][name] for name in ("usual", "best", "tried"))
    assert usual["start"] == "09:00"
    assert [one["start"] for one in tried] == sorted(one["start"] for one in tried)
    assert {"10:30", "17:30"} <= {one["start"] for one in tried}
    begins = told["days"][0]["shift_s"][0]
    assert f"{begins // 3600:02}:{begins // 60 % 60:02}" == (best or usual)["start"]
    assert best is None or (best["keeps_what_is_owed"] and best["met"] >= 1.1 * usual["met"])
    code, out, _ = run(*asked, "--hours", "best")
    assert code == 0
    assert "出发" in out
    assert json.loads(run(*asked, "--json")[1])["hours"] is None
    assert run(*asked, "--hours", "soon")[0] == 2

"""Sheets: nothing in them runs, and what goes in comes out."""

from __future__ import annotations

import csv
import io
import zipfile
from datetime import date

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmap.files.sheets import Column, Sheet, to_csv, to_xlsx

NASTY = [
    "=1+1",
    '=HYPERLINK("http://x","y")',
    "+86 138",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1+1",
    "＝1+1",
    "http://example.org",
    "007",
    "a,b\"c'd",
    "云景苑7栋2单元301",
]


def sheet(*rows: tuple[object, ...]) -> Sheet:
    columns = (Column("甲", 20), Column("乙"), Column("丙", is_share=True))
    return Sheet("走访覆盖 2026-06-01", columns, rows, ("试验社区", "演示数据：全部虚构"))  # type: ignore[arg-type]


def read_csv(raw: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("words", NASTY)
def test_a_cell_of_an_xlsx_is_the_text_it_was(words: str) -> None:
    page = openpyxl.load_workbook(io.BytesIO(to_xlsx(sheet((words, 1, 0.5))))).active
    assert page is not None
    cell = page["A6"]
    assert (cell.data_type, cell.hyperlink) == ("s", None)
    assert str(cell.value).replace("_x000D_", "\r").strip() == words.strip()
    raw = zipfile.ZipFile(io.BytesIO(to_xlsx(sheet((words, 1, 0.5))))).read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in raw


def test_numbers_dates_and_gaps_keep_their_type() -> None:
    page = openpyxl.load_workbook(io.BytesIO(to_xlsx(sheet(("a", 12, 0.7631), ("b", date(2026, 6, 1), None))))).active
    assert page is not None
    assert [c.value for c in page[6]] == ["a", 12, 0.7631]
    assert page["B7"].value.date() == date(2026, 6, 1)
    assert page["C7"].value is None
    assert [page["A1"].value, page["A2"].value, page["A3"].value] == [
        "走访覆盖 2026-06-01",
        "试验社区",
        "演示数据：全部虚构",
    ]


@given(st.text(max_size=40))
def test_no_cell_of_a_csv_begins_with_what_a_spreadsheet_runs(words: str) -> None:
    cell = read_csv(to_csv(sheet((words, 1, 0.5))))[1][0]
    assert not cell.lstrip(" \u3000").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
    assert cell.startswith("'") or not words.startswith(("=", "+", "-", "@", "\t", "\r"))


def test_a_csv_begins_with_a_mark_headings_and_rows_and_ends_with_the_stamp() -> None:
    raw = to_csv(sheet(("云景苑", 12, 0.7631), ("-5", None, None)))
    assert raw.startswith(b"\xef\xbb\xbf")
    assert read_csv(raw) == [
        ["甲", "乙", "丙"],
        ["云景苑", "12", "0.7631"],
        ["'-5", "", ""],
        [],
        ["走访覆盖 2026-06-01"],
        ["试验社区"],
        ["演示数据：全部虚构"],
    ]


def test_a_negative_number_stays_a_number() -> None:
    assert read_csv(to_csv(sheet(("a", -5, None))))[1][1] == "-5"


def test_equal_tables_are_equal_bytes() -> None:
    assert to_xlsx(sheet(("a", 1, 0.5))) == to_xlsx(sheet(("a", 1, 0.5)))

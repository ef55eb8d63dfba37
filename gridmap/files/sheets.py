"""Tables as xlsx and CSV that nothing can run in: every cell is text or a number by type, never a formula."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import date, datetime

import xlsxwriter

Cell = str | int | float | date | None
RUNS = ("=", "+", "-", "@", "\t", "\r", "\n")  # a spreadsheet may run a text that begins so
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
LONGEST_TEXT = 32_767  # of one cell, by Excel's rule
MADE_AT = datetime(2000, 1, 1)  # noqa: DTZ001 - a fixed mark inside the file: equal tables are equal bytes


@dataclass(frozen=True)
class Column:
    """One column: its heading, its width in characters, and whether its numbers are shares (shown as per cent)."""

    heading: str
    width: int = 10
    is_share: bool = False


@dataclass(frozen=True)
class Sheet:
    """A table and what must travel with it: ``stamp`` says who took it, when, and whether it is invented."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    stamp: tuple[str, ...]


def _clean(words: str) -> str:
    return CONTROL.sub("", words)[:LONGEST_TEXT]


def to_xlsx(sheet: Sheet) -> bytes:
    """Return the table as xlsx: title, stamp, headings, rows; a text is written as text whatever it begins with."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties({"title": sheet.title, "comments": " ".join(sheet.stamp), "created": MADE_AT})
        page = book.add_worksheet(re.sub(r"[\[\]:*?/\\']", " ", sheet.title)[:31])
        bold = book.add_format({"bold": True})
        head = book.add_format({"bold": True, "text_wrap": True, "bottom": 1, "valign": "top"})
        share, day = book.add_format({"num_format": "0.0%"}), book.add_format({"num_format": "yyyy-mm-dd"})
        page.write_string(0, 0, _clean(sheet.title), bold)
        for i, line in enumerate(sheet.stamp, start=1):
            page.write_string(i, 0, _clean(line))
        top = len(sheet.stamp) + 2
        for x, column in enumerate(sheet.columns):
            page.set_column(x, x, column.width)
            page.write_string(top, x, _clean(column.heading), head)
        for y, row in enumerate(sheet.rows, start=top + 1):
            for x, (column, cell) in enumerate(zip(sheet.columns, row, strict=True)):
                if isinstance(cell, str):
                    page.write_string(y, x, _clean(cell))
                elif isinstance(cell, date):
                    page.write_datetime(y, x, cell, day)
                elif cell is not None:
                    page.write_number(y, x, cell, share if column.is_share else None)
        page.freeze_panes(top + 1, 0)
        page.set_landscape()
        page.repeat_rows(top)
        page.set_footer("&L" + " ".join(_clean(line) for line in sheet.stamp).replace("&", "&&")[:200] + "&R&P / &N")
    return out.getvalue()


def _harmless(cell: Cell) -> str | int | float:
    if cell is None:
        return ""
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, str):
        # A formula hides behind spaces and full-width signs too, in some spreadsheets.
        first = cell.lstrip(" \u3000").translate({0xFF1D: "=", 0xFF0B: "+", 0xFF0D: "-", 0xFF20: "@"})
        return ("'" if first.startswith(RUNS) else "") + _clean(cell)
    return cell


def to_csv(sheet: Sheet) -> bytes:
    """Return the table as CSV (RFC 4180, UTF-8 with a mark so that Excel reads Chinese): headings, rows, stamp.

    A text that a spreadsheet might run (it begins with = + - @, a tab or a line end) stands behind an apostrophe.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([_harmless(column.heading) for column in sheet.columns])
    writer.writerows([_harmless(cell) for cell in row] for row in sheet.rows)
    writer.writerow([])
    writer.writerows([_harmless(line)] for line in (sheet.title, *sheet.stamp))
    return ("\ufeff" + out.getvalue()).encode("utf-8")

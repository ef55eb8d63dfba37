"""Reports that were handed out: kept for good, and compared with what is counted later of the same day."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any


@dataclass(frozen=True)
class Report:
    """One report as it was handed out.

    Attributes
    ----------
    on : the day its figures are of, as known at the end of that day.
    hash : SHA-256 of the file's bytes.
    size : bytes of the file.
    """

    report_id: int
    kind: str
    on: date
    title: str
    issued_at: datetime
    account_name: str
    hash: bytes
    size: int


@dataclass(frozen=True)
class Difference:
    """A figure that is another now than in the report; ``code`` of the grid, "" for the sum."""

    code: str
    figure: str
    then: Any
    now: Any


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[Difference, ...]:
    """Compare two overviews of one day, both as ``domain.figures.of_overview`` tells them.

    A grid that only one of them has differs in the figure ``grid``; otherwise every figure, name, kind and worker
    that is not equal is told. An empty answer says that the day's figures are still the same to the last digit.
    """
    found = _unequal("", then["total"], now["total"])
    before, after = _by_code(then), _by_code(now)
    for code in sorted(before.keys() | after.keys()):
        if code not in before or code not in after:
            found.append(Difference(code, "grid", code in before, code in after))
            continue
        words = ("number", "name", "kind", "worker")
        found += _unequal(code, {w: before[code][w] for w in words}, {w: after[code][w] for w in words})
        found += _unequal(code, before[code]["figures"], after[code]["figures"])
    return tuple(found)


def _by_code(told: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {grid["code"]: grid for grid in told["grids"]}


def _unequal(code: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> list[Difference]:
    return [
        Difference(code, name, then.get(name), now.get(name))
        for name in sorted(then.keys() | now.keys())
        if then.get(name) != now.get(name)
    ]

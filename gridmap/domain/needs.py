"""Needs that people told and that are still open, as a list tells of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True)
class OpenNeed:
    """One open need and where it was told; ``days`` since then."""

    need_id: int
    household_id: int
    grid_code: str
    grid_name: str
    address: str
    kind: str
    summary: str
    raised_at: datetime
    days: int


@dataclass(frozen=True)
class OpenNeeds:
    """One page of open needs, the oldest first, and how many there are in all."""

    on: date
    rows: tuple[OpenNeed, ...]
    count: int
    offset: int
    limit: int

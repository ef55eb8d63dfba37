"""Drafts of other borders: what they are, what happens to them, and what a version of the partition is."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import numpy as np
import shapely
from shapely import Geometry, Polygon

LEASE_MIN = 15  # a holder who does nothing for so long may be followed by another


class PlanState(StrEnum):
    """Where a draft stands."""

    DRAFT = "draft"
    SUBMITTED = "submitted"  # waits for a secretary
    APPROVED = "approved"  # waits for its day
    IN_EFFECT = "in_effect"
    DISCARDED = "discarded"


class Origin(StrEnum):
    """How a draft began."""

    DRAWN = "drawn"
    IMPORT = "import"  # a bureau's file
    BALANCE = "balance"  # a proposal of equal work
    COUNT = "count"  # a proposal with more or fewer grids, or of a new community
    RETURN = "return"  # an earlier version


@dataclass(frozen=True)
class DraftGrid:
    """One grid as a draft has it.

    Attributes
    ----------
    key : the grid's id; negative for a grid that the draft adds.
    number, name, kind : as in ``tables.grid``.
    boundary : Polygon in whole units of 1e-7 degree (``domain.partition``); None where the draft gives the grid up.
    worker_id : of an added grid, who will work there; 0 = nobody yet.
    """

    key: int
    number: int
    name: str
    kind: str
    boundary: Polygon | None
    worker_id: int = 0


@dataclass(frozen=True)
class Plan:
    """A draft without its shapes; names of people are of accounts, never of residents."""

    plan_id: int
    title: str
    origin: Origin
    state: PlanState
    base_id: int
    revision: int
    locked: frozenset[int]
    holder_id: int
    holder_name: str
    held_since: datetime | None
    lease_until: datetime | None
    created_by: int
    created_name: str
    created_at: datetime
    submitted_by: int
    submitted_name: str
    submitted_at: datetime | None
    reason: str
    effect_on: date | None
    decided_name: str
    decided_at: datetime | None
    decision_note: str
    version_id: int
    edits: int  # that are done, undone ones not counted
    undone: int  # that could be done again
    changed: int  # grids that differ from the base


@dataclass(frozen=True)
class Version:
    """One state of the whole partition, in force from ``effect_on`` until the next version's day."""

    version_id: int
    effect_on: date
    until: date | None
    plan_id: int
    recorded_at: datetime
    reason: str
    account_name: str
    changed: tuple[int, ...]
    counts: Mapping[str, int]
    hash: bytes


def packed(grids: Iterable[DraftGrid]) -> bytes:
    """Return grids as bytes, equal for equal grids: by key, each with its words and its ring of whole numbers."""
    parts, ordered = [], sorted(grids, key=lambda g: g.key)
    shapes = shapely.to_wkb(np.array([grid.boundary for grid in ordered], dtype=object), byte_order=1)
    for grid, found in zip(ordered, shapes, strict=True):
        words = "\0".join((str(grid.number), grid.name, grid.kind, str(grid.worker_id))).encode()
        shape = found or b""
        parts.append(struct.pack("<qII", grid.key, len(words), len(shape)) + words + shape)
    return b"".join(parts)


def polygon(data: bytes) -> Polygon:
    """Return a polygon that was written as well-known binary."""
    found = shapely.from_wkb(data)
    if not isinstance(found, Polygon):
        raise TypeError(f"no polygon: {found.geom_type if found else found}")
    return found


def unpacked(data: bytes) -> tuple[DraftGrid, ...]:
    """Return what ``packed`` wrote."""
    found, at = [], 0
    while at < len(data):
        key, words_size, shape_size = struct.unpack_from("<qII", data, at)
        at += struct.calcsize("<qII")
        number, name, kind, worker = data[at : at + words_size].decode().split("\0")
        at += words_size
        shape = polygon(data[at : at + shape_size]) if shape_size else None
        at += shape_size
        found.append(DraftGrid(key, int(number), name, kind, shape, int(worker)))
    return tuple(found)


def fingerprint(grids: Iterable[DraftGrid]) -> bytes:
    """Return the SHA-256 of a partition: rings turned and begun the same way, so that only the ground counts."""
    drawn = [grid for grid in grids if grid.boundary is not None]
    turned = shapely.normalize(np.array([grid.boundary for grid in drawn], dtype=object))
    same = [DraftGrid(g.key, g.number, g.name, g.kind, shape) for g, shape in zip(drawn, turned, strict=True)]
    return hashlib.sha256(packed(same)).digest()


def is_whole(shape: Polygon) -> bool:
    """Tell whether all coordinates are whole units."""
    found = shapely.get_coordinates(shape)
    return bool((found == np.round(found)).all())


@dataclass(frozen=True)
class Done:
    """One edit of a draft, in the order they were made; an undone one can be done again."""

    number: int
    kind: str
    detail: Mapping[str, Any]
    keys: tuple[int, ...]
    account_name: str
    recorded_at: datetime
    undone: bool


@dataclass(frozen=True)
class Comment:
    """What somebody said about a draft."""

    comment_id: int
    at: datetime
    account_id: int
    account_name: str
    words: str


def same_ground(one: Polygon | None, other: Polygon | None) -> bool:
    """Tell whether two borders hold the same ground, wherever their rings begin and whichever way they turn."""
    if one is None or other is None:
        return one is other
    return one == other or bool(one.normalize() == other.normalize())


def same_grid(one: DraftGrid, other: DraftGrid) -> bool:
    """Tell whether two states of a grid are the same in ground and words."""
    return same_ground(one.boundary, other.boundary) and replace(one, boundary=None) == replace(other, boundary=None)


def absent(key: int) -> DraftGrid:
    """Return the state of a grid that is not there yet."""
    return DraftGrid(key, 0, "", "general", None)


def settled(grids: Iterable[DraftGrid], base: Mapping[int, DraftGrid]) -> tuple[list[DraftGrid], list[DraftGrid]]:
    """Divide new states of grids into what differs from the base and what is as the base again.

    Returns
    -------
    (different, again) : ``again`` are the base's own grids, ring by ring, so that going back gives the same bytes;
        an added grid that is gone again is in ``again`` as ``absent``.
    """
    different, again = [], []
    for grid in grids:
        own = base.get(grid.key)
        if own is None and grid.boundary is None:
            again.append(absent(grid.key))
        elif own is not None and same_grid(grid, own):
            again.append(own)
        else:
            different.append(grid)
    return different, again


def differing(present: Iterable[DraftGrid], wanted: Iterable[DraftGrid]) -> list[DraftGrid]:
    """Return the grids in which a whole partition differs from the present one; what it leaves out is given up."""
    base, found = {g.key: g for g in present}, {g.key: g for g in wanted}
    gone = [replace(grid, boundary=None) for key, grid in base.items() if key not in found]
    return settled([*found.values(), *gone], base)[0]


_DIGITS = "零一二三四五六七八九"


def numeral(number: int) -> str:
    """Return a whole number from 1 to 999 as it is read in Chinese."""
    if not 1 <= number <= 999:
        return str(number)
    hundreds, tens, ones = number // 100, number // 10 % 10, number % 10
    words = f"{_DIGITS[hundreds]}百" if hundreds else ""
    if tens:
        words += ("" if tens == 1 and not hundreds else _DIGITS[tens]) + "十"
    elif hundreds and ones:
        words += "零"
    return words + (_DIGITS[ones] if ones else "")


def usual_name(number: int) -> str:
    """Return the name a grid has when nobody gave it another."""
    return f"第{numeral(number)}网格"


def renamed(grid: DraftGrid, number: int) -> DraftGrid:
    """Return a grid with another number, and with the name of that number where its name was just a number."""
    name = usual_name(number) if grid.name == usual_name(grid.number) else grid.name
    return replace(grid, number=number, name=name)


def detail_of(operation: object) -> dict[str, Any]:
    """Return what an operation was, for the list of edits: its own fields, shapes as lists of whole units."""
    if not is_dataclass(operation):
        raise TypeError(f"no operation: {operation!r}")
    return {field.name: _plain(getattr(operation, field.name)) for field in fields(operation)}


def _plain(value: object) -> Any:
    if isinstance(value, Geometry):
        return shapely.get_coordinates(value).astype(np.int64).tolist()
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if isinstance(value, np.generic) else value

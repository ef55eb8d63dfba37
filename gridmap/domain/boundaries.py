"""Drafts of other borders: what they are, what happens to them, and what a version of the partition is."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import numpy as np
import shapely
from shapely import Polygon

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
    parts = []
    for grid in sorted(grids, key=lambda g: g.key):
        words = "\0".join((str(grid.number), grid.name, grid.kind, str(grid.worker_id))).encode()
        shape = b"" if grid.boundary is None else shapely.to_wkb(grid.boundary, byte_order=1)
        parts.append(struct.pack("<qII", grid.key, len(words), len(shape)) + words + shape)
    return b"".join(parts)


def unpacked(data: bytes) -> tuple[DraftGrid, ...]:
    """Return what ``packed`` wrote."""
    found, at = [], 0
    while at < len(data):
        key, words_size, shape_size = struct.unpack_from("<qII", data, at)
        at += struct.calcsize("<qII")
        number, name, kind, worker = data[at : at + words_size].decode().split("\0")
        at += words_size
        shape = shapely.from_wkb(data[at : at + shape_size]) if shape_size else None
        at += shape_size
        found.append(DraftGrid(key, int(number), name, kind, shape, int(worker)))
    return tuple(found)


def fingerprint(grids: Iterable[DraftGrid]) -> bytes:
    """Return the SHA-256 of a partition: rings turned and begun the same way, so that only the ground counts."""
    same = [
        DraftGrid(g.key, g.number, g.name, g.kind, shapely.normalize(g.boundary), 0)
        for g in grids
        if g.boundary is not None
    ]
    return hashlib.sha256(packed(same)).digest()


def is_whole(shape: Polygon) -> bool:
    """Tell whether all coordinates are whole units."""
    found = shapely.get_coordinates(shape)
    return bool((found == np.round(found)).all())

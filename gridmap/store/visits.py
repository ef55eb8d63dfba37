"""Visits and all that is told at a door: writing it down, taking it back, and what it changes for the household."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, text

from gridmap.domain.visits import Photo, Promise, Visit
from gridmap.domain.working import AtHome
from gridmap.domain.worklist import visit_by


@dataclass(frozen=True)
class Door:
    """A household as a visit finds it: where it is today, and its present spell."""

    household_id: int
    grid_id: int
    building_id: int
    standing: str
    spell_id: int | None
    spell_from: date | None
    spell_to: date | None


@dataclass(frozen=True)
class Writing:
    """What every row of one visit carries."""

    community_id: int
    visit_id: UUID
    household_id: int
    grid_id: int
    recorded_at: datetime

    @property
    def values(self) -> dict[str, Any]:
        """Return the values of the columns all tables share."""
        return {
            "community_id": self.community_id,
            "visit_id": self.visit_id,
            "household_id": self.household_id,
            "grid_id": self.grid_id,
        }


def _insert(con: Connection, table: str, rows: Sequence[dict[str, Any]], tail: str = "") -> int:
    """Insert rows; return how many were."""
    if not rows:
        return 0
    names = list(rows[0])
    places = ", ".join(f":{name}" for name in names)
    statement = text(f'INSERT INTO "{table}" ({", ".join(names)}) VALUES ({places}) {tail}')
    return int(con.execute(statement, rows if len(rows) > 1 else rows[0]).rowcount)


def door(con: Connection, community_id: int, household_id: int, *, on: date) -> Door | None:
    """Return a household and keep it in its grid until the transaction ends; None where there is none."""
    row = con.execute(
        text(
            "SELECT h.id, h.grid_id, h.building_id, coalesce(s.standing, h.standing), s.id AS spell_id, s.valid_from,"
            " s.valid_to FROM household AS h LEFT JOIN household_spell AS s ON s.community_id = h.community_id"
            "  AND s.household_id = h.id AND s.valid_from <= :on AND (s.valid_to IS NULL OR s.valid_to > :on)"
            " WHERE h.community_id = :c AND h.id = :h FOR KEY SHARE OF h"
        ),
        {"c": community_id, "h": household_id, "on": on},
    ).one_or_none()
    return Door(*row) if row else None


def lives_here(con: Connection, community_id: int, household_id: int, resident_id: int) -> bool:
    """Tell whether a resident belongs to a household."""
    return bool(
        con.execute(
            text("SELECT EXISTS (SELECT FROM resident WHERE community_id = :c AND id = :r AND household_id = :h)"),
            {"c": community_id, "r": resident_id, "h": household_id},
        ).scalar_one()
    )


def know_materials(con: Connection, community_id: int, ids: Sequence[int]) -> bool:
    """Tell whether all of some materials are in the catalogue, today's or an earlier one."""
    if not ids:
        return True
    query = "SELECT count(*) FROM material WHERE community_id = :c AND id = ANY(:ids)"
    return bool(con.execute(text(query), {"c": community_id, "ids": list(ids)}).scalar_one() == len(ids))


def is_grid(con: Connection, community_id: int, grid_id: int) -> bool:
    """Tell whether the community has, or had, a grid."""
    query = "SELECT EXISTS (SELECT FROM grid WHERE community_id = :c AND id = :g)"
    return bool(con.execute(text(query), {"c": community_id, "g": grid_id}).scalar_one())


def moved_out_of(con: Connection, community_id: int, household_id: int, *, after: datetime) -> int | None:
    """Return the grid other borders took a household out of first after a moment; None when it has not moved since."""
    query = (
        "SELECT m.from_grid_id FROM boundary_move AS m JOIN boundary_version AS v"
        " ON v.community_id = m.community_id AND v.id = m.version_id"
        " WHERE m.community_id = :c AND m.household_id = :h AND v.recorded_at > :after ORDER BY v.recorded_at, v.id"
        " LIMIT 1"
    )
    return con.execute(text(query), {"c": community_id, "h": household_id, "after": after}).scalar()


def worked_in(con: Connection, community_id: int, worker_id: int, grid_id: int, *, on: date) -> bool:
    """Tell whether somebody worked in a grid on a day; the day other borders ended his work there included."""
    query = (
        "SELECT EXISTS (SELECT FROM worker_assignment WHERE community_id = :c AND worker_id = :w AND grid_id = :g"
        " AND valid_from <= :on AND (valid_to IS NULL OR valid_to >= :on))"
    )
    values = {"c": community_id, "w": worker_id, "g": grid_id, "on": on}
    return bool(con.execute(text(query), values).scalar_one())


# --- writing down ------------------------------------------------------------------------------------------------


def add(
    con: Connection, to: Writing, visit: Visit, *, made_in_grid_id: int, worker_id: int | None, skew_s: int
) -> bool:
    """Write a visit down; False when there is one of this id already."""
    row = {
        "community_id": to.community_id,
        "id": to.visit_id,
        "household_id": to.household_id,
        "grid_id": to.grid_id,
        "made_in_grid_id": made_in_grid_id,
        "worker_id": worker_id,
        "visited_at": visit.visited_at,
        "recorded_at": to.recorded_at,
        "minutes": visit.minutes,
        "mode": str(visit.mode),
        "result": str(visit.result),
        "purpose": str(visit.purpose),
        "note": visit.note,
        "resident_id": visit.resident_id,
        "follow_up_on": visit.follow_up_on,
        "consent": str(visit.consent) if visit.consent else None,
        "skew_s": skew_s,
    }
    return _insert(con, "visit", [row], "ON CONFLICT DO NOTHING") == 1


def add_told(con: Connection, to: Writing, visit: Visit, *, made_in_grid_id: int) -> None:
    """Write down what was told, found and handed over at a visit."""
    at, shared = visit.visited_at, to.values
    more = {"made_in_grid_id": made_in_grid_id, "raised_at": at, "recorded_at": to.recorded_at}
    _insert(con, "need", [{**shared, **more, "kind": n.kind, "summary": n.words} for n in visit.needs])
    _insert(con, "hazard", [{**shared, "kind": h.kind, "note": h.words, "found_at": at} for h in visit.hazards])
    if visit.dispute:
        _insert(con, "dispute", [{**shared, "summary": visit.dispute, "raised_at": at}])
    _insert(con, "material_delivery", [{**shared, "material_id": m, "delivered_at": at} for m in visit.materials])
    if visit.event:
        happened = visit.event.happened_at
        row = {k: v for k, v in shared.items() if k != "visit_id"} | {
            "kind": visit.event.kind,
            "happened_at": happened,
            "visit_by": visit_by(happened),
            "recorded_at": to.recorded_at,
        }
        _insert(con, "household_event", [row])


def add_promise(con: Connection, to: Writing, promise: Promise, *, cancelled: bool = False) -> None:
    """Write an appointment down; ``cancelled`` when a later one is known already."""
    row = {**to.values, "starts_at": promise.starts_at, "ends_at": promise.ends_at, "made_at": to.recorded_at}
    _insert(con, "appointment", [row | {"cancelled_at": to.recorded_at if cancelled else None}])


def add_at_home(con: Connection, to: Writing, hours: Sequence[AtHome], *, on: date) -> None:
    """Write down when somebody is at home, from a day on."""
    _insert(
        con,
        "availability",
        [
            {
                **to.values,
                "weekday_bits": one.weekday_bits,
                "from_min": one.from_min,
                "until_min": one.until_min,
                "valid_from": on,
                "recorded_at": to.recorded_at,
            }
            for one in hours
        ],
    )


def add_photo(con: Connection, to: Writing, photo_id: UUID, photo: Photo) -> bool:
    """Keep a picture of a visit; False when there is one of this id already."""
    row = {**to.values, "id": photo_id, "taken_at": photo.taken_at, "image": photo.image}
    return _insert(con, "photo", [row], "ON CONFLICT DO NOTHING") == 1


def image(
    con: Connection, community_id: int, photo_id: UUID, *, worker_id: int | None, grid_ids: Sequence[int] | None
) -> bytes | None:
    """Return a picture; of one worker's visits in some grids unless those are None."""
    found = con.execute(
        text(
            "SELECT p.image FROM photo AS p WHERE p.community_id = :c AND p.id = :id AND (CAST(:all AS boolean)"
            " OR (p.grid_id = ANY(:grids) AND EXISTS (SELECT FROM visit AS v WHERE v.community_id = p.community_id"
            "   AND v.id = p.visit_id AND v.worker_id = :w)))"
        ),
        {"c": community_id, "id": photo_id, "all": grid_ids is None, "grids": list(grid_ids or ()), "w": worker_id},
    ).scalar()
    return None if found is None else bytes(found)


# --- what a visit changes ----------------------------------------------------------------------------------------


def is_last_word(con: Connection, to: Writing, visited_at: datetime) -> bool:
    """Tell whether nothing is known from a later visit at which something was found out."""
    query = (
        "SELECT NOT EXISTS (SELECT FROM visit WHERE community_id = :c AND household_id = :h AND visited_at > :at"
        " AND result <> 'nobody' AND withdrawn_at IS NULL)"
    )
    values = {"c": to.community_id, "h": to.household_id, "at": visited_at}
    return bool(con.execute(text(query), values).scalar_one())


def begin_spell(con: Connection, to: Writing, found: Door, standing: str, *, on: date, mistaken: bool = False) -> None:
    """Let a household be something else from ``on`` on; what it was before stays as it was known.

    ``mistaken``: it was occupied all the time, as is known now.
    """
    values = {
        "c": to.community_id,
        "h": to.household_id,
        "g": to.grid_id,
        "id": found.spell_id,
        "standing": standing,
        "on": on,
        "until": found.spell_to,
        "at": to.recorded_at,
    }
    if found.spell_from == on:  # it began today already: a day is one thing only
        con.execute(
            text(
                "UPDATE household_spell SET standing = :standing, reason = NULL, recorded_at = :at"
                " WHERE community_id = :c AND id = :id"
            ),
            values,
        )
        return
    and_so = ", withdrawn_at = :at" if mistaken else ""
    con.execute(text(f"UPDATE household_spell SET valid_to = :on{and_so} WHERE community_id = :c AND id = :id"), values)
    con.execute(
        text(
            "INSERT INTO household_spell (community_id, household_id, grid_id, in_grid_id, standing, valid_from,"
            " valid_to, recorded_at) VALUES (:c, :h, :g, :g, :standing, :on, :until, :at)"
        ),
        values,
    )


def end_availability(con: Connection, to: Writing, *, on: date) -> None:
    """End what was known of when somebody is at home; what began on the same day never was."""
    values = {"c": to.community_id, "h": to.household_id, "on": on}
    where = "WHERE community_id = :c AND household_id = :h AND valid_to IS NULL"
    con.execute(text(f"DELETE FROM availability {where} AND valid_from >= :on"), values)
    con.execute(text(f"UPDATE availability SET valid_to = :on {where}"), values)


def knows_later_hours(con: Connection, to: Writing, visited_at: datetime) -> bool:
    """Tell whether a later visit told when somebody is at home."""
    query = (
        "SELECT EXISTS (SELECT FROM availability AS a JOIN visit AS v ON v.community_id = a.community_id"
        " AND v.id = a.visit_id WHERE a.community_id = :c AND a.household_id = :h AND a.valid_to IS NULL"
        " AND v.visited_at > :at)"
    )
    values = {"c": to.community_id, "h": to.household_id, "at": visited_at}
    return bool(con.execute(text(query), values).scalar_one())


# A promise told at a visit that was made later than this one, however late this one arrived.
_TOLD_LATER = (
    "EXISTS (SELECT FROM visit AS v WHERE v.community_id = p.community_id AND v.id = p.visit_id"
    " AND v.visited_at > :told)"
)


def close_promises(con: Connection, to: Writing, *, told_at: datetime) -> None:
    """Close the promises of a household that were told before a moment and are not over then."""
    con.execute(
        text(
            "UPDATE appointment AS p SET cancelled_at = :at WHERE community_id = :c AND household_id = :h"
            " AND cancelled_at IS NULL AND ends_at > :told"
            f" AND visit_id IS DISTINCT FROM :v AND NOT {_TOLD_LATER}"
        ),
        {"c": to.community_id, "h": to.household_id, "v": to.visit_id, "at": to.recorded_at, "told": told_at},
    )


def knows_later_promise(con: Connection, to: Writing, told_at: datetime) -> bool:
    """Tell whether a promise stands that was told after a moment."""
    query = (
        "SELECT EXISTS (SELECT FROM appointment AS p WHERE community_id = :c AND household_id = :h"
        f" AND cancelled_at IS NULL AND {_TOLD_LATER})"
    )
    values = {"c": to.community_id, "h": to.household_id, "told": told_at}
    return bool(con.execute(text(query), values).scalar_one())


def finish_errand(
    con: Connection, community_id: int, errand_id: int, *, done_at: datetime, grid_ids: Sequence[int] | None
) -> bool:
    """Mark an errand done, in some grids unless those are None; False where there is none. Done once stays so."""
    values = {
        "c": community_id,
        "e": errand_id,
        "at": done_at,
        "all": grid_ids is None,
        "grids": list(grid_ids or ()),
    }
    done = con.execute(
        text(
            "UPDATE errand SET done_at = coalesce(done_at, :at) WHERE community_id = :c AND id = :e"
            " AND (CAST(:all AS boolean) OR grid_id = ANY(:grids))"
        ),
        values,
    )
    return done.rowcount > 0


def finish_joint(con: Connection, community_id: int, household_id: int, *, done_at: datetime, on: date) -> None:
    """Mark the joint visits asked for at a household until a day as done."""
    con.execute(
        text(
            "UPDATE errand SET done_at = :at WHERE community_id = :c AND household_id = :h AND kind = 'joint'"
            ' AND "on" <= :on AND done_at IS NULL'
        ),
        {"c": community_id, "h": household_id, "at": done_at, "on": on},
    )


# --- taking back -------------------------------------------------------------------------------------------------


def recorded(con: Connection, community_id: int, visit_id: UUID) -> Row[Any] | None:
    """Return household_id, grid_id, visited_at, recorded_at and withdrawn_at of a visit."""
    return con.execute(
        text(
            "SELECT household_id, grid_id, visited_at, recorded_at, withdrawn_at FROM visit"
            " WHERE community_id = :c AND id = :v"
        ),
        {"c": community_id, "v": visit_id},
    ).one_or_none()


_OF_VISIT = "WHERE community_id = :c AND visit_id = :v"
_OF_HOME = "WHERE community_id = :c AND household_id = :h"
_TAKEN_BACK = [
    "UPDATE visit SET withdrawn_at = :at WHERE community_id = :c AND id = :v AND withdrawn_at IS NULL",
    f"UPDATE need SET closed_at = greatest(raised_at, :at) {_OF_VISIT} AND closed_at IS NULL",
    f"UPDATE hazard SET resolved_at = :at {_OF_VISIT} AND resolved_at IS NULL",
    f"UPDATE dispute SET closed_at = :at {_OF_VISIT} AND closed_at IS NULL",
    f"DELETE FROM material_delivery {_OF_VISIT}",
    f"DELETE FROM photo {_OF_VISIT}",
    f"DELETE FROM availability {_OF_VISIT} AND valid_from >= :on",
    f"UPDATE availability SET valid_to = :on {_OF_VISIT} AND valid_to IS NULL",
    # what it closed, at the very moment it was recorded, is open again; what was promised at it is off
    f"UPDATE appointment SET cancelled_at = NULL {_OF_HOME} AND cancelled_at = :recorded",
    f"UPDATE appointment SET cancelled_at = :at {_OF_VISIT} AND cancelled_at IS NULL",
    f"UPDATE household_event SET withdrawn_at = :at {_OF_HOME} AND recorded_at = :recorded AND withdrawn_at IS NULL",
]


def take_back(con: Connection, to: Writing, *, recorded_at: datetime, on: date) -> None:
    """Let a visit and what was told at it count no more from ``to.recorded_at`` on."""
    values = {
        "c": to.community_id,
        "v": to.visit_id,
        "h": to.household_id,
        "at": to.recorded_at,
        "recorded": recorded_at,
        "on": on,
    }
    for statement in _TAKEN_BACK:
        con.execute(text(statement), values)


def standing_before(con: Connection, to: Writing, *, recorded_at: datetime, on: date) -> str | None:
    """Return what the household was before a visit changed that; None when the visit did not, or it changed since."""
    return con.execute(
        text(
            "SELECT before.standing FROM household_spell AS now JOIN household_spell AS before"
            "  ON before.community_id = now.community_id AND before.household_id = now.household_id"
            "  AND before.valid_to = now.valid_from"
            " WHERE now.community_id = :c AND now.household_id = :h AND now.recorded_at = :recorded"
            "  AND now.valid_from <= :on AND (now.valid_to IS NULL OR now.valid_to > :on)"
            "  AND before.standing <> now.standing"
        ),
        {"c": to.community_id, "h": to.household_id, "recorded": recorded_at, "on": on},
    ).scalar_one_or_none()

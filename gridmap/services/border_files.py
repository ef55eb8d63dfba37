"""Borders in files: a bureau's file becomes a draft, never more; the borders of a day or of a draft are taken away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import shapely
from shapely import Polygon
from sqlalchemy import Connection

from gridmap.domain import border_fitting, border_rows, border_systems
from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.border_fitting import Question
from gridmap.domain.border_rows import Area, Match
from gridmap.domain.border_systems import Guess, Reading
from gridmap.domain.boundaries import DraftGrid, Origin, differing
from gridmap.domain.partition import degrees
from gridmap.errors import BadInput
from gridmap.files.borders import Paper
from gridmap.files.borders_out import Handed, Piece
from gridmap.services import access, boundaries
from gridmap.services.grids import partition
from gridmap.store import audit

EDITORS = (Role.PLANNER, Role.SECRETARY, Machine.JOB)
READERS = (Role.PLANNER, Role.SECRETARY, Role.CLERK, Machine.JOB)
MOST_GRIDS = 2_000


@dataclass(frozen=True)
class Survey:
    """What a file would become as a draft.

    Attributes
    ----------
    guess : how its coordinates are read.
    columns : which heading was taken for code, number, name, kind.
    areas, matches : of the file, and which grid each is.
    grids : the whole partition of the draft; changed : how many differ from today; gone : numbers given up.
    questions : what was decided by a rule and should be looked at; slivers : what was closed without asking.
    """

    paper: Paper
    guess: Guess
    columns: dict[str, str]
    areas: tuple[Area, ...]
    matches: tuple[Match, ...]
    grids: tuple[DraftGrid, ...]
    changed: int
    gone: tuple[int, ...]
    questions: tuple[Question, ...]
    slivers: int


def survey(con: Connection, actor: Actor, *, paper: Paper, on: date, wished: Reading | None = None) -> Survey:
    """Tell what a file would become; writes nothing.

    Raises
    ------
    BadInput
        When no partition can be made of it.
    """
    access.require(actor, *EDITORS)
    today = boundaries.present(con, actor, on=on)
    codes = {one.grid_id: one.code for one in partition(con, actor, on=on)}
    known = {g.key: g.boundary for g in today if g.boundary is not None}
    guess = border_systems.guessed(paper.shapes, known.values(), paper.epsg, wished)
    shapes = border_systems.in_units(paper.shapes, guess.reading)
    drawn, rows, loose = _areas(shapes, paper.rows, known)
    areas = border_rows.areas(drawn, rows)
    if len(areas) > MOST_GRIDS:
        raise BadInput("文件里有 %(n)s 个面，网格不会这么多。请只导出网格图层", n=len(areas))
    matches = border_rows.matched(areas, today, codes)
    stands_for = {i: match.key for i, match in enumerate(matches) if match.key}
    fitted = border_fitting.fitted([area.shape for area in areas], known, stands_for)
    grids = border_rows.as_grids(fitted.shapes, areas, matches, today)
    kept = {g.key for g in grids}
    return Survey(
        paper=paper,
        guess=guess,
        columns=border_rows.columns(rows),
        areas=tuple(areas),
        matches=tuple(matches),
        grids=tuple(grids),
        changed=len(differing(today, grids)),
        gone=tuple(g.number for g in today if g.key not in kept),
        questions=(*fitted.questions, *loose),
        slivers=fitted.slivers,
    )


def _areas(
    shapes: Any, rows: Sequence[Any], known: dict[int, Polygon]
) -> tuple[list[Any], list[dict[str, str]], list[Question]]:
    """Return the areas of a file with their rows; lines are closed to areas, named by the texts that stand in them."""
    if any("Polygon" in shape.geom_type for shape in shapes):
        whole = [shape if shape.is_valid else shapely.make_valid(shape, method="structure") for shape in shapes]
        return whole, list(rows), []
    lines = np.array([s for s in shapes if "Line" in s.geom_type], dtype=object)
    grids = np.array(list(known.values()), dtype=object)
    found, loose = border_fitting.enclosed(lines, grids)
    texts = [
        (shape, words)
        for shape, row in zip(shapes, rows, strict=True)
        if shape.geom_type == "Point" and (words := next((v for k, v in row.items() if k.lower() == "text" and v), ""))
    ]
    named = [{"name": next((words for at, words in texts if face.covers(at)), "")} for face in found]
    return list(found), named, loose


def begin(
    con: Connection, actor: Actor, *, paper: Paper, at: datetime, on: date, wished: Reading | None = None
) -> tuple[int, Survey]:
    """Make a draft of a file; return its number and what was made of the file, which is kept with the draft."""
    access.require(actor, *EDITORS)
    found = survey(con, actor, paper=paper, on=on, wished=wished)
    plan_id = boundaries.begin(
        con,
        actor,
        title=f"{paper.name or '文件'}"[:120],
        at=at,
        on=on,
        origin=Origin.IMPORT,
        grids=found.grids,
        source=told(found),
    )
    return plan_id, found


def told(found: Survey) -> dict[str, Any]:
    """Return what was made of a file in codes and numbers: kept with the draft, printed for programs."""
    paper, guess = found.paper, found.guess
    return {
        "file": paper.name,
        "sha256": paper.digest,
        "format": paper.kind,
        "layer": paper.layer,
        "layers": list(paper.layers),
        "encoding": paper.encoding,
        "crs_named": paper.crs,
        "crs": guess.reading.system,
        "swapped": guess.reading.swapped,
        "crs_chosen": guess.chosen,
        "misfit_m": round(guess.misfit_m, 2),
        "named_misfit_m": round(guess.named_misfit_m, 2) if np.isfinite(guess.named_misfit_m) else None,
        "options": [{"crs": str(one), "misfit_m": round(metres, 2)} for one, metres in guess.options[:6]],
        "columns": found.columns,
        "notes": dict(paper.notes),
        "areas": len(found.areas),
        "matched": {by: sum(m.by == by for m in found.matches) for by in ("code", "number", "name", "ground")},
        "added": sum(m.key == 0 for m in found.matches),
        "gone": list(found.gone),
        "changed": found.changed,
        "elsewhere": [
            {"rows": list(a.rows), "keys": list(m.elsewhere)}
            for a, m in zip(found.areas, found.matches, strict=True)
            if m.elsewhere
        ],
        "slivers": found.slivers,
        "questions": [_question(found, one) for one in found.questions],
    }


def _question(found: Survey, one: Question) -> dict[str, Any]:
    return {
        "kind": str(one.kind),
        "rows": sorted(row for area in one.areas for row in found.areas[area].rows),
        "given_to_rows": list(found.areas[one.given_to].rows) if one.given_to >= 0 else [],
        "area_m2": one.area_m2,
        "at": [one.at[0] / 1e7, one.at[1] / 1e7],
    }


def handed(con: Connection, actor: Actor, *, on: date, plan_id: int | None = None) -> Handed:
    """Return the borders of a day for a file, or those of a draft with what it changes; written into the trail."""
    access.require(actor, *READERS)
    codes = {one.grid_id: one.code for one in partition(con, actor, on=on)}
    if plan_id is None:
        grids, pieces = boundaries.present(con, actor, on=on), None
        if not grids:
            raise BadInput("%(on)s 还没有网格", on=on)
    else:
        grids = boundaries.grids(con, actor, plan_id=plan_id)
        pieces = _difference(*boundaries.changes(con, actor, plan_id=plan_id))
    audit.write(con, actor, "boundary.export", subject=str(plan_id or ""), on=on, grids=len(grids))
    rows = [(g, codes.get(g.key, "")) for g in sorted(grids, key=lambda g: g.number) if g.boundary is not None]
    return Handed(
        grids=tuple(
            Piece(degrees(g.boundary), {"code": code, "number": g.number, "name": g.name, "kind": g.kind, "on": on})
            for g, code in rows
            if g.boundary is not None
        ),
        difference=pieces,
    )


def _difference(before: Sequence[DraftGrid], after: Sequence[DraftGrid]) -> tuple[Piece, ...]:
    """Return the ground that would change its grid: each piece with the numbers of both grids."""
    made = []
    for new in after:
        for old in before:
            if new.key == old.key or new.boundary is None or old.boundary is None:
                continue
            for part in shapely.get_parts(shapely.intersection(new.boundary, old.boundary)).tolist():
                if part.geom_type == "Polygon" and part.area > 0:
                    shape = shapely.transform(part, lambda c: c / 1e7)
                    made.append(Piece(shape, {"from": old.number, "to": new.number, "to_name": new.name}))
    return tuple(made)


def reading(typed: str) -> Reading:
    """Return the system somebody typed: an EPSG number of CGCS2000 or WGS 84, gcj02 or bd09; "/swapped" may follow.

    Raises
    ------
    BadInput
        When it is none of these.
    """
    system, _, after = typed.strip().lower().removeprefix("epsg:").partition("/")
    made = Reading(system, after == "swapped")
    if after not in ("", "swapped") or not border_systems.is_possible(made):
        raise BadInput("不认识坐标系 %(typed)s：可以是 4490、4326、4544、4523、3857 或 gcj02、bd09", typed=typed[:40])
    return made

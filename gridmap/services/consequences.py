"""What a draft of borders would move if it took effect: told before anything is saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection

from gridmap.domain import publishing as thinking
from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.coverage import shared_groups
from gridmap.domain.effects import NOWHERE, Effect
from gridmap.domain.publishing import Consequences, GridChange, Moved, MovedHome, Patch, Told, Work
from gridmap.errors import Conflict
from gridmap.services import access, boundaries, taking_effect
from gridmap.services.coverage import as_job, days, end_of
from gridmap.services.effects import effects
from gridmap.store import audit, households, redrawing
from gridmap.store import consequences as open_work
from gridmap.store import publishing as store

READERS = (Role.PLANNER, Role.SECRETARY, Role.CLERK)
Who = tuple[int, str]  # a worker's id and name
NOBODY: Who = (0, "")


@dataclass(frozen=True)
class Workers:
    """Who works in a grid: its main worker before and after, and everybody who is told."""

    before: Mapping[int, Who]
    after: Mapping[int, Who]
    all: Sequence[tuple[int, int, str]]  # key, worker, name


def consequences(con: Connection, actor: Actor, *, plan_id: int, on: date) -> Consequences:
    """Return what would happen if a draft took effect: today, or on its own day if that is later.

    The secretary is told which households change grid, by name; planner and clerk get figures.

    Raises
    ------
    NotFound
        When there is no such draft.
    BadInput
        When it changes nothing.
    """
    access.require(actor, *READERS)
    plan = boundaries.plan(con, actor, plan_id=plan_id)
    day, job = max(plan.effect_on or on, on), Actor(Machine.JOB, actor.community_id)
    with as_job(con, actor):
        made = taking_effect.patch(con, job, plan_id=plan_id, on=on)
        moving = taking_effect.buildings(con, job, made)
        placed = {building: key for building, (_, key) in moving.items() if key != NOWHERE}
        moves = store.households_of(con, job.community_id, placed)
        works = _workers(con, job.community_id, made, on=on)
        now = end_of(on, days(con, job).timezone)
        counts = taking_effect.count(con, job, made, moves, on=day, at=now)
        work = _work(con, job, made, moves, counts, on=day)
        homes = _homes(con, job.community_id, moves, works)
        stale = _is_stale(con, job, plan_id)
    if actor.role is Role.SECRETARY:
        audit.write(con, actor, "boundary.consequences", subject=str(plan_id), households=len(moves))
    return Consequences(
        plan_id,
        day,
        len(moves),
        counts["people"],
        len(moving),
        sum(home.changes_worker for home in homes),
        homes if actor.role is Role.SECRETARY else (),
        _grids(con, actor, plan_id, made, works),
        work,
        _told(thinking.told_of(moves, made.keys), works),
        tuple(board for board in (thinking.board_of(key, made) for key in made.keys) if board.why),
        len(moving) - len(placed),
        tuple(key for key in sorted(made.after) if key not in works.after),
        stale,
        made.new_outline,
    )


def _is_stale(con: Connection, job: Actor, plan_id: int) -> bool:
    """Tell whether another version, or a draft that waits for its day, changes the same grids."""
    try:
        taking_effect.check_base(con, job, plan_id=plan_id, lock=False)
        taking_effect.check_waiting(con, job, plan_id=plan_id, lock=False)
    except Conflict:
        return True
    return False


def _workers(con: Connection, community_id: int, made: Patch, *, on: date) -> Workers:
    """Return who works where: as today, but for grids that end and grids that come."""
    duties = redrawing.duties(con, community_id, [*made.before, *made.neighbours], on=on)
    before = {grid: (worker, name) for grid, worker, name, duty in duties if duty == "main"}
    names = redrawing.worker_names(con, community_id, [made.after[key].worker_id for key in made.added])
    come = {
        key: (made.after[key].worker_id, names[made.after[key].worker_id])
        for key in made.added
        if made.after[key].worker_id
    }
    after = {key: who for key, who in before.items() if key not in made.gone} | come
    told = [(grid, worker, name) for grid, worker, name, _ in duties]
    return Workers(before, after, [*told, *((key, *who) for key, who in come.items())])


def _homes(con: Connection, community_id: int, moves: Sequence[Moved], works: Workers) -> tuple[MovedHome, ...]:
    """Return the households that change grid, by address."""
    ids = [move.household_id for move in moves]
    homes = households.homes(con, community_id, ids)
    heads, bits = open_work.heads(con, community_id, ids), open_work.group_bits(con, community_id, ids)
    shared = shared_groups()
    found = []
    for move in moves:
        old, new = works.before.get(move.from_grid_id, NOBODY), works.after.get(move.to_grid_id, NOBODY)
        found.append(
            MovedHome(
                move.household_id,
                homes[move.household_id].address,
                heads.get(move.household_id, ""),
                tuple(code for code, bit in shared if bits[move.household_id] & bit),
                move.from_grid_id,
                move.to_grid_id,
                old[1],
                new[1],
                old[0] != new[0],
            )
        )
    return tuple(sorted(found, key=lambda home: (home.from_key, home.to_key, home.household_id)))


def _grids(con: Connection, actor: Actor, plan_id: int, made: Patch, works: Workers) -> tuple[GridChange, ...]:
    before, after = list(made.before.values()), list(made.after.values())
    found: dict[int, Effect] = {e.key: e for e in effects(con, actor, plan_id=plan_id, before=before, after=after)}
    changes = []
    for key in made.keys:
        grid = made.after.get(key) or made.before[key]
        who = works.after.get(key, NOBODY)[1]
        changes.append(
            GridChange(key, grid.number, grid.name, grid.kind, who, key in made.added, key in made.gone, found.get(key))
        )
    return tuple(sorted(changes, key=lambda one: (one.number, one.key)))


def _work(
    con: Connection, job: Actor, made: Patch, moves: Sequence[Moved], counts: Mapping[str, int], *, on: date
) -> Work:
    keys = sorted(taking_effect.concerned(made, moves))
    plans = open_work.count_plans(con, job.community_id, keys, on=on)
    errands = len(taking_effect.errands(con, job, made, on=on))
    known = {name: n for name, n in counts.items() if name in Work.__dataclass_fields__}
    return Work(**(known | {"plans": plans, "errands": errands}))


def _told(told: Mapping[int, tuple[int, int]], works: Workers) -> tuple[Told, ...]:
    return tuple(Told(worker, name, key, *told[key]) for key, worker, name in works.all if key in told)

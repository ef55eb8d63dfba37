"""How a community works: who changes its settings, and who walks when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import pairwise

from sqlalchemy import Connection

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.working import DAY_MIN, MINUTE_S, WorkSetting, differences, setting_of
from gridmap.errors import BadInput, Conflict, NotFound
from gridmap.services import access, networks
from gridmap.store import audit
from gridmap.store import working as store
from gridmap.store.working import Place

READERS = (Role.SECRETARY, Role.CLERK, Role.WORKER, Machine.JOB)
Span = tuple[int, int, Place, Place]  # start and end in minutes of the local day, where the walk begins and ends
ShiftSeconds = tuple[int, int, int, Place, Place]
MOST_SPANS = 4  # shifts of one worker on one day


def setting(con: Connection, actor: Actor) -> WorkSetting:
    """Return how the community works: its own settings over the defaults."""
    access.require(actor, *READERS, Role.PLANNER)
    return setting_of(store.setting(con, actor.community_id))


def change_setting(con: Connection, actor: Actor, *, changes: Mapping[str, object]) -> WorkSetting:
    """Change some settings of the community; return all of them as they are now.

    Raises
    ------
    BadInput
        When there is no such setting, a value is out of its range, or hours contradict each other.
    """
    access.require(actor, Role.SECRETARY, Machine.JOB)
    before = setting(con, actor)
    made = setting_of(differences(before) | dict(changes))
    store.keep_setting(con, actor.community_id, differences(made))
    networks.repace(con, actor, before=before, after=made)
    if actor.account_id:
        audit.write(con, actor, "setting.change", names=sorted(changes))
    return made


def shifts_of(con: Connection, actor: Actor, *, worker_ids: Sequence[int], on: date) -> list[ShiftSeconds]:
    """Return (worker, start, end, where from, where to) of each walk of some workers on a day, by worker and time.

    Seconds of the local day; a place is (lon, lat), or None for the service centre. Shifts that were set stand; who
    has none has the usual hours on working weekdays. A shift that ends as it begins says that he is off. A worker is
    told his own only. Whose grids he walks, a substitute's included, says ``duties``.
    """
    access.require(actor, *READERS)
    asked = [w for w in dict.fromkeys(worker_ids) if actor.role is not Role.WORKER or w == actor.worker_id]
    set_shifts = store.shifts(con, actor.community_id, asked, on=on)
    known = {row[0] for row in set_shifts}
    found = [(w, a * MINUTE_S, b * MINUTE_S, start, end) for w, a, b, start, end in set_shifts if a < b]
    how = setting(con, actor)
    if how.working_weekday_bits >> on.weekday() & 1 and how.shift_start_min < how.shift_end_min:
        usual = (how.shift_start_min * MINUTE_S, how.shift_end_min * MINUTE_S)
        found += [(w, *usual, None, None) for w in asked if w not in known]
    return sorted(found, key=lambda row: row[:3])


def duties(con: Connection, actor: Actor, *, on: date) -> dict[int, tuple[int, ...]]:
    """Return the grids each worker is responsible for on a day, his own before those he stands in for.

    A grid whose main worker has a substitute on the day stands with both: they share it.
    """
    access.require(actor, *READERS)
    found: dict[int, list[int]] = {}
    for worker_id, grid_id, _ in store.on_duty(con, actor.community_id, on=on):
        if actor.role is not Role.WORKER or worker_id == actor.worker_id:
            mine = found.setdefault(worker_id, [])
            mine.extend([] if grid_id in mine else [grid_id])
    return {worker_id: tuple(grids) for worker_id, grids in found.items()}


def set_shift(con: Connection, actor: Actor, *, worker_id: int, on: date, spans: Sequence[Span]) -> None:
    """Say when a worker walks on a day, in place of what was set before; no span = as usual, an empty one = off.

    Raises
    ------
    BadInput
        When a span runs backwards or over midnight, or two overlap.
    NotFound
        When there is no such worker.
    """
    access.require(actor, Role.SECRETARY, Machine.JOB)
    if worker_id not in store.workers(con, actor.community_id):
        raise NotFound("没有这位网格员")
    ordered = sorted(spans, key=lambda span: span[:2])
    if len(ordered) > MOST_SPANS or any(not 0 <= a <= b <= DAY_MIN for a, b, *_ in ordered):
        raise BadInput("班次要在同一天内，开始不晚于结束，一天最多 %(n)s 段", n=MOST_SPANS)
    if any(before[1] > after[0] for before, after in pairwise(ordered)):
        raise BadInput("同一位网格员的班次不能重叠")
    store.put_shifts(con, actor.community_id, worker_id, on=on, spans=ordered)


def may_choose(con: Connection, actor: Actor, *, worker_id: int, on: date) -> bool:
    """Tell whether a worker may take other hours on a day: the community offers them, and the office set none."""
    access.require(actor, *READERS)
    return setting(con, actor).offer_hours and not store.is_set(con, actor.community_id, worker_id, on=on)


def choose_shift(con: Connection, actor: Actor, *, worker_id: int, on: date, opens_s: int, closes_s: int) -> None:
    """Let a worker walk at hours he took; the usual ones again when they are those.

    Raises
    ------
    Conflict
        When the office set his hours of that day meanwhile.
    """
    access.require(actor, Machine.JOB)
    if not may_choose(con, actor, worker_id=worker_id, on=on):
        raise Conflict("这一天的班次由社区定，不能改")
    how = setting(con, actor)
    begin, end = opens_s // MINUTE_S, closes_s // MINUTE_S
    usual = (begin, end) == (how.shift_start_min, how.shift_end_min)
    spans = [] if usual else [(begin, end, None, None)]
    store.put_shifts(con, actor.community_id, worker_id, on=on, spans=spans, chosen=True)

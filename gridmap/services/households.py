"""Looking at one household, and finding one by its address or by a name."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from sqlalchemy import Connection

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.addresses import asked
from gridmap.domain.coverage import State
from gridmap.domain.groups import BIT
from gridmap.domain.households import ADULT_FROM, Card, Hit, shown
from gridmap.domain.rules import Standing, day_of, states, strictest
from gridmap.errors import NotFound
from gridmap.services import access
from gridmap.services.coverage import check_day, days, decided, end_of
from gridmap.store import audit, households
from gridmap.store import coverage as store
from gridmap.store.coverage import Scope

VIEWERS = (Role.SECRETARY, Role.CLERK, Role.WORKER)
SEARCHERS = (*VIEWERS, Role.PLANNER)
HITS = 20  # of each kind, at most


def _own(actor: Actor) -> list[int] | None:
    return sorted(actor.grid_ids) if actor.role is Role.WORKER else None


def household(con: Connection, actor: Actor, household_id: int, on: date) -> Card:
    """Return one household on a day: people, groups, visits, the rule that makes it due. Every look is logged.

    Raises
    ------
    NotFound
        When there is none, it is not in one of the worker's grids, or it did not exist on the day.
    BadInput
        When the day is in the future or before the first data.
    """
    access.require(actor, *VIEWERS, Machine.JOB)
    calendar = days(con, actor)
    check_day(calendar, on)
    c, end = actor.community_id, end_of(on, calendar.timezone)
    home = households.homes(con, c, [household_id], grid_ids=_own(actor)).get(household_id)
    made = decided(con, calendar, Scope(c, ids=(household_id,)), on)
    then = households.grid_then(con, c, household_id, on=on)
    if home is None or then is None or not len(made):
        raise NotFound("没有这一户")
    audit.write(con, actor, "household.view", subject=str(household_id), on=on)
    groups = households.groups(con, c, household_id, on=on, end=end)
    rule = strictest(sum(BIT[g.code] for g in groups), store.rules(con, c, on))
    reason = households.reasons(con, c, [household_id], on=on).get(household_id)
    return Card(
        on,
        replace(home, grid_id=then[0], reason=reason),
        then[1],
        State(int(states(made, on)[0])),
        Standing(int(made.standing[0])).name.lower(),
        int(made.tries[0]),
        day_of(int(made.last_effective_on[0])),
        day_of(int(made.due_on[0])),
        day_of(int(made.overdue_on[0])),
        rule,
        tuple(groups),
        tuple(shown(member) for member in households.members(con, c, household_id, on=on)),
        tuple(households.visits(con, c, household_id, end=end)),
        tuple(households.needs(con, c, household_id, end=end)),
    )


def search(con: Connection, actor: Actor, words: str) -> list[Hit]:
    """Find buildings, doors and, for those who may know names, people; a worker finds his own grids only.

    A search by name that found somebody is logged, as a look at each household is.
    """
    access.require(actor, *SEARCHERS)
    wanted = asked(words)
    if not wanted.words:
        return []
    c, own = actor.community_id, _own(actor)
    if wanted.room:
        return households.find_doors(con, c, wanted, grid_ids=own, limit=HITS)
    hits = households.find_buildings(con, c, wanted, grid_ids=own, limit=HITS)
    if actor.role not in VIEWERS or any(sign.isdigit() for sign in wanted.words):
        return hits
    born = days(con, actor).today.year - ADULT_FROM
    people = households.find_names(con, c, wanted, grid_ids=own, adult_born=born, limit=HITS)
    if people:
        audit.write(con, actor, "household.search", found=[hit.household_id for hit in people])
    return [*hits, *people]

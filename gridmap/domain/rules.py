"""Which rule applies to a household, and what follows from it: dates and states, for many households at once.

The definition, in words
------------------------
*Rule.* A visit rule says: households of this group are to be visited every ``period_days``, by one of these modes,
and count as due soon in the last ``soon_days`` of the period. To a household apply the rules, valid on the day, of
all its shared special groups and the general rule. **The strictest wins**: the shortest period; of equal periods the
one that accepts fewer modes, then the one that warns earlier, then the order of ``groups.GROUPS``. Groups that
belong to other authorities set no rule: their effect would show on a shared map.

*Effective visit.* Somebody was met, in a mode that the winning rule accepts. Nobody home is not effective. Visits
from before the present residents came (before the end of the last spell as moved or vacant) are not theirs.

*Standing.* The household's spell on the day says occupied, vacant, moved, refused or excluded. An occupied household
counts as refused, too, when it clearly refused and no effective visit followed: no further prompting. A later spell
as occupied after one as refused lifts that.

*Anchor.* The local date of the last effective visit; without one the first day of the present run of occupied
spells (a change of grid does not interrupt it). The last covered day is anchor + period. ``due_on`` = anchor + period
- soon is the first day "due soon"; ``overdue_on`` = anchor + period + 1 the first day overdue.

*State.* In this order: excluded; moved or vacant; refused; then with an effective visit COVERED before ``due_on``,
DUE_SOON from it on, and from ``overdue_on`` on OVERDUE, or NO_ANSWER when somebody has knocked in vain since. A
covered household stays covered whatever knocks were in vain; their number is kept beside it. Without an effective
visit NEVER, or NO_ANSWER when somebody has knocked, on every day; it counts as overdue from ``overdue_on`` on.

*Day.* Dates are those of the community's own clock. As of a day = as known at the end of that day.

So three states and two dates say all about a household until one of its facts changes; what it is on a day is one
comparison (``state_on``), which SQL repeats and nothing else.

References
----------
Visit norms of Inner Mongolia (2022) and of the ten ministries: ``groups.RULE_DEFAULTS``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import date, timedelta
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from gridmap.domain.coverage import State
from gridmap.domain.groups import BIT, GENERAL, SHARED_BITS

Ints = npt.NDArray[np.int64]

EPOCH = date(1970, 1, 1)
NO_DAY = 2**31 - 1  # a day that never comes: an open end, or no due date
NEVER_YET = -1  # for "last": it has not happened
MODE_BIT = {"door": 1, "phone": 2, "remote": 4}


class Result(IntEnum):
    """What a visit led to, as a number for arrays."""

    MET = 0
    NOBODY = 1
    REFUSED = 2
    MOVED = 3
    VACANT = 4


class Standing(IntEnum):
    """What a household is, as a number for arrays."""

    OCCUPIED = 0
    VACANT = 1
    MOVED = 2
    REFUSED = 3
    EXCLUDED = 4


def day_number(on: date) -> int:
    """Return days since 1970-01-01."""
    return (on - EPOCH).days


def day_of(number: int) -> date | None:
    """Return the date of a day number, None for ``NO_DAY`` and ``NEVER_YET``."""
    return None if number in (NO_DAY, NEVER_YET) else EPOCH + timedelta(days=int(number))


@dataclass(frozen=True)
class Rule:
    """One visit rule that is valid on the day."""

    group_code: str
    period_days: int
    soon_days: int
    modes: tuple[str, ...]
    source: str = ""

    @property
    def mode_bits(self) -> int:
        """Return the accepted modes as bits of ``MODE_BIT``."""
        return sum(MODE_BIT[mode] for mode in set(self.modes))

    @property
    def strictness(self) -> tuple[int, int, int, int]:
        """Return a key that sorts the strictest rule first."""
        order = BIT.get(self.group_code, 1 << 62)
        return (self.period_days, len(set(self.modes)), -self.soon_days, order)

    def applies(self, group_bits: int) -> bool:
        """Tell whether the rule applies to a household with these groups."""
        return self.group_code == GENERAL or bool(BIT.get(self.group_code, 0) & SHARED_BITS & group_bits)


def strictest(group_bits: int, rules: Iterable[Rule]) -> Rule | None:
    """Return the rule that wins for one household; None when no rule is valid."""
    return min((r for r in rules if r.applies(group_bits)), key=lambda r: r.strictness, default=None)


@dataclass(frozen=True)
class Spells:
    """Spells known on the day, of equal length: ``valid_from`` is not after it, ``valid_to`` excluded or NO_DAY."""

    household_id: Ints
    in_grid_id: Ints
    standing: Ints
    valid_from: Ints
    valid_to: Ints


@dataclass(frozen=True)
class Tags:
    """Group tags valid and known on the day: the household and the group's bit."""

    household_id: Ints
    bit: Ints


@dataclass(frozen=True)
class Visits:
    """Visits made and recorded by the end of the day.

    Attributes
    ----------
    at : microseconds since a fixed moment before all visits, for their order; on : local day number
    mode : bit of ``MODE_BIT``; result : ``Result``
    """

    household_id: Ints
    at: Ints
    on: Ints
    mode: Ints
    result: Ints


@dataclass(frozen=True)
class Facts:
    """All that decides, of some households, as known at the end of a day."""

    spells: Spells
    tags: Tags
    visits: Visits
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Decisions:
    """What follows for each household; arrays of equal length, ``household_id`` ascending.

    Attributes
    ----------
    grid_id : the grid it was in on the day
    group_bits : all its groups; mode_bits, period_days : of the winning rule, 0 without one
    last_effective_on, last_try_on : local day numbers or NEVER_YET; ``tries`` unanswered since the last effective
    due_on, overdue_on : day numbers, NO_DAY where no visit is owed
    state_fresh, state_due, state_late : ``State`` before ``due_on``, from it, and from ``overdue_on`` on
    """

    household_id: Ints
    grid_id: Ints
    standing: Ints
    group_bits: Ints
    period_days: Ints
    mode_bits: Ints
    last_effective_on: Ints
    last_try_on: Ints
    tries: Ints
    due_on: Ints
    overdue_on: Ints
    state_fresh: Ints
    state_due: Ints
    state_late: Ints

    def __len__(self) -> int:
        """Return the number of households."""
        return len(self.household_id)

    def only(self, mask: npt.NDArray[np.bool_] | Ints) -> Decisions:
        """Return the households that ``mask`` picks."""
        return Decisions(*(getattr(self, field.name)[mask] for field in fields(self)))


def state_on(day: int, due_on: Ints, overdue_on: Ints, fresh: Ints, due: Ints, late: Ints) -> Ints:
    """Return the state on a day number: the one comparison that SQL repeats."""
    return np.where(day < due_on, fresh, np.where(day < overdue_on, due, late))


def states(decisions: Decisions, on: date) -> Ints:
    """Return the ``State`` of each household on a day for which the decisions hold."""
    d = decisions
    return state_on(day_number(on), d.due_on, d.overdue_on, d.state_fresh, d.state_due, d.state_late)


def _places(ids: Ints, household_id: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Return where each household stands in ``ids`` (sorted), and whether it is there at all."""
    if not len(ids):
        return np.zeros(len(household_id), np.int64), np.zeros(len(household_id), bool)
    place = np.minimum(np.searchsorted(ids, household_id), len(ids) - 1)
    return place, ids[place] == household_id


def _latest(n: int, place: Ints, values: Ints, mask: npt.NDArray[np.bool_], empty: int = NEVER_YET) -> Ints:
    """Return the greatest value of each household."""
    out = np.full(n, empty, np.int64)
    np.maximum.at(out, place[mask], values[mask])
    return out


@dataclass(frozen=True)
class _Present:
    """What the spells say on the day."""

    ids: Ints
    grid_id: Ints
    standing: Ints
    residents_since: Ints  # visits before are not theirs
    willing_since: Ints  # refusals before are lifted
    occupied_since: Ints


def _present(spells: Spells, day: int) -> _Present:
    now = (spells.valid_from <= day) & (day < spells.valid_to)
    ids, at = np.unique(spells.household_id[now], return_index=True)
    place, known = _places(ids, spells.household_id)
    past = known & (spells.valid_to <= day)
    gone = np.isin(spells.standing, (Standing.MOVED, Standing.VACANT))
    first = np.full(len(ids), NO_DAY, np.int64)
    np.minimum.at(first, place[known], spells.valid_from[known])
    ends = spells.valid_to
    residents = _latest(len(ids), place, ends, past & gone)
    willing = np.maximum(residents, _latest(len(ids), place, ends, past & (spells.standing == Standing.REFUSED)))
    occupied = _latest(len(ids), place, ends, past & (spells.standing != Standing.OCCUPIED))
    return _Present(
        ids,
        spells.in_grid_id[now][at],
        spells.standing[now][at],
        residents,
        willing,
        np.where(occupied == NEVER_YET, first, occupied),
    )


def _group_bits(ids: Ints, tags: Tags) -> Ints:
    bits = np.zeros(len(ids), np.int64)
    place, known = _places(ids, tags.household_id)
    np.bitwise_or.at(bits, place[known], tags.bit[known])
    return bits


def _winning(group_bits: Ints, rules: tuple[Rule, ...]) -> tuple[Ints, Ints, Ints]:
    """Return period, soon days and mode bits of the strictest rule of each household; 0 without any."""
    period, soon, modes = (np.zeros(len(group_bits), np.int64) for _ in range(3))
    for rule in sorted(rules, key=lambda r: r.strictness, reverse=True):
        bit = BIT.get(rule.group_code, 0) & SHARED_BITS
        hit = np.ones(len(group_bits), bool) if rule.group_code == GENERAL else (group_bits & bit) != 0
        period[hit], soon[hit], modes[hit] = rule.period_days, rule.soon_days, rule.mode_bits
    return period, soon, modes


@dataclass(frozen=True)
class _Contact:
    """What the visits say."""

    last_effective_on: Ints
    last_try_on: Ints
    tries: Ints
    refused: npt.NDArray[np.bool_]


def _contact(present: _Present, modes: Ints, visits: Visits) -> _Contact:
    n = len(present.ids)
    place, known = _places(present.ids, visits.household_id)
    theirs = known.copy()
    theirs[known] = visits.on[known] >= present.residents_since[place[known]]
    met = theirs & (visits.result == Result.MET)
    met[met] = (visits.mode[met] & modes[place[met]]) != 0
    last_at = _latest(n, place, visits.at, met)
    after = theirs.copy()
    after[theirs] = visits.at[theirs] > last_at[place[theirs]]
    nobody = after & (visits.result == Result.NOBODY)
    no = after & (visits.result == Result.REFUSED)
    no[no] = visits.on[no] >= present.willing_since[place[no]]
    return _Contact(
        _latest(n, place, visits.on, met),
        _latest(n, place, visits.on, nobody),
        np.minimum(np.bincount(place[nobody], minlength=n), 32_767).astype(np.int64),
        np.bincount(place[no], minlength=n) > 0,
    )


_FIXED = {
    Standing.EXCLUDED: State.EXCLUDED,
    Standing.MOVED: State.MOVED,
    Standing.VACANT: State.MOVED,
    Standing.REFUSED: State.REFUSED,
}


def _three_states(standing: Ints, contact: _Contact) -> tuple[Ints, Ints, Ints]:
    seen, tried = contact.last_effective_on != NEVER_YET, contact.tries > 0
    never = np.where(tried, State.NO_ANSWER, State.NEVER)
    fresh = np.where(seen, State.COVERED, never)
    due = np.where(seen, State.DUE_SOON, never)
    late = np.where(tried, State.NO_ANSWER, np.where(seen, State.OVERDUE, State.NEVER))
    for what, state in _FIXED.items():
        for column in (fresh, due, late):
            column[standing == what] = state
    return fresh.astype(np.int64), due.astype(np.int64), late.astype(np.int64)


def decide(facts: Facts, on: date) -> Decisions:
    """Decide for every household with a spell on the day; the definition stands at the head of this module.

    Parameters
    ----------
    facts : Facts
        As known at the end of ``on``, of any number of households; rules valid on the day.
    on : date
        The community's own date.

    Returns
    -------
    Decisions
        One row for each household that has a spell on ``on``, by id.
    """
    present = _present(facts.spells, day_number(on))
    bits = _group_bits(present.ids, facts.tags)
    period, soon, modes = _winning(bits, facts.rules)
    contact = _contact(present, modes, facts.visits)
    standing = present.standing.copy()
    standing[contact.refused & (standing == Standing.OCCUPIED)] = Standing.REFUSED
    anchor = np.where(contact.last_effective_on != NEVER_YET, contact.last_effective_on, present.occupied_since)
    owed = (standing == Standing.OCCUPIED) & (period > 0)
    return Decisions(
        present.ids,
        present.grid_id,
        standing,
        bits,
        period,
        modes,
        contact.last_effective_on,
        contact.last_try_on,
        contact.tries,
        np.where(owed, anchor + period - soon, NO_DAY),
        np.where(owed, anchor + period + 1, NO_DAY),
        *_three_states(standing, contact),
    )

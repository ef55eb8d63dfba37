"""What a route problem is, and what a solution says: plain arrays and frozen records, no geography."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

DAY_S = 86_400


@dataclass(frozen=True)
class Shift:
    """One walk: where it begins and ends (positions of places) and when; seconds since the first day's midnight.

    ``end`` may be -1: the walk ends at its last stop.
    """

    start: int
    end: int
    opens_s: int
    closes_s: int


@dataclass(frozen=True)
class Problem:
    """Places, what each is worth when, and the shifts; n places, m shifts, b bands.

    Attributes
    ----------
    travel_s : (n, n) whole seconds from place to place, >= 0; ``UNREACHABLE`` where there is no way
    service_s : (n,) seconds at a place
    weight : (n, b) worth of being served in a band, >= 0; places of no worth (starts, ends) are never chosen
    band_until_s : (b,) end of each band, ascending, seconds of the day; the last is ``DAY_S``. b = 1: time is no matter
    windows_at : (n + 1,) where each place's windows begin in ``windows_s``; a place without windows is open always
    windows_s : (w, 2) service must begin within one of the place's windows (ends included), seconds since midnight of
        the first day, ascending
    required : (n,) bool; left out only when no plan can hold it
    allowed : (n, m) bool; in which shifts a place may be served
    shifts : m shifts
    """

    travel_s: Ints
    service_s: Ints
    weight: Ints
    band_until_s: Ints
    windows_at: Ints
    windows_s: Ints
    required: npt.NDArray[np.bool_]
    allowed: npt.NDArray[np.bool_]
    shifts: tuple[Shift, ...]


UNREACHABLE = 10**7  # seconds: longer than any plan


@dataclass(frozen=True)
class Timetable:
    """What a checker recomputed: for each shift arrays along the stops, start and end included.

    Attributes
    ----------
    stops, arrive_s, start_s, leave_s : one array for each shift
    objective : sum of weights at the bands in which service begins; travel_s : all travel
    """

    stops: tuple[Ints, ...]
    arrive_s: tuple[Ints, ...]
    start_s: tuple[Ints, ...]
    leave_s: tuple[Ints, ...]
    objective: int
    travel_s: int


@dataclass(frozen=True)
class Solved:
    """A plan: stops of each shift in order, without start and end.

    Attributes
    ----------
    objective : sum of weights; bound : no plan can have more
    choice_optimal : objective == bound; order_optimal : for each shift, no order of these stops is quicker (proven)
    missed_required : required places no plan was found for
    """

    routes: tuple[tuple[int, ...], ...]
    objective: int
    travel_s: int
    bound: int
    choice_optimal: bool
    order_optimal: tuple[bool, ...]
    missed_required: tuple[int, ...]
    seed: int
    iterations: int


class Condition(StrEnum):
    """What would bring a stop in that was left out."""

    MINUTES = "minutes"  # the shift is longer: values {"minutes": m}
    WITHOUT = "without"  # another stop is not made: values {"place": position}
    MOVED = "moved"  # a pinned stop is not held to its window: values {"place": position}
    WINDOW = "window"  # the stop's own windows are lifted: values {}
    NO_WAY = "no_way"  # no street leads there: values {}
    NO_TIME = "no_time"  # it cannot be served on these days at all: values {}


@dataclass(frozen=True)
class Omission:
    """Why a place is out, and a witness: routes with it in that hold under the condition.

    ``relaxed`` and ``witness`` are None for NO_WAY and NO_TIME.
    """

    place: int
    condition: Condition
    values: dict[str, int] = field(default_factory=dict)
    relaxed: Problem | None = None
    witness: tuple[tuple[int, ...], ...] | None = None

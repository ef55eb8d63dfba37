"""Routes: which stops, in which shift, in which order, by when; solved, bounded, checked, explained.

A problem is numbers only. ``solve`` chooses and orders, ``order`` proves the order of a fixed set, ``check`` recomputes
everything independently of both, ``explain`` says of every stop left out what would bring it in. Compiled code is
loaded when the first problem is solved, not before: a server or a command that plans nothing does not pay for it.
"""

from gridmap.domain.routes.checking import Broken, check
from gridmap.domain.routes.explaining import costs_s, explain
from gridmap.domain.routes.ordering import Ordered, order
from gridmap.domain.routes.problem import (
    DAY_S,
    UNREACHABLE,
    Condition,
    Omission,
    Problem,
    Shift,
    Solved,
    Timetable,
)
from gridmap.domain.routes.solving import solve

__all__ = [
    "DAY_S",
    "UNREACHABLE",
    "Broken",
    "Condition",
    "Omission",
    "Ordered",
    "Problem",
    "Shift",
    "Solved",
    "Timetable",
    "check",
    "costs_s",
    "explain",
    "order",
    "solve",
]

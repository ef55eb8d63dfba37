"""Routes: which stops, in which shift, in which order, by when; solved, bounded, checked, explained.

A problem is numbers only. ``solve`` chooses and orders, ``order`` proves the order of a fixed set, ``check`` recomputes
everything independently of both, ``explain`` says of every stop left out what would bring it in.
"""

from gridmap.domain.routes.problem import Condition, Omission, Problem, Shift, Solved, Timetable

__all__ = ["Condition", "Omission", "Problem", "Shift", "Solved", "Timetable"]

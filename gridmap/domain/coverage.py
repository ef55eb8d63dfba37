"""What is due and what is covered: the one definition behind map, table, export, command line and API."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class State(IntEnum):
    """The state of one household on one day; each household is in exactly one.

    The numbers are a storage format (tiles, ``household.state_*``). Append only.
    """

    NEVER = 0  # in the base, no effective visit yet, nobody has tried
    COVERED = 1  # effective visit within its period
    DUE_SOON = 2  # still covered, the period ends within ``soon_days``
    OVERDUE = 3  # the period has ended without an effective visit; nobody has tried since the last one
    NO_ANSWER = 4  # not covered, and tried N times since the last effective visit
    REFUSED = 5  # a clear refusal: no further prompting; outside the base
    MOVED = 6  # moved away or vacant; outside the base
    EXCLUDED = 7  # excluded with a reason; outside the base


@dataclass(frozen=True)
class Counts:
    """Figures of one grid, or of the whole community, on one day; sums of grids are the community's.

    ``base`` is every household that visits are owed to: all but refused, moved and excluded.
    ``overdue`` counts every household of the base whose period has ended, whatever its state is called, so it
    overlaps ``never`` and ``no_answer``; ``state_*`` sum to ``households``.
    """

    households: int = 0
    base: int = 0
    overdue: int = 0
    state_never: int = 0
    state_covered: int = 0
    state_due_soon: int = 0
    state_overdue: int = 0
    state_no_answer: int = 0
    state_refused: int = 0
    state_moved: int = 0
    state_excluded: int = 0
    special_base: int = 0  # households of the base with any (shared) special group
    special_covered: int = 0
    attempts: int = 0  # visits of any result in the last 30 days
    met: int = 0  # effective ones among them
    open_needs: int = 0
    load_min: float = 0.0  # minutes of due work per month

    @property
    def covered(self) -> int:
        """Return how many households of the base have an effective visit within their period."""
        return self.state_covered + self.state_due_soon

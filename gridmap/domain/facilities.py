"""Self-service facilities of the community, and the months their income is told for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

MONTHS_TOLD = 12


@dataclass(frozen=True)
class Facility:
    """One vending machine, locker or charging point.

    Attributes
    ----------
    kind : 'vending', 'locker' or 'charging'.
    lon, lat : degrees, EPSG:4490.
    income_yuan : of the last 12 whole months; None for a role that may not know it.
    """

    id: int
    number: str
    kind: str
    name: str
    lon: float
    lat: float
    opened_on: date
    income_yuan: Decimal | None = None


def months_told(on: date) -> tuple[date, date]:
    """Return the first day of the first month told and the first day of the month after the last one.

    The month of ``on`` is not over, so it is left out: the figure does not fall at each month's beginning.

    Parameters
    ----------
    on : date
        The day that is asked about.

    Returns
    -------
    tuple of date
        12 months apart; the second is the first of ``on``'s month.
    """
    end = on.replace(day=1)
    return end.replace(year=end.year - MONTHS_TOLD // 12), end

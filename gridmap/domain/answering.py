"""How likely a door opens: learned from knocks, by building kind, weekday and hour, counted per building only.

The rate of a building in one hour band, on working days or at weekends, is a beta-binomial estimate in three steps,
each shrunk towards the one before:

1. all doors of the community in that band: its knocks and answers, beside ``COLD_KNOCKS`` imagined knocks at the rate
   of ``COLD``, so that a new community begins with that table;
2. all buildings of one kind, shrunk towards 1;
3. the building, shrunk towards 2.

How strongly 2 and 3 are shrunk is not chosen but estimated from the counts: by the method of moments, from how much
more the shares of answers differ than chance alone would let them (Kleinman). Buildings that differ little are pooled,
those that differ much speak for themselves.

A door that stayed shut when others of its kind opened is likelier to stay shut again: ``after_tries``.

References
----------
J. C. Kleinman, "Proportions with extraneous variance: single and independent samples", JASA 68 (1973).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

HOUR_S = 3600
# Ends of the hour bands, seconds of the local day, ascending: before 8, 8-10, 10-12, 12-14, 14-17, 17-18:30,
# 18:30-20:30, later. A band holds its begin, not its end. A storage format (``answer_count.band``): never reorder.
BANDS = tuple(int(hour * HOUR_S) for hour in (8, 10, 12, 14, 17, 18.5, 20.5, 24))
DAY_KINDS = 2  # working days and weekends
SATURDAY = 5  # of date.weekday()

# Share of doors that open, in percent, before anything is known: working days, weekends. Assumptions, not observed:
# half the doors by day, more at noon and most in the evening.
COLD = ((30, 44, 48, 54, 44, 60, 70, 40), (25, 50, 58, 60, 54, 60, 66, 40))
COLD_KNOCKS = 20.0  # so many knocks in a band weigh as much as ``COLD``; assumption
DOOR_SPREAD = 0.6  # how much the doors of one building differ, in logits; assumption
MOST_TRIES = 10  # more tell nothing new
STRENGTH = (2.0, 500.0)  # an estimated strength is kept within, in knocks
STRENGTH_UNKNOWN = 30.0  # where the counts say nothing yet; assumption
LEAST, MOST = 0.01, 0.99  # no door opens always or never


def band_of(second: int) -> int:
    """Return the band a second of the local day lies in."""
    return bisect_right(BANDS, second)


def is_weekend(weekday: int) -> bool:
    """Tell whether a weekday (0 = Monday) counts as weekend."""
    return weekday >= SATURDAY


@dataclass(frozen=True)
class Sums:
    """What is known of one building kind in one band on one kind of day; enough to estimate how buildings differ.

    Attributes
    ----------
    buildings : with at least one knock; knocks, answers : of all of them
    knocks_squared : sum of each building's knocks squared
    answers_share : sum of each building's answers squared over its knocks
    """

    kind: str
    weekend: bool
    band: int
    buildings: int
    knocks: int
    answers: int
    knocks_squared: float
    answers_share: float


@dataclass(frozen=True)
class Rates:
    """Learned rates before a building's own counts are looked at.

    Attributes
    ----------
    everywhere : (2, b) by day kind and band; of_kind : the same for each building kind that was knocked at
    strength : knocks that a building's own counts are weighed against
    """

    everywhere: Floats
    of_kind: Mapping[str, Floats]
    strength: float

    def parent(self, kind: str, *, weekend: bool) -> Floats:
        """Return the rate by band that a building of a kind is shrunk towards."""
        found: Floats = self.of_kind.get(kind, self.everywhere)[int(weekend)]
        return found


def _spread(groups: Mapping[object, list[tuple[float, float, float, float]]], sizes: Mapping[object, int]) -> float:
    """Return the strength (knocks) at which children vary as observed around the rate of their group.

    Each group holds (knocks, answers, knocks squared, answers squared over knocks) of its children or of sums of
    them; ``sizes`` how many children. With p = answers / knocks of the group, S = sum of n_i (p_i - p)^2 has the
    expectation p(1-p)[(m-1) + rho (N - m - sum n_i^2 / N + 1)]; all groups share rho, and strength = 1/rho - 1.
    """
    excess, room = 0.0, 0.0
    for key, children in groups.items():
        knocks, answers, squared, share = (sum(column) for column in zip(*children, strict=True))
        m = sizes[key]
        p = answers / knocks if knocks else 0.0
        if m < 2 or not 0 < p < 1:
            continue
        scatter = share - answers * answers / knocks
        excess += scatter / (p * (1 - p)) - (m - 1)
        room += knocks - m - squared / knocks + 1
    if room <= 0:
        return STRENGTH_UNKNOWN
    if excess <= 0:
        return STRENGTH[1]
    return float(np.clip(room / excess - 1, *STRENGTH))


def building_strength(sums: list[Sums]) -> float:
    """Return how strongly a building is shrunk towards the buildings of its kind, in knocks."""
    groups: dict[object, list[tuple[float, float, float, float]]] = {
        (s.kind, s.weekend, s.band): [(s.knocks, s.answers, s.knocks_squared, s.answers_share)]
        for s in sums
        if s.knocks
    }
    return _spread(groups, {(s.kind, s.weekend, s.band): s.buildings for s in sums})


def kind_strength(sums: list[Sums]) -> float:
    """Return how strongly the buildings of one kind are shrunk towards all, in knocks."""
    groups: dict[object, list[tuple[float, float, float, float]]] = {}
    for s in sums:
        if s.knocks:
            child = (s.knocks, s.answers, float(s.knocks) ** 2, s.answers**2 / s.knocks)
            groups.setdefault((s.weekend, s.band), []).append(child)
    return _spread(groups, {key: len(children) for key, children in groups.items()})


def shrunk(answers: Floats | Ints, knocks: Floats | Ints, towards: Floats, strength: float) -> Floats:
    """Return the mean of the beta posterior whose prior has mean ``towards`` and weighs ``strength`` knocks."""
    found: Floats = (answers + strength * towards) / (knocks + strength)
    return found


def learn(sums: list[Sums]) -> Rates:
    """Return the rates of a community, its building kinds, and the strength for single buildings.

    Parameters
    ----------
    sums : one for each building kind, kind of day and band with knocks; none at all gives ``COLD``.
    """
    shape = (DAY_KINDS, len(BANDS))
    kinds = sorted({s.kind for s in sums})
    knocks = {kind: np.zeros(shape) for kind in kinds}
    answers = {kind: np.zeros(shape) for kind in kinds}
    for s in sums:
        knocks[s.kind][int(s.weekend), s.band] = s.knocks
        answers[s.kind][int(s.weekend), s.band] = s.answers
    cold = np.array(COLD) / 100
    everywhere = shrunk(
        sum(answers.values(), np.zeros(shape)), sum(knocks.values(), np.zeros(shape)), cold, COLD_KNOCKS
    )
    strength = kind_strength(sums)
    of_kind = {kind: shrunk(answers[kind], knocks[kind], everywhere, strength) for kind in kinds}
    return Rates(everywhere, of_kind, building_strength(sums))


def chances(rates: Rates, kind: str, *, weekend: bool, knocks: Ints, answers: Ints) -> Floats:
    """Return the chance by band, 0..1, that a door of a building opens, given the building's own counts by band."""
    found: Floats = shrunk(answers, knocks, rates.parent(kind, weekend=weekend), rates.strength)
    return found


def after_tries(chance: Floats, tries: Ints | int, usual: float) -> Floats:
    """Return the chance after so many knocks in vain since somebody was last met.

    Doors of one building are taken to differ in the logarithm of their odds with deviation ``DOOR_SPREAD`` (s). To
    first order each knock in vain tells s^2 r against a door, r being the rate of all knocks. That rate was counted at
    doors which had ``usual`` tries behind them on average, so that many tell nothing: with fewer a door is better than
    the rate, with more worse.
    """
    r = np.clip(chance, LEAST, MOST)
    odds = np.log(r / (1 - r)) + DOOR_SPREAD**2 * r * (usual - np.minimum(tries, MOST_TRIES))
    found: Floats = np.clip(1 / (1 + np.exp(-odds)), LEAST, MOST)
    return found


def percent(chance: Floats) -> Ints:
    """Return chances as whole percent, 1..99."""
    found: Ints = np.rint(100 * chance).astype(np.int64)
    return found

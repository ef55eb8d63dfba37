"""How figures and states of coverage read on a page."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext, lazy_gettext

from gridmap.domain.attention import Story, is_hidden, measure
from gridmap.domain.coverage import Counts, GridCoverage, State
from gridmap.maps.colours import SCALES, STATE_COLOURS
from gridmap.maps.coverage import LegendRow

STORY_WORDS = {
    Story.COVERAGE: lazy_gettext("覆盖率"),
    Story.GROUPS: lazy_gettext("特殊群体"),
    Story.NEEDS: lazy_gettext("诉求"),
    Story.LOAD: lazy_gettext("工作量"),
}
LEGEND_TITLES = {
    Story.COVERAGE: lazy_gettext("走访覆盖率"),
    Story.GROUPS: lazy_gettext("特殊群体走访覆盖率"),
    Story.NEEDS: lazy_gettext("在办诉求"),
    Story.LOAD: lazy_gettext("每月走访工作量"),
}
ORDER_WORDS = {
    Story.COVERAGE: lazy_gettext("按覆盖率从低到高"),
    Story.GROUPS: lazy_gettext("按特殊群体覆盖率从低到高"),
    Story.NEEDS: lazy_gettext("按在办诉求从多到少"),
    Story.LOAD: lazy_gettext("按工作量从多到少"),
}


@dataclass(frozen=True)
class StateFace:
    """How a state looks: word, icon, colour; never colour alone."""

    state: State
    slug: str
    word: Any
    icon: str

    @property
    def colour(self) -> str:
        """Return the colour of its dot on the map."""
        return STATE_COLOURS[self.state]


_FACES = [
    (State.NEVER, lazy_gettext("从未走访"), "question-circle"),
    (State.COVERED, lazy_gettext("已走访"), "check-lg"),
    (State.DUE_SOON, lazy_gettext("快到期"), "clock"),
    (State.OVERDUE, lazy_gettext("逾期未访"), "exclamation-triangle"),
    (State.NO_ANSWER, lazy_gettext("没人应门"), "door-closed"),
    (State.REFUSED, lazy_gettext("不愿受访"), "slash-circle"),
    (State.MOVED, lazy_gettext("搬走或空置"), "box-arrow-right"),
    (State.EXCLUDED, lazy_gettext("不列入走访"), "eye-slash"),
]
STATES = {state: StateFace(state, state.name.lower(), word, icon) for state, word, icon in _FACES}
BY_SLUG = {face.slug: face for face in STATES.values()}


def percent(share: float | None, digits: int = 0) -> str:
    """Return a share as a percentage, cut and not rounded: 64.9 % must not read 65 % in the class below 65."""
    if share is None:
        return "—"
    scale: int = 10**digits
    return f"{math.floor(share * 100 * scale + 1e-9) / scale:.{digits}f}"


def shown(story: Story, value: float | None) -> str:
    """Return a grid's figure as its label tells it."""
    if value is None:
        return "—"
    if story in {Story.COVERAGE, Story.GROUPS}:
        return f"{percent(value)}%"
    return str(gettext("%(n)s 件", n=round(value)) if story is Story.NEEDS else gettext("%(n)s 小时", n=f"{value:.0f}"))


def part(story: Story, counts: Counts) -> str:
    """Return what a figure is made of: done of all."""
    if story is Story.GROUPS:
        return str(gettext("%(done)s/%(all)s 户", done=counts.special_covered, all=counts.special_base))
    if story is Story.COVERAGE:
        return str(gettext("%(done)s/%(all)s 户", done=counts.covered, all=counts.base))
    return str(gettext("%(all)s 户", all=counts.base))


def value_of(grid: GridCoverage, story: Story) -> float | None:
    """Return a grid's figure; None where there is none, or it may not be shown."""
    return None if is_hidden(grid, story) else measure(story, grid.counts)


def class_of(grid: GridCoverage, story: Story) -> int:
    """Return the class of a grid, -1 for none."""
    return SCALES[story].class_of(value_of(grid, story))


def change(now: float | None, before: float | None) -> float | None:
    """Return the change of a share in percentage points, to one decimal; None without a comparison."""
    return None if now is None or before is None else round((now - before) * 100, 1)


def _edge(story: Story, value: float) -> str:
    return f"{value * 100:.0f}" if story in {Story.COVERAGE, Story.GROUPS} else f"{value:.0f}"


def legend_words(story: Story, rows: list[LegendRow]) -> list[dict[str, Any]]:
    """Return the legend's rows with their ranges in words, long and short."""
    shares = story in {Story.COVERAGE, Story.GROUPS}
    unit = "%" if shares else gettext(" 件") if story is Story.NEEDS else gettext(" 小时")
    told = []
    for row in rows:
        if row.low is None:
            whole = story is Story.NEEDS and row.high == 1
            text = "0" if whole else f"<{_edge(story, row.high or 0)}"
        elif row.high is None:
            text = f"≥{_edge(story, row.low)}"
        elif story is Story.NEEDS:
            text = f"{row.low:.0f}–{row.high - 1:.0f}"
        else:
            text = f"{_edge(story, row.low)}–{_edge(story, row.high)}"
        between = row.low if shares else row.high  # the limit between this class and the one before it
        edge = "" if between is None or row.number == 0 else _edge(story, between)
        told.append(
            {
                "number": row.number,
                "text": text + unit,
                "edge": edge + unit.strip() if row.number == len(rows) - 1 else edge,
                "count": row.count,
            }
        )
    return told


def day_words(day: date | None) -> str:
    """Return a date as people write it."""
    if day is None:
        return "—"
    return str(gettext("%(y)s年%(m)s月%(d)s日", y=day.year, m=day.month, d=day.day))

"""Colours of the maps: fixed classes, so that two months compare, and safe for people who see red and green alike."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from gridmap.domain.attention import MORE_IS_WORSE, Story
from gridmap.domain.coverage import State

GROUND = "#ece7dc"  # the paper under everything
INK = "#17303a"
WHITE = "#ffffff"
BORDER_COMMERCIAL = "#7a4a00"

# ColorBrewer YlGnBu-5, softened; class 0 always means "help is needed here" and is hatched as well.
RAMP = ("#fde3bb", "#cde3da", "#8dc5bb", "#4b9ca7", "#19596f")
OPACITY = 0.82  # of a class colour over the paper when the whole community is in view
NOTHING = "#d9d4c8"  # a grid that has nothing to count


@dataclass(frozen=True)
class Scale:
    """Class limits of one story.

    Attributes
    ----------
    limits : a value v has as many limits at or below it as ``bisect_right`` finds.
    more_is_worse : then the highest class is class 0.
    """

    limits: tuple[float, float, float, float]
    more_is_worse: bool

    def class_of(self, value: float | None) -> int:
        """Return the class 0 (help is needed) to 4 of a value; -1 when there is nothing to count."""
        if value is None:
            return -1
        step = bisect_right(self.limits, value)
        return len(self.limits) - step if self.more_is_worse else step


# Shares: the thresholds of the visiting policy. Hours a month: a full-time worker has about 160, of which about
# two thirds can be spent at doors. Both are fixed, never taken from the data.
LIMITS: dict[Story, tuple[float, float, float, float]] = {
    Story.COVERAGE: (0.50, 0.65, 0.80, 0.90),
    Story.GROUPS: (0.50, 0.65, 0.80, 0.90),
    Story.NEEDS: (1, 4, 8, 12),
    Story.LOAD: (20, 40, 60, 100),
}
SCALES = {story: Scale(limits, story in MORE_IS_WORSE) for story, limits in LIMITS.items()}

# Dots of households. Shape and word tell the state as well: colour is never alone.
STATE_COLOURS: dict[State, str] = {
    State.NEVER: "#8a5a00",
    State.COVERED: "#2f7f78",
    State.DUE_SOON: "#c98a12",
    State.OVERDUE: "#b3261e",
    State.NO_ANSWER: "#6a4c93",
    State.REFUSED: "#5c6770",
    State.MOVED: "#9aa3a8",
    State.EXCLUDED: "#9aa3a8",
}


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def blend(colour: str, opacity: float, ground: str = GROUND) -> str:
    """Return the colour that ``colour`` at ``opacity`` makes over ``ground``."""
    mixed = (opacity * c + (1 - opacity) * g for c, g in zip(_channels(colour), _channels(ground), strict=True))
    return "#" + "".join(f"{round(v):02x}" for v in mixed)


def _luminance(colour: str) -> float:
    def linear(channel: int) -> float:
        v = channel / 255
        return v / 12.92 if v <= 0.04045 else float(((v + 0.055) / 1.055) ** 2.4)

    r, g, b = _channels(colour)
    return 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21.

    References
    ----------
    WCAG 2.2, relative luminance and contrast ratio.
    """
    bright, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def text_colour(fill: str) -> str:
    """Return ink or white, whichever can be read better on ``fill``."""
    return INK if contrast(INK, fill) >= contrast(WHITE, fill) else WHITE


SWATCHES = tuple(blend(colour, OPACITY) for colour in RAMP)

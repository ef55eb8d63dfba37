"""How a community works: quiet hours, shifts, minutes at a door, speeds; one set of defaults, dated by no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields

from gridmap.errors import BadInput

MINUTE_S = 60
# Assumptions until a community measures its own: minutes at a door that opens, by purpose of the visit.
SERVICE_MIN = {"routine": 8, "policy": 6, "safety": 10, "mediation": 25, "event": 15, "follow_up": 10}


@dataclass(frozen=True)
class WorkSetting:
    """The settings of one community; a row of ``work_setting`` holds those that differ from these.

    Attributes
    ----------
    quiet_until_min, quiet_from_min : no knock before and after, minutes of the local day; a hard limit
    shift_start_min, shift_end_min : the usual shift on ``working_weekday_bits`` (bit 0 = Monday)
    service_min : minutes at a door that opens, by purpose; ``knock_min`` at one that does not
    walk_m_s : level walking, metres a second
    lift_wait_s, lift_floor_s, stair_up_s, stair_down_s : vertical seconds, the latter three for each floor
    access_factor : a straight line to the street is walked so many times as long
    far_m : an entrance farther from any street is listed for the planner
    grid_least, grid_target, grid_most : households of a general grid; one outside is shown to the planner
    navigation : links to map apps are shown (they tell a third party which entrance is looked for)
    offer_hours : a worker is told of better hours than the usual ones and may take them; False: the office sets them
    """

    quiet_until_min: int = 9 * 60
    quiet_from_min: int = 20 * 60 + 30
    shift_start_min: int = 9 * 60
    shift_end_min: int = 12 * 60
    working_weekday_bits: int = 0b1111111
    service_min: dict[str, int] = field(default_factory=lambda: dict(SERVICE_MIN))
    knock_min: int = 2
    walk_m_s: float = 1.2
    lift_wait_s: float = 25.0
    lift_floor_s: float = 2.5
    stair_up_s: float = 16.0
    stair_down_s: float = 12.0
    access_factor: float = 1.3
    far_m: float = 60.0
    # Sources differ between 160 and 500 households for one worker: defaults to be set by each community.
    grid_least: int = 150
    grid_target: int = 300
    grid_most: int = 500
    navigation: bool = False
    offer_hours: bool = True


DAY_MIN = 1440
WEEK_BITS = 0b1111111
MOST_PURPOSES_MIN = 240  # a visit that is planned to take longer is a slip of the pen

_MINUTES = ("quiet_until_min", "quiet_from_min", "shift_start_min", "shift_end_min")
_SWITCHES = {"navigation", "offer_hours"}
_SIZES = ("grid_least", "grid_target", "grid_most")
MOST_HOUSEHOLDS = 10_000  # of one grid
_SPEEDS: dict[str, tuple[float, float]] = {
    "walk_m_s": (0.3, 2.5),
    "lift_wait_s": (0, 600),
    "lift_floor_s": (0, 60),
    "stair_up_s": (0, 120),
    "stair_down_s": (0, 120),
    "access_factor": (1, 3),
    "far_m": (1, 2000),
    "knock_min": (1, 30),
}


def _whole(name: str, value: object, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise BadInput("“%(name)s”要填 %(low)s 到 %(high)s 的整数", name=name, low=low, high=high)
    return value


def _number(name: str, value: object) -> float:
    low, high = _SPEEDS[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise BadInput("“%(name)s”要填 %(low)s 到 %(high)s 的数", name=name, low=low, high=high)
    return value


def _service(value: object) -> dict[str, int]:
    if not isinstance(value, Mapping) or set(value) - set(SERVICE_MIN):
        raise BadInput("走访时长只能按这些目的填写：%(purposes)s", purposes="、".join(SERVICE_MIN))
    return SERVICE_MIN | {purpose: _whole(purpose, minutes, 1, MOST_PURPOSES_MIN) for purpose, minutes in value.items()}


def _checked(name: str, value: object) -> object:
    """Return the value of one setting, or refuse it."""
    if name in _MINUTES:
        return _whole(name, value, 0, DAY_MIN)
    if name == "working_weekday_bits":
        return _whole(name, value, 0, WEEK_BITS)
    if name == "knock_min":
        return _whole(name, value, 1, 30)
    if name in _SIZES:
        return _whole(name, value, 1, MOST_HOUSEHOLDS)
    if name in _SPEEDS:
        return _number(name, value)
    if name == "service_min":
        return _service(value)
    if name in _SWITCHES and isinstance(value, bool):
        return value
    raise BadInput("没有“%(name)s”这个设置，或它的值写得不对", name=name)


def setting_of(values: Mapping[str, object]) -> WorkSetting:
    """Return the setting in which ``values`` take the place of the defaults.

    Raises
    ------
    BadInput
        When there is no such setting, a value is out of its range, or the hours contradict each other.
    """
    made = WorkSetting(**{name: _checked(name, value) for name, value in values.items()})  # type: ignore[arg-type]
    if made.quiet_until_min >= made.quiet_from_min:
        raise BadInput("可以敲门的时间是空的：开始时间要早于结束时间")
    if made.shift_start_min > made.shift_end_min:
        raise BadInput("班次的开始时间要早于结束时间")
    if not made.grid_least <= made.grid_target <= made.grid_most:
        raise BadInput("网格户数要满足：最少不超过目标，目标不超过最多")
    return made


def differences(setting: WorkSetting) -> dict[str, object]:
    """Return the fields that differ from the defaults: all that is kept of a setting."""
    usual = WorkSetting()
    return {
        f.name: getattr(setting, f.name) for f in fields(setting) if getattr(setting, f.name) != getattr(usual, f.name)
    }


@dataclass(frozen=True)
class AtHome:
    """When somebody of a household is at home, as it said: weekdays as bits (0 = Monday), minutes of the local day."""

    weekday_bits: int
    from_min: int
    until_min: int


def at_home(weekdays: Iterable[int], from_min: int, until_min: int) -> AtHome:
    """Return hours at home, checked.

    Raises
    ------
    BadInput
        When no weekday is named, or the hours run over midnight or backwards: two entries say that.
    """
    days = set(weekdays)
    if not days or not days <= set(range(7)):
        raise BadInput("请至少选一个星期几")
    if not 0 <= from_min < until_min <= DAY_MIN:
        raise BadInput("在家时间要在同一天内：开始早于结束。跨过午夜的请分两条填写")
    return AtHome(sum(1 << day for day in days), from_min, until_min)


def may_ring(setting: WorkSetting, from_min: int, until_min: int) -> bool:
    """Tell whether one may ring at every moment of a span of the local day; outside, no promise may be made."""
    return setting.quiet_until_min <= from_min <= until_min <= setting.quiet_from_min

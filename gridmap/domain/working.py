"""How a community works: quiet hours, shifts, minutes at a door, speeds; one set of defaults, dated by no clock."""

from __future__ import annotations

from dataclasses import dataclass, field

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
    navigation : links to map apps are shown (they tell a third party which entrance is looked for)
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
    navigation: bool = False

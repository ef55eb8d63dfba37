"""Up and down inside a building."""

from __future__ import annotations

from gridmap.domain.working import WorkSetting


def climb_s(from_floor: int, to_floor: int, *, has_lift: bool, setting: WorkSetting) -> float:
    """Return the seconds from one floor of a building to another.

    With a lift: its wait and so much a floor, or the stairs where they are quicker (one or two floors); without one
    the stairs, slower up than down. Floor 1 is the ground; floor 0 or below is a basement, one storey a number.

    Parameters
    ----------
    from_floor, to_floor : as people count them.
    setting : the community's speeds.

    Returns
    -------
    float
        Seconds, 0 on the same floor.
    """
    floors = abs(to_floor - from_floor)
    stairs = floors * (setting.stair_up_s if to_floor > from_floor else setting.stair_down_s)
    if not has_lift or not floors:
        return stairs
    return min(stairs, setting.lift_wait_s + floors * setting.lift_floor_s)

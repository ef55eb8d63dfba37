"""Days made by hand, for whatever draws a day: a short walk with everything in it, and a tower of 33 storeys."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import pairwise

from gridmap.domain.coverage import State
from gridmap.domain.households import Member, NeedLine
from gridmap.domain.plans import (
    Day,
    End,
    LastVisit,
    LeftOut,
    MaterialToCarry,
    Path,
    PlannedDoor,
    PlannedStop,
    Room,
    StopState,
    Tower,
    Unit,
)
from gridmap.domain.worklist import Reason, Urgency

DAY = date(2026, 11, 23)
MADE_AT = datetime(2026, 11, 23, 0, 30, tzinfo=UTC)
GRID = 12
CENTRE = (105.2816, 27.3055)
HOUR_S = 3600


def place(east_m: float, north_m: float) -> tuple[float, float]:
    """Return a point so many metres from the centre, in degrees; near enough for a picture."""
    return (round(CENTRE[0] + east_m / 98_900, 7), round(CENTRE[1] + north_m / 110_800, 7))


def path(*corners: tuple[float, float], parts: tuple[tuple[str, int, int], ...] = ()) -> Path:
    """Return a way along corners in metres from the centre; all of it a street unless ``parts`` say otherwise."""
    metres = sum(((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) ** 0.5 for a, b in pairwise(corners))
    whole = (("street", 0, len(corners) - 1),)
    return Path(tuple(place(*corner) for corner in corners), parts or whole, round(metres), round(metres / 1.2))


def door(number: int, room: str, floor: int, start_s: int, **more: object) -> PlannedDoor:
    """Return one door of entrance 71, building 7, overdue, with one adult behind it."""
    plain = PlannedDoor(
        number=number,
        household_id=1000 + number,
        grid_id=GRID,
        entrance_id=71,
        building_id=7,
        address=f"云景苑7栋2单元{room}",
        label=room,
        floor=floor,
        urgency=Urgency.SHOULD,
        state=StopState.PLANNED,
        reasons=(Reason("overdue", {"days": 6}),),
        due=(Reason("overdue", {"days": 6}),),
        start_s=start_s,
        service_s=480,
        vertical_s=50,
        pinned_s=None,
        chance=55,
        groups=(),
        members=(Member(2000 + number, "试验人甲", "f", 71, "户主", "registered"),),
        needs=(),
        materials=(),
        purposes=("routine",),
        last=LastVisit(date(2026, 8, 17), "met", 0),
    )
    return replace(plain, **more)  # type: ignore[arg-type]


def tower(
    building_id: int, title: str, *, floors: int, doors: int, units: int, entrance_id: int, planned: frozenset[int]
) -> Tower:
    """Return a tower whose households are numbered from ``building_id * 10_000``, states in turn."""
    made = []
    number = building_id * 10_000
    for unit in range(1, units + 1):
        rows = []
        for floor in range(1, floors + 1):
            rooms = []
            for at in range(1, doors + 1):
                number += 1
                state = State((number * 7) % 11 % 8) if number % 3 else State.COVERED
                rooms.append(Room(number, GRID, f"{floor}{at:02}", state, number in planned))
            rows.append((floor, tuple(rooms)))
        made.append(Unit(entrance_id + unit - 1, str(unit), tuple(reversed(rows))))
    return Tower(building_id, title, floors > 7, tuple(made))


TALL = tower(
    9,
    "云景苑9栋",
    floors=33,
    doors=8,
    units=3,
    entrance_id=91,
    planned=frozenset({90_003, 90_044, 90_255}),
)
LOW = tower(7, "云景苑7栋", floors=6, doors=2, units=2, entrance_id=70, planned=frozenset())


def _low_tower() -> Tower:
    """Return building 7 with the planned doors of the walk in it: households 1001 to 1003 of entrance 71."""
    named = {"301": 1001, "402": 1002, "502": 1003}
    second = LOW.units[1]
    floors = tuple(
        (
            floor,
            tuple(
                replace(room, household_id=named[room.room], state=State.OVERDUE, planned=True)
                if room.room in named
                else room
                for room in rooms
            ),
        )
        for floor, rooms in second.floors
    )
    return replace(LOW, units=(LOW.units[0], replace(second, floors=floors)))


def a_day() -> Day:
    """Return a walk of three entrances and one errand: done, next, through a gate, up a stair; one door left out."""
    nine = 9 * HOUR_S
    first = (
        door(
            1,
            "301",
            3,
            nine + 300,
            state=StopState.DONE,
            groups=("alone", "aged_80"),
            urgency=Urgency.MUST,
            reasons=(Reason("group", {"group": "high_risk"}), Reason("overdue", {"days": 6})),
            needs=(NeedLine("repair", "楼道灯不亮", MADE_AT),),
        ),
        door(2, "402", 4, nine + 900, reasons=(Reason("due_soon", {"days": 2}),), due=(), last=None),
        door(
            3,
            "502",
            5,
            nine + 1500,
            groups=("disability",),
            pinned_s=(nine + 1500, nine + 2400),
            reasons=(Reason("promise", {"from_min": 565, "until_min": 580}),),
            urgency=Urgency.MUST,
            materials=(1,),
        ),
    )
    tall = tuple(
        replace(
            door(4 + i, room, floor, nine + 3000 + 600 * i),
            household_id=household_id,
            entrance_id=91,
            building_id=9,
            address=f"云景苑9栋1单元{room}",
            reasons=(Reason("never_met", {"days": 40}),)
            if i
            else (Reason("event", {"kind": "crisis", "hours_left": 5}),),
            materials=(1,),
        )
        for i, (room, floor, household_id) in enumerate([("103", 1, 90_003), ("604", 6, 90_044), ("3207", 32, 90_255)])
    )
    shop = (
        replace(
            door(7, "1", 1, nine + 6000),
            household_id=1007,
            entrance_id=55,
            building_id=5,
            address="滨河路12号1",
            label="1",
            reasons=(Reason("nearby"),),
            urgency=Urgency.MAY,
            due=(),
        ),
    )
    stops = (
        _stop(1, "云景苑7栋2单元", (120, 60), nine + 200, nine + 2000, 71, 7, first, _to_first()),
        _stop(2, "云景苑9栋1单元", (260, 150), nine + 2300, nine + 4800, 91, 9, tall, _to_tall()),
        replace(
            _stop(3, "体育公园东门 自动售货机", (330, 30), nine + 5000, nine + 5300, None, None, (), _to_errand()),
            kind="errand",
            errand_id=31,
            errand_kind="facility",
            grid_id=GRID,
        ),
        _stop(4, "滨河路12号", (140, -110), nine + 5700, nine + 6500, 55, 5, shop, None),
    )
    end = place(0, 0)
    return Day(
        on=DAY,
        timezone="Asia/Shanghai",
        worker_id=12,
        worker_name="试验网格员",
        grids=((GRID, "520502009005012", "第十二网格"),),
        plan_id=7,
        made_at=MADE_AT,
        shift_s=(nine, 12 * HOUR_S),
        start=End("党群服务中心", *end, nine),
        end=End("党群服务中心", *end, nine + 6900),
        stops=stops,
        left_out=(
            LeftOut(
                1090,
                GRID,
                "云景苑11栋1单元202",
                Urgency.SHOULD,
                (Reason("overdue", {"days": 2}),),
                "minutes",
                {"minutes": 12},
            ),
        ),
        towers=(_low_tower(), TALL),
        materials=(MaterialToCarry(1, "family_education", "《家庭教育促进法》解读手册", 4),),
        doors_done=1,
        doors_all=7,
        left_s=6600,
        choice="best_found",
        order="optimal",
        objective=412,
        bound=430,
        seed=1,
        iterations=2000,
        matrix_places=("start", "end", "1", "2", "3", "4"),
        matrix_s=tuple(tuple(0 if i == j else 60 + 40 * abs(i - j) for j in range(6)) for i in range(6)),
    )


def empty_day() -> Day:
    """Return a day on which nothing is to be done."""
    day = a_day()
    return replace(
        day,
        plan_id=0,
        made_at=None,
        stops=(),
        left_out=(),
        towers=(),
        materials=(),
        doors_done=0,
        doors_all=0,
        left_s=0,
        objective=0,
        bound=0,
        choice="optimal",
        matrix_places=("start", "end"),
        matrix_s=((0, 0), (0, 0)),
    )


def _stop(
    number: int,
    title: str,
    at: tuple[float, float],
    arrive_s: int,
    leave_s: int,
    entrance_id: int | None,
    building_id: int | None,
    doors: tuple[PlannedDoor, ...],
    way: Path | None,
) -> PlannedStop:
    lon, lat = place(*at)
    return PlannedStop(
        number, "entrance", title, lon, lat, arrive_s, leave_s, way, entrance_id, building_id, None, "", doors
    )


def _to_first() -> Path:
    """Return a way along a street, through a gate, to the door."""
    parts = (("street", 0, 1), ("gate", 1, 2), ("compound", 2, 3), ("access", 3, 4))
    return path((0, 0), (70, 0), (74, 3), (112, 50), (120, 60), parts=parts)


def _to_tall() -> Path:
    """Return a way with a stair in it."""
    parts = (("access", 0, 1), ("compound", 1, 2), ("steps", 2, 3), ("compound", 3, 4), ("access", 4, 5))
    return path((120, 60), (112, 70), (180, 88), (196, 110), (250, 140), (260, 150), parts=parts)


def _to_errand() -> Path:
    return path((260, 150), (300, 120), (320, 60), (330, 30))

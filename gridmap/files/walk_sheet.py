"""The walk on A4 paper, for those who prefer it: the map, the doors in order, boxes to tick. Set by typst.

A sheet can be lost, and who finds it must not learn which door belongs to somebody old and alone, or which flat is
empty. So it carries door numbers, times and what kind of call it is; no name, no phone, no group, no need, no
unanswered knocks, no visit states in the floor plan, no material by door. Those are on the phone, for every role
alike. Whoever prints it stands in its footer.

The data go in as JSON; the sheet itself (``walk_sheet.typ``) is never put together from strings.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import typst

from gridmap.domain.addresses import natural_key
from gridmap.domain.plans import Day, PlannedDoor, PlannedStop, StopState, Unit
from gridmap.domain.walks import Walk
from gridmap.domain.worklist import Reason, Urgency
from gridmap.errors import SetupFault
from gridmap.files.walk_picture import clock, picture
from gridmap.settings import VENDOR

SOURCE = Path(__file__).with_suffix(".typ")
FONTS = VENDOR / "fonts-sc" / "fonts"
INVENTED = {"all": "演示数据", "people": "住户为演示数据", "none": ""}
WEEKDAYS = "一二三四五六日"
FEW_ROOMS = 2  # of so few nobody needs a plan


@dataclass(frozen=True)
class Printed:
    """Who prints, when (local time), for which community."""

    community: str
    invented: str
    user: str
    at: datetime


def day_words(on: date) -> str:
    """Return a date as people write it."""
    return f"{on.year}年{on.month}月{on.day}日 星期{WEEKDAYS[on.weekday()]}"


def hint(reason: Reason) -> str:
    """Return what a sheet may say of a reason; "" for one that tells something about the people behind the door."""
    days = reason.values.get("days", 0)
    told = {
        "overdue": f"逾期 {days} 天",
        "due_soon": f"{days} 天内到期" if days else "今天到期",
        "never_met": "首访",
        "event": "加急",
        "follow_up": "回访",
        "joint": "联合走访",
        "nearby": "顺路",
    }
    return told.get(reason.code, "")


def _door(door: PlannedDoor) -> dict[str, Any]:
    hints = [words for words in dict.fromkeys(hint(reason) for reason in door.reasons) if words]
    return {
        "n": door.number,
        "room": door.label,
        "floor": door.floor,
        "at": clock(door.start_s),
        "must": door.urgency is Urgency.MUST,
        "hints": hints[:2],
        "promise": f"{clock(door.pinned_s[0])}–{clock(door.pinned_s[1])}" if door.pinned_s else "",
        "state": str(door.state),
    }


def _matrix(unit: Unit, numbers: dict[int, int]) -> dict[str, Any]:
    """Return a stairwell's floors from the top with every door, columns by the place on the floor; no states."""
    floors = sorted(unit.floors, key=lambda row: -row[0])
    places = _places(floors)
    rows = []
    for floor, rooms in floors:
        slots: list[dict[str, Any] | None] = [None] * len(places)
        for i, room in enumerate(sorted(rooms, key=lambda r: natural_key(r.room))):
            at = places.index(_place(room.room, floor)) if _place(room.room, floor) in places else i
            slots[at] = {"room": room.room, "n": numbers.get(room.household_id, 0), "planned": room.planned}
        rows.append({"floor": floor, "rooms": slots})
    return {"columns": len(places), "rows": rows}


def _rooms(unit: Unit) -> int:
    return sum(len(rooms) for _, rooms in unit.floors)


def _place(room: str, floor: int) -> str:
    label = str(floor)
    return room[len(label) :] if room.startswith(label) and len(room) > len(label) else ""


def _places(floors: Sequence[tuple[int, Sequence[Any]]]) -> list[str]:
    """Return the columns of a stairwell: the rooms' places on their floor; just numbered when they tell none."""
    found = {_place(room.room, floor) for floor, rooms in floors for room in rooms}
    if "" in found:
        return [f"#{i}" for i in range(max((len(rooms) for _, rooms in floors), default=0))]
    return sorted(found, key=natural_key)


def _stop(stop: PlannedStop, day: Day) -> dict[str, Any]:
    numbers = {door.household_id: door.number for door in stop.doors}
    unit = next((u for t in day.towers for u in t.units if u.entrance_id == stop.entrance_id), None)
    return {
        "n": stop.number,
        "title": stop.title,
        "errand": stop.kind == "errand",
        "at": clock(stop.arrive_s),
        "leave": clock(stop.leave_s),
        "walk": f"步行 {stop.path.metres} 米" if stop.path else "没有查到路",
        "done": stop.done,
        "doors": [_door(door) for door in stop.doors],
        "matrix": _matrix(unit, numbers) if unit and stop.doors and _rooms(unit) > FEW_ROOMS else None,
    }


def status_words(day: Day) -> str:
    """Return how good the plan is known to be."""
    order = "顺序：已证明最优" if day.order == "optimal" else "顺序：找到的最好"
    if day.choice == "optimal":
        return f"{order}；挑选：已证明最优"
    return f"{order}；挑选：找到的最好 {day.objective}，上界 {day.bound}"


def content(walk: Walk, printed: Printed) -> dict[str, Any]:
    """Return all that is on the sheet."""
    day = walk.day
    ways = [stop.path for stop in day.stops if stop.path] + ([day.way_back] if day.way_back else [])
    return {
        "community": printed.community,
        "stamp": INVENTED[printed.invented],
        "grids": "、".join(name for _, _, name in day.grids),
        "worker": day.worker_name,
        "date": day_words(day.on),
        "plan": day.plan_id,
        "printed": f"打印：{printed.user}，{printed.at:%Y-%m-%d %H:%M}",
        "status": status_words(day) if day.plan_id else "",
        "start": {"title": day.start.title, "at": clock(day.start.at_s)},
        "end": {"title": day.end.title, "at": clock(day.end.at_s)},
        "doors": day.doors_all,
        "done": sum(door.state is StopState.DONE for stop in day.stops for door in stop.doors),
        "km": f"{sum(way.metres for way in ways) / 1000:.1f}",
        "stops": [_stop(stop, day) for stop in day.stops],
        "materials": [{"name": m.name, "count": m.count} for m in day.materials],
        "picture": picture(walk),
    }


def to_pdf(walk: Walk, printed: Printed) -> bytes:
    """Return the sheet as PDF/A.

    Raises
    ------
    SetupFault
        When the font for paper is missing.
    """
    values = _values(walk, printed)
    at = int(printed.at.timestamp())
    return typst.compile(
        SOURCE,
        format="pdf",
        font_paths=[_fonts()],
        ignore_system_fonts=True,
        sys_inputs=values,
        pdf_standards="a-2b",
        timestamp=at,
    )


def to_png(walk: Walk, printed: Printed, *, ppi: float = 90.0) -> list[bytes]:
    """Return the sheet's pages as pictures; errors as ``to_pdf``."""
    values = _values(walk, printed)
    pages: bytes | list[bytes] = typst.compile(
        SOURCE,
        format="png",
        ppi=ppi,
        font_paths=[_fonts()],
        ignore_system_fonts=True,
        sys_inputs=values,
    )
    return pages if isinstance(pages, list) else [pages]


def _values(walk: Walk, printed: Printed) -> dict[str, str]:
    return {"data": json.dumps(content(walk, printed), ensure_ascii=False)}


def _fonts() -> Path:
    if not FONTS.is_dir():
        raise SetupFault("缺少打印用的中文字体，请运行 scripts/demo 或 scripts/assets.py")
    return FONTS

"""The walk on A4 paper, for those who prefer it: the map, the doors in order, boxes to tick. Set by typst.

A sheet can be lost, and who finds it must not learn which door belongs to somebody old and alone, or which flat is
empty. So it carries door numbers, times and what kind of call it is; no name, no phone, no group, no need, no
unanswered knocks, no visit states in the floor plan, no material by door. Those are on the phone, for every role
alike. Whoever prints it stands in its footer.

The data go in as JSON; the sheet itself (``walk_sheet.typ``) is never put together from strings.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import typst

from gridmap.domain.addresses import natural_key
from gridmap.domain.plans import Day, PlannedDoor, PlannedStop, StopState, Unit
from gridmap.domain.walks import Walk
from gridmap.domain.worklist import Reason, Urgency
from gridmap.errors import SetupFault
from gridmap.files.walk_picture import clock, picture
from gridmap.files.walk_words import WORDS, day_words
from gridmap.settings import VENDOR

SOURCE = Path(__file__).with_suffix(".typ")
FONTS = VENDOR / "fonts-sc" / "fonts"
HINTS = {"overdue", "due_soon", "never_met", "event", "follow_up", "joint", "nearby"}  # the others tell of people
FEW_ROOMS = 2  # of so few nobody needs a plan


@dataclass(frozen=True)
class Printed:
    """Who prints, when (local time), for which community, in which language ("zh" or "en")."""

    community: str
    invented: str
    user: str
    at: datetime
    language: str = "zh"


def hint(reason: Reason, language: str = "zh") -> str:
    """Return what a sheet may say of a reason; "" for one that tells something about the people behind the door."""
    if reason.code not in HINTS:
        return ""
    days = reason.values.get("days", 0)
    code = "due_today" if reason.code == "due_soon" and not days else reason.code
    return WORDS[language][code].format(n=days)


def _door(door: PlannedDoor, language: str) -> dict[str, Any]:
    hints = [words for words in dict.fromkeys(hint(reason, language) for reason in door.reasons) if words]
    span = f"{clock(door.pinned_s[0])}–{clock(door.pinned_s[1])}" if door.pinned_s else ""
    return {
        "n": door.number,
        "room": door.label,
        "floor": door.floor,
        "at": clock(door.start_s),
        "must": door.urgency is Urgency.MUST,
        "hints": hints[:2],
        "promise": span,
        "promised": WORDS[language]["promise"].format(span=span) if span else "",
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


def _stop(stop: PlannedStop, day: Day, language: str) -> dict[str, Any]:
    say = WORDS[language]
    numbers = {door.household_id: door.number for door in stop.doors}
    unit = next((u for t in day.towers for u in t.units if u.entrance_id == stop.entrance_id), None)
    return {
        "n": stop.number,
        "title": stop.title,
        "errand": stop.kind == "errand",
        "at": clock(stop.arrive_s),
        "leave": clock(stop.leave_s),
        "walk": say["walk"].format(n=stop.path.metres) if stop.path else say["no_way"],
        "count": say["doors" if len(stop.doors) > 1 else "doors_one"].format(n=len(stop.doors)) if stop.doors else "",
        "around": say["around"].format(at=clock(stop.arrive_s)),
        "done": stop.done,
        "doors": [_door(door, language) for door in stop.doors],
        "matrix": _matrix(unit, numbers) if unit and stop.doors and _rooms(unit) > FEW_ROOMS else None,
    }


def status_words(day: Day, language: str = "zh") -> str:
    """Return how good the plan is known to be."""
    known = {
        (True, True): "all_proven",
        (True, False): "order_proven",
        (False, True): "choice_proven",
        (False, False): "best_found",
    }[day.order == "optimal", day.choice == "optimal"]
    return WORDS[language][known].format(value=day.objective, bound=day.bound)


def content(walk: Walk, printed: Printed) -> dict[str, Any]:
    """Return all that is on the sheet."""
    day, language = walk.day, printed.language
    say = WORDS[language]
    return {
        "w": {key: words for key, words in say.items() if key not in HINTS},
        "lang": language,
        "community": printed.community,
        "stamp": say.get(f"stamp_{printed.invented}", ""),
        "grids": say["comma"].join(name for _, _, name in day.grids),
        "worker": say["worker"].format(name=day.worker_name),
        "date": day_words(day.on, language),
        "foot": _foot(day, printed),
        "sum": _sum(day, say),
        "stops": [_stop(stop, day, language) for stop in day.stops],
        "materials": [{"name": m.name, "count": m.count} for m in day.materials],
        "picture": picture(walk),
    }


def _foot(day: Day, printed: Printed) -> list[str]:
    """Return whose sheet it is, and what to do with one that is found."""
    say = WORDS[printed.language]
    status = status_words(day, printed.language) if day.plan_id else ""
    at = f"{printed.at:%Y-%m-%d %H:%M}"
    return [
        say["printed"].format(user=printed.user, at=at, plan=day.plan_id, status=status),
        say["lost"].format(community=printed.community),
    ]


def _sum(day: Day, say: Mapping[str, str]) -> str:
    """Return the walk in a sentence."""
    if not day.stops:
        return say["nothing"]
    ways = [stop.path for stop in day.stops if stop.path] + ([day.way_back] if day.way_back else [])
    done = sum(door.state is StopState.DONE for stop in day.stops for door in stop.doors)
    return say["sum_done" if done else "sum"].format(
        stops=len(day.stops),
        doors=day.doors_all,
        done=done,
        km=f"{sum(way.metres for way in ways) / 1000:.1f}",
        begin=clock(day.start.at_s),
        start=day.start.title,
        back=clock(day.end.at_s),
        end=day.end.title,
    )


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

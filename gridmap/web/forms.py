"""The one parser of what comes in with a request: every value leaves here typed, or as a sentence."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from gridmap.domain.documents import Fields, Unreadable, load
from gridmap.domain.envelopes import Envelope, read_envelope
from gridmap.domain.groups import BY_CODE, GENERAL
from gridmap.domain.street_edits import (
    DAY_MIN,
    LONGEST_NAME,
    MOST_FLOORS,
    MOST_STEPS,
    MOST_VERTICES,
    AddGate,
    AddLift,
    AddPath,
    Change,
    CloseGate,
    OpenGate,
    RemoveEdge,
    SetHours,
)
from gridmap.errors import N_, BadInput
from gridmap.web.edge import LARGEST_ID

LARGEST_PAGE = 100_000
LONGEST_WORDS = 60
ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
GRID_CODE = re.compile(r"[0-9A-Za-z-]{1,24}")

MOST_DOORS = 2_000  # of one worker's day
MOST_ASKED = 50  # records a phone asks about at once; modules/outbox.js asks for as many
LONGEST_DAY_MIN = 24 * 60

Values = Mapping[str, str]


class Again(StrEnum):
    """When a door at which nobody was home is tried again."""

    TODAY = "today"
    ANOTHER_DAY = "another_day"


def on(values: Values, *, today: date, first: date | None = None, name: str = "on") -> date:
    """Return the date a page is asked for; today unless one is given.

    Raises
    ------
    BadInput
        When it is no date, in the future, or before ``first``, the first day there is anything to tell of.
    """
    raw = values.get(name, "").strip()
    if not raw:
        return today
    if not ISO_DATE.fullmatch(raw):
        raise BadInput("日期要写成 2026-03-01 这样")
    try:
        day = date.fromisoformat(raw)
    except ValueError as error:
        raise BadInput("没有 %(day)s 这一天，请检查日期", day=raw) from error
    if day > today:
        raise BadInput("日期不能晚于今天 %(today)s", today=today.isoformat())
    if first is not None and day < first:
        raise BadInput("数据从 %(first)s 开始，请选之后的日期", first=first.isoformat())
    return day


def day_ahead(values: Values, *, today: date, ahead: int, name: str = "on") -> date:
    """Return the date something is planned for; today unless one is given.

    Raises
    ------
    BadInput
        When it is no date, or more than ``ahead`` days in the future.
    """
    return on(values, today=today + timedelta(days=ahead), name=name) if values.get(name, "").strip() else today


def group(values: Values, name: str = "group") -> str | None:
    """Return the special group a page is narrowed to, or None.

    Raises
    ------
    BadInput
        When there is no such group, or other authorities keep it.
    """
    raw = values.get(name, "").strip()
    if not raw:
        return None
    known = BY_CODE.get(raw)
    if raw != GENERAL and (known is None or known.restricted):
        raise BadInput("没有这个人群，请从列表中选择")
    return raw


def page(values: Values, name: str = "page") -> int:
    """Return the number of a page, from 1.

    Raises
    ------
    BadInput
        When it is no such number.
    """
    return _whole(values.get(name, "").strip() or "1", 1, LARGEST_PAGE, N_("页码要是 1 以上的整数"))


def identity(raw: str) -> int:
    """Return a row's number.

    Raises
    ------
    BadInput
        When it is none.
    """
    return _whole(raw.strip(), 1, LARGEST_ID, N_("编号要是整数"))


def grid_code(raw: str) -> str:
    """Return a grid's code.

    Raises
    ------
    BadInput
        When it cannot be one.
    """
    if not GRID_CODE.fullmatch(raw):
        raise BadInput("网格编码只含数字、字母和短横线")
    return raw


def words(values: Values, name: str = "q") -> str:
    """Return what somebody searches for, spaces squeezed.

    Raises
    ------
    BadInput
        When it is longer than anybody types.
    """
    squeezed = " ".join(values.get(name, "").split())
    if len(squeezed) > LONGEST_WORDS:
        raise BadInput("请输入不超过 %(n)s 个字", n=LONGEST_WORDS)
    return squeezed


def switch(values: Values, name: str) -> bool:
    """Return whether a switch was turned on or off.

    Raises
    ------
    BadInput
        When it is neither.
    """
    found = {"on": True, "off": False}.get(values.get(name, ""))
    if found is None:
        raise BadInput("没有选择打开还是关闭")
    return found


def text(values: Values, name: str, longest: int) -> str:
    """Return a line of text without control characters, cut nowhere.

    Raises
    ------
    BadInput
        When it is too long.
    """
    raw = "".join(c for c in values.get(name, "") if c.isprintable())
    if len(raw) > longest:
        raise BadInput("请输入不超过 %(n)s 个字", n=longest)
    return raw


def envelope(raw: bytes) -> Envelope:
    """Return what a phone sent, still closed if it is sealed.

    Raises
    ------
    BadInput
        When it is no envelope at all.
    """
    try:
        return read_envelope(raw)
    except Unreadable as error:
        raise BadInput("提交的内容读不出来（%(part)s），请更新页面后再试", part=str(error)) from error


def submission_ids(raw: Sequence[str]) -> list[UUID]:
    """Return which submissions a phone asks about.

    Raises
    ------
    BadInput
        When one is no id, or there are too many.
    """
    if len(raw) > MOST_ASKED:
        raise BadInput("一次最多问 %(n)s 条记录", n=MOST_ASKED)
    try:
        return [Fields({"id": one}).uuid("id") for one in raw]
    except Unreadable as error:
        raise BadInput("提交的内容读不出来（%(part)s），请更新页面后再试", part=str(error)) from error


def replan(raw: bytes) -> dict[str, Any]:
    """Return what a worker wants changed in his day, as ``services.plans.replan`` takes it.

    Raises
    ------
    BadInput
        When it is no such wish.
    """
    try:
        fields = Fields(load(raw))
        return {
            "plan_id": fields.identity("plan_id"),
            "done": fields.identities("done", MOST_DOORS),
            "skipped": fields.identities("skipped", MOST_DOORS),
            "skipped_errands": fields.identities("skipped_errands", MOST_DOORS),
            "not_home": {
                one.identity("household_id"): str(one.one_of("again", Again))
                for one in fields.objects("not_home", MOST_DOORS)
            },
            "minutes_left": fields.maybe(fields.whole, "minutes_left", 0, LONGEST_DAY_MIN),
            "emergency": fields.maybe(fields.identity, "emergency"),
            "here": _here(fields.items("here", 2)),
        }
    except Unreadable as error:
        raise BadInput("提交的内容读不出来（%(part)s），请更新页面后再试", part=str(error)) from error


def start(raw: bytes) -> int:
    """Return when a walk is to begin, seconds of the local day.

    Raises
    ------
    BadInput
        When it is no such moment.
    """
    try:
        return Fields(load(raw)).whole("start_s", 0, 60 * LONGEST_DAY_MIN - 1)
    except Unreadable as error:
        raise BadInput("提交的内容读不出来（%(part)s），请更新页面后再试", part=str(error)) from error


def street_change(raw: bytes) -> Change:
    """Return what a planner wants changed in the streets.

    Raises
    ------
    BadInput
        When it is no such change.
    """
    try:
        fields = Fields(load(raw))
        kind = fields.get("change")
        if not isinstance(kind, str) or kind not in CHANGES:
            raise Unreadable("change")
        return CHANGES[kind](fields)
    except Unreadable as error:
        raise BadInput("提交的内容读不出来（%(part)s），请更新页面后再试", part=str(error)) from error


def _points(fields: Fields, most: int) -> tuple[tuple[float, float], ...]:
    return tuple(_point(one, "lonlat") for one in fields.items("lonlat", most))


def _point(value: Any, name: str) -> tuple[float, float]:
    found = _here(value) if isinstance(value, list) else None
    if found is None:
        raise Unreadable(name)
    return found


def _name(fields: Fields) -> str:
    return fields.text("name", LONGEST_NAME) if fields.get("name") else ""


def _add_path(fields: Fields) -> Change:
    steps = fields.maybe(fields.whole, "steps", 1, MOST_STEPS)
    return AddPath(_points(fields, MOST_VERTICES), fields.word("kind"), _name(fields), steps)


def _add_lift(fields: Fields) -> Change:
    ends = _points(fields, 2)
    if len(ends) != 2:
        raise Unreadable("lonlat")
    return AddLift((ends[0], ends[1]), fields.whole("floors", 1, MOST_FLOORS), _name(fields))


def _add_gate(fields: Fields) -> Change:
    opens, closes = (fields.maybe(fields.whole, name, 0, DAY_MIN) for name in ("opens_min", "closes_min"))
    return AddGate(_point(fields.get("lonlat"), "lonlat"), _name(fields), opens, closes)


def _set_hours(fields: Fields) -> Change:
    opens, closes = (fields.maybe(fields.whole, name, 0, DAY_MIN) for name in ("opens_min", "closes_min"))
    if opens is None or closes is None:
        raise BadInput("请填开门和关门的时间")
    return SetHours(fields.identity("edge_id"), opens, closes)


CHANGES: dict[str, Callable[[Fields], Change]] = {
    "AddPath": _add_path,
    "AddLift": _add_lift,
    "AddGate": _add_gate,
    "CloseGate": lambda fields: CloseGate(fields.identity("edge_id")),
    "OpenGate": lambda fields: OpenGate(fields.identity("edge_id")),
    "SetHours": _set_hours,
    "RemoveEdge": lambda fields: RemoveEdge(fields.identity("edge_id")),
}


def _here(place: list[Any]) -> tuple[float, float] | None:
    """Return where somebody stands, in degrees; None when he does not say."""
    if not place:
        return None
    if len(place) != 2 or not all(type(x) in {int, float} and math.isfinite(x) for x in place):
        raise Unreadable("here")
    lon, lat = map(float, place)
    if abs(lon) > 180 or abs(lat) > 90:
        raise Unreadable("here")
    return lon, lat


def place(values: Values) -> tuple[float, float] | None:
    """Return the place ``lon``, ``lat`` in degrees; None when neither is given.

    Raises
    ------
    BadInput
        When it is no place on the globe.
    """
    raw = [values.get(name, "").strip() for name in ("lon", "lat")]
    if not any(raw):
        return None
    lon, lat = _degrees(raw)
    return lon, lat


def box(values: Values, name: str = "box") -> tuple[float, float, float, float] | None:
    """Return a part of the map, "west,south,east,north" in degrees; None when none is given.

    Raises
    ------
    BadInput
        When it is none.
    """
    raw = values.get(name, "").strip()
    if not raw:
        return None
    west, south, east, north = _degrees(raw.split(",") if raw.count(",") == 3 else [])
    return west, south, east, north


def minutes(values: Values, most: int, name: str = "minutes", usual: int = 10) -> int:
    """Return a number of minutes.

    Raises
    ------
    BadInput
        When it is no such number.
    """
    raw = values.get(name, "").strip() or str(usual)
    return _whole(raw, 1, most, N_("分钟数要是整数，例如 10"))


def _degrees(raw: list[str]) -> list[float]:
    """Return longitudes and latitudes that alternate."""
    try:
        found = [float(one) for one in raw]
    except ValueError:
        found = []
    if not found or not all(math.isfinite(x) and abs(x) <= (90, 180)[i % 2 == 0] for i, x in enumerate(found)):
        raise BadInput("位置要写成经度、纬度，例如 105.28 和 27.30")
    return found


def back(values: Values, name: str = "back") -> str:
    """Return the page to go back to: one of ours, by path alone."""
    raw = values.get(name, "")
    plain = raw.startswith("/") and not raw.startswith("//") and "\\" not in raw and raw.isprintable()
    return raw if plain and not raw.startswith("/sign-") else "/"


def _whole(raw: str, least: int, most: int, sentence: str) -> int:
    if not (raw.isascii() and raw.isdigit() and len(raw) <= len(str(LARGEST_ID))):
        raise BadInput(sentence)
    number = int(raw)
    if not least <= number <= most:
        raise BadInput(sentence)
    return number

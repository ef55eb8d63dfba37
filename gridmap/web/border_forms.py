"""What the editor of borders sends, read strictly: operations in whole units, words, days."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from gridmap.domain import partition
from gridmap.domain.documents import LARGEST_ID, Fields, Unreadable, load
from gridmap.domain.partition import Pair
from gridmap.domain.partition.operations import MAX_POINTS, MAX_SHAPES
from gridmap.errors import BadInput

DIGITS = 7  # of a degree: whole units
NEW_KEY = -1  # of a grid that an operation adds; the draft gives it one of its own
LOWEST_KEY = -(2**31)
MOST_WORDS = 2_000
UNREADABLE = "提交的内容读不出来（%(part)s），请更新页面后再试"


@dataclass(frozen=True)
class Gift:
    """Buildings or compounds that are to go to another grid; their ground is looked up."""

    unit: str
    ids: tuple[int, ...]
    to: int


def _unit(value: Any, name: str, most: int) -> int:
    if type(value) not in {int, float} or not abs(value) <= most:  # NaN fails as well
        raise Unreadable(name)
    units: int = round(value * 10**DIGITS)
    return units


def _pair(value: Any, name: str) -> Pair:
    """Return a place [lon, lat] in whole units."""
    if not isinstance(value, list) or len(value) != 2:
        raise Unreadable(name)
    return _unit(value[0], name, 180), _unit(value[1], name, 90)


def _line(fields: Fields, name: str) -> tuple[Pair, ...]:
    return tuple(_pair(one, name) for one in fields.items(name, MAX_POINTS))


def key(fields: Fields, name: str = "key") -> int:
    """Return the key of a grid: its id, or a negative number for one that the draft adds."""
    found = fields.whole(name, LOWEST_KEY, LARGEST_ID)
    if not found:
        raise Unreadable(name)
    return found


def _moves(fields: Fields) -> tuple[tuple[Pair, Pair], ...]:
    found = []
    for one in fields.items("moves", MAX_POINTS):
        if not isinstance(one, list) or len(one) != 2:
            raise Unreadable("moves")
        found.append((_pair(one[0], "moves"), _pair(one[1], "moves")))
    return tuple(found)


def _insert(fields: Fields) -> partition.Insert:
    to = fields.get("to")
    return partition.Insert(_pair(fields.get("at"), "at"), None if to is None else _pair(to, "to"))


def _gift(fields: Fields) -> Gift:
    return Gift(fields.word("unit"), fields.identities("ids", MAX_SHAPES), key(fields, "to"))


OPERATIONS: dict[str, Callable[[Fields], Any]] = {
    "move": lambda f: partition.Move(_pair(f.get("at"), "at"), _pair(f.get("to"), "to")),
    "bend": lambda f: partition.Bend(_moves(f)),
    "insert": _insert,
    "remove": lambda f: partition.Remove(_pair(f.get("at"), "at")),
    "straighten": lambda f: partition.Straighten(_line(f, "corners")),
    "reshape": lambda f: partition.Reshape(_line(f, "line")),
    "cut": lambda f: partition.Cut(key(f), _line(f, "line"), NEW_KEY),
    "join": lambda f: partition.Join(key(f, "keep"), key(f, "gone")),
    "give": _gift,
    "draw": lambda f: partition.Draw(_line(f, "ring"), NEW_KEY),  # type: ignore[arg-type]
}


def read(raw: bytes) -> Fields:
    """Return what was sent, ready to be read field by field; each read may raise ``Unreadable``."""
    return Fields(load(raw))


def operation(fields: Fields) -> Any:
    """Return what is to be done to the borders: an operation of ``domain.partition``, or a ``Gift``."""
    inner = Fields(fields.get("operation"))
    kind = inner.get("kind")
    if not isinstance(kind, str) or kind not in OPERATIONS:
        raise Unreadable("kind")
    return OPERATIONS[kind](inner)


def place(fields: Fields) -> tuple[float, float]:
    """Return where somebody points, in degrees."""
    x, y = _pair(fields.get("at"), "at")
    return x / 10**DIGITS, y / 10**DIGITS


def revision(fields: Fields) -> int:
    """Return which state of the draft the sender saw."""
    return fields.whole("revision", 0, 2**31 - 1)


def effect_on(value: str, *, today: date) -> date:
    """Return the day on which borders are to take effect.

    Raises
    ------
    BadInput
        When it is no date, or past.
    """
    try:
        found = Fields({"effect_on": value}).day("effect_on")
    except Unreadable as error:
        raise BadInput("请选择生效的日期") from error
    if found < today:
        raise BadInput("生效日期不能早于今天 %(today)s", today=today.isoformat())
    return found

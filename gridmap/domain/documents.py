"""JSON that somebody else wrote, read strictly: every value leaves here with its type and within its limits.

``json.loads`` alone accepts NaN and 1e999, overflows on a hundred thousand brackets and gives out halves of
characters that no database stores. Here one error, ``Unreadable``, stands for all that cannot be used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, NoReturn, TypeVar
from uuid import UUID

LARGEST_ID = 2**63 - 1
WORD = re.compile(r"[a-z][a-z0-9_]{0,15}")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})")
UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
FIRST_YEAR, LAST_YEAR = 1971, 2900  # clocks that are wrong by decades stay within what dates can hold
LONGEST_NUMBER = 20  # digits; Python refuses to read 5,000 of them, with an error of its own
Value = TypeVar("Value")
Word = TypeVar("Word", bound=StrEnum)


class Unreadable(Exception):
    """The document is not what it should be; the message names the field, never its value."""


def _refuse(literal: str) -> NoReturn:
    raise Unreadable(f"number {literal}")


def _whole(digits: str) -> int:
    if len(digits) > LONGEST_NUMBER:
        raise Unreadable("number")
    return int(digits)


def load(raw: str | bytes) -> Any:
    """Return what a JSON text says.

    Raises
    ------
    Unreadable
        When it is no JSON, holds a number that is none, or is nested deeper than anybody nests.
    """
    try:
        return json.loads(raw, parse_int=_whole, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Unreadable("json") from error


def is_storable(text: str) -> bool:
    """Tell whether a text can be kept byte for byte: no NUL and no half of a character."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text


def clean(text: str) -> str:
    """Return a text as it can be kept and shown: a half of a character becomes a mark, controls become spaces.

    A phone that cuts a note after 500 units leaves half of a smiley; the note is worth more than that half.
    """
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return "".join(c if c.isprintable() or c == "\n" else " " for c in whole).strip()


class Fields:
    """The members of one JSON object, each read once with its type."""

    def __init__(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise Unreadable("object")
        self._values = value

    def get(self, name: str) -> Any:
        """Return a member as it came, None when it is missing."""
        return self._values.get(name)

    def whole(self, name: str, least: int, most: int) -> int:
        """Return a whole number within its limits."""
        value = self.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise Unreadable(name)
        return value

    def identity(self, name: str) -> int:
        """Return the id of a row."""
        return self.whole(name, 1, LARGEST_ID)

    def text(self, name: str, longest: int) -> str:
        """Return a text that is not empty and not too long."""
        value = self.get(name)
        if not isinstance(value, str) or len(value) > longest or not (kept := clean(value)):
            raise Unreadable(name)
        return kept

    def word(self, name: str) -> str:
        """Return one of our own short words."""
        value = self.get(name)
        if not isinstance(value, str) or not WORD.fullmatch(value):
            raise Unreadable(name)
        return value

    def one_of(self, name: str, words: type[Word]) -> Word:
        """Return one of some words."""
        value = self.get(name)
        if not isinstance(value, str) or value not in {str(word) for word in words}:
            raise Unreadable(name)
        return words(value)

    def moment(self, name: str) -> datetime:
        """Return a moment with its offset from UTC."""
        return read_moment(self.get(name), name)

    def day(self, name: str) -> date:
        """Return a date."""
        value = self.get(name)
        if not isinstance(value, str) or not DATE.fullmatch(value):
            raise Unreadable(name)
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise Unreadable(name) from error

    def uuid(self, name: str) -> UUID:
        """Return a UUID in its usual form."""
        value = self.get(name)
        if not isinstance(value, str) or not UUID_TEXT.fullmatch(value):
            raise Unreadable(name)
        return UUID(value)

    def maybe(self, read: Callable[..., Value], name: str, *limits: Any) -> Value | None:
        """Return a member that may be null or missing."""
        return None if self.get(name) is None else read(name, *limits)

    def items(self, name: str, most: int) -> list[Any]:
        """Return a list that is not too long; missing is empty."""
        value = self.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or len(value) > most:
            raise Unreadable(name)
        return value

    def identities(self, name: str, most: int) -> tuple[int, ...]:
        """Return a list of ids, each once."""
        return tuple(dict.fromkeys(Fields({name: value}).identity(name) for value in self.items(name, most)))

    def objects(self, name: str, most: int) -> Iterable[Fields]:
        """Yield the objects of a list."""
        return (Fields(value) for value in self.items(name, most))


def read_moment(value: Any, name: str) -> datetime:
    """Return a moment with its offset from UTC.

    Raises
    ------
    Unreadable
        When it is none, or so far away that no clock tells it.
    """
    if not isinstance(value, str) or not MOMENT.fullmatch(value):
        raise Unreadable(name)
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise Unreadable(name) from error
    if not FIRST_YEAR <= moment.year <= LAST_YEAR or abs(moment.utcoffset() or timedelta()) > timedelta(hours=14):
        raise Unreadable(name)
    return moment

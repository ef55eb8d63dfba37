"""Addresses as people say and type them: 云景苑7栋2单元301, 7栋2-301, 7-2-301, full-width digits too."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

NO_UNIT = "无"  # a building with one entrance
NaturalKey = tuple[tuple[int, int, str], ...]


def address(building: str, unit: str, room: str) -> str:
    """Return an address as people say it.

    Parameters
    ----------
    building : as people call it, "云景苑7栋" or "滨河路12号"
    unit : "2单元", "2", or "无"
    room : "301"
    """
    if unit in {"", NO_UNIT}:
        return f"{building}{_between(building, room)}{room}"
    stairwell = f"{unit}单元" if unit.isdigit() else unit
    return f"{building}{_between(building, stairwell)}{stairwell}{_between(stairwell, room)}{room}"


def _between(left: str, right: str) -> str:
    """Keep two numbers apart that would read as one."""
    return "-" if left[-1:].isdigit() and right[:1].isdigit() else ""


def natural_key(words: str) -> NaturalKey:
    """Return a key that sorts 9栋 before 10栋."""
    parts = re.findall(r"[0-9]+|[^0-9]+", unicodedata.normalize("NFKC", words))
    return tuple((0, int(p), "") if p.isdigit() else (1, 0, p) for p in parts)


@dataclass(frozen=True)
class Asked:
    """What somebody typed into the search field, as far as it can be an address.

    Attributes
    ----------
    words : normalised, without spaces
    name : the part in words before the first number, "" for none; all of it when it is no address
    building, unit, room : numbers as digits, "" where not given
    """

    words: str
    name: str = ""
    building: str = ""
    unit: str = ""
    room: str = ""


_DASH = re.compile("[\u2010-\u2015\u2212~/\u3001,]+")  # after NFKC: dashes of all kinds, and what is typed for one
_FORM = re.compile(
    r"(?P<name>[^0-9]*?)第?"
    r"(?:(?P<building>[0-9]{1,4})(?:栋|幢|座|号楼|号院|号|楼|#|-|$))?"
    r"(?:-?(?P<unit>[0-9]{1,2})(?:单元|门|-))?"
    r"-?(?:(?P<room>[0-9]{1,5})(?:室|号|房)?)?"
)


def asked(typed: str) -> Asked:
    """Read what somebody typed as an address: a name, a building's number, a unit, a room, each may be missing.

    Full-width digits and signs count as plain ones; spaces do not count; dashes of all kinds are one.
    """
    words = _DASH.sub("-", re.sub(r"\s+", "", unicodedata.normalize("NFKC", typed)))
    found = _FORM.fullmatch(words)
    if not found:
        return Asked(words, name=words)
    part = {key: value or "" for key, value in found.groupdict().items()}
    digits = {key: (part[key].lstrip("0") or part[key]) for key in ("building", "unit")}
    return Asked(words, part["name"], digits["building"], digits["unit"], part["room"])

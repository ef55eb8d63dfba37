"""What OpenStreetMap's tags mean in our own words. Tables and small functions; a kind we do not know is None."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

Tags = dict[str, str]

STREET = {
    "motorway": "primary",
    "trunk": "primary",
    "primary": "primary",
    "secondary": "secondary",
    "tertiary": "secondary",
    "residential": "residential",
    "unclassified": "residential",
    "living_street": "residential",
    "road": "residential",
    "busway": "residential",
    "service": "service",
    "track": "service",
    "pedestrian": "pedestrian",
    "footway": "footway",
    "cycleway": "path",
    "path": "path",
    "bridleway": "path",
    "steps": "steps",
}
NOT_ON_FOOT = {"motorway", "motorway_link"}
BARRIER = {
    "wall": "wall",
    "city_wall": "wall",
    "fence": "fence",
    "guard_rail": "fence",
    "hedge": "hedge",
    "retaining_wall": "retaining_wall",
}
AREA = {
    ("leisure", "park"): "park",
    ("leisure", "garden"): "park",
    ("leisure", "nature_reserve"): "park",
    ("leisure", "playground"): "park",
    ("leisure", "pitch"): "pitch",
    ("leisure", "track"): "pitch",
    ("leisure", "stadium"): "pitch",
    ("leisure", "sports_centre"): "pitch",
    ("leisure", "swimming_pool"): "water",
    ("natural", "water"): "water",
    ("natural", "bay"): "water",
    ("waterway", "riverbank"): "water",
    ("landuse", "reservoir"): "water",
    ("landuse", "basin"): "water",
    ("natural", "wood"): "green",
    ("natural", "scrub"): "green",
    ("natural", "grassland"): "green",
    ("landuse", "forest"): "green",
    ("landuse", "grass"): "green",
    ("landuse", "meadow"): "green",
    ("landuse", "flowerbed"): "green",
    ("landuse", "village_green"): "green",
    ("landuse", "recreation_ground"): "park",
    ("landuse", "cemetery"): "green",
    ("landuse", "farmland"): "green",
    ("landuse", "orchard"): "green",
    ("landuse", "allotments"): "green",
    ("amenity", "school"): "school",
    ("amenity", "kindergarten"): "school",
    ("amenity", "university"): "school",
    ("amenity", "college"): "school",
    ("place", "square"): "plaza",
    ("highway", "pedestrian"): "plaza",
    ("landuse", "commercial"): "commercial",
    ("landuse", "retail"): "commercial",
}
PLACE_VALUES = {
    "school": "school",
    "kindergarten": "school",
    "university": "school",
    "college": "school",
    "townhall": "government",
    "government": "government",
    "police": "government",
    "courthouse": "government",
    "post_office": "government",
    "community_centre": "service_centre",
    "social_facility": "service_centre",
    "social_centre": "service_centre",
    "marketplace": "market",
    "supermarket": "market",
    "mall": "market",
    "department_store": "market",
    "greengrocer": "market",
    "clinic": "clinic",
    "hospital": "clinic",
    "doctors": "clinic",
    "pharmacy": "clinic",
    "dentist": "clinic",
}
PLACE_KEYS = ("amenity", "shop", "office", "tourism", "leisure", "healthcare")
GATES = {"gate", "lift_gate", "swing_gate", "sliding_gate", "toll_booth"}
DOORS_OF_STREETS = GATES - {"toll_booth"} | {"kissing_gate", "full-height_turnstile", "turnstile", "wicket_gate"}
WELCOME = {"yes", "designated", "permissive", "destination", "residents"}

# building=* in which people live -> our kind (None: told apart by floors); of the rest, which are shops
HOMES: dict[str, str | None] = {
    "apartments": None,
    "residential": None,
    "dormitory": None,
    "house": "lane",
    "detached": "lane",
    "semidetached_house": "lane",
    "terrace": "lane",
    "bungalow": "lane",
    "farm": "lane",
    "cabin": "lane",
    "hut": "lane",
    "villa": "lane",
}
SHOPS = {"retail", "commercial", "shop", "supermarket", "kiosk", "office", "mall", "hotel", "industrial", "warehouse"}
NO_BUILDING = {"no", "construction", "proposed", "ruins", "collapsed", "demolished", "roof", "carport", "canopy"}

_HOURS = re.compile(r"(?:Mo-Su,? ?|daily )?(\d{1,2}):(\d{2}) ?- ?(\d{1,2}):(\d{2})")
_LEVELS = re.compile(r"\s*(\d+(?:\.\d+)?)")


def which(tags: Iterable[Tags], wanted: Callable[[Tags], bool]) -> np.ndarray:
    """Return for each element whether its tags are wanted."""
    return np.fromiter((wanted(one) for one in tags), dtype=bool)


def street_kind(tags: Tags) -> str | None:
    """Return our kind of a way, or None when it is no street (yet)."""
    return STREET.get(tags.get("highway", "").removesuffix("_link"))


def area_kind(tags: Tags) -> str | None:
    """Return our kind of an area."""
    for (key, value), kind in AREA.items():
        if tags.get(key) == value:
            return kind
    return None


def closed_to_walkers(tags: Tags) -> bool:
    """Tell whether nobody may walk here; private ground is walked by those who work there."""
    if tags.get("foot") in WELCOME:
        return False
    return tags.get("foot") == "no" or tags.get("access") == "no" or tags.get("locked") == "yes"


def steps(tags: Tags) -> int | None:
    """Return how many steps somebody counted on a stair."""
    found = _LEVELS.fullmatch(tags.get("step_count", ""))
    return int(float(found[1])) if found and 1 <= float(found[1]) <= 10_000 else None


def one_way(tags: Tags) -> int:
    """Return 1 where walkers may go forward only, -1 backward only, 0 where both ways: escalators, narrow walks."""
    if (moving := tags.get("conveying")) in {"forward", "backward"}:
        return 1 if moving == "forward" else -1
    return {"yes": 1, "-1": -1}.get(tags.get("oneway:foot", ""), 0)


def hours(tags: Tags) -> tuple[int, int] | None:
    """Return the minutes of the day in which a gate is open each day, where it is as simple as "06:00-22:00"."""
    found = _HOURS.fullmatch(tags.get("opening_hours", "").strip())
    if not found:
        return None
    opens, closes = (int(found[i]) * 60 + int(found[i + 1]) for i in (1, 3))
    return (opens, closes) if opens < closes <= 24 * 60 and (opens, closes) != (0, 24 * 60) else None


def place_kind(tags: Tags) -> str | None:
    """Return our kind of a point or building people look for."""
    if tags.get("barrier") in GATES:
        return "gate"
    name = tags.get("name", "")
    if name.endswith(("居委会", "居民委员会")):
        return "committee"
    for key in PLACE_KEYS:
        if value := tags.get(key):
            return PLACE_VALUES.get(value, "other")
    return None


def facility_kind(tags: Tags) -> str | None:
    """Return vending, locker or charging (of telephones; of cars is none of ours)."""
    amenity = tags.get("amenity")
    if amenity == "parcel_locker" or (amenity == "vending_machine" and "parcel" in tags.get("vending", "")):
        return "locker"
    return {"vending_machine": "vending", "device_charging_station": "charging"}.get(amenity or "")


def floors(tags: Tags) -> int | None:
    """Return the number of floors somebody mapped: levels, else height at 3 m each; None when nobody did."""
    for key, metres in (("building:levels", 1.0), ("levels", 1.0), ("height", 3.0), ("building:height", 3.0)):
        if found := _LEVELS.match(tags.get(key, "")):
            return min(max(round(float(found[1]) / metres), 1), 160)
    return None


def label(tags: Tags) -> str:
    """Return how people call it: its name as on its sign."""
    return tags.get("name") or tags.get("name:zh") or tags.get("addr:housename") or ""


def address(tags: Tags) -> str:
    """Return street and house number, or nothing."""
    number = tags.get("addr:housenumber", "")
    return f"{tags.get('addr:street', '')}{number}{'号' if number.isdigit() else ''}" if number else ""


def use_of(tags: Tags) -> dict[str, Any]:
    """Return how a building is used: ``homes`` True, False or None (not said) and ``kind`` where it is said."""
    value = tags["building"] if "building" in tags else tags.get("building:part", "yes")
    if value in HOMES:
        return {"homes": True, "kind": HOMES[value]}
    if value in SHOPS or tags.get("shop") or tags.get("office"):
        return {"homes": False, "kind": "shop"}
    if value not in {"yes", "block", "mixed"} or tags.get("amenity") or tags.get("leisure") or tags.get("tourism"):
        return {"homes": False, "kind": "public"}
    return {"homes": None, "kind": None}

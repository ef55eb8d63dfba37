"""Addresses: how they are said, sorted and read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gridmap.domain.addresses import address, asked, natural_key


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        (("云景苑7栋", "2单元", "301"), "云景苑7栋2单元301"),
        (("云景苑7栋", "2", "301"), "云景苑7栋2单元301"),
        (("滨河路12号", "无", "301"), "滨河路12号301"),
        (("Tower 7", "无", "301"), "Tower 7-301"),
        (("云景苑7栋", "A座", "商1"), "云景苑7栋A座商1"),
    ],
)
def test_an_address_is_said_as_people_say_it(parts: tuple[str, str, str], said: str) -> None:
    assert address(*parts) == said


def test_9_comes_before_10() -> None:
    said = ["云景苑10栋1单元101", "云景苑9栋2单元1001", "云景苑9栋2单元901", "云景苑９栋10单元101"]
    assert sorted(said, key=natural_key) == [said[2], said[1], said[3], said[0]]


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("云景苑7栋2单元301", ("云景苑", "7", "2", "301")),
        ("7栋2-301", ("", "7", "2", "301")),
        ("7-2-301", ("", "7", "2", "301")),
        ("７栋２－３０１", ("", "7", "2", "301")),
        ("7—2—301室", ("", "7", "2", "301")),
        ("云景苑 07 栋 301", ("云景苑", "7", "", "301")),
        ("滨河路12号", ("滨河路", "12", "", "")),
        ("7号楼", ("", "7", "", "")),
        ("云景苑", ("云景苑", "", "", "")),
        ("7栋2单元", ("", "7", "2", "")),
    ],
)
def test_what_people_type_is_read(typed: str, read: tuple[str, str, str, str]) -> None:
    found = asked(typed)
    assert (found.name, found.building, found.unit, found.room) == read


@given(st.text(max_size=60))
def test_anything_typed_is_read_or_kept_as_words(typed: str) -> None:
    found = asked(typed)
    assert all(part == "" or part.isdigit() for part in (found.building, found.unit, found.room))
    assert natural_key(typed) == natural_key(typed)

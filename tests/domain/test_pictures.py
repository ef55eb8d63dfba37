"""Pictures from phones: nothing about place or device stays, and what is no picture is nothing."""

from __future__ import annotations

import struct

from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import FRAME, JFIF, PLAIN, SCAN, TABLES, segment

from gridmap.domain.pictures import LARGEST, without_metadata

EXIF = segment(0xE1, b"Exif\x00\x00GPS 27.3055 105.2816")
XMP = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\x00<x/>")
MAKER = segment(0xED, b"Photoshop 3.0")
COMMENT = segment(0xFE, b"Huawei P60")


def test_a_plain_picture_stays_as_it_is() -> None:
    assert without_metadata(PLAIN) == PLAIN


def test_place_device_and_comments_go_wherever_they_hide() -> None:
    dirty = b"\xff\xd8" + JFIF + EXIF + XMP + TABLES + COMMENT + FRAME + MAKER + SCAN + EXIF + SCAN + b"\xff\xd9"
    found = without_metadata(dirty)
    assert found == b"\xff\xd8" + JFIF + TABLES + FRAME + SCAN + SCAN + b"\xff\xd9"


def test_nothing_stays_behind_the_end() -> None:
    assert without_metadata(PLAIN + b"GPS" + PLAIN) == PLAIN


def test_what_is_no_picture_is_nothing() -> None:
    huge = PLAIN.replace(struct.pack(">HH", 480, 640), struct.pack(">HH", 60_000, 640))
    for bad in (
        b"",
        b"\xff\xd8",
        b"\xff\xd8\xff\xd9",
        b"<svg onload=alert(1)>",
        b"\x89PNG\r\n",
        PLAIN[:-2],
        PLAIN[: len(PLAIN) // 2],
        b"\xff\xd8" + TABLES + SCAN + b"\xff\xd9",
        b"\xff\xd8" + FRAME + FRAME + SCAN + b"\xff\xd9",
        b"\xff\xd8" + segment(0xC8, b"") + FRAME + SCAN + b"\xff\xd9",
        b"\xff\xd8\xff\xe1\x00\x01" + PLAIN[2:],
        huge,
        PLAIN[:-2] + b"\x00" * LARGEST + b"\xff\xd9",
    ):
        assert without_metadata(bad) is None, bad[:40]


@settings(max_examples=300, deadline=None, database=None)
@given(st.binary(max_size=300), st.integers(0, len(PLAIN)))
def test_no_bytes_break_it(noise: bytes, at: int) -> None:
    for data in (noise, b"\xff\xd8" + noise, PLAIN[:at] + noise + PLAIN[at:]):
        found = without_metadata(data)
        assert found is None or (found.startswith(b"\xff\xd8") and without_metadata(found) == found)

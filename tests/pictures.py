"""A small sound JPEG, put together segment by segment."""

from __future__ import annotations

import struct


def segment(marker: int, payload: bytes) -> bytes:
    return bytes((0xFF, marker)) + struct.pack(">H", len(payload) + 2) + payload


JFIF = segment(0xE0, b"JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00")
TABLES = segment(0xDB, bytes(65)) + segment(0xC4, bytes(20))
FRAME = segment(0xC0, struct.pack(">BHHB", 8, 480, 640, 1) + bytes((1, 0x11, 0)))
SCAN = segment(0xDA, bytes((1, 1, 0, 0, 63, 0))) + b"\x12\xff\x00\x34\xff\xd0\x56"
PLAIN = b"\xff\xd8" + JFIF + TABLES + FRAME + SCAN + b"\xff\xd9"

"""JPEG pictures from phones: what may be kept of one, without the place and the device it came from."""

from __future__ import annotations

LARGEST = 500_000  # bytes
LARGEST_SIDE = 8_000  # pixels
START, END, SCAN = 0xD8, 0xD9, 0xDA
FRAMES = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive: what browsers draw
TABLES = frozenset({0xC4, 0xDB, 0xDD})  # Huffman, quantisation, restart interval
METADATA = frozenset([*range(0xE1, 0xF0), 0xFE])  # APP1..APP15 (EXIF, GPS, thumbnails, makers' notes), comments
JFIF = 0xE0
RESTARTS = frozenset(range(0xD0, 0xD8))


def _end_of_scan(data: bytes, at: int) -> int:
    """Return where the entropy-coded data that begins at ``at`` is followed by a marker; -1 when never."""
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 1 >= len(data):
            return -1
        if data[at + 1] != 0 and data[at + 1] not in RESTARTS:
            return at
        at += 2


def _is_sane_frame(segment: bytes) -> bool:
    """Tell whether a frame header declares a picture of a size that can be drawn."""
    height, width = int.from_bytes(segment[5:7], "big"), int.from_bytes(segment[7:9], "big")
    return 0 < height <= LARGEST_SIDE and 0 < width <= LARGEST_SIDE


def _stop(data: bytes, at: int) -> int:
    """Return where the segment that begins at ``at`` ends, its scan included; -1 when it is not sound."""
    stop = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    if stop > len(data) or stop < at + 4:
        return -1
    return _end_of_scan(data, stop) if data[at + 1] == SCAN else stop


def _segments(data: bytes) -> list[bytes] | None:
    """Return the segments between start and end; None when they are not one sound chain."""
    at = 2
    found: list[bytes] = []
    while data[at : at + 1] == b"\xff" and at + 1 < len(data):
        if data[at + 1] == END:
            return found
        stop = _stop(data, at)
        if stop < 0:
            return None
        found.append(data[at:stop])
        at = stop
    return None


def without_metadata(data: bytes) -> bytes | None:
    """Return a JPEG without its metadata and without anything behind its end; None for what is no sound JPEG.

    Every segment is walked: a marker that no picture from a camera needs makes the whole unsound.
    """
    if len(data) > LARGEST or data[:2] != bytes((0xFF, START)):
        return None
    segments = _segments(data)
    if segments is None:
        return None
    kept = [segment for segment in segments if segment[1] not in METADATA]
    frames = [segment for segment in kept if segment[1] in FRAMES]
    known = FRAMES | TABLES | {SCAN, JFIF}
    if len(frames) != 1 or not _is_sane_frame(frames[0]) or any(segment[1] not in known for segment in kept):
        return None
    if not any(segment[1] == SCAN for segment in kept):
        return None
    return b"".join([data[:2], *kept, bytes((0xFF, END))])

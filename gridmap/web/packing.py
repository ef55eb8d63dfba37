"""Answers on the wire: smaller when the browser can unpack, and not sent again when nothing changed."""

from __future__ import annotations

import gzip

from flask import Flask, Response, request

SMALLEST = 600  # bytes; below it gzip gains nothing
PACKED_TYPES = {"text/html", "application/json", "text/csv", "text/plain", "application/geo+json"}


def _spare(response: Response) -> Response:
    """Answer 304 when a view allows its answer to be kept and it has not changed."""
    kept = "no-store" not in response.headers.get("Cache-Control", "no-store")
    if request.method not in {"GET", "HEAD"} or response.status_code != 200 or response.is_streamed or not kept:
        return response
    if "ETag" not in response.headers:
        response.add_etag(weak=True)
    response.make_conditional(request)
    return response


def pack(response: Response) -> Response:
    """Zip a text for a browser that takes it."""
    response = _spare(response)
    small = response.is_streamed or response.direct_passthrough or len(response.get_data()) < SMALLEST
    if small or "Content-Encoding" in response.headers or response.mimetype not in PACKED_TYPES:
        return response
    response.vary.add("Accept-Encoding")
    if request.accept_encodings["gzip"] > 0:
        response.set_data(gzip.compress(response.get_data(), 5, mtime=0))
        response.headers["Content-Encoding"] = "gzip"
    return response


def register(app: Flask) -> None:
    """Pack every answer."""
    app.after_request(pack)

"""The envelope a phone sends: what it says beside the text itself, plain or sealed."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from gridmap.domain.documents import Fields, Unreadable, is_storable, load
from gridmap.domain.sealing import IV_BYTES, Key, Sealed, decode, encode, unseal
from gridmap.domain.visits import SEALED, Why

LONGEST_TEXT = 1_000_000
LONGEST_KEY = 256  # characters of what should be 87
VERSIONS = 2**15 - 1


@dataclass(frozen=True)
class Envelope:
    """What arrived under an id.

    Attributes
    ----------
    text : the JSON text of the document, as the phone wrote it
    sealed : the closed envelope; kind, captured_at and text come out of it
    reason : why it cannot be opened
    """

    version: int
    kind: str
    captured_at: datetime
    sent_at: datetime
    text: str
    sealed: Sealed | None = None
    reason: Why | None = None


def _text(fields: Fields) -> str:
    value = fields.get("text")
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not is_storable(value):
        raise Unreadable("text")
    return value


def _bytes(fields: Fields, name: str, longest: int) -> bytes:
    value = fields.get(name)
    raw = decode(value) if isinstance(value, str) and len(value) <= longest else None
    if not raw:
        raise Unreadable(name)
    return raw


def _sealed(fields: Fields) -> Sealed:
    made = Sealed(
        fields.text("kid", LONGEST_KEY),
        _bytes(fields, "epk", LONGEST_KEY),
        _bytes(fields, "iv", LONGEST_KEY),
        _bytes(fields, "ct", LONGEST_TEXT),
    )
    if len(made.iv) != IV_BYTES:
        raise Unreadable("iv")
    return made


def read_envelope(raw: bytes) -> Envelope:
    """Return an envelope, still closed if it is sealed.

    Raises
    ------
    Unreadable
        When it is none: then nobody can say what was meant, and nothing is kept.
    """
    fields = Fields(load(raw))
    version, sent_at = fields.whole("v", 1, VERSIONS), fields.moment("sent_at")
    if fields.get("sealed") is not None:
        sealed = _sealed(Fields(fields.get("sealed")))
        return Envelope(version, SEALED, sent_at, sent_at, "", sealed)
    return Envelope(version, _kind(fields), fields.moment("captured_at"), sent_at, _text(fields))


def _kind(fields: Fields) -> str:
    kind = fields.word("kind")
    if len(kind) > 12 or kind == SEALED:  # the width of its column
        raise Unreadable("kind")
    return kind


def opened(envelope: Envelope, submission_id: UUID, find: Callable[[str], Key | None]) -> Envelope:
    """Return an envelope with what lay in it; one that cannot be opened says why and keeps its ciphertext.

    The text of such a one is its ``ct`` in base64url, so that phone and server agree on its hash; ``closed`` puts
    all of it into the text that is kept.
    """
    if envelope.sealed is None:
        return envelope
    key = find(envelope.sealed.kid)
    plain = unseal(envelope.sealed, submission_id, key) if key else None
    if plain is None:
        return replace(envelope, reason=Why.UNREADABLE if key else Why.UNKNOWN_KEY, text=closed(envelope.sealed))
    try:
        fields = Fields(load(plain))
        return replace(envelope, kind=_kind(fields), captured_at=fields.moment("captured_at"), text=_text(fields))
    except Unreadable:
        return replace(envelope, reason=Why.UNREADABLE, text=closed(envelope.sealed))


def closed(sealed: Sealed) -> str:
    """Return a closed envelope as the text that is kept of it."""
    parts = {"kid": sealed.kid, "epk": encode(sealed.epk), "iv": encode(sealed.iv), "ct": encode(sealed.ct)}
    return json.dumps(parts, separators=(",", ":"))

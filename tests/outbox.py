"""A phone's outbox for tests: bodies as phones write them, plain or sealed, and what the server answers."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from gridmap.domain.sealing import CURVE, decode, encode, key_of, new_pem, seal


def visit_body(household_id: int, grid_id: int, at: datetime, **changes: Any) -> dict[str, Any]:
    """Return what a phone writes after a met visit; ``changes`` take the place of the usual."""
    return {
        "household_id": household_id,
        "in_grid_id": grid_id,
        "result": "met",
        "mode": "door",
        "visited_at": at.isoformat(),
        "minutes": 8,
        "purpose": "routine",
        "materials": [],
        "needs": [],
        "hazards": [],
        "availability": [],
    } | changes


@dataclass
class Phone:
    """One person's phone: his browser, and how far its clock is ahead."""

    client: FlaskClient
    ahead: timedelta = timedelta()

    def envelope(
        self, body: Any, at: datetime, kind: str = "visit", version: int = 1, captured_at: datetime | None = None
    ) -> dict[str, Any]:
        """Return a plain envelope that is sent at a moment."""
        return {
            "v": version,
            "kind": kind,
            "captured_at": ((captured_at or at) + self.ahead).isoformat(),
            "sent_at": (at + self.ahead).isoformat(),
            "text": body if isinstance(body, str) else json.dumps(body, ensure_ascii=False),
        }

    def put(self, submission_id: UUID, envelope: Any) -> TestResponse:
        """Send an envelope as it is."""
        raw = envelope if isinstance(envelope, bytes) else json.dumps(envelope).encode()
        headers = {"X-Gridmap": "1", "Content-Type": "application/json"}
        return self.client.put(f"/submissions/{submission_id}", data=raw, headers=headers)

    def send(
        self, body: Any, at: datetime, *, kind: str = "visit", submission_id: UUID | None = None, version: int = 1
    ) -> TestResponse:
        """Send a document under a new id, or the one given."""
        return self.put(submission_id or uuid.uuid4(), self.envelope(body, at, kind, version))

    def sealed(self, submission_id: UUID, envelope: dict[str, Any], key: dict[str, Any]) -> dict[str, Any]:
        """Return the same envelope sealed to a server's key, as ``/submissions/key`` tells it."""
        point = b"\x04" + (decode(key["jwk"]["x"]) or b"") + (decode(key["jwk"]["y"]) or b"")
        inner = json.dumps({name: envelope[name] for name in ("kind", "captured_at", "text")})
        made = seal(
            inner,
            submission_id,
            ec.EllipticCurvePublicKey.from_encoded_point(CURVE, point),
            ephemeral=key_of(new_pem()),
            iv=os.urandom(12),
        )
        parts = {"kid": key["kid"], "epk": encode(made.epk), "iv": encode(made.iv), "ct": encode(made.ct)}
        return {"v": 1, "sent_at": envelope["sent_at"], "sealed": parts}


def hash_of(envelope: dict[str, Any]) -> str:
    """Return the hash a receipt must carry."""
    return hashlib.sha256(envelope["text"].encode()).hexdigest()

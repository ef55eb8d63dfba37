"""Envelopes that only this server can open: a phone that is lost gives away nothing it had not sent yet.

The phone makes a key pair for each envelope and agrees with the server's public key (ECDH on P-256). HKDF-SHA256
turns what both know into an AES-256-GCM key. The submission's id is authenticated with the text, so that an envelope
cannot be sent under another id.

References
----------
NIST SP 800-56A (agreement), RFC 5869 (HKDF), NIST SP 800-38D (GCM).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

INFO = b"gridmap.outbox.v1"
IV_BYTES, KEY_BYTES, KID_DIGITS = 12, 32, 16
CURVE = ec.SECP256R1()
BASE64URL = re.compile(r"[A-Za-z0-9_-]*={0,2}")


@dataclass(frozen=True)
class Sealed:
    """One envelope: whose key it is for, the phone's public point, the nonce, the text with its tag."""

    kid: str
    epk: bytes
    iv: bytes
    ct: bytes


@dataclass(frozen=True)
class Key:
    """A key of this server; ``kid`` is the begin of SHA-256 of its public point, in hex."""

    kid: str
    private: ec.EllipticCurvePrivateKey


def encode(raw: bytes) -> str:
    """Return bytes as base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes | None:
    """Return the bytes of base64url, with or without padding; None for anything else."""
    if not BASE64URL.fullmatch(text):
        return None
    bare = text.rstrip("=")
    try:
        return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
    except binascii.Error:
        return None


def point_of(key: ec.EllipticCurvePublicKey) -> bytes:
    """Return a public key as an uncompressed point."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def new_pem() -> str:
    """Return a new private key as PEM."""
    made = ec.generate_private_key(CURVE)
    return made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def key_of(pem: str) -> Key:
    """Return the key of a PEM text.

    Raises
    ------
    ValueError
        When it is none on this curve.
    """
    private = load_pem_private_key(pem.encode(), None)
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.curve.name != CURVE.name:
        raise ValueError("not a P-256 key")
    return Key(hashlib.sha256(point_of(private.public_key())).hexdigest()[:KID_DIGITS], private)


def jwk_of(key: Key) -> dict[str, str]:
    """Return the public half as browsers import it."""
    point = point_of(key.private.public_key())
    return {"kty": "EC", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:])}


def _secret(private: ec.EllipticCurvePrivateKey, public: ec.EllipticCurvePublicKey) -> AESGCM:
    shared = private.exchange(ec.ECDH(), public)
    return AESGCM(HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=INFO).derive(shared))


def seal(text: str, submission_id: UUID, public: ec.EllipticCurvePublicKey, *, ephemeral: Key, iv: bytes) -> Sealed:
    """Return a sealed text, as phones do it; ``ephemeral`` and ``iv`` are used once and never again."""
    point = point_of(public)
    ct = _secret(ephemeral.private, public).encrypt(iv, text.encode(), str(submission_id).encode())
    kid = hashlib.sha256(point).hexdigest()[:KID_DIGITS]
    return Sealed(kid, point_of(ephemeral.private.public_key()), iv, ct)


def unseal(sealed: Sealed, submission_id: UUID, key: Key) -> str | None:
    """Return the text of an envelope; None when it was not sealed for this key and this id, or was changed."""
    try:
        public = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, sealed.epk)
        raw = _secret(key.private, public).decrypt(sealed.iv, sealed.ct, str(submission_id).encode())
        return raw.decode()
    except (InvalidTag, ValueError):
        return None

"""Envelopes: one worked out with a browser's cryptography opens here, and nothing else does."""

from __future__ import annotations

import dataclasses
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from gridmap.domain.sealing import (
    CURVE,
    Key,
    Sealed,
    decode,
    encode,
    jwk_of,
    key_of,
    new_pem,
    point_of,
    seal,
    unseal,
)

# The server's key is that of RFC 6979 A.2.5. The ciphertext was made by WebCrypto (Node 18), from the phone's key
# below, with the steps that seal.js takes.
SERVER = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
PHONE = 0x519B423D715F8B581F4FA8EE59F4771A5B44C8130B4E3EACCA54A56DDA72B464
ID = UUID("0190a1b2-c3d4-7e5f-8a6b-7c8d9e0f1a2b")
PLAIN = '{"kind":"visit","captured_at":"2026-11-23T09:15:00+08:00","text":"{\\"note\\":\\"楼道灯不亮\\"}"}'
KID = "b18b86ce1389e46d"
EPK = "BBzL6RwHX8f08DO_okjbj8zTVl3pS7-xLzxZ_0bCcb-DzkAUxogR-aIaH9ssDmET4G23ypO3QE543HzNXKiaTKk"
CT = (
    "0iZ3Xz0ZYhmnXEpxHxV-FV4tudS3-U7wF3f4vm5DkParDvwMZlZ16rcwIbOOuxRLbkI_xkkCK-PkLkmzicjiE2Qr0lha1u-m-qfkxFegBVF54RGM"
    "pBbx1VvMRMsvV10KOTQBh-rH_-4Glf3xKjRVjZY9"
)
IV = bytes(range(12))


def raw(text: str) -> bytes:
    found = decode(text)
    assert found is not None
    return found


@pytest.fixture
def key() -> Key:
    return Key(KID, ec.derive_private_key(SERVER, CURVE))


@pytest.fixture
def envelope() -> Sealed:
    return Sealed(KID, raw(EPK), IV, raw(CT))


def test_what_a_browser_sealed_opens(key: Key, envelope: Sealed) -> None:
    assert unseal(envelope, ID, key) == PLAIN


def test_sealing_here_gives_the_browsers_bytes(key: Key, envelope: Sealed) -> None:
    phone = Key("", ec.derive_private_key(PHONE, CURVE))
    assert seal(PLAIN, ID, key.private.public_key(), ephemeral=phone, iv=IV) == envelope


def test_it_opens_under_no_other_id_key_or_change(key: Key, envelope: Sealed) -> None:
    assert unseal(envelope, UUID(int=ID.int + 1), key) is None
    assert unseal(envelope, ID, key_of(new_pem())) is None
    for name in ("epk", "iv", "ct"):
        part = bytearray(getattr(envelope, name))
        part[-1] ^= 1
        assert unseal(dataclasses.replace(envelope, **{name: bytes(part)}), ID, key) is None


@pytest.mark.parametrize("epk", [b"", b"\x04", b"\x00" * 65, b"\x04" + b"\xff" * 64, b"\x04" + b"\x00" * 64])
def test_a_point_that_is_none_opens_nothing(key: Key, envelope: Sealed, epk: bytes) -> None:
    assert unseal(dataclasses.replace(envelope, epk=epk), ID, key) is None


def test_the_key_travels_as_browsers_import_it() -> None:
    key = key_of(new_pem())
    jwk = jwk_of(key)
    assert (jwk["kty"], jwk["crv"]) == ("EC", "P-256")
    assert b"\x04" + raw(jwk["x"]) + raw(jwk["y"]) == point_of(key.private.public_key())
    assert "d" not in jwk


@pytest.mark.parametrize("text", ["é", "a", "a b", "+/", "====x"])
def test_what_is_no_base64url_is_nothing(text: str) -> None:
    assert decode(text) is None


def test_base64url_comes_back() -> None:
    for n in range(40):
        assert decode(encode(bytes(range(n)))) == bytes(range(n))

"""Password hashes: argon2id, two at a time, so that signing in cannot be used to stop the server."""

from __future__ import annotations

import threading
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_HASHER = PasswordHasher(memory_cost=19 * 1024, time_cost=2, parallelism=1)  # KiB; OWASP's first choice for 19 MiB
_TWO_AT_A_TIME = threading.BoundedSemaphore(2)


def make(password: str) -> str:
    """Return the hash to keep."""
    with _TWO_AT_A_TIME:
        return _HASHER.hash(password)


@cache
def nobody() -> str:
    """Return a hash that no password has: an unknown name takes as long as a wrong password."""
    return make("nobody's: compared against, never matched")


def matches(kept: str | None, password: str) -> bool:
    """Tell whether a password is the one; takes the same time when there is none."""
    known = kept or nobody()
    try:
        with _TWO_AT_A_TIME:
            _HASHER.verify(known, password)
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


def is_outdated(kept: str) -> bool:
    """Tell whether a hash was made with older settings and should be made anew."""
    return _HASHER.check_needs_rehash(kept)

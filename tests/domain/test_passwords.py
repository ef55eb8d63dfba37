"""Which passwords are good enough."""

from __future__ import annotations

import pytest

from gridmap.domain.passwords import COMMON, LONGEST, SHORTEST, require_good
from gridmap.errors import BadInput
from gridmap.services import passwords

GOOD = ["correct lantern 41", "鸿雁南飞又一年秋天到了吧", "aB3$" * 3 + "xyz", "x" * 100 + "abcdef"]


@pytest.mark.parametrize("password", GOOD)
def test_a_long_uncommon_password_is_good(password: str) -> None:
    require_good(password, known=("li.si", "李四"))


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "字符"),
        ("a" * (SHORTEST - 1), "字符"),
        ("ab cd ef gh" * 20, "字符"),
        ("Password1234", "常见"),
        ("121212121212", "常见"),
        ("my gridmap secret", "用户名"),
        ("LI.SI lantern 41", "用户名"),
        ("我是李四我怕谁来的一二三四", "用户名"),
    ],
)
def test_what_everybody_could_guess_is_refused_with_the_reason(password: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        require_good(password, known=("li.si", "李四"))


def test_every_common_password_is_refused() -> None:
    assert len(COMMON) > 40
    for password in COMMON:
        with pytest.raises(BadInput):
            require_good(password)


def test_a_hash_matches_its_password_only() -> None:
    kept = passwords.make("correct lantern 41")
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert kept != passwords.make("correct lantern 41")
    assert passwords.matches(kept, "correct lantern 41")
    assert not passwords.matches(kept, "correct lantern 42")
    assert not passwords.matches(kept, "")


def test_nobody_has_no_password() -> None:
    assert not passwords.matches(None, "nobody's: compared against, never matched")
    assert not passwords.matches("not a hash", "x")
    assert not passwords.matches("", "x")


def test_a_hash_of_older_settings_is_made_anew() -> None:
    from argon2 import PasswordHasher

    assert passwords.is_outdated(PasswordHasher(memory_cost=8 * 1024, time_cost=1, parallelism=1).hash("x"))
    assert not passwords.is_outdated(passwords.make("x"))


def test_the_longest_password_counts_to_its_last_character() -> None:
    kept = passwords.make("a" * LONGEST)
    assert not passwords.matches(kept, "a" * (LONGEST - 1))

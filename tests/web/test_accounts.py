"""Signing in and out through HTTP."""

from __future__ import annotations

import pytest
from signing import browser, new_token, post

from gridmap.domain.actors import Role


@pytest.mark.parametrize("role", list(Role))
def test_everybody_who_is_signed_in_sees_his_own_sessions(client, role: Role) -> None:
    answer = client(role).get("/account")
    assert answer.status_code == 200
    assert "本机" in answer.get_data(as_text=True)


def test_a_visitor_is_asked_to_sign_in_and_comes_back_afterwards(client) -> None:
    answer = client(None).get("/account?text=large")
    assert answer.status_code == 401
    assert 'name="back" value="/account?text=large"' in answer.get_data(as_text=True)


def test_signing_out_ends_the_session_itself(app, small, clock) -> None:
    token = new_token(small.database, small.community_id, Role.SECRETARY, clock())
    one = browser(app, token)
    assert post(one, "/sign-out").status_code == 303
    assert browser(app, token).get("/account").status_code == 401

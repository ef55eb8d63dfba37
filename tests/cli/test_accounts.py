"""``gridmap sign-in-link`` and ``gridmap user``: what they print, what they refuse, and with which exit code."""

from __future__ import annotations

import io
import json
import secrets
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner, Result
from signing import OPERATOR
from two_communities import Small

from gridmap.cli import accounts as commands
from gridmap.cli import edge, main
from gridmap.domain.actors import Actor, Machine, Role
from gridmap.services import accounts
from gridmap.settings import Settings

RIGHT = "correct 鸿雁 lantern 41"
FIRST = ["--community", "520502009901"]


@pytest.fixture(autouse=True)
def at_the_server(small: Small, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands use the small world instead of waking a cluster."""
    monkeypatch.setattr(edge, "database", lambda: small.database)
    monkeypatch.setattr(edge, "settings", lambda: settings)


@pytest.fixture
def settings(tmp_path) -> Settings:  # type: ignore[no-untyped-def]
    return Settings(home=tmp_path, port=8123)


@pytest.fixture
def username() -> str:
    return f"user-{secrets.token_hex(4)}"


def run(command: object, *arguments: str, typed: str | None = None) -> Result:
    return CliRunner().invoke(command, arguments, input=typed, catch_exceptions=False)  # type: ignore[arg-type]


def made(username: str, *more: str) -> dict[str, object]:
    found = run(
        commands.user, "add", username, "--role", "clerk", "--name", "新人", *FIRST, "--password-stdin", "--json",
        *more,
        typed=RIGHT + "\n",
    )  # fmt: skip
    assert found.exit_code == 0
    told: dict[str, object] = json.loads(found.stdout)
    return told


@pytest.mark.parametrize("role", list(Role))
def test_a_link_is_one_line_that_opens_the_door(small: Small, role: Role) -> None:
    found = run(commands.sign_in_link, str(role), *FIRST)
    assert found.exit_code == 0
    url = found.stdout.strip()
    assert url.startswith("http://127.0.0.1:8123/sign-in/")
    visitor = Actor(Machine.VISITOR, proof=accounts.fingerprint(url.rsplit("/", 1)[1]))
    with small.database.transaction(visitor) as con:
        assert accounts.see_link(con, visitor, at=datetime.now(UTC))[1] is role


def test_a_link_as_json_names_whose_it_is() -> None:
    told = json.loads(run(commands.sign_in_link, "worker", *FIRST, "--grid", "520502009999001", "--json").stdout)
    assert told["role"] == "worker"
    assert told["name"] == "员1"
    assert set(told) == {"role", "name", "url"}


def test_an_account_is_made_listed_closed_and_opened(small: Small, username: str) -> None:
    told = made(username)
    assert told["username"] == username
    listed = {one["username"]: one for one in json.loads(run(commands.user, "list", "--json").stdout)}
    assert listed[username]["role"] == "clerk"
    assert listed[username]["disabled_at"] is None
    assert "password" not in str(listed)
    assert run(commands.user, "disable", username).stdout.strip() == f"✓ {username}"
    assert username in run(commands.user, "list").stdout
    with small.database.transaction(OPERATOR) as con:
        found = {one.username: one for one in accounts.people(con, OPERATOR, at=datetime.now(UTC))}
    assert found[username].disabled_at is not None
    assert json.loads(run(commands.user, "enable", username, "--json").stdout) == {
        "username": username,
        "disabled": False,
    }


def test_a_password_is_set_from_standard_input_and_never_printed(username: str) -> None:
    made(username)
    found = run(commands.user, "password", username, "--password-stdin", typed="another 鸿雁 lantern\n")
    assert found.exit_code == 0
    assert "lantern" not in found.output


def test_a_password_is_asked_for_twice(username: str) -> None:
    answers = f"{RIGHT}\n{RIGHT}\n"
    found = run(
        commands.user, "add", username, "--role", "clerk", "--name", "新人", *FIRST, "--password", typed=answers
    )
    assert found.exit_code == 0
    assert RIGHT not in found.output


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["sign-in-link", "mayor"], 2),
        (["sign-in-link"], 2),
        (["sign-in-link", "secretary"], 2),  # two communities: which one?
        (["sign-in-link", "secretary", "--community", "none"], 2),
        (["sign-in-link", "clerk", *FIRST, "--grid", "520502009999001"], 2),
        (["sign-in-link", "worker", *FIRST, "--grid", "none"], 2),
        (["sign-in-link", "worker", *FIRST, "--grid", "520502009999002"], 1),  # nobody has an account there yet
        (["user", "add", "x", "--role", "clerk", "--name", "新人", *FIRST], 2),
        (["user", "add", "somebody", "--role", "worker", "--name", "新人", *FIRST], 2),
        (["user", "disable", "nobody-here"], 1),
        (["user", "password", "nobody-here", "--password-stdin"], 1),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_an_exit_code(
    arguments: list[str], code: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(RIGHT + "\n"))
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    told = capsys.readouterr()
    assert ended.value.code == code
    assert "Traceback" not in told.err
    assert told.out == ""
    assert told.err

"""A phone that trusts our own authority reaches the server over https, and nobody else's name is vouched for."""

from __future__ import annotations

import http.client
import json
import ssl
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography import x509
from outbox import visit_body
from signing import SESSION_COOKIE

from gridmap.cli import edge
from gridmap.cli.certificates import cert, keys
from gridmap.cli.serve import listening
from gridmap.errors import BadInput
from gridmap.files.keyring import Keyring
from gridmap.ops import certificates
from gridmap.settings import Settings
from tests.drills.ground import FIRST_ANSWER_WITHIN_S, HOST, Ground, free_port, start

AT = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GRIDMAP_HOME", str(tmp_path))
    edge.settings.cache_clear()
    return tmp_path


def test_a_phone_that_trusts_the_authority_records_over_https(field: Ground, tmp_path: Path) -> None:
    made = certificates.make(tmp_path / "tls", [HOST], days=30, at=datetime.now(UTC))
    port = free_port()
    need = [{"kind": "repair", "summary": "灯不亮"}]  # every visit of this ground tells of one: the kills count halves
    server = start(field.home, port, "--listen", HOST, "--certificate", str(made.certificate), "--key", str(made.key))
    trusting = ssl.create_default_context(cafile=str(made.authority))
    now = datetime.now(UTC)
    envelope = {
        "v": 1,
        "kind": "visit",
        "captured_at": now.isoformat(),
        "sent_at": now.isoformat(),
        "text": json.dumps(visit_body(1, field.world.grids[0], now - timedelta(minutes=1), needs=need)),
    }
    headers = {
        "X-Gridmap": "1",
        "Content-Type": "application/json",
        "Cookie": f"{SESSION_COOKIE}={field.token}",
        "Origin": f"https://{HOST}:{port}",  # refused unless the server knows that it speaks https
    }
    try:
        until = time.monotonic() + FIRST_ANSWER_WITHIN_S
        while True:
            connection = http.client.HTTPSConnection(HOST, port, timeout=10, context=trusting)
            try:
                connection.request("PUT", f"/submissions/{uuid.uuid4()}", json.dumps(envelope), headers)
                answer = connection.getresponse()
                break
            except ConnectionRefusedError:
                assert time.monotonic() < until, "the server did not come up"
                time.sleep(0.1)
        assert answer.status == 200, answer.read()
        connection.close()
        stranger = http.client.HTTPSConnection(HOST, port, timeout=10, context=ssl.create_default_context())
        with pytest.raises(ssl.SSLCertVerificationError):
            stranger.request("GET", "/healthz")
        stranger.close()
    finally:
        server.terminate()
        server.wait(30)


def test_the_authority_stays_while_it_may_vouch_and_vouches_for_nobody_else(tmp_path: Path) -> None:
    first = certificates.make(tmp_path, ["192.168.1.8", "gridmap.lan"], days=825, at=AT)
    trusted = first.authority.read_bytes()
    second = certificates.make(tmp_path, ["192.168.1.8"], days=30, at=AT)
    assert second.authority.read_bytes() == trusted
    assert second.until == (AT + timedelta(days=30)).date()
    third = certificates.make(tmp_path, ["192.168.1.9"], days=30, at=AT)
    assert third.authority.read_bytes() != trusted
    authority = x509.load_pem_x509_certificate(trusted)
    allowed = authority.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees
    assert [str(name.value) for name in allowed or []] == ["192.168.1.8/32", "gridmap.lan"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


@pytest.mark.parametrize("names", [["a b"], ["x" * 64], ["-"], [""], ["a..b"], ["例子"]])
def test_what_is_no_host_gets_no_certificate(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(BadInput):
        certificates.make(tmp_path, names, days=30, at=AT)


def test_the_command_tells_what_to_do_next(home: Path) -> None:
    told = CliRunner().invoke(cert, ["192.168.1.8", "--days", "90"], catch_exceptions=False)
    assert told.exit_code == 0
    assert f"{home}/keys/tls/authority.pem" in told.output
    assert "GRIDMAP_HOSTS=192.168.1.8 scripts/gridmap serve --certificate" in told.output
    assert "--listen 192.168.1.8" in told.output


def test_a_network_address_needs_a_certificate(home: Path) -> None:
    assert home
    for address, certificate in [("192.168.1.8", None), ("0.0.0.0", None), ("gridmap.lan", None), ("", Path("x"))]:  # noqa: S104
        with pytest.raises(BadInput):
            listening(address, certificate, None)
    assert listening("127.0.0.1", None, None).url(80) == "http://127.0.0.1:80/"
    assert listening("192.168.1.8", Path("c"), Path("k")).url(80) == "https://192.168.1.8:80/"


def test_older_keys_open_what_was_sealed_before(home: Path) -> None:
    ring = Keyring(Settings(home=home))
    old = ring.current()
    told = CliRunner().invoke(keys, ["rotate-outbox"], catch_exceptions=False)
    assert told.exit_code == 0
    new = ring.current()
    assert new.kid != old.kid
    assert new.kid in told.output
    found = ring.find(old.kid)
    assert found is not None
    assert found.private.private_numbers() == old.private.private_numbers()
    assert ring.find("0" * 16) is None
    assert {path.stat().st_mode & 0o777 for path in (home / "keys").iterdir()} == {0o600}

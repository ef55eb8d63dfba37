"""The private cluster survives what happens to machines: kills, stale files, half-finished runs, two starts at once."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gridmap.ops.cluster import Cluster


@pytest.fixture
def own() -> Iterator[Cluster]:
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a private folder is made below it
    home = Path(tempfile.mkdtemp(prefix="gridmap-own-", dir=base))
    home.chmod(0o755)
    made = Cluster(home, throw_away=True)
    yield made
    made.stop()
    shutil.rmtree(home, ignore_errors=True)


def kill_server(cluster: Cluster) -> None:
    pid = cluster.server_pid()
    os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while cluster.answers() and time.monotonic() < deadline:
        time.sleep(0.05)


def test_a_second_start_finds_nothing_to_do(own: Cluster) -> None:
    assert own.start() is True
    assert own.start() is False


def test_it_has_no_port_and_asks_for_no_password(own: Cluster) -> None:
    own.start()
    note = (own.data / "postmaster.pid").read_text().splitlines()
    assert note[5] == ""  # the address it listens on
    assert own.answers()


def test_it_comes_back_after_being_killed(own: Cluster) -> None:
    own.start()
    kill_server(own)
    assert own.start() is True
    assert own.answers()


def test_a_recycled_pid_in_the_lock_file_does_not_keep_it_down(own: Cluster) -> None:
    own.start()
    kill_server(own)
    note = own.data / "postmaster.pid"
    lines = (
        note.read_text().splitlines() if note.exists() else ["0", str(own.data), "0", "5432", str(own.socket), "", "0"]
    )
    note.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")
    assert own.server_pid() == 0
    assert own.start() is True


def test_garbage_in_the_lock_file_is_cleared(own: Cluster) -> None:
    own.start()
    own.stop()
    (own.data / "postmaster.pid").write_text("")
    assert own.start() is True


def test_a_half_made_data_folder_is_made_again(own: Cluster) -> None:
    own.home.mkdir(exist_ok=True)
    half = own.home / "data.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("15\n")
    assert own.start() is True
    assert not half.exists()


def test_a_deep_home_gets_a_short_socket_path(tmp_path: Path) -> None:
    deep = Cluster(tmp_path / ("d" * 60) / ("e" * 60))
    assert len(bytes(deep.socket)) < 100
    assert deep.socket != Cluster(tmp_path / ("d" * 60) / ("f" * 60)).socket


def test_two_starts_at_once_make_one_cluster(own: Cluster) -> None:
    with ThreadPoolExecutor(4) as pool:
        woken = list(pool.map(lambda _: Cluster(own.home, throw_away=True).start(), range(4)))
    assert sum(woken) == 1
    assert own.answers()

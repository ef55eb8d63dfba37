"""The ground for drills: a cluster on disk that survives kill -9, a real server, phones, a network that cuts.

Nothing here is a stand-in: PostgreSQL with fsync on, the server as ``gridmap serve`` starts it, phones that send as
the outbox does: the same text under the same id until it is answered.
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from outbox import visit_body
from signing import OPERATOR, SESSION_COOKIE, new_token
from small_world import World
from sqlalchemy import text

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.ops.cluster import Cluster
from gridmap.ops.setup import create_database
from gridmap.services import accounts, coverage
from gridmap.store import rights, schema
from gridmap.store.database import Database, become

HOST = "127.0.0.1"
HOUSEHOLDS = 30
ANSWER_WITHIN_S = 60.0
STEADY_S = (
    6.0  # the server gives up, for its supervisor to start it anew, when a process dies within 5.5 s of its start
)
FIRST_ANSWER_WITHIN_S = 240.0  # a fresh checkout compiles the route search before its first answer
Busy = http.client.HTTPException


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@dataclass
class Ground:
    """One community on one server of its own."""

    home: Path
    cluster: Cluster
    database: Database
    world: World
    token: str
    port: int
    server: subprocess.Popen[bytes]

    @property
    def job(self) -> Actor:
        """Return the program itself."""
        return Actor(Machine.JOB, self.world.community_id)

    def rows(self, query: str, **values: Any) -> list[Any]:
        """Return rows as the program reads them, waiting for the database to be back."""
        for _ in range(600):
            with contextlib.suppress(Exception), self.database.transaction(self.job) as con:
                return list(con.execute(text(query), {"c": self.world.community_id, **values}))
            time.sleep(0.1)
        raise AssertionError("the database did not come back within a minute")

    # --- killing ---------------------------------------------------------------------------------------------------

    def kill_database(self) -> None:
        """Kill every process of the PostgreSQL server at once, the first one first."""
        main = self.cluster.server_pid()
        for pid in [main, *children(main)]:
            kill(pid)

    def kill_backend(self) -> None:
        """Kill one connection's process while it works, if one does."""
        main = self.cluster.server_pid()
        busy = [pid for pid in children(main) if "gridmap_app" in words_of(pid)]
        if busy:
            kill(random.choice(busy))  # noqa: S311 - which one is no secret

    def kill_web_worker(self) -> None:
        """Kill one of the server's processes that has worked for a while."""
        kill(random.choice(self.wait_until_steady()))  # noqa: S311

    def wait_until_steady(self) -> list[int]:
        """Wait until a process of the server has worked for a while; return those that have."""
        for _ in range(600):
            if found := [pid for pid in children(self.server.pid) if age_s(pid) > STEADY_S]:
                return found
            time.sleep(0.1)
        raise AssertionError("no process of the server stays alive")

    def wait_until_up(self, within_s: float = ANSWER_WITHIN_S) -> float:
        """Wait until the server answers a question to its database; return how long that took, seconds."""
        began = time.monotonic()
        while time.monotonic() - began < within_s:
            with contextlib.suppress(OSError, Busy):
                if ask(self.port, "GET", "/healthz").status == 200:
                    return time.monotonic() - began
            time.sleep(0.05)
        raise AssertionError(f"the server did not answer within {within_s:.0f} s")


def children(pid: int) -> list[int]:
    """Return the processes a process has started."""
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split()] if pid and found.exists() else []


def age_s(pid: int) -> float:
    """Return how long ago a process was started; 0 when it is gone."""
    try:
        started = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return 0.0
    return float(Path("/proc/uptime").read_text().split()[0]) - int(started) / os.sysconf("SC_CLK_TCK")


def words_of(pid: int) -> str:
    """Return what a process calls itself."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def kill(pid: int) -> None:
    """Kill a process of ours without asking it."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


# --- building ------------------------------------------------------------------------------------------------------


def _community(database: Database) -> World:
    with database.engine.begin() as con:
        become(con, OPERATOR)
        made = con.execute(
            text(
                "INSERT INTO community (code, name, epsg, lon_min, lat_min, lon_max, lat_max, invented, loaded_at)"
                " VALUES ('520502009999', '试验社区', 4544, 105.2, 27.2, 105.4, 27.4, 'all', now()) RETURNING id"
            )
        ).scalar_one()
        become(con, Actor(Machine.JOB, made))
        world = World(con, made)
        for _ in range(HOUSEHOLDS):
            world.household()
        become(con, OPERATOR)
        accounts.ensure_demo_accounts(con, OPERATOR, made, at=datetime.now(UTC))
    return world


@contextlib.contextmanager
def ground() -> Iterator[Ground]:
    """Build all of it on disk, and take it away again."""
    home = Path(tempfile.mkdtemp(prefix="gridmap-drill-", dir="/var/tmp"))
    home.chmod(0o755)
    cluster = Cluster(home)
    cluster.start()
    server = database = None
    try:
        create_database(cluster)
        for role, step in [("postgres", schema.prepare), (rights.OWNER_ROLE, schema.migrate)]:
            owner = Database(cluster.url(role), pool_size=1)
            with owner.engine.begin() as con:
                step(con)
            owner.close()
        database = Database(cluster.url())
        world = _community(database)
        token = new_token(database, world.community_id, Role.WORKER, datetime.now(UTC))
        port = free_port()
        server = start(home, port)
        made = Ground(home, cluster, database, world, token, port, server)
        made.wait_until_up(FIRST_ANSWER_WITHIN_S)
        yield made
    finally:
        if database is not None:
            database.close()
        if server is not None:
            server.terminate()
            server.wait(30)
        cluster.stop()
        shutil.rmtree(home, ignore_errors=True)


def start(home: Path, port: int, *options: str) -> subprocess.Popen[bytes]:
    """Start the product's own server."""
    environment = os.environ | {"GRIDMAP_HOME": str(home), "GRIDMAP_WORKERS": "2", "GRIDMAP_THREADS": "6"}
    environment.pop("GRIDMAP_DATABASE_URL", None)
    return subprocess.Popen(
        [sys.executable, "-m", "gridmap", "serve", "--port", str(port), *options],
        env=environment,
        stderr=subprocess.DEVNULL,
    )


# --- phones --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    status: int
    body: bytes


def ask(port: int, method: str, path: str, body: bytes | None = None, token: str = "") -> Answer:
    """Send one request over a connection of its own."""
    connection = http.client.HTTPConnection(HOST, port, timeout=10)
    headers = {"X-Gridmap": "1", "Content-Type": "application/json", "Cookie": f"{SESSION_COOKIE}={token}"}
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.read())
    finally:
        connection.close()


@dataclass
class Log:
    """What all phones were told."""

    acknowledged: set[UUID] = field(default_factory=set)
    started: set[UUID] = field(default_factory=set)
    statuses: Counter[int | str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class Phones:
    """Several phones that send visits, each of them one to three times at once, until told to stop."""

    ground: Ground
    port: int
    log: Log = field(default_factory=Log)
    stop: threading.Event = field(default_factory=threading.Event)
    give_up: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def sending(self, phones: int = 4) -> Iterator[Log]:
        """Let them send; at the end each finishes what it began."""
        with ThreadPoolExecutor(phones) as pool:
            work = [pool.submit(self._phone, seed) for seed in range(phones)]
            try:
                yield self.log
            finally:
                self.stop.set()
                for one in work:
                    one.result(120)

    def _phone(self, seed: int) -> None:
        chance = random.Random(seed)  # noqa: S311
        with ThreadPoolExecutor(3) as copies:
            while not self.stop.is_set():
                made = uuid.uuid4()
                with self.log.lock:
                    self.log.started.add(made)
                home, now = chance.randrange(1, HOUSEHOLDS + 1), datetime.now(UTC)
                body = visit_body(
                    home,
                    self.ground.world.grids[0],
                    now - timedelta(minutes=1),
                    result=chance.choice(["met", "nobody"]),
                    needs=[{"kind": "repair", "summary": "灯不亮"}],
                )
                times = chance.randint(1, 3)
                list(copies.map(self._until_answered, [made] * times, [json.dumps(body)] * times))

    def _until_answered(self, made: UUID, text_: str) -> None:
        wanted = hashlib.sha256(text_.encode()).hexdigest()
        while not self.give_up.is_set():
            now = datetime.now(UTC).isoformat()
            envelope = {"v": 1, "kind": "visit", "captured_at": now, "sent_at": now, "text": text_}
            status: int | str
            try:
                answer = ask(self.port, "PUT", f"/submissions/{made}", json.dumps(envelope).encode(), self.ground.token)
                said, status = json.loads(answer.body), answer.status
            except (OSError, Busy, ValueError):  # no answer, or half of one
                said, status = {}, "cut"
            with self.log.lock:
                self.log.statuses[status] += 1
                if status == 200:
                    assert (said["id"], said["hash"]) == (str(made), wanted)
                    self.log.acknowledged.add(made)
                    return
            time.sleep(0.05)


# --- a network that cuts -------------------------------------------------------------------------------------------


class Cutter:
    """A network between phones and server that is cut in the middle of requests while ``cutting`` is set."""

    def __init__(self, port: int) -> None:
        self.cutting = threading.Event()
        self.cuts = 0
        self._to = port
        self._listening = socket.create_server((HOST, 0))
        self.port = int(self._listening.getsockname()[1])
        self._chance = random.Random(5)  # noqa: S311
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take the network down."""
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                phone, _ = self._listening.accept()
                threading.Thread(target=self._carry, args=[phone], daemon=True).start()

    def _carry(self, phone: socket.socket) -> None:
        """Carry one request; cut it on the way there, or the answer on the way back."""
        with phone, contextlib.suppress(OSError), socket.create_connection((HOST, self._to), 5) as server:
            phone.settimeout(10)
            server.settimeout(10)
            how = self._chance.choice(["there", "back", "none"]) if self.cutting.is_set() else "none"
            there = threading.Thread(target=self._pass_on, args=[phone, server, 200 if how == "there" else None])
            there.start()
            self._pass_on(server, phone, 20 if how == "back" else None)
            if how != "none":
                self.cuts += 1
            for end in (phone, server):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
            there.join()

    @staticmethod
    def _pass_on(source: socket.socket, target: socket.socket, most: int | None) -> None:
        """Pass bytes on until the end, or cut after some of them."""
        passed = 0
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                if most is not None and passed + len(data) > most:
                    target.sendall(data[: most - passed])
                    source.shutdown(socket.SHUT_RDWR)
                    target.shutdown(socket.SHUT_RDWR)
                    return
                passed += len(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


# --- what is left --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Damage:
    """What went wrong, each in a number; all zero is what we promise."""

    lost: int
    doubled: int
    half_written: int
    drifted: int


def damage(ground_: Ground, log: Log) -> Damage:
    """Count what was acknowledged and is not there, what is there twice, in halves, or not counted."""
    kept = {row.id for row in ground_.rows("SELECT id FROM visit WHERE community_id = :c")}
    needs = Counter(row.visit_id for row in ground_.rows("SELECT visit_id FROM need WHERE community_id = :c"))
    sent = {row.id for row in ground_.rows("SELECT id FROM submission WHERE community_id = :c AND state = 'kept'")}
    halves = (kept ^ set(needs)) | (kept ^ sent)
    if halves:  # say which, and what is known of them: this must never happen
        found = ground_.rows("SELECT id, account_id, kind, state, reason, received_at FROM submission")
        print("halves:", [(i, i in kept, i in needs, i in sent) for i in halves])
        print([tuple(row) for row in found if row.id in halves])
    return Damage(
        lost=len(log.acknowledged - kept),
        doubled=sum(n - 1 for n in needs.values()),
        half_written=len(kept ^ set(needs)) + len(kept ^ sent),
        drifted=drift(ground_),
    )


def drift(ground_: Ground) -> int:
    """Count what differs between the figures that were kept visit by visit and those counted anew from the facts."""
    grids = "SELECT grid_id, group_code, counts::text FROM grid_stat WHERE community_id = :c AND NOT final"
    before = {tuple(row) for row in ground_.rows(grids)}
    with ground_.database.transaction(ground_.job) as con:
        calendar = coverage.days(con, ground_.job)
        assert calendar.decided_on is not None
        changed = coverage.recompute(con, ground_.job, on=calendar.decided_on)
    after = {tuple(row) for row in ground_.rows(grids)}
    return changed + len(before ^ after)

"""Whatever is killed while phones send: nothing acknowledged is lost, nothing is doubled, nothing is half written."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import cycle, islice
from uuid import UUID

from sqlalchemy import text

from gridmap.store.database import Database
from tests.drills.ground import Cutter, Damage, Ground, Log, Phones, ask, damage

NOTHING = Damage(0, 0, 0, 0)
BACK_WITHIN_S = 30.0  # 3 on an idle machine


def refused_changes(field: Ground, ids: list[UUID]) -> Counter[int]:
    """Send other texts under known ids; return what was answered."""
    found: Counter[int] = Counter()
    now = datetime.now(UTC).isoformat()
    for made in ids:
        envelope = {"v": 1, "kind": "visit", "captured_at": now, "sent_at": now, "text": '{"household_id": 1}'}
        found[ask(field.port, "PUT", f"/submissions/{made}", json.dumps(envelope).encode(), field.token).status] += 1
    return found


def test_nothing_acknowledged_is_lost_whatever_is_killed(
    field: Ground, nightly: bool, tell: Callable[[str], None]
) -> None:
    kills = 100 if nightly else 10
    network = Cutter(field.port)
    ways = [field.kill_database, field.kill_backend, field.kill_web_worker, network.cutting.set]
    phones, back = Phones(field, network.port), []
    with phones.sending() as log:
        for way in islice(cycle(ways), kills):
            enough = len(log.acknowledged) + 8
            while len(log.acknowledged) < enough:
                time.sleep(0.01)
            way()
            time.sleep(0.3)
            network.cutting.clear()
            back.append(field.wait_until_up())
    network.close()
    tell(
        f"{kills} kills, {network.cuts} requests cut, {len(log.started)} visits, answers {dict(log.statuses)},"
        f" back after {sorted(back)[len(back) // 2]:.2f} s (median), {max(back):.2f} s (most)"
    )
    assert log.acknowledged == log.started
    assert damage(field, log) == NOTHING
    assert set(log.statuses) <= {200, 503, "cut"}
    assert network.cuts
    assert max(back) < BACK_WITHIN_S
    known = sorted(log.acknowledged)[:40]
    assert refused_changes(field, known) == {409: len(known)}


# --- controls: the drill sees what it promises to see ----------------------------------------------------------------


def careless(field: Ground, *, on: bool) -> None:
    """Let the server answer before its log is on disk, or not; in a wide window, so that one kill is enough."""
    superuser = Database(field.cluster.url("postgres"), pool_size=1)
    with superuser.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as con:
        for name, value in [("synchronous_commit", "off"), ("wal_writer_delay", "10s")]:
            con.execute(text(f"ALTER SYSTEM SET {name} = '{value}'" if on else f"ALTER SYSTEM RESET {name}"))
        con.execute(text("SELECT pg_reload_conf()"))
    superuser.close()
    time.sleep(0.3)


def test_the_drill_would_see_a_loss(field: Ground, nightly: bool) -> None:
    """Control: a server that answers before its log is on disk loses what it acknowledged."""
    careless(field, on=True)
    lost = 0
    for _ in range(10 if nightly else 1):
        phones = Phones(field, field.port)
        with phones.sending() as log:
            while len(log.acknowledged) < 30:
                time.sleep(0.01)
            field.kill_database()
            told = set(log.acknowledged)  # before anything can be sent again
            phones.give_up.set()
        field.wait_until_up()
        lost += damage(field, Log(acknowledged=told)).lost
    careless(field, on=False)
    assert lost > 0


def test_the_drill_would_see_a_double(field: Ground) -> None:
    """Control: who looks first and inserts then has it twice."""
    superuser = Database(field.cluster.url("postgres"), pool_size=3)
    with superuser.engine.begin() as con:
        con.execute(text("CREATE TABLE control (id uuid)"))
    together = threading.Barrier(3)

    def check_then_insert(made: UUID) -> None:
        together.wait()
        with superuser.engine.begin() as con:
            if con.execute(text("SELECT count(*) FROM control WHERE id = :i"), {"i": made}).scalar_one() == 0:
                con.execute(text("INSERT INTO control VALUES (:i)"), {"i": made})

    with ThreadPoolExecutor(3) as pool:
        for _ in range(40):
            made = uuid.uuid4()
            list(pool.map(check_then_insert, [made] * 3))
    with superuser.engine.begin() as con:
        twice = con.execute(text("SELECT count(*) FROM (SELECT FROM control GROUP BY id HAVING count(*) > 1) AS t"))
        assert twice.scalar_one() > 0
        con.execute(text("DROP TABLE control"))
    superuser.close()

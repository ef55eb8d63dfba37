"""Rights cannot leak over the pool: many actors, few connections, errors and savepoints in between."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from signing import OPERATOR
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import DBAPIError
from two_communities import Small

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.store.database import Database
from gridmap.store.rights import DATABASE_ROLE

THREADS, POOL = 24, 3
SEEN = text(
    "SELECT current_user, coalesce(array_agg(DISTINCT (community_id, grid_id)::text), CAST('{}' AS text[]))"
    " FROM household"
)


@dataclass
class Tally:
    """What the checks found."""

    checks: int = 0
    leaks: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, leak: str | None) -> None:
        """Count one check."""
        with self.lock:
            self.checks += 1
            if leak:
                self.leaks.append(leak)


def cast(small: Small) -> list[tuple[Actor, set[str]]]:
    """Return actors with the (community, grid) pairs each must see, worked out by hand."""
    made: list[tuple[Actor, set[str]]] = []
    for community, grids in zip(small.communities, small.grids, strict=True):
        every = {f"({community},{grid})" for grid in grids}
        made += [(Actor(Role.SECRETARY, community, account_id=1), every)]
        made += [(Actor(Role.WORKER, community, frozenset([g]), 1), {f"({community},{g})"}) for g in grids]
        made += [(Actor(Role.WORKER, community, frozenset(), 1), set())]
    return made


def check(con: Connection, actor: Actor, expected: set[str], tally: Tally) -> None:
    role, seen = con.execute(SEEN).one()
    wrong = role != DATABASE_ROLE[actor.role] or set(filter(None, seen)) != expected
    tally.add(f"{actor.role} in {actor.community_id} as {role} saw {seen}" if wrong else None)


def check_at_once(database: Database, actor: Actor, expected: set[str], tally: Tally) -> None:
    """Check the way that tiles take: rights and question in one round trip."""
    row = database.ask(actor, SEEN.text, {})
    assert row is not None
    role, seen = row
    wrong = role != DATABASE_ROLE[actor.role] or set(filter(None, seen)) != expected
    tally.add(f"{actor.role} in {actor.community_id} at once as {role} saw {seen}" if wrong else None)


def disturb(con: Connection, dice: random.Random) -> None:
    """Do one of the things that happen inside a transaction: a savepoint, a failed statement, a cursor half read."""
    kind = dice.randrange(4)
    if kind == 0:
        with con.begin_nested():
            con.execute(text("SELECT 1"))
    elif kind == 1:
        with pytest.raises(DBAPIError), con.begin_nested():
            con.execute(text("SELECT 1/0"))
    elif kind == 2:
        streamed = text("SELECT generate_series(1, 5000)").execution_options(stream_results=True)
        with con.execute(streamed) as half_read:
            half_read.fetchmany(3)


def work(database: Database, actors: list[tuple[Actor, set[str]]], tally: Tally, seed: int, rounds: int) -> None:
    dice = random.Random(seed)  # noqa: S311 - a test's own order
    for _ in range(rounds):
        actor, expected = dice.choice(actors)
        try:
            with database.transaction(actor) as con:
                check(con, actor, expected, tally)
                disturb(con, dice)
                check(con, actor, expected, tally)
            check_at_once(database, actor, expected, tally)
            with database.transaction(actor) as con:
                if dice.random() < 0.4:
                    con.execute(text("SELECT no_such_column"))
        except DBAPIError:
            continue  # meant to happen: the next transaction must be clean all the same


def run(database: Database, small: Small, checks: int) -> Tally:
    tally, actors = Tally(), cast(small)
    rounds = checks // (3 * THREADS) + 1
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda seed: work(database, actors, tally, seed, rounds), range(THREADS)))
    return tally


def test_no_right_outlives_its_transaction(small: Small, nightly: bool) -> None:
    database = Database(small.database.url, pool_size=POOL)
    try:
        tally = run(database, small, 10_000 if nightly else 1_000)
    finally:
        database.close()
    assert tally.checks >= (10_000 if nightly else 1_000)
    assert tally.leaks == []


def test_the_check_would_see_a_leak(small: Small) -> None:
    """The control: rights set for the session instead of the transaction are found in the next one's hands."""
    engine = create_engine(small.database.url, pool_size=POOL, max_overflow=0)
    seen = []
    try:
        for actor, _ in cast(small):
            with engine.connect() as con, con.begin():
                con.execute(
                    text(
                        "SELECT set_config('app.community', :c, false), set_config('app.grids', :g, false),"
                        " set_config('role', :r, false)"
                    ),
                    {
                        "c": str(actor.community_id),
                        "g": ",".join(map(str, actor.grid_ids)),
                        "r": DATABASE_ROLE[actor.role],
                    },
                )
            with engine.connect() as con, con.begin():
                seen.append(con.execute(SEEN).one())
    finally:
        engine.dispose()
    assert any(role != "gridmap_app" for role, _ in seen)
    assert any(grids for _, grids in seen)


def test_a_connection_comes_back_from_every_role_as_nobody(small: Small) -> None:
    database = Database(small.database.url, pool_size=1)
    try:
        for role in [*Role, *Machine]:
            with database.transaction(Actor(role, small.community_id)) as con:
                con.execute(text("SELECT 1"))
            with database.engine.connect() as con:
                left = con.execute(text("SELECT current_user, current_setting('app.community', true)")).one()
            assert left[0] == "gridmap_app"
            assert not left[1]
    finally:
        database.close()


def test_the_operator_leaves_nothing_behind_for_a_visitor(small: Small) -> None:
    database = Database(small.database.url, pool_size=1)
    try:
        with database.transaction(OPERATOR) as con:
            assert con.execute(text("SELECT count(*) FROM account")).scalar_one() >= len(Role)
        with database.transaction(Actor(Machine.VISITOR)) as con:
            assert con.execute(text("SELECT count(*) FROM account")).scalar_one() == 0
    finally:
        database.close()

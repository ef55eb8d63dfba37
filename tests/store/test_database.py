"""The store's first promise: no rights, no rows."""

import threading

from sqlalchemy import Connection, text
from two_communities import Small

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.store.database import Database, become


def test_a_secretary_sees_only_her_own_community(con: Connection, community_id: int) -> None:
    become(con, Actor(Role.SECRETARY, community_id))
    assert con.execute(text("SELECT array_agg(id) FROM community")).scalar_one() == [community_id]
    become(con, Actor(Role.SECRETARY, community_id + 1))
    assert con.execute(text("SELECT count(*) FROM community")).scalar_one() == 0


def test_the_application_alone_sees_nothing(con: Connection, community_id: int) -> None:
    assert community_id
    become(con, Actor(Machine.VISITOR))
    assert con.execute(text("SELECT count(*) FROM account")).scalar_one() == 0


def test_closing_waits_for_a_transaction_that_is_under_way(small: Small) -> None:
    database = Database(small.database.url, pool_size=1)
    begun, seen = threading.Event(), []

    def ask() -> None:
        with database.transaction(Actor(Role.SECRETARY, small.community_id)) as con:
            begun.set()
            seen.append(con.execute(text("SELECT pg_sleep(0.3) IS NOT NULL")).scalar_one())

    thread = threading.Thread(target=ask)
    thread.start()
    assert begun.wait(10)
    database.close()
    assert seen == [True]  # otherwise its connection would stay open until somebody clears it away
    thread.join()

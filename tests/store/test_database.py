"""The store's first promise: no rights, no rows."""

from sqlalchemy import Connection, text

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.store.database import become


def test_a_secretary_sees_only_her_own_community(con: Connection, community_id: int) -> None:
    become(con, Actor(Role.SECRETARY, community_id))
    assert con.execute(text("SELECT array_agg(id) FROM community")).scalar_one() == [community_id]
    become(con, Actor(Role.SECRETARY, community_id + 1))
    assert con.execute(text("SELECT count(*) FROM community")).scalar_one() == 0


def test_the_application_alone_sees_nothing(con: Connection, community_id: int) -> None:
    assert community_id
    become(con, Actor(Machine.VISITOR))
    assert con.execute(text("SELECT count(*) FROM account")).scalar_one() == 0

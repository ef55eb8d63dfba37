"""Phones that send late, twice, in any order, with wrong clocks, while grids and people change: what was sent arrives.

Each schedule is drawn from its number alone: a few documents; which of their sendings reach the server, and which
answers reach the phone; what happens in the office in between. The server is the whole application over PostGIS.
"""

from __future__ import annotations

import json
import random
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from outbox import Phone, hash_of, visit_body
from signing import OPERATOR, browser, new_token
from small_world import World
from sqlalchemy import text
from two_communities import MORNING, Clock

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.visits import SKEW_TOLD
from gridmap.services import accounts, coverage, held
from gridmap.settings import Settings
from gridmap.store.database import Database, become
from gridmap.web.app import create_app
from tests.conftest import NIGHTLY

DOORS = 40
SKEWS = [timedelta(), timedelta(), timedelta(seconds=90), timedelta(days=3), timedelta(days=-3), timedelta(hours=7)]

_SPELL = "household_spell WHERE community_id = :c AND household_id = :h"
_NEW_SPELL = (
    "INSERT INTO household_spell (community_id, household_id, grid_id, in_grid_id, standing, valid_from, recorded_at)"
    f" SELECT :c, :h, :g, :g, 'occupied', :on, CAST(:on AS date) WHERE NOT EXISTS (SELECT FROM {_SPELL}"
    " AND valid_to IS NULL)"
)
MOVE = [
    "UPDATE household SET grid_id = :g WHERE community_id = :c AND id = :h",
    f"UPDATE {_SPELL} AND valid_from = :on".replace(" WHERE", " SET in_grid_id = :g WHERE"),
    f"UPDATE {_SPELL} AND valid_from < :on AND valid_to IS NULL".replace(" WHERE", " SET valid_to = :on WHERE"),
    _NEW_SPELL,
]


@dataclass
class Sent:
    """One document: what is true, what the phone wrote, what it was told."""

    id: UUID
    kind: str
    household_id: int
    at: datetime
    text: str
    about: UUID | None = None
    told: set[str] = field(default_factory=set)


@dataclass
class Office:
    """A community, its worker's phone, its leader, and what can happen to them."""

    database: Database
    world: World
    clock: Clock
    phone: Phone
    leader: Actor
    places: dict[int, int]
    own: int = 0  # index of the worker's grid

    @property
    def job(self) -> Actor:
        """Return the program itself."""
        return Actor(Machine.JOB, self.world.community_id)

    def run(self, query: str, **values: Any) -> list[Any]:
        """Run a statement as the program; return its rows."""
        with self.database.transaction(self.job) as con:
            found = con.execute(text(query), {"c": self.world.community_id, **values})
            return list(found) if found.returns_rows else []

    def move(self, household_id: int) -> None:
        """Draw a household into the other grid, as a new border does."""
        grid = 1 - self.places[household_id]
        day = self.clock().date()
        with self.database.transaction(self.job) as con:
            values = {"c": self.world.community_id, "h": household_id, "g": self.world.grids[grid], "on": day}
            for statement in MOVE:
                con.execute(text(statement), values)
            coverage.recompute(con, self.job, on=day, household_ids=[household_id])
        self.places[household_id] = grid

    def reassign(self) -> None:
        """Give the worker the other grid, as this morning's roster does."""
        self.own = 1 - self.own
        self.run(
            "UPDATE worker_assignment SET grid_id = :g, duty = 'substitute' WHERE community_id = :c AND worker_id = :w",
            g=self.world.grids[self.own],
            w=self.world.workers[0],
        )


@pytest.fixture  # anew for each piece: in the schedules' weeks a sign-in would end
def office(new_database: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    home = tmp_path_factory.mktemp("schedules")
    database = Database(new_database(home.name))
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
        places = {world.household(number % 2): number % 2 for number in range(DOORS)}
        become(con, OPERATOR)
        accounts.ensure_demo_accounts(con, OPERATOR, made, at=MORNING)
        boss = con.execute(text("SELECT id FROM account WHERE role = 'secretary' AND community_id = :c"), {"c": made})
        leader = Actor(Role.SECRETARY, made, account_id=boss.scalar_one())
    clock = Clock()
    app: Flask = create_app(database, Settings(home=home), clock=clock)
    phone = Phone(browser(app, new_token(database, made, Role.WORKER, MORNING)))
    yield Office(database, world, clock, phone, leader, places)
    database.close()


def draw(office: Office, chance: random.Random, ahead: timedelta) -> list[Sent]:
    """Return what a phone records in one schedule: visits, and withdrawals of some of them."""
    out = []
    grid = office.world.grids[office.own]
    for _ in range(chance.randint(1, 3)):
        home = chance.choice([h for h, g in office.places.items() if g == office.own])
        if chance.random() < 0.08:
            home = 10**6 + chance.randrange(1000)  # deleted meanwhile, or never there
        made_at = office.clock() - timedelta(minutes=chance.randint(1, 600))
        result = chance.choices(["met", "nobody", "refused", "moved", "vacant"], [6, 5, 1, 1, 1])[0]
        body = visit_body(home, grid, made_at + ahead, result=result)
        out.append(Sent(uuid.UUID(int=chance.getrandbits(128)), "visit", home, made_at, json.dumps(body)))
        if chance.random() < 0.25:
            gone = {"visit_id": str(out[-1].id), "household_id": home, "in_grid_id": grid}
            made = uuid.UUID(int=chance.getrandbits(128))
            out.append(Sent(made, "withdrawal", home, made_at, json.dumps(gone), out[-1].id))
    return out


def deliver(office: Office, one: Sent, ahead: timedelta) -> None:
    """Let one sending reach the server, and look at its answer."""
    now = office.clock()
    phone = Phone(office.phone.client, ahead)
    sent = phone.envelope(one.text, now, one.kind, captured_at=one.at)
    answer = phone.put(one.id, sent)
    assert answer.status_code in {200, 202}, (answer.status_code, answer.text)
    assert answer.json is not None
    assert answer.json["hash"] == hash_of(sent)
    one.told.add(answer.json["state"])


def play(office: Office, number: int) -> list[Sent]:
    """Play one schedule to its end: until every document was answered."""
    chance = random.Random(number)  # noqa: S311
    ahead = chance.choice(SKEWS)
    documents = draw(office, chance, ahead)
    waiting = documents * chance.randint(1, 2)
    while waiting or any(not one.told for one in documents):
        if chance.random() < 0.1:
            office.move(chance.choice(list(office.places)))
        if chance.random() < 0.05:
            office.reassign()
        chance.shuffle(waiting)
        one = waiting.pop() if waiting else next(one for one in documents if not one.told)
        office.clock.moment += timedelta(seconds=chance.randint(1, 200))
        if chance.random() < 0.2:
            continue  # lost on its way to the server: the phone will send it again
        told = set(one.told)
        deliver(office, one, ahead)
        if chance.random() < 0.2:
            one.told = told  # lost on its way back: so it will be sent again
    return documents


def check(office: Office, documents: list[Sent]) -> Counter[str]:
    """Compare what was sent with what is there, and let the leader decide the rest."""
    ids = [one.id for one in documents]
    rows = {row.id: row for row in office.run("SELECT * FROM submission WHERE id = ANY(:ids)", ids=ids)}
    seen = {row.id: row for row in office.run("SELECT * FROM visit WHERE id = ANY(:ids)", ids=ids)}
    assert set(rows) == set(ids)  # arrived = sent
    with office.database.transaction(office.leader) as con:
        shown = {item.submission_id for item in held.listing(con, office.leader)}
    assert shown == {row.id for row in rows.values() if row.state == "held"}  # each seen by a leader
    for one in documents:
        row, visit = rows[one.id], seen.get(one.id)
        assert row.body == one.text
        if one.kind == "visit":
            assert (visit is not None) == (row.state == "kept")
        elif row.state == "kept":
            assert one.about in seen
            assert seen[one.about].withdrawn_at is not None
        if visit is not None:
            assert visit.household_id == one.household_id
            assert abs(visit.visited_at - one.at) <= SKEW_TOLD
    with office.database.transaction(office.leader) as con:
        for made in sorted(
            shown, key=lambda made: rows[made].kind, reverse=True
        ):  # visits last: their withdrawals are dropped first
            row = rows[made]
            if row.kind == "visit" and row.household_id in office.places:
                held.approve(con, office.leader, submission_id=made, at=office.clock())
            else:
                held.drop(con, office.leader, submission_id=made, note="查无此户", at=office.clock())
    return Counter(row.reason or row.state for row in rows.values())


@pytest.mark.parametrize("piece", range(10 if NIGHTLY else 1))  # a piece can be run alone
def test_what_was_sent_arrives_whatever_the_schedule(
    office: Office, piece: int, nightly: bool, tell: Callable[[str], None]
) -> None:
    schedules, found = 1_000 if nightly else 150, Counter[str]()
    sent = 0
    for number in range(piece * schedules, (piece + 1) * schedules):
        documents = play(office, number)
        sent += len(documents)
        found += check(office, documents)
    assert found["kept"] > sent / 3
    assert {"elsewhere", "not_assigned"} <= set(found)
    with office.database.transaction(office.job) as con:
        calendar = coverage.days(con, office.job)
        assert calendar.decided_on is not None
        assert coverage.recompute(con, office.job, on=calendar.decided_on) == 0  # nothing had drifted
    kept = office.run("SELECT count(*) FROM submission WHERE state = 'kept' AND kind = 'visit'")
    assert kept == office.run("SELECT count(*) FROM visit")
    tell(f"{schedules} schedules, {sent} documents sent, as many arrived: {dict(found)}")

"""Coverage figures of a large community: how long the page waits, beside what a plain count would take.

One community of a million households and ten visits each, once with 1,000 and once with 10,000 grids:

* ``overview``: the service behind map, table, export and command line, whole, with the period before: figures kept
  per grid, row security on.
* ``read``: its statement alone, as the database answers it.
* ``one visit``: deciding one household anew and counting its grid, which the transaction of a visit does.
* ``new day``: counting every grid, which the first reader of a day waits for.
* ``live``: the peer that counts the households' own columns at each question.
* ``naive``: the peer that counts from the visits.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta

import city
from sqlalchemy import Connection, create_engine, text

from gridmap.domain.actors import Actor, Machine, Role
from gridmap.domain.groups import RULE_DEFAULTS
from gridmap.ops.cluster import Cluster
from gridmap.services import coverage
from gridmap.store import grid_stats
from gridmap.store.database import Database

AIM_MS = 50.0
VISITS_EACH = 10
YEAR = 400  # days of history
COMMUNITY = 1

_PEOPLE = """
INSERT INTO worker (community_id, id, name) OVERRIDING SYSTEM VALUE
SELECT community_id, id, 'worker ' || id FROM grid;
INSERT INTO worker_assignment (community_id, worker_id, grid_id, valid_from)
SELECT community_id, id, id, CAST(:on AS date) - :year FROM grid;
INSERT INTO household_spell (community_id, household_id, grid_id, in_grid_id, standing, valid_from, recorded_at)
SELECT community_id, id, grid_id, grid_id, 'occupied', CAST(:on AS date) - :year,
       CAST(:on AS timestamptz) - make_interval(days => :year) FROM household;
UPDATE household SET mode_bits = 3, period_days = 90,
       last_effective_on = CAST(:on AS date) - CAST(id % 120 AS int),
       due_on = CAST(:on AS date) - CAST(id % 120 AS int) + 76,
       overdue_on = CAST(:on AS date) - CAST(id % 120 AS int) + 90;
INSERT INTO visit (community_id, id, household_id, grid_id, made_in_grid_id,
                   visited_at, recorded_at, minutes, mode, result)
SELECT h.community_id, gen_random_uuid(), h.id, h.grid_id, h.grid_id, v.at, v.at, 10, 'door',
       CASE WHEN i = 0 OR random() < 0.6 THEN 'met' ELSE 'nobody' END
FROM household h, generate_series(0, :visits - 1) i,
     LATERAL (SELECT CAST(:on AS timestamptz) - make_interval(days => CAST(h.id % 120 AS int) + 30 * i) AS at) v;
UPDATE community SET decided_on = CAST(:on AS date)
"""
_NAIVE = """
SELECT h.grid_id, count(*), count(*) FILTER (WHERE v.last > :since)
FROM household h LEFT JOIN (SELECT household_id, max(visited_at) AS last FROM visit
                            WHERE community_id = :c AND result = 'met' GROUP BY household_id) v ON v.household_id = h.id
WHERE h.community_id = :c GROUP BY h.grid_id
"""
_LIVE = """
SELECT grid_id, count(*), count(*) FILTER (WHERE overdue_on > :on), count(*) FILTER (WHERE due_on > :on)
FROM household WHERE community_id = :c GROUP BY grid_id
"""
_BEFORE = """
INSERT INTO grid_stat (community_id, grid_id, "on", group_code, final, counts)
SELECT community_id, grid_id, CAST(:before AS date), group_code, true, counts
FROM grid_stat WHERE "on" = CAST(:on AS date)
"""


def today(con: Connection) -> date:
    """Return the date in the community."""
    found: date = con.execute(text("SELECT (now() AT TIME ZONE timezone)::date FROM community")).scalar_one()
    return found


def populate(cluster: Cluster) -> date:
    """Add workers, spells, visits and rules to the drawn city; indexes and checks of visits are made afterwards."""
    engine = create_engine(cluster.url("postgres"))
    with engine.begin() as con:
        con.execute(text("SET LOCAL session_replication_role = replica"))
        on = today(con)
        indexes = "SELECT indexdef FROM pg_indexes WHERE tablename = 'visit' AND indexname LIKE '%ix'"
        again = list(con.execute(text(indexes)).scalars())
        for statement in again:
            con.execute(text(f'DROP INDEX "{statement.split()[2]}"'))
        con.execute(text("ALTER TABLE visit DROP CONSTRAINT visit_pkey"))
        again.append("ALTER TABLE visit ADD PRIMARY KEY (community_id, id)")
        overlap = (
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = 'household_spell'::regclass AND contype = 'x'"
        )
        for name, definition in con.execute(text(overlap)).all():
            con.execute(text(f'ALTER TABLE household_spell DROP CONSTRAINT "{name}"'))
            again.append(f'ALTER TABLE household_spell ADD CONSTRAINT "{name}" {definition}')
        values = {"on": on, "year": YEAR, "visits": VISITS_EACH}
        for statement in _PEOPLE.split(";\n"):
            con.execute(text(statement), {k: v for k, v in values.items() if f":{k}" in statement})
        for rule in RULE_DEFAULTS:
            con.execute(
                text(
                    "INSERT INTO visit_rule"
                    " (community_id, group_code, period_days, soon_days, modes, source, valid_from)"
                    " VALUES (:c, :g, :p, :s, :m, 'bench', :f)"
                ),
                {
                    "c": COMMUNITY,
                    "g": rule.group_code,
                    "p": rule.period_days,
                    "s": rule.soon_days,
                    "m": list(rule.modes),
                    "f": on - timedelta(days=YEAR),
                },
            )
        for statement in again:
            con.execute(text(statement))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as con:
        con.execute(text("VACUUM ANALYZE"))
    engine.dispose()
    return on


def timed(ask: Callable[[], object], times: int) -> dict[str, float]:
    """Ask several times; return the best, the median and the worst in milliseconds: the best is the least disturbed."""
    took = []
    for _ in range(times):
        begin = time.perf_counter()
        ask()
        took.append(1000 * (time.perf_counter() - begin))
    took.sort()
    return {"best_ms": took[0], "p50_ms": took[len(took) // 2], "worst_ms": took[-1]}


def measure(cluster: Cluster, on: date, times: int) -> dict[str, dict[str, float]]:
    """Measure every way to the figures of one day."""
    database = Database(cluster.url(), pool_size=1, options={"statement_timeout": "10min"})
    secretary, job = Actor(Role.SECRETARY, COMMUNITY, account_id=1), Actor(Machine.JOB, COMMUNITY)
    household = 17

    def inside(actor: Actor, do: Callable[[Connection], object]) -> Callable[[], object]:
        def ask() -> object:
            with database.transaction(actor) as con:
                return do(con)

        return ask

    with database.transaction(job) as con:
        calendar = coverage.days(con, job)
    end, since = (coverage.end_of(on - timedelta(days=back), calendar.timezone) for back in (0, 30))
    figures = {}
    count = inside(job, lambda con: grid_stats.count_today(con, COMMUNITY, on=on, since=since, end=end))
    figures["new day"] = timed(count, 1)
    assert calendar.first_day is not None  # noqa: S101 - the spells were drawn
    before = coverage.previous_day(on, calendar.first_day)
    inside(job, lambda con: con.execute(text(_BEFORE), {"on": on, "before": before}))()
    database.engine.dispose()
    vacuum(cluster)
    figures["overview"] = timed(inside(secretary, lambda con: coverage.overview(con, secretary, on=on)), times)
    read = {"on": on, "previous_on": before, "group": "", "all": True, "grids": [], "c": COMMUNITY}
    statement = grid_stats._READ  # noqa: SLF001 - the very statement, without what Python makes of it
    figures["read"] = timed(inside(secretary, lambda con: con.execute(statement, read).scalar()), times)
    visit = inside(job, lambda con: coverage.recompute(con, job, on=on, household_ids=[household]))
    figures["one visit"] = timed(visit, times)
    live = {"on": on, "c": COMMUNITY}
    figures["live"] = timed(inside(secretary, lambda con: con.execute(text(_LIVE), live).all()), 3)
    naive = {"since": on - timedelta(days=90), "c": COMMUNITY}
    figures["naive"] = timed(inside(secretary, lambda con: con.execute(text(_NAIVE), naive).all()), 1)
    with database.transaction(secretary) as con:
        found = coverage.overview(con, secretary, on=on)
        households = con.execute(text("SELECT count(*) FROM household")).scalar_one()
        visits = visits_drawn(con)
    if found.total.households != households:
        raise SystemExit(f"the kept figures are wrong: {found.total.households} of {households} households")
    database.close()
    print_figures(len(found.grids), households, visits, figures)
    return figures


def visits_drawn(con: Connection) -> int:
    """Return about how many visits there are."""
    return int(con.execute(text("SELECT reltuples FROM pg_class WHERE relname = 'visit'")).scalar_one())


def vacuum(cluster: Cluster) -> None:
    """Let the planner know the counted grids, as autovacuum would within a minute."""
    engine = create_engine(cluster.url("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as con:
        con.execute(text("VACUUM ANALYZE grid_stat"))
    engine.dispose()


def print_figures(grids: int, households: int, visits: int, figures: dict[str, dict[str, float]]) -> None:
    """Print one community's figures."""
    print(f"\n{households:,} households, {visits:,} visits, {grids:,} grids", file=sys.stderr)
    for name, cell in figures.items():
        best = f"best {cell['best_ms']:>10,.1f}"
        print(
            f"  {name:<10}{best}   p50 {cell['p50_ms']:>10,.1f}   worst {cell['worst_ms']:>10,.1f} ms", file=sys.stderr
        )
    share = figures["naive"]["p50_ms"] / figures["overview"]["p50_ms"]
    print(
        f"  overview {figures['overview']['p50_ms']:.1f} ms (aim {AIM_MS:.0f}); naive takes {share:,.0f} times as long",
        file=sys.stderr,
    )


def main() -> int:
    """Draw, measure, tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--households", type=int, default=1_000_000)
    parser.add_argument("--grids", default="1000,10000", help="how many, separated by commas")
    parser.add_argument("--quick", action="store_true", help="a small community: does it run at all?")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args()
    households = 10_000 if asked.quick else asked.households
    rows = []
    for grids in [100] if asked.quick else [int(n) for n in asked.grids.split(",")]:
        with city.throw_away_cluster() as cluster:
            print(f"drawing {households:,} households and {households * VISITS_EACH:,} visits", file=sys.stderr)
            city.make_tables(cluster)
            city.draw(cluster, [city.City(COMMUNITY, households, households_per_grid=max(1, households // grids))])
            on = populate(cluster)
            rows.append({"households": households, "grids": grids, "figures": measure(cluster, on, 20)})
    if asked.json:
        print(json.dumps({"aim_ms": AIM_MS, "rows": rows}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())

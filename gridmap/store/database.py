"""Connections: one engine per process, one transaction per wish, the actor's rights in each.

>>> with database.transaction(actor) as con:
...     coverage.read(con, ...)

It is here, and only here, that an actor becomes a community, grids and a database role. ``set_config(..., true)``
ends with the transaction, so nothing can leak over the pool; AUTOCOMMIT would make it a no-op and is not offered.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeAlias, cast

import psycopg
from sqlalchemy import URL, Connection, Engine, QueuePool, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from gridmap.domain.actors import Actor
from gridmap.errors import Unavailable
from gridmap.store.rights import DATABASE_ROLE

# What every connection of the application runs with. Parallel workers are off because the planner would start one
# for each tile (33.7 against 7.2 ms); pages on SSD are read at random nearly as fast as in order.
SESSION_OPTIONS = {
    "statement_timeout": "15s",
    "idle_in_transaction_session_timeout": "30s",
    "lock_timeout": "5s",
    "max_parallel_workers_per_gather": "0",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
}

CLOSING_TRIES, CLOSING_STEP_S = 150, 0.02  # three seconds for a request that is under way when its server stops

# What psycopg says of a connection whose server went away: nothing, or that it was shut down, crashed or is starting.
GONE = {None, "57P01", "57P02", "57P03"}

Con: TypeAlias = Connection  # its name for floors that know no SQL

_BECOME = text(
    "SELECT set_config('app.community', :community, true), set_config('app.grids', :grids, true),"
    " set_config('app.account', :account, true), set_config('app.proof', :proof, true), set_config('role', :role, true)"
)
_BECOME_RAW = re.sub(r":(\w+)", r"%(\1)s", _BECOME.text)


def _rights(actor: Actor) -> dict[str, str]:
    """Return the settings that make an actor of a connection."""
    return {
        "community": str(actor.community_id or ""),
        "grids": ",".join(str(i) for i in sorted(actor.grid_ids)),
        "account": str(actor.account_id or ""),
        "proof": actor.proof,
        "role": DATABASE_ROLE[actor.role],
    }


def become(con: Connection, actor: Actor) -> None:
    """Take the rights of ``actor`` until the transaction ends."""
    con.execute(_BECOME, _rights(actor))


class Database:
    """One PostGIS, reached as the unprivileged application role.

    Parameters
    ----------
    url : str or URL
        Of ``gridmap_app``; the driver is always psycopg 3.
    pool_size : int
        Connections at most; as many as threads that ask.
    options : dict, optional
        Server settings of each connection; ``SESSION_OPTIONS`` unless given (a loader needs longer statements).
    """

    def __init__(self, url: str | URL, *, pool_size: int = 8, options: dict[str, str] | None = None) -> None:
        settings = SESSION_OPTIONS | (options or {})
        self.url = make_url(url).set(drivername="postgresql+psycopg")
        self.engine: Engine = create_engine(
            self.url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=10,
            pool_pre_ping=False,
            connect_args={
                "options": " ".join(f"-c {k}={v}" for k, v in settings.items()),
                "application_name": "gridmap",
                "connect_timeout": 5,
            },
        )

    @contextmanager
    def transaction(self, actor: Actor) -> Iterator[Connection]:
        """Yield a connection that may do what ``actor`` may; commit at the end, roll back on any error.

        Raises
        ------
        Unavailable
            When the database does not answer.
        """
        try:
            with self.engine.begin() as con:
                become(con, actor)
                yield con
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            raise Unavailable("数据库暂时没有回应，请稍后再试") from error
        except DBAPIError as error:
            if error.connection_invalidated:
                raise Unavailable("数据库暂时没有回应，请稍后再试") from error
            raise

    def ask(self, actor: Actor, statement: str, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Return the first row of one reading statement, rights and transaction included, in a single round trip.

        The two statements go out in one pipeline, which the server runs as one transaction: it ends where the
        pipeline does, and the rights with it. Should they ever be torn apart, the second would run as the bare
        application role, which may read nothing: it fails closed.

        Parameters
        ----------
        statement : str
            SQL with ``%(name)s`` placeholders; kept prepared on each connection.

        Raises
        ------
        Unavailable
            When the database does not answer.
        """
        try:
            try:
                return self._ask_once(actor, statement, values)
            except psycopg.OperationalError as error:
                if error.sqlstate not in GONE:
                    raise
                self.engine.dispose()  # a server that was restarted has forgotten the other connections too
                return self._ask_once(actor, statement, values)
        except (
            psycopg.OperationalError,
            psycopg.InterfaceError,
            OperationalError,
            InterfaceError,
            PoolTimeout,
        ) as error:
            raise Unavailable("数据库暂时没有回应，请稍后再试") from error

    def _ask_once(self, actor: Actor, statement: str, values: Mapping[str, Any]) -> tuple[Any, ...] | None:
        """Ask on one pooled connection, which is given up when anything goes wrong on it."""
        pooled = self.engine.raw_connection()
        try:
            raw: Any = pooled.driver_connection
            raw.autocommit = True  # no BEGIN and COMMIT of their own: the pipeline is the transaction
            with raw.pipeline():
                raw.execute(_BECOME_RAW, _rights(actor), prepare=True)
                answer = raw.cursor(binary=True).execute(statement, values, prepare=True)
            row: tuple[Any, ...] | None = answer.fetchone()
            raw.autocommit = False
        except BaseException as error:
            pooled.invalidate(error)
            raise
        finally:
            pooled.close()
        return row

    def close(self) -> None:
        """Give every connection back to the server; those in use get a moment to end what they do."""
        pool = cast("QueuePool", self.engine.pool)
        for _ in range(CLOSING_TRIES):
            if not pool.checkedout():
                break
            time.sleep(CLOSING_STEP_S)
        self.engine.dispose()

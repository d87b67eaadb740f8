"""A session with a PostgreSQL server, for locks that it frees when the session ends.

However it ends: so a lock says that its holder is alive, with neither heartbeat nor clock. A
process that dies closes its connection; a machine that vanishes answers no keepalive, and the
server ends the session some 15 s later.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy.engine import URL, Connection
from sqlalchemy.pool import NullPool

from hpsearch.errors import Conflict, StorageError
from hpsearch.study.patience import Patience

Result = TypeVar("Result")

KEEPALIVE = {"tcp_keepalives_idle": 5, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 2}
"""Seconds, and how many may be missed: asked of both ends."""
ANSWER_S = 15
"""How long either end waits for bytes to be acknowledged."""
TURN_S = 300
"""How long a process may stall in its turn before the server ends its session."""
LOOK_S = 1
"""How long a lock is waited for before it is looked whether to stop."""

HELD = """
    SELECT (l.classid::bigint << 32) | l.objid::bigint, coalesce(a.application_name, '')
    FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
    WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


class TurnLost(Conflict):
    """The connection ended during a turn: others may have had theirs meanwhile."""


def key_of(*parts: str) -> int:
    """The number of a lock, 64 bits with a sign, as the server wants it."""
    digest = hashlib.sha256("\0".join(("hpsearch", *parts)).encode()).digest()
    return int.from_bytes(digest[:8], signed=True)


def connect_args(url: URL, label: str = "hpsearch") -> dict[str, object]:
    """How psycopg connects, so that neither end waits long for one that has vanished.

    Args:
        url: Where to; what it says itself is left to it.
        label: What the server calls the session, at most 63 characters.
    """
    server = {
        **KEEPALIVE,
        "tcp_user_timeout": 1000 * ANSWER_S,
        "idle_in_transaction_session_timeout": 1000 * TURN_S,
    }
    ours: dict[str, object] = {
        "application_name": label,
        "connect_timeout": ANSWER_S,
        "options": " ".join(f"-c {name}={value}" for name, value in server.items()),
        **{name.removeprefix("tcp_"): value for name, value in KEEPALIVE.items()},
        "tcp_user_timeout": 1000 * ANSWER_S,
    }
    return {name: value for name, value in ours.items() if name not in url.query}


def holders(engine: sqlalchemy.Engine, key: int) -> list[str]:
    """What those who hold a lock call themselves."""
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(HELD).all()
    return sorted({label for held, label in rows if held == key})


@contextmanager
def creating(url: URL) -> Iterator[None]:
    """Let nobody else create tables in a database meanwhile."""
    engine = sqlalchemy.create_engine(
        url, poolclass=NullPool, isolation_level="AUTOCOMMIT", connect_args=connect_args(url)
    )
    with engine.connect() as connection:
        connection.exec_driver_sql(f"SELECT pg_advisory_lock({key_of('', 'tables')})")
        yield


class Session:
    """A connection of its own, made again whenever it breaks.

    Args:
        url: Of the server, with its driver.
        label: What the server calls it.
        patience: How long to wait for a server that is away.
        keeps: Locks to hold as long as the session lasts, by key: whether to share them.

    Raises:
        Conflict: Another session holds one of them.
        StorageError: The server stayed away.
    """

    def __init__(self, url: URL, label: str, patience: Patience, keeps: Mapping[int, bool]) -> None:
        self.label, self._patience, self._keeps = label, patience, keeps
        self._engine = sqlalchemy.create_engine(
            url,
            poolclass=NullPool,
            isolation_level="AUTOCOMMIT",
            connect_args=connect_args(url, label),
        )
        self._connection: Connection | None = None
        self._mutex = threading.RLock()
        self.n_connected = 0
        """How often it connected: locks were free in between."""
        self._patience.wait_for(self._connected)

    def close(self) -> None:
        """Free all locks, now: the server notices a closed connection a moment later."""
        with self._mutex:
            if self._connection is not None:
                with suppress(sqlalchemy.exc.SQLAlchemyError):
                    self._execute("SELECT pg_advisory_unlock_all()")
            self._drop()
        self._engine.dispose()

    def held(self) -> set[int] | None:
        """The keys of all locks in this database, whoever holds them; None if it is away."""
        with self._mutex, suppress(sqlalchemy.exc.SQLAlchemyError):
            return {key for key, _label in self._query(HELD)}
        return None

    @contextmanager
    def turn(self, key: int) -> Iterator[None]:
        """Hold a lock for a while.

        Raises:
            TurnLost: It was not held to the end.
            StorageError: The server stayed away.
        """
        with self._mutex:
            while not self._patience.wait_for(lambda: self._begin(key)):
                if self._patience.stop.now:
                    raise StorageError("stopped while another launcher had its turn")
            n_connected = self.n_connected
            try:
                yield
            except BaseException:
                with suppress(sqlalchemy.exc.SQLAlchemyError):
                    self._execute("ROLLBACK")
                raise
            try:
                self._execute("COMMIT")
            except sqlalchemy.exc.SQLAlchemyError as error:
                raise TurnLost("the connection to the storage broke") from error
            if self.n_connected != n_connected:
                raise TurnLost("the connection to the storage broke")

    def _begin(self, key: int) -> bool:
        """Begin a turn, if it becomes free soon."""
        self._execute("BEGIN")
        self._execute(f"SET LOCAL lock_timeout = '{LOOK_S}s'")
        try:
            self._execute(f"SELECT pg_advisory_xact_lock({key})")
        except sqlalchemy.exc.OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != "55P03":  # lock_not_available
                raise
            self._execute("ROLLBACK")
            return False
        return True

    def _execute(self, statement: str) -> None:
        self._query(statement)

    def _query(self, statement: str) -> list[Any]:
        connection = self._connected()
        try:
            result = connection.exec_driver_sql(statement)
            return list(result.all()) if result.returns_rows else []
        except sqlalchemy.exc.SQLAlchemyError:
            if connection.invalidated or connection.closed:
                self._drop()
            raise

    def _connected(self) -> Connection:
        """The connection, with all locks that it keeps; tried once.

        Raises:
            Conflict: Another session has taken one.
            sqlalchemy.exc.SQLAlchemyError: The server is away.
        """
        with self._mutex:
            if self._connection is None:
                connection = self._engine.connect()
                try:
                    self._take_over(connection)
                except BaseException:
                    connection.close()
                    raise
                self._connection = connection
                self.n_connected += 1
            return self._connection

    def _take_over(self, connection: Connection) -> None:
        """Take the locks, from a session that broke as well, which the server may not know."""
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE application_name = %s AND pid <> pg_backend_pid() AND usename = current_user",
            (self.label,),
        )
        for key, is_shared in self._keeps.items():
            kind = "_shared" if is_shared else ""
            query = f"SELECT pg_try_advisory_lock{kind}({key})"
            if not connection.exec_driver_sql(query).scalar():
                raise Conflict("another process holds the lock")

    def _drop(self) -> None:
        if self._connection is not None:
            with suppress(sqlalchemy.exc.SQLAlchemyError):
                self._connection.invalidate()
                self._connection.close()
            self._connection = None

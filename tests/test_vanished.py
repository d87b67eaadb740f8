"""Launchers on several hosts with one PostgreSQL server: a host vanishes without a word."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.agents.hosts import Hosts, built
from tests.needed import lacks
from tests.postgres import NO_SERVER, PostgresServer, find_binaries, serving
from tests.waiting import HANG_S

pytestmark = pytest.mark.slow

LAUNCHER = """
import sys
from pathlib import Path
from tests.study.test_launchers import launcher
from tests.waiting import wait_until
role, url = sys.argv[1:]
with launcher(url) as it:
    if role == "vanishes":
        it.take()
        print("taken", flush=True)
        sys.stdin.read()
    else:
        wait_until(it.adopt)
        it.study.tell(it.take(), 0.75)
        print(it.said, it.study.trials[0].value, len(it.study.trials), flush=True)
"""


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    with built(["db", "lab1", "lab2"]) as hosts:
        yield hosts


@pytest.fixture
def server(hosts: Hosts) -> Iterator[PostgresServer]:
    if find_binaries() is None:
        lacks(NO_SERVER)
    with serving(hosts.addresses["db"], functools.partial(hosts.command, "db")) as server:
        yield server


@pytest.mark.fault("F15")
def test_the_trial_of_a_machine_that_vanished_goes_on_within_half_a_minute(hosts, server):
    """The server frees its lock, as no keepalive is answered: nothing else tells it."""
    url = server.url()
    with ExitStack() as stack:

        def start(host: str, role: str) -> subprocess.Popen[str]:
            words = hosts.command(host, sys.executable, "-c", LAUNCHER, role, url)
            process = subprocess.Popen(
                words,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=Path(__file__).parent.parent,
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            return process

        gone = start("lab1", "vanishes")
        assert gone.stdout is not None
        assert gone.stdout.readline() == "taken\n"
        hosts.unplug("lab1")
        other = start("lab2", "adopts")
        said, _ = other.communicate(timeout=HANG_S)

    assert said == "['trial 0 was interrupted: it continues'] 0.75 1\n"

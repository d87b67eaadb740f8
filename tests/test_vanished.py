"""Launchers on several hosts with one PostgreSQL server: a host vanishes without a word."""

from __future__ import annotations

import functools
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.agents.hosts import Hosts, built
from tests.needed import lacks
from tests.postgres import NO_SERVER, PostgresServer, find_binaries, serving

pytestmark = pytest.mark.slow

LAUNCHER = """
import sys
from hpsearch.study.claims import TrialTaken
from tests.study.test_launchers import launcher
from tests.waiting import wait_until
role, url = sys.argv[1:]
with launcher(url) as it:
    if role == "adopts":
        wait_until(it.adopt)
    trial = it.take()
    print(*it.said, "took", trial.number, flush=True)
    sys.stdin.readline()
    try:
        it.study.tell(trial, 0.75)
        print("told", trial.number, flush=True)
    except TrialTaken as taken:
        print(taken, flush=True)
        print("took", it.take().number, flush=True)
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
def test_the_trial_of_a_machine_that_vanished_goes_on_within_half_a_minute_and_is_told_once(
    hosts, server
):
    """The server frees its lock, as no keepalive is answered: nothing else tells it.

    When the machine is back, it finds its trial taken, and begins another.
    """
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
        assert line_of(gone) == "took 0"
        hosts.unplug("lab1")
        other = start("lab2", "adopts")
        assert line_of(other) == "trial 0 was interrupted: it continues took 0"
        hosts.plug("lab1")
        go_on(gone)
        assert re.fullmatch(r"taken over by process \d+ on \S+, as .*", line_of(gone))
        assert line_of(gone) == "took 1"
        go_on(other)
        assert line_of(other) == "told 0"


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def go_on(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()

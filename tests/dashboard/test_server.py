"""The server: on a port of this machine, until a signal ends it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import pytest

from hpsearch.dashboard.server import MAX_BODY_READING, serve
from hpsearch.errors import UsageError
from hpsearch.study.storage import Storage
from tests.dashboard.serving import Served
from tests.waiting import HANG_S


@contextmanager
def started(
    storage: Storage, *, allow_edit: bool = False
) -> Iterator[tuple[subprocess.Popen[str], Served]]:
    """A server in a process of its own, on any free port."""
    arguments = f"port=0, allow_edit={allow_edit}, announce=lambda text: print(text, flush=True)"
    url = storage.url.render_as_string()
    code = f"from hpsearch.dashboard.server import serve; serve({url!r}, {arguments})"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        try:
            address = urlsplit(process.stdout.readline().strip())
            assert address.port, process.communicate()[1]
            yield process, Served(address.port)
        finally:
            process.kill()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_it_answers_where_it_says_until_a_signal_ends_it_quietly(storage, study, number, code):
    with started(storage) as (process, served):
        assert served.ask("/api/studies").status == 200

        process.send_signal(number)
        _, errors = process.communicate(timeout=HANG_S)

    assert process.returncode == code
    assert errors == ""


@pytest.mark.parametrize(("allow_edit", "status"), [(False, 413), (True, 201)])
def test_only_a_page_that_may_edit_may_send_much(storage, study, allow_edit, status):
    with started(storage, allow_edit=allow_edit) as (_, served):
        much = {"file": "data:;base64," + "A" * MAX_BODY_READING, "filename": "much"}

        answer = served.ask(f"/api/artifacts/{study._study_id}", "POST", much)

        assert answer.status == status


def test_a_port_in_use_is_named_with_a_way_out(storage):
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"{port}.* --port 0"):
            serve(storage.url.render_as_string(), port=port, allow_edit=False, announce=print)


@pytest.mark.fault("F13")
def test_a_search_writes_on_while_the_page_is_asked_for_everything_at_once(storage, study):
    n = study._study_id
    paths = [f"/api/studies/{n}", "/api/studies", f"/csv/{n}", "/dashboard"]
    done = threading.Event()
    answers: list[int] = []

    def poll(served: Served, path: str) -> None:
        while not done.is_set():
            answers.append(served.ask(path).status)

    with started(storage) as (_, served):
        pollers = [threading.Thread(target=poll, args=(served, path)) for path in paths * 2]
        for poller in pollers:
            poller.start()
        try:
            for _ in range(20):
                trial = study.ask()
                for step in range(1, 6):
                    trial.report(0.5, step)  # raises if it cannot write for long
                study.tell(trial, 0.5)
        finally:
            done.set()
            for poller in pollers:
                poller.join()

    assert len(study.trials) == 22
    assert len(answers) > len(paths)
    assert set(answers) == {200}

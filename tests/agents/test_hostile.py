"""An agent that knows the key and says anything at all: the launcher drops it, and goes on."""

from __future__ import annotations

import contextlib
import socket
import string
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hpsearch.agents.link import Link
from hpsearch.agents.messages import Beat, Begun, Ended, Hello, Piece, Ready, Said, Unfit
from hpsearch.agents.nodes import Nodes
from hpsearch.codec import encode
from hpsearch.messages import Job
from hpsearch.study.record import versions
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import read_study_file
from tests.processes.test_trainer import PARAMS
from tests.toy import write_toy

NUMBERS = st.just(0) | st.integers(0, 4) | st.integers()  # 0 is the attempt that there is
TEXTS = st.text(string.printable, max_size=20)
MESSAGES = st.one_of(
    st.builds(Ready, number=NUMBERS, fingerprint=st.just("right") | TEXTS, token=TEXTS),
    st.builds(Unfit, reason=TEXTS),
    st.builds(
        Piece,
        attempt=NUMBERS,
        name=st.sampled_from(["curve.json", "epoch-00001.npz", "model.keras"]) | TEXTS,
        is_last=st.booleans(),
    ),
    st.builds(Begun, attempt=NUMBERS),
    st.builds(Said, attempt=NUMBERS),
    st.builds(Ended, attempt=NUMBERS, exit_code=st.none() | NUMBERS, printed=TEXTS),
    st.builds(Beat, memory=st.dictionaries(TEXTS, NUMBERS, max_size=2)),
)
FRAMES = st.tuples(MESSAGES, st.binary(max_size=50)) | st.binary(max_size=50)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> tuple[Nodes, str, Job]:
    folder = tmp_path_factory.mktemp("hostile")
    study_file = read_study_file(str(write_toy(folder)))
    data = prepare_data(study_file, None)
    nodes = Nodes("waiting", lambda text: None)
    nodes.serve(study_file, data, folder / "curves", lambda text: None)
    job = Job(
        study_file=study_file.text,
        study_file_name=study_file.filename,
        params=PARAMS,
        seed=0,
        data=str(data.folder),
        curve=str(folder / "curves" / ("0" * 32)),
    )
    return nodes, data.fingerprint, job


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(frames=st.lists(FRAMES, max_size=12))
def test_nothing_that_an_agent_says_harms_the_launcher(served, frames):
    nodes, fingerprint, job = served
    process = nodes.start(job)
    ours, theirs = socket.socketpair()
    link = Link(theirs)
    link.send(Hello(agent="a", node="lab7\x1b[2J", slots=2, versions=versions()))
    with contextlib.suppress(OSError):
        for frame in [(Ready(number=1, fingerprint="right"), b""), *frames]:
            if isinstance(frame, bytes):
                link.connection.send_bytes(frame)
                continue
            message, body = frame
            if getattr(message, "attempt", None) == 0:
                message = replace(message, attempt=process.number)
            if isinstance(message, Ready) and message.fingerprint == "right":
                message = replace(message, fingerprint=fingerprint)
            link.connection.send_bytes(encode(message).encode() + b"\n" + body)
    theirs_said = link.connection
    link.close()

    nodes.welcome(Link(ours))

    process.end()
    theirs_said.close()
    assert nodes.n_slots == 0
    assert nodes.offers() == {}
    folder = nodes.work().assignment.curves
    assert not list(Path(folder).glob("*/*.tmp-*"))

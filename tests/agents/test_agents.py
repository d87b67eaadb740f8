"""Trials on agents: as at home, wherever their curve begins and whatever fails."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from hpsearch.agents.agent import Agent
from hpsearch.agents.join import Join
from hpsearch.agents.link import Link
from hpsearch.agents.messages import Assignment, Beat, Hello, Piece, Ready, Refused
from hpsearch.agents.pieces import Incoming
from hpsearch.errors import Conflict, DataError
from hpsearch.messages import Verdict
from hpsearch.processes.runner import LocalRunner
from hpsearch.processes.slots import side_by_side
from hpsearch.processes.stop import Stop, StopRequest
from hpsearch.processes.supervisor import How, Limits
from hpsearch.study.record import versions
from tests.agents.conftest import Cluster
from tests.processes.test_trainer import PARAMS, Listener
from tests.toy import write_toy
from tests.waiting import is_alive, wait_until


@pytest.mark.parametrize("may_share", [True, False], ids=["shared", "travels"])
def test_a_curve_is_trained_on_a_node_and_comes_home(cluster, tmp_path, may_share):
    trainer = cluster.trainer(write_toy(tmp_path))
    cluster.agent("lab7", may_share=may_share)
    listener = Listener()

    taken = trainer.take(PARAMS, 0, listener, name="it")

    assert taken.ending.how is How.FINISHED
    assert listener.told == [(1, False), (2, False), (3, False)]
    assert taken.nodes == ["lab7"]
    assert sorted(path.name for path in taken.curve.folder.glob("e*")) == [
        "epoch-00002.npz",
        "epoch-00003.npz",
    ]
    assert [logs["val_score"] for logs in taken.curve.logs] == pytest.approx([0.48, 0.49, 0.5])


def test_a_curve_goes_on_elsewhere_bit_for_bit(cluster, tmp_path):
    toy = write_toy(tmp_path)
    trainer = cluster.trainer(toy)
    cluster.agent("lab7")
    whole = trainer.take(PARAMS, 1, Listener(), name="whole")
    trainer.store.folder = tmp_path / "other"

    trainer.take({**PARAMS, "epochs": 2}, 1, Listener(), name="begun")
    listener = Listener()
    taken = trainer.take(PARAMS, 1, listener, name="continued")

    assert listener.told == [(1, True), (2, True), (3, False)]
    ours, theirs = taken.curve.state(3), whole.curve.state(3)
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_the_launcher_decides_after_each_epoch(cluster, tmp_path):
    trainer = cluster.trainer(write_toy(tmp_path))
    cluster.agent("lab7")

    taken = trainer.take(PARAMS, 2, Listener(stop_at=1), name="it")

    assert taken.ending.how is How.STOPPED
    assert len(taken.logs) == 1


def test_what_a_trial_says_when_it_fails_comes_home(cluster, tmp_path):
    trainer = cluster.trainer(write_toy(tmp_path, in_build="raise ValueError('no such layer')"))
    cluster.agent("lab7")

    ending = trainer.take(PARAMS, 0, Listener(), name="it").ending

    assert (ending.how, ending.reason) == (How.FAILED, "ValueError: no such layer")
    assert "toy.py" in ending.output


def test_a_trial_that_dies_there_is_told_with_what_it_printed(cluster, tmp_path):
    in_build = "print('out of ideas', flush=True); os._exit(3)"
    trainer = cluster.trainer(write_toy(tmp_path, in_build=in_build), retries=0)
    cluster.agent("lab7")

    ending = trainer.take(PARAMS, 0, Listener(), name="it").ending

    assert (ending.how, ending.reason) == (How.CRASHED, "the process ended with exit code 3")
    assert ending.output == "out of ideas\n"


def test_limits_hold_there_too(cluster, tmp_path):
    each_epoch = "if epochs_done == 1: time.sleep(1000)"
    trainer = cluster.trainer(write_toy(tmp_path, each_epoch=each_epoch), limits=Limits(epoch_s=1))
    cluster.agent("lab7")
    wait_until(lambda: cluster.nodes.n_slots)

    assert trainer.take(PARAMS, 0, Listener(), name="it").ending.how is How.TIMED_OUT

    tight = cluster.trainer(write_toy(tmp_path, each_epoch=each_epoch), limits=Limits(memory=1))
    assert tight.take(PARAMS, 3, Listener(), name="it").ending.how is How.OUT_OF_MEMORY


def test_a_model_that_is_measured_on_test_comes_home(cluster, tmp_path):
    trainer = cluster.trainer(write_toy(tmp_path))
    cluster.agent("lab7")

    taken = trainer.take(PARAMS, 0, Listener(), name="it", export=tmp_path / "model")

    assert taken.ending.how is How.FINISHED
    assert "score" in taken.test
    assert (tmp_path / "model" / "model.keras").stat().st_size > 1000


def test_trials_wait_for_a_node_and_may_give_up_waiting(cluster, tmp_path):
    stop = StopRequest()
    trainer = cluster.trainer(write_toy(tmp_path), stop=stop)
    told = threading.Thread(
        target=lambda: (cluster.wait_for("waiting for agents"), stop.after_epochs(Stop.INTERRUPTED))
    )
    told.start()

    taken = trainer.take(PARAMS, 0, Listener(), name="it")

    assert taken.ending.how is How.INTERRUPTED
    assert cluster.said.count("waiting for agents") == 1


def test_slots_of_all_nodes_are_used(cluster, tmp_path):
    trainer = cluster.trainer(write_toy(tmp_path))
    cluster.agent("lab7", 2)
    cluster.agent("lab8", 1)
    wait_until(lambda: cluster.nodes.n_slots == 3)
    together = threading.Barrier(3)

    class Together(Listener):
        def epoch_done(self, epoch, logs, *, is_stored) -> Verdict:
            together.wait()
            return super().epoch_done(epoch, logs, is_stored=is_stored)

    def take(seed: int) -> list[str]:
        return trainer.take(PARAMS, seed, Together(), name=f"trial {seed}").nodes

    nodes = side_by_side(lambda: cluster.nodes.n_slots, take, range(3))

    assert sorted(sum(nodes, [])) == ["lab7", "lab7", "lab8"]


def test_a_node_that_dies_costs_the_epoch_in_flight(cluster, tmp_path):
    """The trial goes on elsewhere, from its last epoch, and that is no fault of its own."""
    trainer = cluster.trainer(write_toy(tmp_path), retries=0)
    cluster.agent("lab7")
    wait_until(lambda: cluster.nodes.n_slots == 1)

    class Killer(Listener):
        def epoch_done(self, epoch, logs, *, is_stored) -> Verdict:
            if epoch == 2:
                (node,) = cluster.nodes._nodes
                node.link.close()
                cluster.agent("lab8")
            return super().epoch_done(epoch, logs, is_stored=is_stored)

    listener = Killer()
    taken = trainer.take(PARAMS, 4, listener, name="trial 4")

    assert taken.ending.how is How.FINISHED
    assert [epoch for epoch, _ in listener.told] == [1, 2, 3]
    assert taken.curve.starts == [[0, 0], [2, 2]]
    gone = cluster.wait_for("lab7 is gone")
    assert "its trial goes on elsewhere from its last epoch" in gone
    assert any(line.startswith("trial 4: node lab7 is gone") for line in cluster.said)


def test_an_agent_that_lost_its_launcher_ends_its_trials_and_dials_again(cluster, tmp_path):
    pid = tmp_path / "pid"
    each_epoch = f"""
        if epochs_done == 1 and not os.path.exists({str(pid)!r}):
            open({str(pid)!r}, "w").write(str(os.getpid()))
            time.sleep(1000)
        """
    trainer = cluster.trainer(write_toy(tmp_path, each_epoch=each_epoch))
    cluster.agent("lab7")

    def cut() -> None:
        wait_until(lambda: pid.exists() and pid.read_text())
        (node,) = cluster.nodes._nodes
        node.link.close()

    threading.Thread(target=cut).start()
    taken = trainer.take(PARAMS, 5, Listener(), name="it")

    assert taken.ending.how is How.FINISHED
    assert taken.nodes == ["lab7"]
    wait_until(lambda: not is_alive(int(pid.read_text())))
    assert any("dialing again" in line for line in cluster.agents_said)


def test_who_does_not_know_the_key_is_refused_and_named(cluster):
    wrong = Join(host=cluster.join.host, port=cluster.join.port, key="00" * 32)
    agent = Agent(1, LocalRunner(), None, print)

    with pytest.raises(Conflict, match="has another key"):
        agent.dial(lambda: wrong, 1)

    cluster.wait_for("refused 127.0.0.1: whoever dials from there does not know the key")


def test_who_says_nothing_keeps_nobody_out(cluster, tmp_path):
    address = (cluster.join.host, cluster.join.port)
    silent = [socket.create_connection(address) for _ in range(100)]
    cluster.trainer(write_toy(tmp_path))

    cluster.agent("lab7")

    cluster.wait_for("node lab7 joins with 1 slot")
    for one in silent:
        one.close()


def test_bytes_that_are_none_of_the_protocol_hurt_nobody(cluster, tmp_path):
    """Before the key is proved, and after it."""
    with socket.create_connection((cluster.join.host, cluster.join.port)) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
    link = dialed(cluster)
    link.connection.send_bytes(b"\x80\x04pickle")
    cluster.trainer(write_toy(tmp_path))

    cluster.agent("lab7")

    cluster.wait_for("node lab7 joins with 1 slot")
    link.close()


def test_a_node_with_other_versions_is_refused_by_name(cluster):
    link = dialed(cluster)
    link.send(hello(versions={**versions(), "numpy": "1.0", "python": "3.99"}))

    refused, _ = link.receive((Refused,))

    assert refused.reason.startswith("numpy 1.0 there, ")
    assert "python" not in refused.reason  # which has no part in training
    cluster.wait_for("node lab7 is refused: numpy 1.0 there, ")
    assert cluster.nodes.n_slots == 0
    link.close()


def test_a_node_with_other_data_is_refused_by_name(cluster, tmp_path):
    cluster.trainer(write_toy(tmp_path))
    link = dialed(cluster)
    link.send(hello())
    assignment, _ = link.receive((Assignment,))

    link.send(Ready(number=assignment.number, fingerprint="0" * 64))

    refused, _ = link.receive((Refused, Beat))
    assert "its data differ from the launcher's (000000000000 there" in refused.reason
    cluster.wait_for("node lab7 is refused: its data differ")
    link.close()


def test_a_node_that_finds_no_data_says_so_and_leaves(cluster, tmp_path, cwd):
    toy = write_toy(tmp_path)
    text = toy.read_text().replace(
        "def load(folder):\n", "def load(folder):\n    open('points.csv').close()\n"
    )
    toy.write_text(text.replace('source=Source("toy"),', ""))
    points = Path("points.csv")
    points.touch()
    cluster.trainer(toy)
    points.unlink()

    cluster.agent("lab7").join()

    assert isinstance(cluster.errors["lab7"], DataError)
    cluster.wait_for("node lab7 cannot join (")
    assert "points.csv" in cluster.said[-1]


@pytest.mark.parametrize(
    "name", ["../curve.json", "epoch-1.npz", "epoch-00001.npz/x", "model.keras", ".lock", ""]
)
def test_files_that_nobody_asked_for_are_refused(tmp_path, name):
    incoming = Incoming(tmp_path / "curve", None)

    with pytest.raises(ValueError, match="nobody asked for"):
        incoming.take(Piece(attempt=1, name=name, is_last=True), b"x")

    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_not_whole_never_gets_its_name(tmp_path):
    incoming = Incoming(tmp_path, None)

    incoming.take(Piece(attempt=1, name="epoch-00001.npz", is_last=False), b"half")
    incoming.close()

    assert list(tmp_path.iterdir()) == []


def test_a_curve_never_becomes_shorter(tmp_path):
    (tmp_path / "curve.json").write_text('{"starts": [], "logs": [{"loss": 1}, {"loss": 0.5}]}')
    incoming = Incoming(tmp_path, None)

    piece = Piece(attempt=1, name="curve.json", is_last=True)
    with pytest.raises(ValueError, match="shorter"):
        incoming.take(piece, b'{"starts": [], "logs": [{"loss": 1}]}')

    incoming.close()
    assert [path.name for path in tmp_path.iterdir()] == ["curve.json"]


def test_a_curve_that_is_nested_too_deep_is_none(tmp_path):
    incoming = Incoming(tmp_path, None)
    piece = Piece(attempt=1, name="curve.json", is_last=True)

    with pytest.raises(ValueError, match="nested too deep"):
        incoming.take(piece, b"[" * 60_000)

    incoming.close()
    assert list(tmp_path.iterdir()) == []


def dialed(cluster: Cluster) -> Link:
    """A link that knows the key, for a test to speak over."""
    link = Link(socket.create_connection((cluster.join.host, cluster.join.port)))
    link.authenticate(bytes.fromhex(cluster.join.key), dialed=True)
    return link


def hello(**fields) -> Hello:
    fields = {"agent": "a", "node": "lab7", "slots": 1, "versions": versions(), **fields}
    return Hello(**fields)

"""`--on ray`: an agent on each node of a real Ray cluster, one of which is killed."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

ray = pytest.importorskip("ray", reason="the extra ray is not installed")

from hpsearch.agents.engines.ray import Ray  # noqa: E402
from hpsearch.errors import UsageError  # noqa: E402
from tests.agents.engines import on  # noqa: E402
from tests.waiting import is_alive, wait_until  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("ray"),
    pytest.mark.filterwarnings("ignore"),  # Ray's own, of sockets and files left open
]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster of one node, its head, which has one CPU."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        cluster = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False}
        )
        yield cluster
        cluster.shutdown()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_where_there_is_no_cluster_one_line_says_so(monkeypatch):
    """Before any test starts one, which Ray would find."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    with (
        pytest.raises(UsageError, match="no Ray cluster answers at auto"),
        Ray("auto").opened(print),
    ):
        pass


def test_a_node_that_is_killed_costs_an_epoch_and_its_trial_goes_on(cluster, tmp_path):
    killed: list[int] = []

    with on(Ray(cluster.address), tmp_path) as launcher:
        wait_until(lambda: launcher.nodes.n_slots == 1)
        other = cluster.add_node(num_cpus=2)
        wait_until(lambda: launcher.nodes.n_slots == 3)

        def kill(pid: int) -> None:
            killed.append(pid)
            cluster.remove_node(other, allow_graceful=False)
            wait_until(lambda: not is_alive(pid))

        taken = launcher.take_while(kill)

    assert taken.curve.starts == [[0, 0], [1, 1]]  # in its second epoch
    assert len(taken.nodes) == 2
    assert any("its trial goes on elsewhere" in line for line in launcher.said)


def test_a_client_gets_agents_too_and_is_told_when_the_cluster_answers_no_more(
    cluster, tmp_path, monkeypatch
):
    """`ray://`, as from a machine that is no node of the cluster."""
    monkeypatch.setenv("RAY_CLIENT_RECONNECT_GRACE_PERIOD", "1")
    port = free_port()
    command = [sys.executable, "-m", "ray.util.client.server", "--mode", "legacy"]
    command += ["--address", cluster.address, "--host", "127.0.0.1", "--port", str(port)]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)

    try:
        with on(Ray(f"ray://127.0.0.1:{port}"), tmp_path) as launcher:
            wait_until(lambda: launcher.nodes.n_slots == 1)
            server.kill()
            wait_until(lambda: any("answers no more" in line for line in launcher.said))
    finally:
        server.kill()
        server.wait()

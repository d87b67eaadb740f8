"""`--on ssh://`: agents started by ssh on a real server, and started again."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hpsearch.agents.engines.ssh import COMMAND, Ssh
from tests.agents.engines import on
from tests.needed import lacks
from tests.waiting import is_alive, wait_until

pytestmark = pytest.mark.slow

SSHD = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin")


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[list[str]]:
    """How to run a command on this machine through a server of the test's own."""
    if SSHD is None:
        lacks("there is no sshd here: scripts/setup-servers installs one")
    for name in ("host", "user"):
        key = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name)]
        subprocess.run(key, check=True)
    shutil.copy(tmp_path / "user.pub", tmp_path / "authorized_keys")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = {
        "AuthorizedKeysFile": tmp_path / "authorized_keys",
        "HostKey": tmp_path / "host",
        "ListenAddress": f"127.0.0.1:{port}",
        "PasswordAuthentication": "no",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "SetEnv": f'"HPSEARCH_CACHE={os.environ["HPSEARCH_CACHE"]}"',
    }
    lines = [f"{name} {value}" for name, value in settings.items()]
    (tmp_path / "sshd_config").write_text("\n".join(lines) + "\n")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    with (tmp_path / "sshd.log").open("w") as log:
        server = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(tmp_path / "sshd_config")], stderr=log
        )

    def answers() -> bool:
        assert server.poll() is None, (tmp_path / "sshd.log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_until(answers)
    host = (tmp_path / "host.pub").read_text().split()[:2]
    (tmp_path / "known").write_text(f"[127.0.0.1]:{port} {' '.join(host)}\n")
    options = [f"UserKnownHostsFile={tmp_path}/known", "IdentitiesOnly=yes", f"Port={port}"]
    command = [*COMMAND, "-F", "none", "-i", str(tmp_path / "user")]
    for option in options:
        command += ["-o", option]
    yield command
    server.terminate()
    server.wait()


def test_an_agent_that_is_killed_is_started_again_and_the_trial_goes_on(ssh, tmp_path):
    killed: list[int] = []

    def kill(pid: int) -> None:
        parents = psutil.Process(pid).parents()
        agent = next(one for one in parents if "agent" in one.cmdline())
        killed.extend([pid, agent.pid])
        agent.send_signal(signal.SIGKILL)
        wait_until(lambda: not any(map(is_alive, killed)))

    host = f"{getpass.getuser()}@127.0.0.1"
    engine = Ssh([host], python=sys.executable, slots=1, command=ssh, again_s=0.1)
    with on(engine, tmp_path) as launcher:
        taken = launcher.take_while(kill)

    assert taken.curve.starts == [[0, 0], [1, 1]]  # in its second epoch
    assert taken.nodes == [socket.gethostname()]
    assert any(line.startswith(f"ssh {host} has ended") for line in launcher.said)


def test_a_host_that_lets_nobody_in_is_named_with_what_ssh_says(ssh, tmp_path):
    (tmp_path / "authorized_keys").write_text("")

    with on(Ssh(["127.0.0.1"], command=ssh), tmp_path) as launcher:
        wait_until(lambda: any("Permission denied" in line for line in launcher.said))

    assert launcher.said[0].startswith("ssh 127.0.0.1 has ended: ")

"""`--on ssh://HOST,HOST`: an agent on each host, started by ssh.

The link is ssh's own standard input and output: it is encrypted, ssh proves both sides to
each other, and no port opens anywhere.
"""

from __future__ import annotations

import shlex
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from hpsearch.agents.join import Join
from hpsearch.agents.link import BEAT_S, Link
from hpsearch.agents.nodes import Nodes
from hpsearch.agents.stream import skip_greeting
from hpsearch.errors import UsageError
from hpsearch.processes.runner import tail
from hpsearch.processes.signals import cause_of_death

COMMAND = ("ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=15", "-T")
AGAIN_S = 10.0
MAX_AGAIN_S = 300.0
ENDING_S = 5.0
REFUSED = {2, 5, 6}
"""Exit codes of an agent that will not do better next time."""


class Ssh:
    """Starts an agent on each host.

    Args:
        hosts: As ssh takes them: a host, `user@host`, or a name in its configuration.
        python: Python there, where hpsearch is installed; `hpsearch` must be on the path of
            whoever logs in if it is empty.
        slots: Of each host; None for its cores.
        command: How to run a command there; the host and the command follow.
        beat_s: Seconds between two beats.
        again_s: Until a host is tried again; twice as long each time that it is not reached.
    """

    def __init__(
        self,
        hosts: Sequence[str],
        *,
        python: str = "",
        slots: int | None = None,
        command: Sequence[str] = COMMAND,
        beat_s: float = BEAT_S,
        again_s: float = AGAIN_S,
    ) -> None:
        self.hosts, self._command, self._beat_s = list(hosts), list(command), beat_s
        self._again_s = again_s
        agent = [python, "-m", "hpsearch"] if python else ["hpsearch"]
        agent += ["agent", "-"]
        agent += [] if slots is None else ["--slots", str(slots)]
        self.agent = shlex.join(agent)

    @contextmanager
    def opened(self, say: Callable[[str], object]) -> Iterator[Nodes]:
        """Start agents, and start them again where they are lost.

        Raises:
            UsageError: There is no ssh here.
        """
        if shutil.which(self._command[0]) is None:
            raise UsageError(
                f"--on ssh://... needs {self._command[0]}, which is not installed: "
                "apt-get install openssh-client"
            )
        nodes = Nodes(f"waiting for agents on {', '.join(self.hosts)}", say)
        is_over = threading.Event()
        threads = [
            threading.Thread(target=self._keep, args=(host, nodes, is_over), daemon=True)
            for host in self.hosts
        ]
        for thread in threads:
            thread.start()
        try:
            yield nodes
        finally:
            is_over.set()
            nodes.close()
            for thread in threads:
                thread.join(ENDING_S)

    def _keep(self, host: str, nodes: Nodes, is_over: threading.Event) -> None:
        again_s = self._again_s
        while not is_over.is_set():
            code, printed, was_met = self._run(host, nodes)
            if is_over.is_set():
                return
            nodes.say(f"ssh {host} has ended: {cause_of_death(code, printed)}")
            if code in REFUSED:
                return
            again_s = self._again_s if was_met else min(2 * again_s, MAX_AGAIN_S)
            is_over.wait(again_s)

    def _run(self, host: str, nodes: Nodes) -> tuple[int, str, bool]:
        """Run an agent to its end.

        Returns:
            The exit code of ssh, what it printed, and whether the agent was met.
        """
        ours, theirs = socket.socketpair()
        was_met = False
        with tempfile.TemporaryFile() as printed:
            with theirs:
                process = subprocess.Popen(
                    [*self._command, host, self.agent],
                    stdin=theirs.fileno(),
                    stdout=theirs.fileno(),
                    stderr=printed,
                    start_new_session=True,  # Ctrl-C in the terminal is for the launcher
                )
            try:
                with suppress(EOFError, OSError):
                    ours.sendall(f"{Join(beat_s=self._beat_s).as_json()}\n".encode())
                    skip_greeting(ours)
                    was_met = True
                    nodes.welcome(Link(ours, self._beat_s))
            finally:
                ours.close()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(ENDING_S)
                process.kill()
                process.wait()
            return process.returncode, tail(printed), was_met

"""An agent in a process of its own, started by a worker of Dask or Ray on its node.

Their workers are daemonic, which may not start processes by `multiprocessing`; and what runs
inside them would go down with their own threads. The agent reads how to join from its
standard input, and ends when that does: with the worker, however that ended.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile

from hpsearch.agents.join import Join
from hpsearch.processes.runner import tail

WAIT_S = 20.0  # the engine starts another agent, if the worker lives


def run_agent(join: Join, slots: int) -> tuple[int, str]:
    """Run an agent to its end.

    Args:
        join: Reaches the agent by its standard input, where nobody else sees the key.
        slots: How many trials at a time.

    Returns:
        Its exit code, and the end of what it printed.
    """
    command = [sys.executable, "-P", "-m", "hpsearch", "agent", "-"]
    command += ["--slots", str(slots), "--wait", f"{WAIT_S:g}s"]
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=printed, stderr=printed, start_new_session=True
        )
        assert process.stdin is not None
        try:
            process.stdin.write(f"{join.as_json()}\n".encode())
            process.stdin.flush()
            code = process.wait()
        finally:
            process.stdin.close()
            process.terminate()
            process.wait()
        return code, tail(printed)

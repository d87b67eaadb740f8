"""`hpsearch agent`: run trials on this machine for a launcher elsewhere."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

from joblib import cpu_count

from hpsearch.agents.agent import Agent
from hpsearch.agents.join import Join, read_join
from hpsearch.agents.link import Gone, Link
from hpsearch.agents.stream import read_line, standard_streams
from hpsearch.errors import LauncherNotFound, UsageError
from hpsearch.processes.runner import LocalRunner
from hpsearch.terminal.printing import say

ENDING_S = 10.0  # to end trial processes in


def agent(
    join: str, *, slots: int | None, data: Path | None, wait_s: float, may_share: bool
) -> None:
    """Run trials until the launcher ends.

    Args:
        join: A file that says how to join; `-` for a line of standard input, which whoever
            started this process then holds open as long as it is to run.
        slots: How many trials at a time; None for one per core.
        data: The user's data folder.
        wait_s: How long to try to reach the launcher.
        may_share: Whether to use the launcher's folders where they can be seen here.

    Raises:
        LauncherNotFound: No launcher answers, or it is lost for good.
        Conflict: The launcher refused this machine, or the key.
        DataError: The data are not here, or the disk is full.
    """
    known = read_join(read_line(), "standard input") if join == "-" else None
    streams = standard_streams() if known is not None and not known.host else None
    ours = Agent(slots or cpu_count(), LocalRunner(say), data, say, may_share=may_share)
    if known is None:
        ours.dial(lambda: _read(Path(join)), wait_s)
    elif streams is None:
        threading.Thread(target=_end_with_standard_input, daemon=True).start()
        ours.dial(lambda: known, wait_s)
    else:
        try:
            ours.work(Link(streams, known.beat_s))
        except Gone as gone:
            raise LauncherNotFound(f"lost the launcher ({gone})") from gone


def _read(path: Path) -> Join | None:
    try:
        return read_join(path.read_bytes(), str(path))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error


def _end_with_standard_input() -> None:
    """Whoever started this process holds its standard input open."""
    while os.read(0, 2**16):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    timer = threading.Timer(ENDING_S, os._exit, (1,))
    timer.daemon = True
    timer.start()

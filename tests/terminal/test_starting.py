"""A slow start is noted at a terminal, and the note leaves no trace."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

from hpsearch.terminal.starting import ERASE_LINE, NOTE
from tests.toy import write_toy


def test_a_slow_start_is_noted_until_there_is_something_to_say(cwd: Path):
    """The study file takes as long to load as the note takes to appear."""
    toy = write_toy(cwd)
    wait = 'import os\nwhile not os.path.exists("noted"):\n    pass\n'
    toy.write_text(toy.read_text().replace("import os\n", wait, 1))
    ours, terminal = pty.openpty()

    with subprocess.Popen(
        [sys.executable, "-m", "hpsearch", "check", "toy.py"], stdout=terminal, stderr=terminal
    ) as process:
        os.close(terminal)
        assert os.read(ours, 4096).decode() == NOTE
        Path("noted").touch()
        told = os.read(ours, 4096).decode()

    assert told.startswith(ERASE_LINE)
    assert process.returncode == 0

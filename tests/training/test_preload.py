"""The fork server's imports: silent, and no more than imports."""

from __future__ import annotations

import subprocess
import sys


def test_it_is_silent_and_leaves_the_error_stream_as_it_was():
    code = (
        "import os, sys, hpsearch.training.preload\n"
        "assert 'keras' in sys.modules\n"
        "os.write(2, b'after')\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )

    assert done.stderr == "after"

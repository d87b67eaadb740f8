"""The command line inside the test's process, whose fork server has Keras loaded already."""

from __future__ import annotations

import gc
import io
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from hpsearch.processes import ask
from tests import warm

ASKING = {"predict", "generate", "plot", "report", "export", "doctor", "gradients", "lab"}
"""Verbs that may ask a network."""


def exit_code_of(*args: str, **env: str) -> int:
    """Run `hpsearch` with these arguments, and these variables in its environment."""
    from hpsearch.cli import _run

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["hpsearch", *args])
        if args and args[0] in ASKING:
            patch.setattr(ask, "COMMAND", warm.command())
        for name, value in env.items():
            patch.setenv(name, value)
        try:
            return _run()
        except SystemExit as end:
            return int(end.code or 0)
        finally:
            gc.enable()  # verbs that only read turn it off


def run_in(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """Run `hpsearch` in a folder."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with chdir(folder), redirect_stdout(stdout), redirect_stderr(stderr):
        code = exit_code_of(*args)
    return subprocess.CompletedProcess(args, code, stdout.getvalue(), stderr.getvalue())

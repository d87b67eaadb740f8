"""A trained network from outside: asked in a process of its own, answers as they come."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Generator, Iterator
from typing import Any

from hpsearch.codec import decode, encode
from hpsearch.errors import StudyFileError
from hpsearch.processes.backend import inherited, keras_backend
from hpsearch.processes.signals import cause_of_death
from hpsearch.questions import Answer, Ended, Question

# -P: a keras.py in the current folder is not Keras
COMMAND = [sys.executable, "-P", "-m", "hpsearch.training"]


def ask(question: Question, *, backend: str | None = None) -> Generator[Any, None, None]:
    """Ask a network; the process ends with the iterator, also if that ends early.

    Args:
        question: The question.
        backend: Of Keras, where only one of them can answer.

    Raises:
        StudyFileError: The model cannot be loaded, or does not take what it is given.
        UsageError: Keras's backend is not installed.
    """
    variables = {
        "TF_CPP_MIN_LOG_LEVEL": "2",
        **inherited(),
        "KERAS_BACKEND": backend or keras_backend(),
    }
    with (
        tempfile.TemporaryFile() as printed,
        tempfile.TemporaryDirectory(prefix="hpsearch-") as scratch,
    ):
        process = subprocess.Popen(
            COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=printed,
            env={**variables, "TMPDIR": scratch},  # TensorFlow leaves files there
            encoding="utf-8",
        )
        try:
            yield from _answers(process, question)
            return
        except (EOFError, BrokenPipeError, ValueError):  # in the middle of a line
            process.wait()
            printed.seek(0)
            last_words = printed.read().decode(errors="replace")
        finally:
            process.kill()
            process.wait()
    cause = cause_of_death(process.returncode, last_words)
    raise StudyFileError(f"the process of the network died: {cause}")


def _answers(process: subprocess.Popen[str], question: Question) -> Iterator[Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    with process.stdin, process.stdout:
        process.stdin.write(encode(question))
        process.stdin.close()
        for text in process.stdout:
            match decode(text, Answer, Ended):
                case Answer(content=content):
                    yield content
                case Ended(error=""):
                    return
                case Ended(error=error):
                    raise StudyFileError(f"the network cannot be used: {error}")
    raise EOFError

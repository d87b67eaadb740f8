"""A small study that was searched and evaluated, made once and copied by the tests."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.inside import run_in
from tests.waiting import HANG_S

TEXT = '''"""Clouds: tell three clouds of points apart."""

from pathlib import Path

import numpy as np

from hpsearch import Budget, Dataset, Published, Split, Task
from hpsearch.data import Encoded, Source

N_CLASSES = 3
SEED = 0.25  # a name that the exported script has its own use for
CRASH = Path("crash")  # where a test wants the network to fail


def load(folder):
    rng = np.random.default_rng(0)
    y = np.arange(400) % N_CLASSES
    x = (rng.normal(size=(400, 2)) + y[:, None]).astype("float32")
    points = Split(x, y)
    return Dataset(points[:200], points[200:300], points[300:])


def space(trial):
    trial.suggest_int("epochs", 1, 3)
    trial.suggest_int("units", 4, 8)


def build(params):
    import keras

    if CRASH.exists():
        raise RuntimeError("no such luck")
    model = keras.Sequential([
        keras.Input((2,)),
        keras.layers.Dense(params["units"], "relu"),
        keras.layers.Dropout(SEED),
        keras.layers.Dense(N_CLASSES, "softmax"),
    ])
    adam = keras.optimizers.Adam(0.05)
    model.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def encode(content, vocabulary):
    return Encoded(np.array(content.decode().split(), dtype="float32"))


TASK = Task(
    load=load,
    space=space,
    build=build,
    source=Source("clouds"),
    baseline=dict(epochs=1, batch_size=16, units=4),
    budget=Budget(n_trials=3),
    published=Published(test_accuracy=0.5, source="a coin", trained_on="train"),
    classes=["left", "middle", "right"],
    encode=encode,
)
'''


@dataclass(frozen=True)
class Evaluated:
    """What was done: a search, an evaluation that was interrupted, and it again."""

    folder: Path
    interrupted: subprocess.CompletedProcess[str]
    finished: subprocess.CompletedProcess[str]


def hpsearch(*args: str) -> list[str]:
    return [sys.executable, "-m", "hpsearch", *args]


@cache
def evaluated_study() -> Evaluated:
    """The study `clouds` in `runs/` of a folder; copy it, do not change it."""
    folder = Path(tempfile.mkdtemp(prefix="hpsearch-evaluated-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / "clouds.py").write_text(TEXT)
    search = run_in(folder, "run", "clouds.py", "--seed", "7", "--pruner", "none")
    assert search.returncode == 0, search.stderr
    shutil.copytree(folder / "runs", folder / "searched")
    command = ("evaluate", "clouds", "--top", "1", "--seeds", "2")
    interrupted = _interrupt(hpsearch(*command, "--slots", "1"), folder)
    return Evaluated(folder, interrupted, run_in(folder, *command))


def copy_study(folder: Path, *, stage: str = "runs") -> None:
    """Copy the study into a folder: as evaluated (`runs`), or as `searched` only."""
    shutil.copytree(evaluated_study().folder / stage, folder / "runs")


def _interrupt(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Ctrl-C after the first network was trained."""
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    seen = ""
    for line in process.stderr:
        seen += line
        if line.startswith("trained"):
            os.kill(process.pid, signal.SIGINT)
            break
    stdout, stderr = process.communicate(timeout=HANG_S)
    return subprocess.CompletedProcess(command, process.returncode, stdout, seen + stderr)

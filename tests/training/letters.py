"""A toy language: the next of five letters, for networks that read and write."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hpsearch.curves.curve import State
from hpsearch.goal import Logs
from hpsearch.study_file import StudyFile, run_study_file
from hpsearch.training.fit import build, fit, get_state, set_state

TEXT = '''"""Letters: which one comes next."""

import math

import numpy as np

from hpsearch import Budget, Dataset, Split, Task
from hpsearch.data import Source
from hpsearch.task import Writing

LETTERS = "abcde"
WINDOW = 6


def load(folder):
    rng = np.random.default_rng(0)
    # mostly in turn, now and then any
    text = np.where(rng.random(140) < 0.8, np.arange(140) % 5, rng.integers(5, size=140))
    windows = np.lib.stride_tricks.sliding_window_view(text, WINDOW + 1).astype("uint8")
    examples = Split(windows[:, :-1].copy(), windows[:, -1].copy())
    return Dataset(examples[:90], examples[90:110], examples[110:], vocabulary=tuple(LETTERS))


def space(trial):
    trial.suggest_int("epochs", 1, 4)
    trial.suggest_int("units", 2, 8)


def build(params):
    import keras

    model = keras.Sequential([
        keras.Input((WINDOW,), dtype="uint8"),
        keras.layers.Embedding(5, 4),
        keras.layers.{cell}(params["units"], dropout=0.2, recurrent_dropout=0.2),
        keras.layers.Dense(5, "softmax"),
    ])
    adam = keras.optimizers.Adam(0.01, clipnorm=1.0)
    model.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def bits(logs):
    ends = {{"loss": "bits_per_char", "val_loss": "val_bits_per_char"}}
    return {{ends[name]: value / math.log(2) for name, value in logs.items() if name in ends}}


TASK = Task(
    load=load,
    space=space,
    build=build,
    source=Source("letters"),
    metric="val_bits_per_char",
    direction="minimize",
    baseline=dict(epochs=2, batch_size=16, units=6),
    budget=Budget(n_trials=2),
    writing=Writing(n_chars=12, temperatures=(0.0, 1.0)),
    also_log=bits,
    gradient_norm=True,
    jit_compile={jit_compile},
)
'''


def letters(*, cell: str = "LSTM", jit_compile: bool = False) -> StudyFile:
    """The study file, with a recurrent cell of choice."""
    return run_study_file(TEXT.format(cell=cell, jit_compile=jit_compile), "letters.py")


def train(
    study_file: StudyFile, epochs: int, state: State | None = None, epochs_done: int = 0
) -> tuple[list[State], list[Logs]]:
    """Train the baseline in this process, from scratch or from a state.

    Returns:
        State and logs after each epoch.
    """
    task = study_file.task
    data = task.load(Path())
    model = build(task, dict(task.baseline), 3, data.train)
    if state is not None:
        set_state(model, state)
    states: list[State] = []
    logs: list[Logs] = []

    def after_epoch(_epoch: int, of_epoch: Logs) -> bool:
        states.append(get_state(model))
        logs.append({name: value for name, value in of_epoch.items() if name != "seconds"})
        return True

    fit(
        task,
        model,
        data.train,
        data.valid,
        params={"batch_size": 16},
        epochs=epochs,
        epochs_done=epochs_done,
        seed=3,
        after_epoch=after_epoch,
    )
    return states, logs


def differences(one: State, other: State) -> dict[str, float]:
    """The largest difference in each variable that has any."""
    assert one.keys() == other.keys()
    found = {name: float(np.abs(one[name] - other[name].astype(float)).max()) for name in one}
    return {name: size for name, size in found.items() if size}

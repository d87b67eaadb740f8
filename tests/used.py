"""Small studies, evaluated and exported once and copied by the tests."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from tests.inside import run_in

REVIEWS = '''"""Reviews: a review is good when it says more good words than bad ones."""

import numpy as np
from scipy.sparse import csr_array

from hpsearch import Budget, Dataset, Split, Task
from hpsearch.data import Encoded, Source

VOCABULARY = ("good", "fine", "bad", "dull", "film", "it")
WORTH = np.array([1, 1, -1, -1, 0, 0])


def load(folder):
    counts = np.random.default_rng(0).integers(0, 4, (400, len(VOCABULARY)))
    y = (counts @ WORTH > 0).astype("uint8")
    points = Split(csr_array(counts.astype("float32")), y)
    return Dataset(points[:200], points[200:300], points[300:], VOCABULARY)


def space(trial):
    trial.suggest_categorical("optimizer", ["adam"])


def build(params):
    import keras

    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, "sigmoid")])
    optimizer = keras.optimizers.get(params["optimizer"])
    optimizer.learning_rate = 0.1
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    return model


def encode(content, vocabulary):
    words = content.decode().split()
    if words == ["crash"]:
        raise RuntimeError("no such luck")
    if words == ["refuse"]:
        raise ValueError("no review")
    if words == ["list"]:
        return [0.0] * 6
    if words == ["rows"]:
        return Encoded([0.0] * 6)
    if words == ["nan"]:
        return Encoded(np.full(6, np.nan, "float32"))
    if words == ["short"]:
        return Encoded(np.zeros(3, "float32"))
    x = np.array([words.count(word) for word in vocabulary], dtype="float32")
    return Encoded(x, n_words=len(words), n_unknown=len(words) - int(x.sum()))


TASK = Task(
    load=load,
    space=space,
    build=build,
    source=Source("reviews"),
    baseline=dict(epochs=15, batch_size=16, optimizer="adam"),
    budget=Budget(n_trials=1),
    classes=["negative", "positive"],
    encode=encode,
)
'''

LETTERS = '''"""Letters: a text of four characters in turn, read by an LSTM."""

import numpy as np

from hpsearch import Budget, Dataset, Split, Task
from hpsearch.data import Encoded, Source
from hpsearch.task import Writing

VOCABULARY = (" ", "a", "b", "c")
WINDOW = 4


def load(folder):
    text = np.arange(400) % 4
    windows = np.lib.stride_tricks.sliding_window_view(text[:-1], WINDOW).astype("uint8")
    points = Split(windows, text[WINDOW:].astype("uint8"))
    return Dataset(points[:200], points[200:300], points[300:], VOCABULARY)


def space(trial):
    trial.suggest_categorical("units", [16])


def build(params):
    import keras

    model = keras.Sequential([
        keras.Input((WINDOW,)),
        keras.layers.Embedding(4, 4),
        keras.layers.LSTM(params["units"]),
        keras.layers.Dense(4, "softmax"),
    ])
    adam = keras.optimizers.Adam(0.05)
    model.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def encode(content, vocabulary):
    text = content.decode().lower()
    known = [vocabulary.index(c) for c in text if c in vocabulary]
    window = np.array([0] * WINDOW + known, dtype="uint8")[-WINDOW:]
    return Encoded(window, n_words=len(text), n_unknown=len(text) - len(known))


TASK = Task(
    load=load,
    space=space,
    build=build,
    source=Source("letters"),
    baseline=dict(epochs=4, batch_size=16, units=16),
    budget=Budget(n_trials=1),
    encode=encode,
    writing=Writing(n_chars=8),
)
'''

TONES = '''"""Tones: whether a melody went up or down, told by all that a task can ask for."""

import math

import numpy as np

from hpsearch import Budget, Dataset, Split, Task
from hpsearch.data import Source

N_TONES = 5
SMOOTHING = 0.1  # of the labels, in the loss alone


def load(folder):
    rng = np.random.default_rng(0)
    steps = rng.choice([-1, 1], (300, N_TONES)) * rng.random((300, N_TONES))
    y = (steps.sum(axis=1, keepdims=True) > 0).astype("float32")
    points = Split(steps.cumsum(axis=1)[:, :, None].astype("float32"), y)
    return Dataset(points[:150], points[150:200], points[200:])


def space(trial):
    trial.suggest_categorical("units", [4])
    trial.suggest_float("weight_of_rise", 1.0, 4.0)


def smoothed(y_true, y_pred):
    """Cross-entropy with labels that are a little less than sure."""
    import keras

    y_true = y_true * (1 - SMOOTHING) + SMOOTHING / 2
    return keras.losses.binary_crossentropy(y_true, y_pred)


def build(params):
    import keras

    @keras.saving.register_keras_serializable("tones")
    class Detuned(keras.layers.Layer):
        """Scales a melody, and puts it a little out of tune while training."""

        def build(self, shape):
            self.scale = self.add_weight(shape=(1,), initializer="ones")

        def call(self, x, training=False):
            # without a seed of its own
            noise = keras.random.normal(keras.ops.shape(x), stddev=0.1) if training else 0.0
            return x * self.scale + noise

    model = keras.Sequential([
        keras.Input((N_TONES, 1)),
        keras.layers.Normalization(),
        Detuned(),
        keras.layers.SimpleRNN(params["units"], dropout=0.1),
        keras.layers.Dense(1, "sigmoid"),
    ])
    adam = keras.optimizers.Adam(0.02, use_ema=True, ema_momentum=0.9)
    f1 = keras.metrics.F1Score(average="micro", threshold=0.5, name="f1")
    model.compile(adam, smoothed, metrics=["binary_crossentropy", f1])
    return model


def callbacks(params):
    import keras

    class Warmup(keras.callbacks.Callback):
        """Lets the learning rate rise to what it was meant to be."""

        def on_train_begin(self, logs=None):
            self.meant = float(self.model.optimizer.learning_rate)

        def on_epoch_begin(self, epoch, logs=None):
            if epoch < 2:
                self.model.optimizer.learning_rate = self.meant * (epoch + 1) / 2

        def get_state(self):
            return {"meant": self.meant}

        def set_state(self, state):
            self.meant = state["meant"]

    return [Warmup(), keras.callbacks.ReduceLROnPlateau(patience=1, min_delta=1.0)]


def class_weight(params):
    return {0: 1.0, 1: params["weight_of_rise"]}


def in_bits(logs: dict[str, float]) -> dict[str, float]:
    end = "binary_crossentropy"
    names = [name for name in logs if name.endswith(end)]
    return {name.replace(end, "bits"): logs[name] / math.log(2) for name in names}


TASK = Task(
    load=load,
    space=space,
    build=build,
    source=Source("tones"),
    metric="val_bits",
    direction="minimize",
    baseline=dict(epochs=3, batch_size=16, units=4, weight_of_rise=2.0),
    budget=Budget(n_trials=1),
    callbacks=callbacks,
    class_weight=class_weight,
    also_log=in_bits,
    gradient_norm=True,
    jit_compile=True,
)
'''

OPTIONS = {"letters": ["--objective", "val_accuracy,n_weights"]}  # used like any other
TEXTS = {"reviews": REVIEWS, "letters": LETTERS, "tones": TONES}


@cache
def used_study(name: str) -> Path:
    """The study `reviews`, `letters` or `tones` in `runs/` of a folder, exported to `out/`."""
    folder = Path(tempfile.mkdtemp(prefix="hpsearch-used-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    (folder / f"{name}.py").write_text(TEXTS[name])
    for command in (
        ["run", f"{name}.py", *OPTIONS.get(name, [])],
        ["evaluate", name, "--top", "1", "--seeds", "1"],
        ["export", name, "-o", "out"],
    ):
        done = run_in(folder, *command)
        assert done.returncode == 0, done.stderr
    return folder


def copy_used(name: str, folder: Path, part: str) -> None:
    """Copy the study (`runs`) or the export (`out`) into a folder."""
    shutil.copytree(used_study(name) / part, folder / part)

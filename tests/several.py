"""A study with two inputs, two outputs, sample weights and an array in a file, made once."""

from __future__ import annotations

import atexit
import contextlib
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from hpsearch import search
from hpsearch.verbs.evaluate import evaluate
from hpsearch.verbs.export import export

STORAGE = "sqlite:///runs/studies.db"

TEXT = '''"""Houses: what one is worth, and whether it is a bargain, by numbers and words."""

import numpy as np
from scipy.sparse import csr_array

from hpsearch import Budget, Dataset, Split, Task
from hpsearch.data import Encoded

WORDS = ("sunny", "quiet", "damp", "loud")


def load(folder):
    numbers = np.load(folder / "numbers.npy", mmap_mode="r")
    words = np.random.default_rng(1).integers(0, 2, (len(numbers), len(WORDS)))
    price = numbers[:, :1] + words @ np.array([[1.0], [1.0], [-1.0], [-1.0]])
    houses = Split(
        {"numbers": numbers, "words": csr_array(words.astype("float32"))},
        {"price": price.astype("float32"), "kind": (price[:, 0] > 0).astype("uint8")},
        np.where(numbers[:, 1] > 0, 2.0, 0.5).astype("float32"),
    )
    return Dataset(houses[:160], houses[160:200], houses[200:])


def space(trial):
    trial.suggest_categorical("units", [8])


def build(params):
    import keras

    numbers = keras.Input((2,), name="numbers")
    words = keras.Input((len(WORDS),), name="words", sparse=True)
    both = keras.layers.concatenate([
        keras.layers.Normalization()(numbers), keras.layers.Dense(params["units"])(words)
    ])
    hidden = keras.layers.Dropout(0.1)(keras.layers.Dense(params["units"], "relu")(both))
    model = keras.Model(
        [numbers, words],
        [
            keras.layers.Dense(1, name="price")(hidden),
            keras.layers.Dense(1, "sigmoid", name="kind")(hidden),
        ],
    )
    model.compile(
        keras.optimizers.Adam(0.02),
        {"price": "mse", "kind": "binary_crossentropy"},
        metrics={"kind": ["accuracy"]},
        weighted_metrics={"price": ["mae"]},
    )
    return model


def encode(content, vocabulary):
    first, second, *words = content.decode().split()
    return Encoded({
        "numbers": np.array([first, second], "float32"),
        "words": np.array([words.count(word) for word in WORDS], "float32"),
    })


TASK = Task(
    load=load,
    space=space,
    build=build,
    metric="val_price_mae",
    direction="minimize",
    baseline=dict(epochs=2, batch_size=16, units=8),
    budget=Budget(n_trials=1),
    classes={"kind": ["dear", "cheap"]},
    encode=encode,
)
'''
N_EXAMPLES = 240


def write_houses(folder: Path) -> Path:
    """Write the study file and the array that it maps into memory."""
    numbers = np.random.default_rng(0).normal(size=(N_EXAMPLES, 2)).astype("float32")
    np.save(folder / "numbers.npy", numbers)
    path = folder / "houses.py"
    path.write_text(TEXT)
    return path


@cache
def houses_study() -> Path:
    """A folder with the study `houses` in `runs/`, evaluated, and its export `out/`."""
    folder = Path(tempfile.mkdtemp(prefix="hpsearch-several-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    write_houses(folder)
    with contextlib.chdir(folder):
        search("houses.py")
        evaluate(
            STORAGE,
            "houses",
            n_top=1,
            n_seeds=1,
            n_slots=1,
            data=None,
            again=False,
            as_json=True,
        )
        export(STORAGE, "houses", Path("out"), data=None)
    return folder


def copy_houses(folder: Path) -> None:
    """Copy the study, its export and its data into a folder."""
    shutil.copytree(houses_study(), folder, dirs_exist_ok=True)

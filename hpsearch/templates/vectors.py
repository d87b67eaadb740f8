"""my_task: classify rows of numbers.

Data: my_task.csv next to this file, or in the folder that --data names: one line with the
column names, then one line per example.
"""

from pathlib import Path

import numpy as np
from optuna import Trial

from hpsearch import Budget, Dataset, Task
from hpsearch.data import Encoded, hold_out, read_table

LABEL = "species"  # the column with the class; all others hold numbers
CLASSES = ("setosa", "versicolor", "virginica")  # the values in it, sorted


def load(folder: Path) -> Dataset:
    """Load and split the data; with fixed seeds, the split is always the same."""
    table = read_table(folder / "my_task.csv", label=LABEL)
    if table.classes != CLASSES:
        raise ValueError(f"write CLASSES = {table.classes}, as the column {LABEL!r} has it")
    # a fifth for the final test, a quarter of the rest to compare trials on
    rest, test = hold_out(table.rows, len(table.rows) // 5, seed=0)
    train, valid = hold_out(rest, len(rest) // 4, seed=0)
    return Dataset(train, valid, test)


def space(trial: Trial) -> None:
    """The search space: each hyperparameter and the values it may take."""
    trial.suggest_int("epochs", 5, 60)
    trial.suggest_categorical("batch_size", [8, 16, 32])
    n_layers = trial.suggest_int("layers", 1, 2)
    for i in range(1, n_layers + 1):  # units_2 only if there is a second layer
        trial.suggest_int(f"units_{i}", 4, 64, log=True)
    trial.suggest_categorical("activation", ["relu", "tanh"])
    trial.suggest_categorical("optimizer", ["sgd", "adam", "rmsprop"])
    trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
    trial.suggest_float("dropout", 0.0, 0.5, step=0.1)


def build(params):
    """Build and compile the network; the trainer decides how long to train it."""
    import keras  # not at the top of the file: it takes seconds to import

    # columns in different units, made comparable inside the network; mean and variance of
    # each are taken from the training examples before the first epoch
    layers = [keras.layers.Normalization()]
    for i in range(1, params["layers"] + 1):
        layers.append(keras.layers.Dense(params[f"units_{i}"], params["activation"]))
        layers.append(keras.layers.Dropout(params["dropout"]))
    model = keras.Sequential([*layers, keras.layers.Dense(len(CLASSES), "softmax")])

    optimizer = keras.optimizers.get(params["optimizer"])
    optimizer.learning_rate = params["learning_rate"]
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def encode(content: bytes, vocabulary: tuple[str, ...]) -> Encoded:
    """For `hpsearch predict`: turn a line such as "5.1, 3.5, 1.4, 0.2" into an example."""
    return Encoded(np.array([float(n) for n in content.decode().split(",")], dtype="float32"))


TASK = Task(
    load=load,
    space=space,
    build=build,
    # trial 0, which every other trial has to beat
    baseline={
        "epochs": 20,
        "batch_size": 16,
        "layers": 1,
        "units_1": 16,
        "activation": "relu",
        "optimizer": "adam",
        "learning_rate": 0.01,
        "dropout": 0.0,
    },
    # the values to vary one at a time, including the baseline's
    factors={
        "epochs": [10, 20, 40],
        "batch_size": [8, 16, 32],
        "units_1": [8, 16, 32],
        "optimizer": ["sgd", "adam", "rmsprop"],
    },
    budget=Budget(n_trials=30),
    classes=CLASSES,
    encode=encode,
)

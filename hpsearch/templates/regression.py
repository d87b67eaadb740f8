"""my_task: predict a number from rows of numbers.

Data: my_task.csv next to this file, or in the folder that --data names: one line with the
column names, then one line per example.
"""

from pathlib import Path

import numpy as np
from optuna import Trial

from hpsearch import Budget, Dataset, Task
from hpsearch.data import Encoded, hold_out, read_table

TARGET = "price"  # the column with the number to predict; all others hold numbers too
UNIT = "EUR"  # of that number
# about the mean and the standard deviation of that number: networks start from there
MEAN, SPREAD = 100.0, 50.0


def load(folder: Path) -> Dataset:
    """Load and split the data; with fixed seeds, the split is always the same."""
    table = read_table(folder / "my_task.csv", target=TARGET)
    # a fifth for the final test, a quarter of the rest to compare trials on
    rest, test = hold_out(table.rows, len(table.rows) // 5, seed=0)
    train, valid = hold_out(rest, len(rest) // 4, seed=0)
    mean, spread = train.y.mean(), train.y.std()
    if abs(mean - MEAN) > spread or not 0.5 < spread / SPREAD < 2:
        raise ValueError(f"write MEAN, SPREAD = {mean:.4g}, {spread:.4g}, as {TARGET!r} has them")
    return Dataset(train, valid, test)


def space(trial: Trial) -> None:
    """The search space: each hyperparameter and the values it may take."""
    trial.suggest_int("epochs", 5, 60)
    trial.suggest_categorical("batch_size", [8, 16, 32])
    n_layers = trial.suggest_int("layers", 1, 2)
    for i in range(1, n_layers + 1):  # units_2 only if there is a second layer
        trial.suggest_int(f"units_{i}", 4, 64, log=True)
    trial.suggest_categorical("activation", ["relu", "tanh"])
    trial.suggest_categorical("optimizer", ["adam", "rmsprop"])
    trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
    trial.suggest_float("dropout", 0.0, 0.5, step=0.1)
    trial.suggest_categorical("loss", ["mse", "mae"])


def build(params):
    """Build and compile the network; the trainer decides how long to train it."""
    import keras  # not at the top of the file: it takes seconds to import

    # columns in different units, made comparable inside the network; mean and variance of
    # each are taken from the training examples before the first epoch
    layers = [keras.layers.Normalization()]
    for i in range(1, params["layers"] + 1):
        layers.append(keras.layers.Dense(params[f"units_{i}"], params["activation"]))
        layers.append(keras.layers.Dropout(params["dropout"]))
    layers += [keras.layers.Dense(1), keras.layers.Rescaling(SPREAD, MEAN)]
    model = keras.Sequential(layers)

    optimizer = keras.optimizers.get(params["optimizer"])
    optimizer.learning_rate = params["learning_rate"]
    model.compile(optimizer, params["loss"], metrics=["mae", keras.metrics.R2Score(name="r2")])
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
        "loss": "mse",
    },
    # the values to vary one at a time, including the baseline's
    factors={
        "epochs": [10, 20, 40],
        "batch_size": [8, 16, 32],
        "units_1": [8, 16, 32],
        "optimizer": ["adam", "rmsprop"],
        "loss": ["mse", "mae"],
    },
    budget=Budget(n_trials=30),
    metric="val_mae",  # or "val_r2", the share of the variance explained, to maximize
    direction="minimize",
    unit=UNIT,
    encode=encode,
)

"""my_task: classify small grey images.

Data: my_task.npz next to this file, or in the folder that --data names, with two arrays:
x, uint8 of shape (images, height, width), 0 for black to 255 for white; and y, whole numbers
of shape (images,).
"""

from pathlib import Path

import numpy as np
from optuna import Trial

from hpsearch import Budget, Dataset, Split, Task
from hpsearch.data import Encoded, decode_png, hold_out

SHAPE = (8, 8)  # height and width in pixels
CLASSES = ("0", "1", "2", "3", "4", "5", "6", "7", "8", "9")  # the name of each number in y


def load(folder: Path) -> Dataset:
    """Load and split the data; with fixed seeds, the split is always the same."""
    arrays = np.load(folder / "my_task.npz", allow_pickle=False)
    images = Split(arrays["x"], arrays["y"])
    # a fifth for the final test, a quarter of the rest to compare trials on
    rest, test = hold_out(images, len(images) // 5, seed=0)
    train, valid = hold_out(rest, len(rest) // 4, seed=0)
    return Dataset(train, valid, test)


def space(trial: Trial) -> None:
    """The search space: each hyperparameter and the values it may take."""
    trial.suggest_int("epochs", 5, 40)
    trial.suggest_categorical("batch_size", [16, 32, 64])
    n_convolutions = trial.suggest_int("convolutions", 0, 2)
    if n_convolutions > 0:  # suggested only if it matters
        trial.suggest_int("filters", 4, 32, log=True)
    trial.suggest_int("units", 16, 256, log=True)
    trial.suggest_categorical("optimizer", ["sgd", "adam", "rmsprop"])
    trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
    trial.suggest_float("dropout", 0.0, 0.5, step=0.1)


def build(params):
    """Build and compile the network; the trainer decides how long to train it."""
    import keras  # not at the top of the file: it takes seconds to import

    # takes raw pixels, so the exported network is complete
    layers = [keras.Input(SHAPE), keras.layers.Rescaling(1 / 255)]
    layers.append(keras.layers.Reshape((*SHAPE, 1)))
    for _ in range(params["convolutions"]):
        layers.append(keras.layers.Conv2D(params["filters"], 3, padding="same"))
        layers.append(keras.layers.Activation("relu"))
    layers.append(keras.layers.Flatten())
    layers.append(keras.layers.Dense(params["units"], "relu"))
    layers.append(keras.layers.Dropout(params["dropout"]))
    model = keras.Sequential([*layers, keras.layers.Dense(len(CLASSES), "softmax")])

    optimizer = keras.optimizers.get(params["optimizer"])
    optimizer.learning_rate = params["learning_rate"]
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def encode(content: bytes, vocabulary: tuple[str, ...]) -> Encoded:
    """For `hpsearch predict`: turn a grey PNG file of that size into an example."""
    return Encoded(decode_png(content, SHAPE))


TASK = Task(
    load=load,
    space=space,
    build=build,
    # trial 0, which every other trial has to beat
    baseline={
        "epochs": 10,
        "batch_size": 32,
        "convolutions": 0,
        "units": 64,
        "optimizer": "adam",
        "learning_rate": 0.001,
        "dropout": 0.0,
    },
    # the values to vary one at a time, including the baseline's
    factors={
        "epochs": [10, 20, 40],
        "batch_size": [16, 32, 64],
        "units": [32, 64, 128, 256],
        "optimizer": ["sgd", "adam", "rmsprop"],
    },
    budget=Budget(n_trials=30),
    classes=CLASSES,
    encode=encode,
)

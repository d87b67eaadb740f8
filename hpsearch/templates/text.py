"""my_task: tell kinds of texts apart by the words that are in them.

Data: my_task/ beside this file, or in the folder that --data names: a folder with a
sub-folder for each kind, and in it a file in UTF-8 for each text.
"""

from pathlib import Path

import numpy as np
from optuna import Trial

from hpsearch import Budget, Dataset, Split, Task
from hpsearch.data import (
    Encoded,
    encode_bag,
    encode_texts,
    fit_vocabulary,
    hold_out,
    read_text_folder,
)

CLASSES = ("negative", "positive")  # the names of the sub-folders, sorted
N_WORDS = 5000  # the most frequent ones count, others are all the same to the network


def load(folder: Path) -> Dataset:
    """The data, split for good: seeds are fixed, so the parts are the same every time."""
    files = read_text_folder(folder / "my_task")
    if files.classes != CLASSES:
        raise ValueError(f"write CLASSES = {files.classes}, as the sub-folders are called")
    numbers = Split(np.arange(len(files.contents)), files.labels)
    # a fifth to test at the very end, a quarter of the rest to compare trials on
    rest, test = hold_out(numbers, len(numbers) // 5, seed=0)
    train, valid = hold_out(rest, len(rest) // 4, seed=0)
    # words that only the other texts have are unknown to the network, as they will be
    vocabulary = fit_vocabulary((files.contents[i] for i in train.x), N_WORDS)

    def bags(part: Split) -> Split:
        texts = encode_texts((files.contents[i] for i in part.x), part.y, vocabulary)
        return texts.bags_of_words(len(vocabulary))

    return Dataset(bags(train), bags(valid), bags(test), vocabulary)


def space(trial: Trial) -> None:
    """What is searched: each hyperparameter by name, with the values it may take."""
    trial.suggest_int("epochs", 2, 20)
    trial.suggest_categorical("batch_size", [16, 32, 64])
    n_layers = trial.suggest_int("layers", 0, 2)
    if n_layers > 0:  # suggested only where it makes a difference
        trial.suggest_int("units", 4, 64, log=True)
    trial.suggest_categorical("optimizer", ["sgd", "adam", "rmsprop"])
    trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
    trial.suggest_float("dropout", 0.0, 0.5, step=0.1)


def build(params):
    """A compiled network. The trainer decides for how many epochs it is trained."""
    import keras  # here, not at the top: reading this file stays fast

    layers = [keras.layers.Dropout(params["dropout"])]  # of words
    for _ in range(params["layers"]):
        layers.append(keras.layers.Dense(params["units"], "relu"))
    model = keras.Sequential([*layers, keras.layers.Dense(len(CLASSES), "softmax")])

    optimizer = keras.optimizers.get(params["optimizer"])
    optimizer.learning_rate = params["learning_rate"]
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def encode(content: bytes, vocabulary: tuple[str, ...]) -> Encoded:
    """For `hpsearch predict`: a text as an example."""
    return encode_bag(content, vocabulary)


TASK = Task(
    load=load,
    space=space,
    build=build,
    # trial 0, and what every other trial has to beat
    baseline={
        "epochs": 10,
        "batch_size": 16,
        "layers": 1,
        "units": 16,
        "optimizer": "adam",
        "learning_rate": 0.01,
        "dropout": 0.0,
    },
    # what a lab would vary one at a time, the baseline's value among the others
    factors={
        "epochs": [5, 10, 20],
        "batch_size": [16, 32, 64],
        "units": [8, 16, 32, 64],
        "optimizer": ["sgd", "adam", "rmsprop"],
    },
    budget=Budget(n_trials=30),
    classes=CLASSES,
    encode=encode,
)

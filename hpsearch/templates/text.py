"""my_task: classify texts by the words in them.

Data: next to this file, or in the folder that --data names: my_task/, with one subfolder per
class and, in it, one UTF-8 file per text; or my_task.csv, with a column "text" and one "label".
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
    read_texts,
)

CLASSES = ("negative", "positive")  # the names of the subfolders, or labels, sorted
N_WORDS = 5000  # the most frequent words; the network ignores all others


def load(folder: Path) -> Dataset:
    """Load and split the data; with fixed seeds, the split is always the same."""
    texts = read_texts(folder / "my_task", text="text", label="label")
    if texts.classes != CLASSES:
        raise ValueError(f"write CLASSES = {texts.classes}, as the data have them")
    numbers = Split(np.arange(len(texts.contents)), texts.labels)
    # a fifth for the final test, a quarter of the rest to compare trials on
    rest, test = hold_out(numbers, len(numbers) // 5, seed=0)
    train, valid = hold_out(rest, len(rest) // 4, seed=0)
    # from the training texts only: new texts will have unknown words, too
    vocabulary = fit_vocabulary((texts.contents[i] for i in train.x), N_WORDS)

    def bags(part: Split) -> Split:
        encoded = encode_texts((texts.contents[i] for i in part.x), part.y, vocabulary)
        return encoded.bags_of_words(len(vocabulary))

    return Dataset(bags(train), bags(valid), bags(test), vocabulary)


def space(trial: Trial) -> None:
    """The search space: each hyperparameter and the values it may take."""
    trial.suggest_int("epochs", 2, 20)
    trial.suggest_categorical("batch_size", [16, 32, 64])
    n_layers = trial.suggest_int("layers", 0, 2)
    if n_layers > 0:  # suggested only if it matters
        trial.suggest_int("units", 4, 64, log=True)
    trial.suggest_categorical("optimizer", ["sgd", "adam", "rmsprop"])
    trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
    trial.suggest_float("dropout", 0.0, 0.5, step=0.1)


def build(params):
    """Build and compile the network; the trainer decides how long to train it."""
    import keras  # not at the top of the file: it takes seconds to import

    layers = [keras.layers.Dropout(params["dropout"])]  # drops words
    for _ in range(params["layers"]):
        layers.append(keras.layers.Dense(params["units"], "relu"))
    model = keras.Sequential([*layers, keras.layers.Dense(len(CLASSES), "softmax")])

    optimizer = keras.optimizers.get(params["optimizer"])
    optimizer.learning_rate = params["learning_rate"]
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def encode(content: bytes, vocabulary: tuple[str, ...]) -> Encoded:
    """For `hpsearch predict`: turn a text into an example."""
    return encode_bag(content, vocabulary)


TASK = Task(
    load=load,
    space=space,
    build=build,
    # trial 0, which every other trial has to beat
    baseline={
        "epochs": 10,
        "batch_size": 16,
        "layers": 1,
        "units": 16,
        "optimizer": "adam",
        "learning_rate": 0.01,
        "dropout": 0.0,
    },
    # the values to vary one at a time, including the baseline's
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

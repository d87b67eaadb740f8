"""my_task: classify texts by their words in the order in which they stand.

Data: next to this file, or in the folder that --data names: my_task/, with one subfolder per
class and, in it, one UTF-8 file per text; or my_task.csv, with a column "text" and one "label".
"""

from pathlib import Path

import numpy as np
from optuna import Trial

from hpsearch import Budget, Dataset, Split, Task
from hpsearch.data import (
    Encoded,
    encode_texts,
    encode_words,
    fit_vocabulary,
    hold_out,
    read_texts,
)

CLASSES = ("negative", "positive")  # the names of the subfolders, or labels, sorted
N_WORDS = 5000  # the most frequent words; all others look alike to the network
LENGTH = 40  # words of a text that the network reads: the last ones


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

    def sequences(part: Split) -> Split:
        encoded = encode_texts((texts.contents[i] for i in part.x), part.y, vocabulary)
        return encoded.last_words(LENGTH, len(vocabulary))  # x: (n, LENGTH), padded at the front

    return Dataset(sequences(train), sequences(valid), sequences(test), vocabulary)


def space(trial: Trial) -> None:
    """The search space: each hyperparameter and the values it may take."""
    trial.suggest_int("epochs", 2, 20)
    trial.suggest_categorical("batch_size", [16, 32, 64])
    trial.suggest_int("embedding", 8, 64, log=True)
    trial.suggest_categorical("cell", ["SimpleRNN", "GRU", "LSTM"])
    n_layers = trial.suggest_int("layers", 1, 2)
    for i in range(1, n_layers + 1):  # suggested only for layers that are there
        trial.suggest_int(f"units_{i}", 8, 64, log=True)
    trial.suggest_categorical("activation", ["tanh", "relu"])
    trial.suggest_categorical("optimizer", ["sgd", "adam", "rmsprop"])
    trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
    trial.suggest_float("dropout", 0.0, 0.5, step=0.1)


def build(params):
    """Build and compile the network; the trainer decides how long to train it."""
    import keras  # not at the top of the file: it takes seconds to import

    layers = [keras.Input((LENGTH,), dtype="int32")]
    layers.append(keras.layers.Embedding(N_WORDS, params["embedding"]))
    for i in range(1, params["layers"] + 1):
        layers.append(
            getattr(keras.layers, params["cell"])(
                params[f"units_{i}"],
                params["activation"],
                dropout=params["dropout"],
                return_sequences=i < params["layers"],  # the last layer gives its last output
            )
        )
    model = keras.Sequential([*layers, keras.layers.Dense(len(CLASSES), "softmax")])

    optimizer = keras.optimizers.get(params["optimizer"])
    optimizer.learning_rate = params["learning_rate"]
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def encode(content: bytes, vocabulary: tuple[str, ...]) -> Encoded:
    """For `hpsearch predict`: turn a text into an example."""
    return encode_words(content, vocabulary, LENGTH)


TASK = Task(
    load=load,
    space=space,
    build=build,
    # trial 0, which every other trial has to beat
    baseline={
        "epochs": 10,
        "batch_size": 16,
        "embedding": 16,
        "cell": "LSTM",
        "layers": 1,
        "units_1": 16,
        "activation": "tanh",
        "optimizer": "adam",
        "learning_rate": 0.01,
        "dropout": 0.0,
    },
    # the values to vary one at a time, including the baseline's
    factors={
        "epochs": [5, 10, 20],
        "cell": ["SimpleRNN", "GRU", "LSTM"],
        "units_1": [8, 16, 32, 64],
        "activation": ["tanh", "relu"],
        "optimizer": ["sgd", "adam", "rmsprop"],
    },
    budget=Budget(n_trials=30),
    classes=CLASSES,
    encode=encode,
)

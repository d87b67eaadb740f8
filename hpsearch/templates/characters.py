"""my_task: predict the next character of a text, and write text that way.

Data: my_task.txt next to this file, or in the folder that --data names: a text in UTF-8, of
some ten thousand characters or more. Its lines become one, in lower case and ASCII.
"""

import string
from pathlib import Path

from optuna import Trial

from hpsearch import Budget, Dataset, Task, Writing
from hpsearch.data import Encoded, encode_characters, encode_window, one_line, windows

LENGTH = 40  # characters in an example; a network reads the last `window` of them
CHARACTERS = tuple(" !\"'(),-.:;?" + string.digits + string.ascii_lowercase)  # others are left out
SHARES = (0.8, 0.9)  # of the text: where the training part ends, and where the validation part ends


def load(folder: Path) -> Dataset:
    """Load the text and cut it into three parts, each into windows; none reaches across."""
    text = encode_characters(one_line((folder / "my_task.txt").read_bytes()), CHARACTERS)
    first, second = (int(share * len(text)) for share in SHARES)
    parts = text[:first], text[first:second], text[second:]
    if min(map(len, parts)) <= LENGTH:
        raise ValueError(f"my_task.txt has {len(text)} characters, too few for LENGTH = {LENGTH}")
    train, valid, test = (windows(part, LENGTH) for part in parts)  # x: (n, LENGTH)
    return Dataset(train, valid, test, CHARACTERS)


def space(trial: Trial) -> None:
    """The search space: each hyperparameter and the values it may take."""
    trial.suggest_int("epochs", 1, 20)
    trial.suggest_categorical("batch_size", [32, 64, 128])
    trial.suggest_categorical("window", [10, 20, 40])
    trial.suggest_categorical("cell", ["SimpleRNN", "GRU", "LSTM"])
    n_layers = trial.suggest_int("layers", 1, 2)
    for i in range(1, n_layers + 1):  # suggested only for layers that are there
        trial.suggest_int(f"units_{i}", 16, 256, log=True)
    trial.suggest_categorical("activation", ["tanh", "relu"])
    trial.suggest_categorical("optimizer", ["sgd", "adam", "rmsprop"])
    trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
    trial.suggest_float("dropout", 0.0, 0.5, step=0.1)


def build(params):
    """Build and compile the network; the trainer decides how long to train it."""
    import keras  # not at the top of the file: it takes seconds to import

    characters = keras.Input((LENGTH,), dtype="int32")
    x = keras.ops.one_hot(characters[:, -params["window"] :], len(CHARACTERS))
    for i in range(1, params["layers"] + 1):
        x = getattr(keras.layers, params["cell"])(
            params[f"units_{i}"],
            params["activation"],
            dropout=params["dropout"],
            return_sequences=i < params["layers"],  # the last layer gives its last output
        )(x)
    model = keras.Model(characters, keras.layers.Dense(len(CHARACTERS), "softmax")(x))

    optimizer = keras.optimizers.get(params["optimizer"])
    optimizer.learning_rate = params["learning_rate"]
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def encode(content: bytes, vocabulary: tuple[str, ...]) -> Encoded:
    """For `hpsearch predict` and `generate`: turn a text into an example, its last window."""
    return encode_window(content, vocabulary, LENGTH)


TASK = Task(
    load=load,
    space=space,
    build=build,
    # trial 0, which every other trial has to beat
    baseline={
        "epochs": 5,
        "batch_size": 64,
        "window": 10,
        "cell": "LSTM",
        "layers": 1,
        "units_1": 64,
        "activation": "tanh",
        "optimizer": "adam",
        "learning_rate": 0.01,
        "dropout": 0.0,
    },
    # the values to vary one at a time, including the baseline's
    factors={
        "epochs": [5, 10, 20],
        "window": [10, 20, 40],
        "cell": ["SimpleRNN", "GRU", "LSTM"],
        "units_1": [32, 64, 128],
        "optimizer": ["sgd", "adam", "rmsprop"],
    },
    budget=Budget(n_trials=30),
    encode=encode,
    # what the network writes after each epoch: hpsearch show my_task --trial 0
    writing=Writing(),
)

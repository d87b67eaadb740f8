"""Alice in Wonderland: predict the next character, and write text that way.

The lab trains an LSTM of 128 units on every window of 10 characters of the book and lets it
write text after each epoch. It does not measure quality. Here the end of the book is held out,
so networks are compared by accuracy and bits per character on text they have never seen. The
lab varies cell, units, dropout, window, regularizer and optimizer; we add the cell's activation,
dropout after the last layer and a learning rate that decays.

Data: Lewis Carroll, 1865, Project Gutenberg no. 11, https://www.gutenberg.org/ebooks/11
"""

import math
import string
from pathlib import Path

from optuna import Trial

from hpsearch import Budget, Dataset, Finding, Published, Question, Task, Writing
from hpsearch.data import (
    Encoded,
    File,
    Source,
    encode_characters,
    encode_window,
    one_line,
    windows,
)
from hpsearch.errors import DataCorrupt

LENGTH = 40  # characters in an example; a network reads the last `window` of them
CHARACTERS = tuple(" !\"'()*,-.:;?[]_" + string.ascii_lowercase)
N_WINDOWS = 114_000  # for training, roughly
SHARES = (0.8, 0.9)  # of the book: where the training part ends, and where the validation part ends
FIRST_WORDS = "chapter i. down the rabbit-hole alice was beginning to get very tired"
LAST_WORDS = "and the happy summer days."
FILES = ("alice_in_wonderland.txt", "pg11.txt", "11-0.txt")


def load(folder: Path) -> Dataset:
    path = next(folder / name for name in FILES if (folder / name).exists())
    text = one_line(path.read_bytes())
    # Project Gutenberg adds text before and after, and may correct a comma now and then
    start, end = text.find(FIRST_WORDS), text.find(LAST_WORDS)
    if start < 0 or end < 0:
        raise DataCorrupt(f"{path} lacks the first or the last words of the book")
    book = encode_characters(text[start : end + len(LAST_WORDS)], CHARACTERS)
    first, second = (int(share * len(book)) for share in SHARES)
    parts = book[:first], book[first:second], book[second:]
    train, valid, test = (windows(part, LENGTH) for part in parts)  # x: (n, 40)
    return Dataset(train, valid, test, CHARACTERS)


def encode(content: bytes, vocabulary: tuple[str, ...]) -> Encoded:
    return encode_window(content, vocabulary, LENGTH)


def space(trial: Trial) -> None:
    trial.suggest_int("epochs", 1, 25)
    trial.suggest_categorical("batch_size", [64, 128, 256, 512])
    trial.suggest_categorical("window", [10, 20, 40])
    trial.suggest_categorical("cell", ["SimpleRNN", "GRU", "LSTM"])
    n_layers = trial.suggest_int("layers", 1, 2)
    for i in range(1, n_layers + 1):
        trial.suggest_categorical(f"units_{i}", [64, 128, 256])
    trial.suggest_categorical("activation", ["tanh", "relu", "sigmoid"])
    trial.suggest_float("dropout", 0.0, 0.5, step=0.1)
    trial.suggest_float("recurrent_dropout", 0.0, 0.5, step=0.1)
    trial.suggest_float("output_dropout", 0.0, 0.5, step=0.1)
    if trial.suggest_categorical("bias_regularizer", ["none", "l2", "l1_l2"]) != "none":
        trial.suggest_float("regularization", 1e-4, 1e-1, log=True)
    trial.suggest_categorical("clipnorm", [None, 1.0])
    optimizer = trial.suggest_categorical("optimizer", ["rmsprop", "adam", "sgd"])
    trial.suggest_float(f"{optimizer}_learning_rate", 1e-4, 1e-1, log=True)
    trial.suggest_float("decay", 0.7, 1.0, step=0.05)
    if optimizer == "sgd":
        trial.suggest_categorical("momentum", [0.0, 0.9])


def build(params):
    import keras
    from keras import layers

    kind = params["bias_regularizer"]
    strength = 0.0 if kind == "none" else params["regularization"]
    l1, l2 = {"none": (0.0, 0.0), "l2": (0.0, strength), "l1_l2": (strength, strength)}[kind]
    characters = keras.Input((LENGTH,), dtype="int32")
    x = keras.ops.one_hot(characters[:, -params["window"] :], len(CHARACTERS))
    for i in range(1, params["layers"] + 1):
        x = getattr(layers, params["cell"])(
            params[f"units_{i}"],
            params["activation"],
            dropout=params["dropout"],
            recurrent_dropout=params["recurrent_dropout"],
            bias_regularizer=keras.regularizers.L1L2(l1, l2),
            return_sequences=i < params["layers"],
        )(x)
    x = layers.Dropout(params["output_dropout"])(x)
    model = keras.Model(characters, layers.Dense(len(CHARACTERS), "softmax")(x))

    name = params["optimizer"]
    batches = N_WINDOWS // params["batch_size"]  # per epoch
    learning_rate = keras.optimizers.schedules.ExponentialDecay(
        params[f"{name}_learning_rate"], decay_steps=batches, decay_rate=params["decay"]
    )
    config = {"learning_rate": learning_rate, "clipnorm": params["clipnorm"]}
    if name == "sgd":
        config["momentum"] = params["momentum"]
    optimizer = keras.optimizers.get({"class_name": name, "config": config})
    loss = "sparse_categorical_crossentropy"
    crossentropy = keras.metrics.SparseCategoricalCrossentropy(name="crossentropy")
    # compiling costs 10 s; it makes an epoch of 40 steps a third faster, one of 10 steps not
    jit = params["window"] > 20
    model.compile(optimizer, loss, metrics=["accuracy", crossentropy], jit_compile=jit)
    return model


def bits_per_char(logs: dict[str, float]) -> dict[str, float]:
    # from the crossentropy alone: the loss also includes the regularizer's penalty
    return {
        f"{part}bits_per_char": logs[f"{part}crossentropy"] / math.log(2)
        for part in ("", "val_")
        if f"{part}crossentropy" in logs
    }


TASK = Task(
    load=load,
    space=space,
    build=build,
    encode=encode,
    source=Source(
        "alice",
        (
            File(
                "alice_in_wonderland.txt",
                "6b95b094df1aea86711b656a8d80cf9e76ee019d7606f6a905360f47cda88fe6",
            ),
        ),
        (
            (File("pg11.txt", None, "https://www.gutenberg.org/cache/epub/11/pg11.txt"),),
            (File("11-0.txt", None, "https://www.gutenberg.org/files/11/11-0.txt"),),
        ),
    ),
    baseline={
        "epochs": 25,
        "batch_size": 128,
        "window": 10,
        "cell": "LSTM",
        "layers": 1,
        "units_1": 128,
        "activation": "tanh",
        "dropout": 0.1,
        "recurrent_dropout": 0.0,
        "output_dropout": 0.0,
        "bias_regularizer": "l1_l2",
        "regularization": 0.01,
        "clipnorm": None,
        "optimizer": "rmsprop",
        "rmsprop_learning_rate": 0.001,
        "decay": 1.0,
        "adam_learning_rate": 0.001,  # Keras's default, if the optimizer factor picks adam
    },
    factors={
        "cell": ["SimpleRNN", "GRU", "LSTM"],
        "units_1": [64, 128, 256],
        "activation": ["tanh", "relu", "sigmoid"],
        "dropout": [0.0, 0.1, 0.2],
        "window": [10, 20, 40],
        "bias_regularizer": ["none", "l1_l2"],
        "optimizer": ["rmsprop", "adam"],
    },
    budget=Budget(n_trials=30),
    published=Published(
        source="the lab assignment",
        findings=[
            Finding(words="LSTM came out best.", claim="best", factor="cell", levels=["LSTM"]),
            Finding(
                words="Regularization helped a little.",
                claim="better",
                factor="bias_regularizer",
                levels=["l1_l2"],
                than="none",
            ),
            Finding(
                words="Dropout helped a little.",
                claim="better",
                factor="dropout",
                levels=[0.1],
                than=0.0,
            ),
        ],
    ),
    questions=[
        Question(words="Which cell is best?", evidence="levels", factor="cell"),
        Question(words="How many units are best?", evidence="levels", factor="units_1"),
        Question(words="What do more units cost in time?", evidence="time", factor="units_1"),
        Question(words="Which dropout is best?", evidence="levels", factor="dropout"),
        Question(words="How long a window is best?", evidence="levels", factor="window"),
        Question(words="Does regularizing help?", evidence="levels", factor="bias_regularizer"),
        Question(words="Does the network overfit?", evidence="overfitting"),
        Question(words="Do our figures support the lab's conclusions?", evidence="findings"),
        Question(words="What do the best values do together?", evidence="combination"),
        Question(words="How does the text change while the network learns?"),
    ],
    writing=Writing(),
    also_log=bits_per_char,
    gradient_norm=True,
)

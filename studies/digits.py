"""Handwritten digits: classify 8 x 8 grey images as 0 to 9.

Asks the questions of the first lab on data that come with scikit-learn: nothing to download,
and a search takes less than a minute on two cores.

Data: Alpaydin and Kaynak, 1998, https://doi.org/10.24432/C50P49 (the test part, 1,797
images, as scikit-learn ships it).
"""

from pathlib import Path

from optuna import Trial

from hpsearch import Budget, Dataset, Question, Split, Task
from hpsearch.data import Encoded, Source, decode_png, hold_out

N_CLASSES = 10
N_TEST = 360  # a fifth of the images, opened only once, at the end
N_VALID = 287  # a fifth of the rest, to compare trials on


def load(folder: Path) -> Dataset:
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = digits.images.astype("uint8")  # (1797, 8, 8), 0 (background) to 16
    rest, test = hold_out(Split(images, digits.target), N_TEST, seed=0)
    train, valid = hold_out(rest, N_VALID, seed=0)
    return Dataset(train, valid, test)


def encode(content: bytes, vocabulary: tuple[str, ...]) -> Encoded:
    pixels = decode_png(content, (8, 8))  # 0 (black, the background) to 255
    return Encoded((pixels / 255 * 16).round().astype("uint8"))  # 0 to 16, like the data


def space(trial: Trial) -> None:
    trial.suggest_int("epochs", 5, 40)
    trial.suggest_categorical("batch_size", [16, 32, 64, 128])
    n_layers = trial.suggest_int("layers", 1, 3)
    for i in range(1, n_layers + 1):
        trial.suggest_int(f"units_{i}", 16, 256, log=True)
    trial.suggest_categorical("activation", ["relu", "tanh", "sigmoid"])
    trial.suggest_categorical("optimizer", ["sgd", "adam", "rmsprop"])
    trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
    trial.suggest_float("dropout", 0.0, 0.5, step=0.1)


def build(params):
    import keras

    layers = [keras.Input((8, 8)), keras.layers.Rescaling(1 / 16), keras.layers.Flatten()]
    for i in range(1, params["layers"] + 1):
        layers.append(keras.layers.Dense(params[f"units_{i}"], params["activation"]))
        layers.append(keras.layers.Dropout(params["dropout"]))
    model = keras.Sequential([*layers, keras.layers.Dense(N_CLASSES, "softmax")])

    optimizer = keras.optimizers.get(params["optimizer"])
    optimizer.learning_rate = params["learning_rate"]
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


TASK = Task(
    load=load,
    space=space,
    build=build,
    encode=encode,
    source=Source("digits"),
    baseline={
        "epochs": 20,
        "batch_size": 32,
        "layers": 1,
        "units_1": 64,
        "activation": "relu",
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "dropout": 0.0,
    },
    factors={
        "epochs": [10, 20, 30, 40],
        "batch_size": [16, 32, 64, 128],
        "units_1": [16, 32, 64, 128, 256],
        "activation": ["relu", "tanh", "sigmoid"],
        "optimizer": ["sgd", "adam", "rmsprop"],
    },
    budget=Budget(n_trials=30),
    questions=[
        Question(words="Is there overfitting, and from which epoch on?", evidence="overfitting"),
        Question(words="Which number of epochs is best?", evidence="levels", factor="epochs"),
        Question(words="Which batch size is best?", evidence="levels", factor="batch_size"),
        Question(words="How many units are best?", evidence="levels", factor="units_1"),
        Question(words="What do more units cost in time?", evidence="time", factor="units_1"),
        Question(words="Which activation is best?", evidence="levels", factor="activation"),
        Question(words="Which optimizer is best?", evidence="levels", factor="optimizer"),
        Question(words="Combine the best values: did accuracy rise?", evidence="combination"),
        Question(words="What else could raise it?", evidence="search"),
        Question(words="What is the chosen network worth on test?", evidence="test"),
    ],
    classes=[str(digit) for digit in range(N_CLASSES)],
)

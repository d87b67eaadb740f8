"""Fashion-MNIST: classify 28 x 28 grey images of clothing into ten kinds.

The lab trains a dense network with one wide layer by plain SGD, then varies epochs, batch
size and units and adds a hidden layer. Its last question is what else could raise the
accuracy, so the search space here also has activation, optimizer, learning rate, dropout and
a third layer.

Data: Xiao, Rasul and Vollgraf, 2017, https://arxiv.org/abs/1708.07747
"""

from pathlib import Path

from optuna import Trial

from hpsearch import Budget, Dataset, Published, Split, Task
from hpsearch.data import Encoded, File, Source, decode_png, read_idx

N_VALID = 12_000  # the last fifth of the 60,000, like the lab's validation_split=0.2
CLASSES = [
    "T-shirt",
    "trousers",
    "pullover",
    "dress",
    "coat",
    "sandals",
    "shirt",
    "sneakers",
    "bag",
    "ankle boots",
]
MIRROR = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
SHA256 = {  # of the content: gzip headers differ between mirrors
    "train-images-idx3": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}


def load(folder: Path) -> Dataset:
    def split(part: str) -> Split:
        return Split(
            read_idx(folder / f"{part}-images-idx3-ubyte.gz"),  # (n, 28, 28)
            read_idx(folder / f"{part}-labels-idx1-ubyte.gz"),  # (n,)
        )

    train = split("train")
    return Dataset(train[:-N_VALID], train[-N_VALID:], split("t10k"))


def encode(content: bytes, vocabulary: tuple[str, ...]) -> Encoded:
    return Encoded(decode_png(content, (28, 28)))  # light clothing on black, like the data


def space(trial: Trial) -> None:
    trial.suggest_int("epochs", 5, 125)
    trial.suggest_categorical("batch_size", [50, 100, 200, 400])
    n_layers = trial.suggest_int("layers", 1, 3)
    for i in range(1, n_layers + 1):
        trial.suggest_int(f"units_{i}", 100, 1200, step=100)
    trial.suggest_categorical("activation", ["relu", "elu", "silu", "tanh", "sigmoid"])
    trial.suggest_categorical("optimizer", ["sgd", "adam", "rmsprop"])
    trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)
    trial.suggest_float("dropout", 0.0, 0.5, step=0.1)


def build(params):
    import keras

    layers = [keras.Input((28, 28)), keras.layers.Rescaling(1 / 255), keras.layers.Flatten()]
    for i in range(1, params["layers"] + 1):
        layers.append(keras.layers.Dense(params[f"units_{i}"], params["activation"]))
        layers.append(keras.layers.Dropout(params["dropout"]))
    model = keras.Sequential([*layers, keras.layers.Dense(len(CLASSES), "softmax")])

    optimizer = keras.optimizers.get(params["optimizer"])
    optimizer.learning_rate = params["learning_rate"]
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


TASK = Task(
    load=load,
    space=space,
    build=build,
    encode=encode,
    source=Source(
        "fashion-mnist",
        tuple(
            File(f"{name}-ubyte.gz", sha256, f"{MIRROR}{name}-ubyte.gz")
            for name, sha256 in SHA256.items()
        ),
    ),
    baseline={
        "epochs": 100,
        "batch_size": 200,
        "layers": 1,
        "units_1": 800,
        "activation": "relu",
        "optimizer": "sgd",
        "learning_rate": 0.01,
        "dropout": 0.0,
    },
    factors={
        "epochs": [50, 75, 100, 125],
        "batch_size": [50, 100, 200, 400],
        "units_1": [500, 700, 800, 900, 1200],
        "hidden layer": [
            {"layers": 1},
            {"layers": 2, "units_2": 500},
            {"layers": 2, "units_2": 600},
            {"layers": 2, "units_2": 700},
            {"layers": 2, "units_2": 900},
            {"layers": 2, "units_2": 1200},
        ],
    },
    budget=Budget(n_trials=40),
    published=Published(
        test_accuracy=0.8687,
        source="the lab assignment, baseline network after 100 epochs",
    ),
    classes=CLASSES,
)

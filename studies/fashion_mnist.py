"""Fashion-MNIST: classify 28 x 28 grey images of clothing into ten kinds.

The lab trains a dense network with one wide layer by plain SGD, then varies epochs, batch
size and units and adds a hidden layer. Its last question is what else could raise the
accuracy, so the search space here also has activation, optimizer, learning rate, dropout and
a third layer.

Data: Xiao, Rasul and Vollgraf, 2017, https://arxiv.org/abs/1708.07747
"""

from pathlib import Path

from optuna import Trial

from hpsearch import Budget, Dataset, Finding, Published, Question, Split, Task
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


# fmt: off
PUBLISHED = {  # epoch by epoch, as the lab printed it
    "loss": [
        1.1875, 0.754, 0.6573, 0.6061, 0.5729, 0.5491, 0.5304, 0.5159, 0.5037, 0.4933, 0.3249,
        0.3244, 0.3228, 0.3222, 0.321, 0.3203, 0.3192, 0.3183, 0.3175, 0.3171, 0.316,
    ],
    "accuracy": [
        0.6657, 0.7721, 0.7947, 0.8084, 0.8158, 0.8212, 0.8255, 0.8289, 0.8328, 0.8355, 0.8881,
        0.8871, 0.8884, 0.889, 0.8889, 0.8888, 0.8896, 0.8899, 0.8899, 0.8906, 0.8905,
    ],
    "val_loss": [
        0.8279, 0.6858, 0.6244, 0.585, 0.5609, 0.5447, 0.5242, 0.5133, 0.5026, 0.4942, 0.3607,
        0.3592, 0.3581, 0.3612, 0.3588, 0.3577, 0.3585, 0.3566, 0.3574, 0.3569, 0.3532,
    ],
    "val_accuracy": [
        0.7548, 0.785, 0.8001, 0.8112, 0.8153, 0.8175, 0.8238, 0.8267, 0.8287, 0.8294, 0.8731,
        0.8745, 0.8756, 0.8743, 0.8743, 0.8742, 0.8739, 0.8764, 0.874, 0.8758, 0.8768,
    ],
}
# fmt: on


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
        trained_on="train",
        epochs=[*range(1, 11), *range(90, 101)],
        curve=PUBLISHED,
        findings=[
            Finding(
                words="Validation accuracy hardly changes towards epoch 100, so we must stop.",
                claim="no different",
                factor="epochs",
                levels=[125],
            ),
        ],
    ),
    questions=[
        Question(words="What test accuracy does the baseline reach?", evidence="baseline"),
        Question(words="Is there overfitting, and from which epoch on?", evidence="overfitting"),
        Question(words="Which number of epochs is best?", evidence="levels", factor="epochs"),
        Question(words="Which batch size is best?", evidence="levels", factor="batch_size"),
        Question(
            words="How many units of the input layer are best?",
            evidence="levels",
            factor="units_1",
        ),
        Question(
            words="Does a hidden layer help, and how wide should it be?",
            evidence="levels",
            factor="hidden layer",
        ),
        Question(
            words="How does the hidden layer's width change training time?",
            evidence="time",
            factor="hidden layer",
        ),
        Question(
            words="Combine the best values: did accuracy rise?",
            evidence="combination",
        ),
        Question(words="What else could raise it?", evidence="search"),
        Question(words="What is the chosen network worth on test?", evidence="test"),
    ],
    classes=CLASSES,
)

"""IMDB: tell good film reviews from bad ones with an LSTM.

The lab trains an LSTM of 100 units on the last 80 words of each review, with the 5,000 most
frequent words. It varies epochs, units and optimizer, and asks where overfitting begins and
how units affect training time. The search space here also has the number of words read, the
number and widths of layers, other recurrent cells, activations, the loss and gradient clipping.

As in the lab, which used Keras 1: dropout before the LSTM drops words of the vocabulary, each
from all reviews of a batch, and the gates of the LSTM are hard sigmoids. Those of Keras 3 are a
little flatter: x/6 + 1/2, where Keras 1 had x/5 + 1/2. Unlike the lab, trials are compared on a
part of the training reviews, never on test.

Data: Maas et al., 2011, https://ai.stanford.edu/~amaas/data/sentiment/, as Keras encodes them
"""

from pathlib import Path

from optuna import Trial

from hpsearch import Budget, Dataset, Published, Question, Task
from hpsearch.data import IMDB, Encoded, encode_words, hold_out, open_reviews

LENGTH = 160  # words kept of each review; a network reads the last `length` of them
N_WORDS = 10_000  # most frequent words kept; a network knows the first `n_words`
UNKNOWN = 2  # stands for all other words
N_VALID = 5_000  # of the 25,000 training reviews, held out to compare trials on
CLASSES = ["negative", "positive"]


def load(folder: Path) -> Dataset:
    reviews = open_reviews(folder)
    train, valid = hold_out(reviews.train.last_words(LENGTH, N_WORDS), N_VALID, seed=0)
    test = reviews.test.last_words(LENGTH, N_WORDS)  # x: (25000, 160), padded at the front
    return Dataset(train, valid, test, reviews.vocabulary[:N_WORDS])


def encode(content: bytes, vocabulary: tuple[str, ...]) -> Encoded:
    return encode_words(content, vocabulary, LENGTH)


def space(trial: Trial) -> None:
    trial.suggest_int("epochs", 1, 15)
    trial.suggest_categorical("batch_size", [32, 64, 128, 256])
    trial.suggest_categorical("n_words", [2_500, 5_000, 10_000])
    trial.suggest_categorical("length", [40, 80, 120, 160])
    trial.suggest_categorical("embedding", [16, 32, 64, 128])
    trial.suggest_float("embedding_dropout", 0.0, 0.5, step=0.1)
    cell = trial.suggest_categorical("cell", ["SimpleRNN", "GRU", "LSTM"])
    n_layers = trial.suggest_int("layers", 1, 2)
    for i in range(1, n_layers + 1):
        trial.suggest_int(f"units_{i}", 25, 150, step=25)
    trial.suggest_categorical("activation", ["tanh", "relu", "sigmoid"])
    if cell != "SimpleRNN":  # which has no gates
        trial.suggest_categorical("recurrent_activation", ["sigmoid", "hard_sigmoid"])
    trial.suggest_float("dropout", 0.0, 0.5, step=0.1)
    trial.suggest_float("recurrent_dropout", 0.0, 0.5, step=0.1)
    trial.suggest_categorical("loss", ["binary_crossentropy", "mse"])
    trial.suggest_categorical("clipnorm", [None, 1.0])
    optimizer = trial.suggest_categorical("optimizer", ["adam", "sgd", "rmsprop"])
    trial.suggest_float(f"{optimizer}_learning_rate", 1e-4, 1e-1, log=True)
    if optimizer == "sgd":
        trial.suggest_categorical("momentum", [0.0, 0.9])


def build(params):
    import keras
    from keras import layers

    n_words = params["n_words"]
    words = keras.Input((LENGTH,), dtype="int32")
    last = words[:, -params["length"] :]
    known = keras.ops.where(last < n_words, last, UNKNOWN)
    x = layers.Embedding(n_words, params["embedding"])(known)
    # a 1 for each word of the vocabulary; training drops some of them, for the whole batch
    one = keras.ops.ones_like(keras.ops.max(known), dtype="float32")
    vocabulary = keras.ops.broadcast_to(one, (n_words, 1))
    kept = layers.Dropout(params["embedding_dropout"])(vocabulary)
    x = x * keras.ops.take(kept, known, axis=0)

    gates = {}
    if params["cell"] != "SimpleRNN":
        gates["recurrent_activation"] = params["recurrent_activation"]
    for i in range(1, params["layers"] + 1):
        x = getattr(layers, params["cell"])(
            params[f"units_{i}"],
            params["activation"],
            **gates,
            dropout=params["dropout"],
            recurrent_dropout=params["recurrent_dropout"],
            return_sequences=i < params["layers"],
        )(x)
    model = keras.Model(words, layers.Dense(1, "sigmoid")(x))

    name = params["optimizer"]
    config = {"learning_rate": params[f"{name}_learning_rate"], "clipnorm": params["clipnorm"]}
    if name == "sgd":
        config["momentum"] = params["momentum"]
    optimizer = keras.optimizers.get({"class_name": name, "config": config})
    model.compile(optimizer, params["loss"], metrics=["accuracy"])
    return model


# fmt: off
PUBLISHED = {  # epoch by epoch; the validation figures are of the test reviews
    "loss": [
        0.5748, 0.4353, 0.4001, 0.3692, 0.3507, 0.338, 0.3248,
    ],
    "accuracy": [
        0.6947, 0.8035, 0.825, 0.8396, 0.8516, 0.8566, 0.8619,
    ],
    "val_loss": [
        0.4217, 0.3785, 0.3766, 0.3615, 0.3776, 0.3628, 0.3664,
    ],
    "val_accuracy": [
        0.8117, 0.835, 0.8333, 0.839, 0.8324, 0.8389, 0.8413,
    ],
}
# fmt: on


TASK = Task(
    load=load,
    space=space,
    build=build,
    encode=encode,
    source=IMDB,
    baseline={
        "epochs": 7,
        "batch_size": 64,
        "n_words": 5_000,
        "length": 80,
        "embedding": 32,
        "embedding_dropout": 0.2,
        "cell": "LSTM",
        "layers": 1,
        "units_1": 100,
        "activation": "tanh",
        "recurrent_activation": "hard_sigmoid",
        "dropout": 0.2,
        "recurrent_dropout": 0.2,
        "loss": "binary_crossentropy",
        "clipnorm": None,
        "optimizer": "adam",
        "adam_learning_rate": 0.001,
        "sgd_learning_rate": 0.01,  # Keras's default, if the optimizer factor picks sgd
        "momentum": 0.0,
    },
    factors={
        "epochs": [5, 7, 10, 15],
        "units_1": [50, 100, 125, 150],
        "optimizer": ["adam", "sgd"],
        "activation": ["tanh", "relu", "sigmoid"],
        "recurrent_activation": ["sigmoid", "hard_sigmoid"],
        "cell": ["SimpleRNN", "GRU", "LSTM"],
        "length": [40, 80, 160],
        "clipnorm": [None, 1.0],
    },
    budget=Budget(n_trials=30),
    published=Published(
        test_accuracy=0.8413,
        source="the lab assignment, baseline network after 7 epochs",
        curve=PUBLISHED,
    ),
    questions=[
        Question(words="What test accuracy does the baseline reach?", evidence="baseline"),
        Question(words="At which epoch does overfitting begin?", evidence="overfitting"),
        Question(words="Which number of epochs is best?", evidence="levels", factor="epochs"),
        Question(words="How many units are best?", evidence="levels", factor="units_1"),
        Question(
            words="What do more units do to training time?", evidence="time", factor="units_1"
        ),
        Question(words="Which optimizer is best?", evidence="levels", factor="optimizer"),
        Question(
            words="Combine the best values: did accuracy rise? What does the combination do to "
            "training time and to overfitting?",
            evidence="combination",
        ),
        Question(words="What else could raise accuracy?", evidence="search"),
        Question(words="What is the chosen network worth on test?", evidence="test"),
    ],
    classes=CLASSES,
    gradient_norm=True,
    jit_compile=True,
)

"""IMDB: a regularized LSTM that knows 20,000 words.

The lab trains an LSTM of 64 units, with dropout on its inputs and regularized biases, for one
epoch on the last 80 words of each review, then varies dropout, regularizer and optimizer. It
found that regularizing both ways helped a little, that changing the dropout did not, and that
Adam with its defaults was best. Its homework asks for ways against the vanishing gradient: cell,
activation, initial weights, layer normalization, residual connections and gradient clipping are
factors here, the norm of the gradient is logged, and `hpsearch gradients` prints how much of it
reaches each word.

Data: Maas et al., 2011, https://ai.stanford.edu/~amaas/data/sentiment/, as Keras encodes them
"""

from pathlib import Path

from optuna import Trial

from hpsearch import Budget, Dataset, Finding, Published, Question, Task
from hpsearch.data import IMDB, Encoded, encode_words, hold_out, open_reviews

LENGTH = 80  # words kept of each review; a network reads the last `length` of them
N_WORDS = 20_000  # most frequent words kept; a network knows the first `n_words`
UNKNOWN = 2  # stands for all other words
N_VALID = 5_000  # of the 25,000 training reviews, held out to compare trials on
CLASSES = ["negative", "positive"]


def load(folder: Path) -> Dataset:
    reviews = open_reviews(folder)
    train, valid = hold_out(reviews.train.last_words(LENGTH, N_WORDS), N_VALID, seed=0)
    test = reviews.test.last_words(LENGTH, N_WORDS)  # x: (25000, 80), padded at the front
    return Dataset(train, valid, test, reviews.vocabulary[:N_WORDS])


def encode(content: bytes, vocabulary: tuple[str, ...]) -> Encoded:
    return encode_words(content, vocabulary, LENGTH)


def space(trial: Trial) -> None:
    trial.suggest_int("epochs", 1, 5)
    trial.suggest_categorical("batch_size", [16, 32, 64, 128])
    trial.suggest_categorical("n_words", [5_000, 10_000, 20_000])
    trial.suggest_categorical("length", [20, 40, 80])
    trial.suggest_categorical("embedding", [32, 64, 128])
    trial.suggest_categorical("cell", ["SimpleRNN", "GRU", "LSTM"])
    trial.suggest_categorical("activation", ["tanh", "relu", "sigmoid"])
    trial.suggest_categorical("recurrent_initializer", ["orthogonal", "identity", "glorot_uniform"])
    trial.suggest_categorical("layer_normalization", [False, True])
    trial.suggest_categorical("residual", [False, True])
    n_layers = trial.suggest_int("layers", 1, 2)
    for i in range(1, n_layers + 1):
        trial.suggest_categorical(f"units_{i}", [16, 32, 64, 128])
    trial.suggest_float("dropout", 0.0, 0.5, step=0.1)
    trial.suggest_float("recurrent_dropout", 0.0, 0.5, step=0.1)
    if trial.suggest_categorical("bias_regularizer", ["none", "l2", "l1_l2"]) != "none":
        trial.suggest_float("regularization", 1e-4, 1e-1, log=True)
    trial.suggest_categorical("clipnorm", [None, 1.0])
    optimizer = trial.suggest_categorical("optimizer", ["adam", "sgd", "rmsprop"])
    trial.suggest_float(f"{optimizer}_learning_rate", 1e-4, 1e-1, log=True)
    if optimizer == "sgd":
        trial.suggest_categorical("momentum", [0.0, 0.9])


def build(params):
    import keras
    from keras import layers

    kind = params["bias_regularizer"]
    strength = 0.0 if kind == "none" else params["regularization"]
    l1, l2 = {"none": (0.0, 0.0), "l2": (0.0, strength), "l1_l2": (strength, strength)}[kind]
    length, n_words = params["length"], params["n_words"]
    words = keras.Input((LENGTH,), dtype="int32")
    last = words[:, -length:]
    known = keras.ops.where(last < n_words, last, UNKNOWN)
    x = layers.Embedding(n_words, params["embedding"])(known)
    for i in range(1, params["layers"] + 1):
        units = params[f"units_{i}"]
        states = getattr(layers, params["cell"])(
            units,
            params["activation"],
            recurrent_initializer=params["recurrent_initializer"],
            dropout=params["dropout"],
            recurrent_dropout=params["recurrent_dropout"],
            bias_regularizer=keras.regularizers.L1L2(l1, l2),
            return_sequences=True,
        )(layers.LayerNormalization()(x) if params["layer_normalization"] else x)
        if params["residual"]:
            if x.shape[-1] != units:
                x = layers.Dense(units, use_bias=False)(x)
            states = states + x
        x = states  # (batch, length, units)
    model = keras.Model(words, layers.Dense(1, "sigmoid")(x[:, -1]))

    name = params["optimizer"]
    config = {"learning_rate": params[f"{name}_learning_rate"], "clipnorm": params["clipnorm"]}
    if name == "sgd":
        config["momentum"] = params["momentum"]
    optimizer = keras.optimizers.get({"class_name": name, "config": config})
    model.compile(optimizer, "binary_crossentropy", metrics=["accuracy"])
    return model


TASK = Task(
    load=load,
    space=space,
    build=build,
    encode=encode,
    source=IMDB,
    baseline={
        "epochs": 1,
        "batch_size": 16,
        "n_words": 20_000,
        "length": 80,
        "embedding": 128,
        "cell": "LSTM",
        "layers": 1,
        "units_1": 64,
        "activation": "tanh",
        "recurrent_initializer": "orthogonal",
        "layer_normalization": False,
        "residual": False,
        "dropout": 0.2,
        "recurrent_dropout": 0.0,
        "bias_regularizer": "l1_l2",
        "regularization": 0.01,
        "clipnorm": None,
        "optimizer": "adam",
        "adam_learning_rate": 0.001,
        "sgd_learning_rate": 0.01,  # the lab's value, if the optimizer factor picks sgd
        "momentum": 0.9,
        "rmsprop_learning_rate": 0.001,
    },
    factors={
        "dropout": [0.0, 0.1, 0.2, 0.3, 0.5],
        "bias_regularizer": ["none", "l2", "l1_l2"],
        "optimizer": ["adam", "sgd", "rmsprop"],
        "cell": ["SimpleRNN", "GRU", "LSTM"],
        "activation": ["tanh", "relu", "sigmoid"],
        # identity: of an LSTM or a GRU, it is the first gate's weights; the others' begin as 0
        "recurrent_initializer": ["orthogonal", "identity", "glorot_uniform"],
        "layer_normalization": [False, True],
        "residual": [False, True],
        "clipnorm": [None, 1.0],
    },
    paths={
        # Le, Jaitly and Hinton, 2015, https://arxiv.org/abs/1504.00941, and what goes further
        "a simple cell that remembers": [
            {"cell": "SimpleRNN"},
            {"activation": "relu", "recurrent_initializer": "identity"},
            {"clipnorm": 1.0},
            {"layer_normalization": True},
            {"residual": True},
        ],
    },
    budget=Budget(n_trials=30),
    published=Published(
        source="the lab assignment",
        findings=[
            Finding(words="The model overfits strongly.", claim="overfits"),
            Finding(
                words="Regularizing both ways helped a little.",
                claim="better",
                factor="bias_regularizer",
                levels=["l1_l2"],
                than="none",
            ),
            Finding(
                words="Changing the dropout did not help.",
                claim="no different",
                factor="dropout",
                levels=[0.0, 0.1, 0.3, 0.5],
            ),
            Finding(
                words="Adam with its defaults was best.",
                claim="best",
                factor="optimizer",
                levels=["adam"],
            ),
        ],
    ),
    questions=[
        Question(words="Does the model overfit?", evidence="overfitting"),
        Question(words="Which dropout is best?", evidence="levels", factor="dropout"),
        Question(words="Does regularizing help?", evidence="levels", factor="bias_regularizer"),
        Question(words="Which optimizer is best?", evidence="levels", factor="optimizer"),
        Question(words="Which cell is best?", evidence="levels", factor="cell"),
        Question(
            words="What helps against the vanishing gradient?",
            evidence="levels",
            factor="a simple cell that remembers",
        ),
        Question(words="Do our figures support the lab's conclusions?", evidence="findings"),
        Question(words="What do the best values do together?", evidence="combination"),
        Question(words="What is the chosen network worth on test?", evidence="test"),
    ],
    classes=CLASSES,
    gradient_norm=True,
    jit_compile=True,
)

"""IMDB: tell good film reviews from bad ones by the words they use.

The lab turns each review into a row of 10,000 numbers, with a 1 for each word it contains, and
trains a dense network of two small layers for 20 epochs, sees it overfit after 3 or 4, and trains
it anew on all reviews for 4. It varies the number of layers, their width, the loss and the
activation; the search space here also has optimizer, learning rate and dropout.

Data: Maas et al., 2011, https://ai.stanford.edu/~amaas/data/sentiment/, as Keras encodes them
"""

from pathlib import Path

from optuna import Trial

from hpsearch import Budget, Dataset, Finding, Published, Question, Task
from hpsearch.data import IMDB, Encoded, encode_bag, open_reviews

N_WORDS = 10_000
N_VALID = 10_000  # of the 25,000 training reviews, as in the lab
CLASSES = ["negative", "positive"]


def load(folder: Path) -> Dataset:
    reviews = open_reviews(folder)
    train = reviews.train.bags_of_words(N_WORDS)  # x: (25000, 10000), CSR, 1.3 % ones
    test = reviews.test.bags_of_words(N_WORDS)
    return Dataset(train[N_VALID:], train[:N_VALID], test, reviews.vocabulary[:N_WORDS])


def encode(content: bytes, vocabulary: tuple[str, ...]) -> Encoded:
    return encode_bag(content, vocabulary)


def space(trial: Trial) -> None:
    trial.suggest_int("epochs", 1, 20)
    trial.suggest_categorical("batch_size", [128, 256, 512, 1024])
    n_layers = trial.suggest_int("layers", 1, 3)
    trial.suggest_categorical("units_1", [4, 8, 16, 32, 64, 128, 256, 512])
    for i in range(2, n_layers + 1):  # None: as wide as the previous layer
        trial.suggest_categorical(f"units_{i}", [None, 4, 8, 16, 32, 64, 128])
    trial.suggest_categorical("activation", ["relu", "tanh", "sigmoid", "elu", "silu", "gelu"])
    trial.suggest_float("dropout", 0.0, 0.9, step=0.1)
    trial.suggest_categorical("loss", ["binary_crossentropy", "mse"])
    optimizer = trial.suggest_categorical("optimizer", ["rmsprop", "adam", "sgd"])
    trial.suggest_float(f"{optimizer}_learning_rate", 1e-4, 1e-1, log=True)
    if optimizer == "sgd":
        trial.suggest_categorical("momentum", [0.0, 0.9])


def build(params):
    import keras
    from keras import layers

    bag = x = keras.Input((N_WORDS,), sparse=True)
    units = None
    for i in range(1, params["layers"] + 1):
        units = params[f"units_{i}"] or units
        x = layers.Dense(units, params["activation"])(x)
        x = layers.Dropout(params["dropout"])(x)
    model = keras.Model(bag, layers.Dense(1, "sigmoid")(x))

    name = params["optimizer"]
    config = {"learning_rate": params[f"{name}_learning_rate"]}
    if name == "sgd":
        config["momentum"] = params["momentum"]
    optimizer = keras.optimizers.get({"class_name": name, "config": config})
    model.compile(optimizer, params["loss"], metrics=["accuracy"])
    return model


# fmt: off
PUBLISHED = {  # epoch by epoch, as the lab printed it
    "loss": [
        0.5084, 0.3004, 0.2179, 0.175, 0.1427, 0.115, 0.098, 0.0807, 0.0661, 0.0561, 0.0439,
        0.0381, 0.03, 0.0247, 0.0175, 0.015, 0.0147, 0.0083, 0.0064, 0.0076,
    ],
    "accuracy": [
        0.7813, 0.9047, 0.9285, 0.9437, 0.9543, 0.965, 0.9705, 0.9763, 0.9821, 0.9853, 0.9893,
        0.9921, 0.9928, 0.9945, 0.998, 0.9984, 0.9971, 0.9993, 0.9997, 0.9986,
    ],
    "val_loss": [
        0.3797, 0.3004, 0.3085, 0.284, 0.2841, 0.3166, 0.3127, 0.3859, 0.3635, 0.3843, 0.4153,
        0.4525, 0.4698, 0.5023, 0.5339, 0.5721, 0.6024, 0.6801, 0.7548, 0.6997,
    ],
    "val_accuracy": [
        0.8684, 0.8897, 0.8711, 0.8832, 0.8872, 0.8772, 0.8846, 0.8649, 0.8782, 0.8792, 0.8779,
        0.8689, 0.8729, 0.8725, 0.8694, 0.8697, 0.8702, 0.8633, 0.8536, 0.8652,
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
        "epochs": 20,  # to see it overfit
        "batch_size": 512,
        "layers": 2,
        "units_1": 16,
        "units_2": None,
        "units_3": None,  # for the factor of three layers
        "activation": "relu",
        "dropout": 0.0,
        "loss": "binary_crossentropy",
        "optimizer": "rmsprop",
        "rmsprop_learning_rate": 0.001,
        "adam_learning_rate": 0.001,  # Keras's defaults, if the optimizer factor picks adam or sgd
        "sgd_learning_rate": 0.01,
        "momentum": 0.0,
    },
    evaluated_epochs=4,  # which the lab chose by validation
    factors={
        "epochs": [4, 20],
        "layers": [1, 2, 3],
        "units_1": [4, 8, 16, 32, 64],
        "loss": ["binary_crossentropy", "mse"],
        "activation": ["relu", "tanh", "sigmoid"],
        "optimizer": ["rmsprop", "adam", "sgd"],
    },
    paths={
        "the lab's path": [{"layers": 3}, {"loss": "mse"}, {"activation": "tanh"}],
    },
    budget=Budget(n_trials=40),
    published=Published(
        test_accuracy=0.87296,
        source="the lab assignment, baseline network after 4 epochs on all training reviews",
        curve=PUBLISHED,
        findings=[
            Finding(words="The simple model overfits badly.", claim="overfits"),
            Finding(
                words="Adding or removing layers makes no visible difference.",
                claim="no different",
                factor="layers",
                levels=[1, 3],
            ),
            Finding(
                words="mse does not suit this problem at all.",
                claim="worse",
                factor="loss",
                levels=["mse"],
            ),
        ],
    ),
    questions=[
        Question(words="From which epoch on does the network overfit?", evidence="overfitting"),
        Question(words="How many hidden layers are best?", evidence="levels", factor="layers"),
        Question(
            words="What do more or fewer units than 16 do?", evidence="levels", factor="units_1"
        ),
        Question(
            words="When does a network with other units overfit?",
            evidence="overfitting by level",
            factor="units_1",
        ),
        Question(words="Is mse better than cross-entropy?", evidence="levels", factor="loss"),
        Question(words="Which activation is best?", evidence="levels", factor="activation"),
        Question(words="Which optimizer is best?", evidence="levels", factor="optimizer"),
        Question(
            words="3 layers, then mse, then tanh: what does each step do?",
            evidence="levels",
            factor="the lab's path",
        ),
        Question(words="What do the best values do together?", evidence="combination"),
        Question(words="Do our figures support the lab's conclusions?", evidence="findings"),
        Question(words="What is the chosen network worth on test?", evidence="test"),
        Question(words="Why is the test set kept apart?"),
    ],
    classes=CLASSES,
)

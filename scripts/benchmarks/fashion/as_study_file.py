"""Fashion-MNIST: a network to tune.

hpsearch run as_study_file.py
hpsearch evaluate as_study_file && hpsearch export as_study_file -o best
"""

from hpsearch import Budget, Dataset, Split, Task
from hpsearch.data import FASHION_MNIST, hold_out, load_fashion_mnist


def load(folder):
    train, test = (Split(*pair) for pair in load_fashion_mnist(folder))
    return Dataset(*hold_out(train, 12_000, seed=0), test)


def space(trial):
    trial.suggest_int("units", 32, 512, log=True)
    trial.suggest_categorical("activation", ["relu", "silu", "tanh"])
    trial.suggest_float("dropout", 0.0, 0.5)
    trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True)


def build(params):
    import keras

    model = keras.Sequential()
    model.add(keras.Input((28, 28)))
    model.add(keras.layers.Rescaling(1 / 255))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(params["units"], params["activation"]))
    model.add(keras.layers.Dropout(params["dropout"]))
    model.add(keras.layers.Dense(10, "softmax"))
    adam = keras.optimizers.Adam(params["learning_rate"])
    model.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


network = {"units": 128, "activation": "relu", "dropout": 0.2, "learning_rate": 1e-3}
TASK = Task(
    load=load,
    space=space,
    build=build,
    source=FASHION_MNIST,
    baseline={"epochs": 10, "batch_size": 128, **network},
    budget=Budget(n_trials=20),
)

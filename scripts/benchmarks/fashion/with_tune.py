"""Tune a network on Fashion-MNIST with `hpsearch.tune`; run it again to resume."""

import keras

import hpsearch

(x, y), _ = keras.datasets.fashion_mnist.load_data()


def build(hp):
    units = hp.Int("units", 32, 512, sampling="log")
    activation = hp.Choice("activation", ["relu", "silu", "tanh"])
    dropout = hp.Float("dropout", 0.0, 0.5)
    learning_rate = hp.Float("learning_rate", 1e-4, 1e-2, sampling="log")
    model = keras.Sequential()
    model.add(keras.Input((28, 28)))
    model.add(keras.layers.Rescaling(1 / 255))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(units, activation))
    model.add(keras.layers.Dropout(dropout))
    model.add(keras.layers.Dense(10, "softmax"))
    adam = keras.optimizers.Adam(learning_rate)
    model.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


found = hpsearch.tune(build, x=x, y=y, epochs=10, batch_size=128)
print(found.best_params)
found.model().save("best.keras")

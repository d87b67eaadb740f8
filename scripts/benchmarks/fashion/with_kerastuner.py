"""Tune a network on Fashion-MNIST with KerasTuner's Hyperband; run it again to resume."""

import keras
import keras_tuner

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


tuner = keras_tuner.Hyperband(build, "val_accuracy", max_epochs=10, project_name="fashion")
tuner.search(x, y, validation_split=0.2, batch_size=128)
print(tuner.get_best_hyperparameters()[0].values)
tuner.get_best_models()[0].save("best.keras")

"""KerasTuner's Hyperband with factor 3, as in its documentation."""

from __future__ import annotations

import sys
from typing import Any

import keras
import keras_tuner

from benchmarks.lab import MAX_EPOCHS
from benchmarks.plain import ACTIVATIONS, Recorder, load, network


class Lab(keras_tuner.HyperModel):
    """The lab's network; Hyperband itself chooses the epochs."""

    def build(self, hp: Any) -> keras.Model:
        """Build the network from hyperparameters."""
        n_layers = hp.Int("layers", 1, 3)
        return network(
            [hp.Int(f"units_{i}", 100, 1200, step=100) for i in range(n_layers)],
            hp.Choice("activation", ACTIVATIONS),
            hp.Choice("optimizer", ["sgd", "adam", "rmsprop"]),
            hp.Float("learning_rate", 1e-4, 1e-1, sampling="log"),
            hp.Float("dropout", 0.0, 0.5, step=0.1),
        )

    def fit(self, hp: Any, model: keras.Model, *args: Any, **kwargs: Any) -> Any:
        """Train with the tuned batch size."""
        batch_size = hp.Choice("batch_size", [50, 100, 200, 400])
        return model.fit(*args, batch_size=batch_size, **kwargs)


def main() -> None:
    """Search until killed."""
    seed, folder = int(sys.argv[1]), sys.argv[2]
    x, y, x_valid, y_valid = load()
    tuner = keras_tuner.Hyperband(
        Lab(),
        objective="val_accuracy",
        max_epochs=MAX_EPOCHS,
        factor=3,
        hyperband_iterations=100,
        seed=seed,
        directory=folder,
        project_name="lab1",
    )
    tuner.search(x, y, validation_data=(x_valid, y_valid), callbacks=[Recorder()], verbose=0)


if __name__ == "__main__":
    main()

"""A plain Optuna loop, as in its documentation: TPE, MedianPruner, SQLite."""

from __future__ import annotations

import sys

import optuna
from optuna_integration import KerasPruningCallback

from benchmarks.lab import MAX_EPOCHS
from benchmarks.plain import ACTIVATIONS, Recorder, load, network


def main() -> None:
    """Search until killed."""
    seed, folder = int(sys.argv[1]), sys.argv[2]
    x, y, x_valid, y_valid = load()

    def objective(trial: optuna.Trial) -> float:
        epochs = trial.suggest_int("epochs", 5, MAX_EPOCHS)
        batch_size = trial.suggest_categorical("batch_size", [50, 100, 200, 400])
        n_layers = trial.suggest_int("layers", 1, 3)
        model = network(
            [trial.suggest_int(f"units_{i}", 100, 1200, step=100) for i in range(n_layers)],
            trial.suggest_categorical("activation", ACTIVATIONS),
            trial.suggest_categorical("optimizer", ["sgd", "adam", "rmsprop"]),
            trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True),
            trial.suggest_float("dropout", 0.0, 0.5, step=0.1),
        )
        history = model.fit(
            x,
            y,
            batch_size=batch_size,
            epochs=epochs,
            validation_data=(x_valid, y_valid),
            callbacks=[Recorder(), KerasPruningCallback(trial, "val_accuracy")],
            verbose=0,
        )
        return float(history.history["val_accuracy"][-1])

    study = optuna.create_study(
        storage=f"sqlite:///{folder}/studies.db",
        study_name="lab1",
        direction="maximize",
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(),
    )
    study.optimize(objective)


if __name__ == "__main__":
    main()

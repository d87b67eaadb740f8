"""Tune a network on Fashion-MNIST with plain Optuna; run it again to resume."""

import shutil
from pathlib import Path

import keras
import optuna
from optuna.study import MaxTrialsCallback
from optuna.trial import TrialState
from optuna_integration import KerasPruningCallback

(x, y), _ = keras.datasets.fashion_mnist.load_data()


def objective(trial):
    units = trial.suggest_int("units", 32, 512, log=True)
    activation = trial.suggest_categorical("activation", ["relu", "silu", "tanh"])
    dropout = trial.suggest_float("dropout", 0.0, 0.5)
    learning_rate = trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True)
    model = keras.Sequential()
    model.add(keras.Input((28, 28)))
    model.add(keras.layers.Rescaling(1 / 255))
    model.add(keras.layers.Flatten())
    model.add(keras.layers.Dense(units, activation))
    model.add(keras.layers.Dropout(dropout))
    model.add(keras.layers.Dense(10, "softmax"))
    adam = keras.optimizers.Adam(learning_rate)
    model.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
    pruning = [KerasPruningCallback(trial, "val_accuracy")]
    history = model.fit(
        x, y, validation_split=0.2, epochs=10, batch_size=128, callbacks=pruning, verbose=0
    )
    model.save(f"models/{trial.number}.keras")
    return history.history["val_accuracy"][-1]


Path("models").mkdir(exist_ok=True)
study = optuna.create_study(
    storage="sqlite:///studies.db",
    study_name="fashion",
    direction="maximize",
    pruner=optuna.pruners.SuccessiveHalvingPruner(),
    load_if_exists=True,
)
ended = (TrialState.COMPLETE, TrialState.PRUNED)
study.optimize(objective, callbacks=[MaxTrialsCallback(20, states=ended)])
print(study.best_params)
shutil.copy(f"models/{study.best_trial.number}.keras", "best.keras")

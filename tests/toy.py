"""A toy task: 60 points, a layer, epochs of milliseconds, and a metric made to order."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent, indent

TEXT = '''"""Toy: tell two clouds of points apart."""

import os
import time

import numpy as np

from hpsearch import Budget, Dataset, Split, Task
from hpsearch.data import Source


def load(folder):
    rng = np.random.default_rng(0)
    y = np.arange(60) % 2
    x = rng.normal(size=(60, 2)).astype("float32") + 2 * y[:, None]
    points = Split(x, y)
    return Dataset({splits})


def space(trial):
    trial.suggest_int("epochs", 1, {max_epochs})
    trial.suggest_int("units", 1, 8)
    trial.suggest_float("level", 0.0, 1.0)
    trial.suggest_int("peak", 1, {max_epochs})
    trial.suggest_categorical("mode", ["sound", "odd"])


def build(params):
    import keras

    odd = params["mode"] == "odd"
{in_build}

    model = keras.Sequential([
        keras.Input((2,)),
        keras.layers.Dense(params["units"], "relu"),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(2, "softmax"),
    ])
    optimizer = keras.optimizers.Adam(0.01)

    class Score(keras.metrics.Metric):
        """At epoch `peak` as high as `level`, lower before and after."""

        def update_state(self, y_true, y_pred, sample_weight=None):
            pass

        def reset_state(self):
            epochs_done = int(optimizer.iterations) // 2
{each_epoch}

        def result(self):
            epoch = keras.ops.cast(optimizer.iterations, "float32") / 2
            return params["level"] - 0.01 * keras.ops.abs(epoch - params["peak"])

    model.compile(
        optimizer,
        "sparse_categorical_crossentropy",
        metrics=["accuracy", Score(name="score")],
        run_eagerly={run_eagerly},
    )
    return model


TASK = Task(
    load=load,
    space=space,
    build=build,
    source=Source("toy"),
    metric="{metric}",
    direction="{direction}",
    baseline=dict(
        epochs={epochs}, batch_size=20, units=4, level=0.5, peak={peak}, mode="{mode}"
    ),
    budget=Budget(n_trials=4),
    {fields}
)
'''


def write_toy(
    folder: Path,
    *,
    in_build: str = "pass",
    each_epoch: str = "pass",
    metric: str = "val_score",
    direction: str = "maximize",
    max_epochs: int = 6,
    epochs: int = 3,
    peak: int = 3,
    mode: str = "sound",
    name: str = "toy",
    fields: str = "",
    run_eagerly: bool = True,
    folds: int | None = None,
) -> Path:
    """Write the toy's study file.

    Args:
        folder: Where to.
        in_build: Statements at the start of `build`; `odd` is true in trials of that mode.
        each_epoch: Statements run before and after each epoch's training; `epochs_done`
            counts epochs.
        metric: The task's metric; 40 examples in batches of 20 make 2 steps an epoch.
        direction: The task's.
        max_epochs: The longest trial of the space.
        epochs: Of the baseline.
        peak: The baseline's best epoch.
        mode: Of the baseline.
        name: The file's stem.
        fields: More of them, of the task.
        folds: How many, instead of a validation split.
        run_eagerly: Whether no graph is made: to trace it takes longer than a few epochs.
    """
    path = folder / f"{name}.py"
    path.write_text(
        TEXT.format(
            in_build=indent(dedent(in_build).strip(), "    "),
            each_epoch=indent(dedent(each_epoch).strip(), " " * 12),
            metric=metric,
            direction=direction,
            max_epochs=max_epochs,
            epochs=epochs,
            peak=peak,
            mode=mode,
            fields=fields if folds is None else f"folds={folds}, {fields}",
            splits="points[:40], points[40:50], points[50:]"
            if folds is None
            else "points[:50], test=points[50:]",
            run_eagerly=run_eagerly,
        )
    )
    return path

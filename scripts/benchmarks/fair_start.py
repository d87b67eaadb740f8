"""How much of a network's end its first epochs tell, by how often its weights were updated.

Random networks of each task's space are trained to the longest length, never pruned. For each
epoch at which `halving` could first compare them, the table says

    agreement  Spearman's rank correlation between the values there and in the end, which is a
               curve's best value at any length of the space: shorter trials are read off
    kept       how often the best of half the networks in the end is among their best third there
    loss       what the best of that third lacks in the end, in points of the metric
    search     the epochs of a whole search of all networks with this first rung, as a share of
               a search that prunes nothing, and what its best trial lacks

Equal values are put in random order, as by `halving`. Shares and means are of 200 draws.
"""

from __future__ import annotations

import argparse
import csv
import math
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from scipy.stats import spearmanr

from hpsearch.goal import Goal
from hpsearch.searching.rungs import REDUCTION_FACTOR, Rungs
from hpsearch.searching.schedule import N_FINALISTS
from hpsearch.study.space import explore
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import StudyFile, read_study_file
from hpsearch.task import epochs_of

TABLES = ("breast_cancer", "wine", "iris")  # of scikit-learn, with the template for vectors
N_DRAWS = 200


@dataclass(frozen=True)
class Curves:
    """What became of n networks, epoch by epoch."""

    values: np.ndarray
    """Of shape (n, epochs): the higher, the better; -inf after training diverged."""
    asked: np.ndarray
    """The lengths that trials of these networks would have, in epochs."""
    shortest: int
    """Epochs of the shortest trials."""
    updates: int
    """Of the baseline's weights in an epoch."""

    @property
    def final(self) -> np.ndarray:
        """The best value at any length of the space."""
        return self.values[:, self.shortest - 1 :].max(axis=1)


def study_file_of(name: str, folder: Path, normalization: str) -> StudyFile:
    """A study by its name; for a table of scikit-learn, the template filled in."""
    if name not in TABLES:
        return read_study_file(name)
    import sklearn.datasets

    table = getattr(sklearn.datasets, f"load_{name}")()
    labels = table.target_names[table.target]
    with (folder / f"{name}.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([*range(table.data.shape[1]), "species"])
        rows.writerows([*row, label] for row, label in zip(table.data, labels, strict=True))
    text = resources.files("hpsearch").joinpath("templates", "vectors.py").read_text("utf-8")
    text = text.replace("my_task", name).replace("layers.Normalization", f"layers.{normalization}")
    text = text.replace(
        '("setosa", "versicolor", "virginica")', repr(tuple(sorted(map(str, set(labels)))))
    )
    (folder / f"{name}.py").write_text(text)
    return read_study_file(str(folder / f"{name}.py"))


def train(study_file: StudyFile, n_networks: int, limit_s: float) -> Curves:
    """Train random networks of a task's space, one after another, while there is time."""
    import keras

    from hpsearch.training.loop import build_network, fit

    task = study_file.task
    space = explore(study_file)
    data = prepare_data(study_file, None).open()
    n_epochs = space.max_epochs(task.baseline)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    values: list[list[float]] = []
    asked: list[int] = []
    began_s = time.monotonic()
    for seed in range(n_networks):
        if time.monotonic() - began_s > limit_s:
            break
        trial = study.ask()
        task.space(trial)
        params = task.complete(trial.params)
        asked.append(epochs_of(params))
        keras.backend.clear_session()
        model = build_network(task.build, params, seed, data.train.x)
        history: list[float] = []

        class Note(keras.callbacks.Callback):
            def on_epoch_end(
                self, epoch: int, logs: dict[str, Any], history: list[float] = history
            ) -> None:
                finite = task.goal.is_finite(logs)
                history.append(-task.goal.key(task.goal.value(logs)) if finite else -math.inf)

        fit(
            model,
            data.train.x,
            data.train.y,
            batch_size=params["batch_size"],
            epochs=n_epochs,
            seed=seed,
            validation=(data.valid.x, data.valid.y),
            callbacks=[Note(), keras.callbacks.TerminateOnNaN()],
        )
        values.append(history + [-math.inf] * (n_epochs - len(history)))
    return Curves(
        np.array(values),
        np.array(asked),
        shortest=getattr(space.distributions.get("epochs"), "low", n_epochs),
        updates=math.ceil(len(data.train) / task.baseline["batch_size"]),
    )


def search(curves: Curves, first: int, order: np.ndarray) -> tuple[int, float]:
    """Replay a search by `halving` in one slot: epochs trained, and its best trial's value."""
    rungs = Rungs(Goal("value", "maximize"), first)
    n_done = dict.fromkeys(map(str, order), 0)
    paused: set[str] = set()
    best = -math.inf

    def go_on(curve: str, n_at_least: int) -> None:
        nonlocal best
        values, asked = curves.values[int(curve)], curves.asked[int(curve)]
        paused.discard(curve)
        while n_done[curve] < asked:
            n_done[curve] += 1
            epoch = n_done[curve]
            rungs.place(curve, epoch, values[epoch - 1])
            is_judged = rungs.is_rung(epoch) and epoch < asked
            if is_judged and not rungs.may_go_on(curve, epoch, n_at_least=n_at_least):
                paused.add(curve)
                return
        best = max(best, values[curves.shortest - 1 : asked].max())

    def promoted(n_at_least: int) -> Iterator[str]:
        while promotable := [
            curve
            for rung, curve in rungs.best_curves(n_at_least=n_at_least)
            if curve in paused and n_done[curve] == rung
        ]:
            yield promotable[0]

    for curve in n_done:
        for other in promoted(0):
            go_on(other, 0)
        go_on(curve, 0)
    for other in promoted(N_FINALISTS):
        go_on(other, N_FINALISTS)
    return sum(n_done.values()), best


def row(curves: Curves, first: int) -> list[str]:
    """What a first rung would do, as a row of the table."""
    dice = np.random.default_rng(0)
    there, final = curves.values[:, first - 1], curves.final
    known = np.where(np.isfinite(there), there, np.finfo(float).min)
    agreement = spearmanr(known, final).statistic
    reachable = max(
        values[curves.shortest - 1 : asked].max()
        for values, asked in zip(curves.values, curves.asked, strict=True)
    )
    kept, losses, costs, lacks = [], [], [], []
    for _ in range(N_DRAWS):
        drawn = dice.permutation(len(final))[: len(final) // 2]
        third = drawn[np.argsort(-there[drawn], kind="stable")[: len(drawn) // REDUCTION_FACTOR]]
        losses.append(final[drawn].max() - final[third].max())
        kept.append(losses[-1] == 0)
        n_epochs, best = search(curves, first, dice.permutation(len(final)))
        costs.append(n_epochs / curves.asked.sum())
        lacks.append(reachable - best)
    return [
        f"{first}",
        f"{first * curves.updates}",
        f"{agreement:.2f}",
        f"{100 * np.mean(kept):.0f} %",
        f"{100 * np.mean(losses):.1f}",
        f"{100 * np.mean(costs):.0f} %",
        f"{100 * np.mean(lacks):.2f}",
    ]


def rungs_to_try(n_epochs: int) -> list[int]:
    """Epochs at which trials could first be compared, up to the last that leaves a rung."""
    steps = [1, 2, 3, 4, 6, 8, 10, 13, 16, 20, 25, 30, 40]
    return [epoch for epoch in steps if epoch <= max(1, n_epochs // 2)]


def main() -> None:
    """Print a table for each task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tasks", nargs="*", default=["digits", *TABLES])
    parser.add_argument("--networks", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=130, help="of training, for each task")
    parser.add_argument(
        "--normalization",
        default="Normalization",
        choices=["Normalization", "BatchNormalization"],
        help="the first layer of the networks for tables",
    )
    parser.add_argument("--keep", type=Path, help="a folder for curves, trained only once")
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        keep = args.keep or Path(folder)
        for name in args.tasks:
            is_batch = args.normalization == "BatchNormalization" and name in TABLES
            kept = keep / f"{name}{'-batch' if is_batch else ''}.npz"
            began_s = time.monotonic()
            if not kept.exists():
                curves = train(
                    study_file_of(name, Path(folder), args.normalization),
                    args.networks,
                    args.seconds,
                )
                np.savez(kept, **asdict(curves))
            with np.load(kept) as arrays:
                curves = Curves(
                    arrays["values"],
                    arrays["asked"],
                    int(arrays["shortest"]),
                    int(arrays["updates"]),
                )
            print(
                f"\n{name}: {len(curves.values)} networks, {curves.values.shape[1]} epochs of "
                f"{curves.updates} updates of the baseline ({time.monotonic() - began_s:.0f} s)\n"
            )
            print("| first rung | updates | agreement | kept | loss | search: epochs | loss |")
            print("| --- | --- | --- | --- | --- | --- | --- |")
            for first in rungs_to_try(curves.values.shape[1]):
                print("| " + " | ".join(row(curves, first)) + " |", flush=True)


if __name__ == "__main__":
    main()

"""Measure what a trial costs by training the baseline for an epoch or two."""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np

from hpsearch.curves.curve import Curve
from hpsearch.curves.store import CurveStore
from hpsearch.data.arrays import Prepared
from hpsearch.errors import StudyFileError
from hpsearch.evaluation.candidates import baseline_of
from hpsearch.goal import Goal, Logs
from hpsearch.messages import Verdict
from hpsearch.processes.runner import Runner
from hpsearch.processes.slots import side_by_side
from hpsearch.processes.stop import StopRequest
from hpsearch.processes.supervisor import Ending, How
from hpsearch.processes.trainer import Taken, Trainer
from hpsearch.study.record import versions
from hpsearch.study.space import place_of
from hpsearch.study_file import StudyFile, registers_own
from hpsearch.task import Params

N_EPOCHS = 2
FIELDS = ("metric", "also_log", "writing", "callbacks", "class_weight")
"""Of a task: those that messages of a trial process are about, besides `build`."""
LONG_EPOCH_S = 20  # after a longer one, a second is not worth the wait


@dataclass(frozen=True)
class Cost:
    """The cost of training the baseline, a mean over those trained side by side."""

    first_epoch_s: float
    """Longer than later ones: it compiles the training step."""
    epoch_s: float
    start_s: float
    """What a training takes besides its epochs: its process starts, builds and compiles."""
    value: float
    """The metric after the last epoch."""
    n_weights: int

    def seconds(self, n_epochs: int, n_trainings: int = 1) -> float:
        """The time of trainings one after the other, with this many epochs in all."""
        return n_trainings * self.start_s + n_epochs * self.epoch_s


class OnceOrTwice:
    """Trains a second epoch only if the first was short.

    Args:
        goal: The task's goal.
    """

    def __init__(self, goal: Goal) -> None:
        self.goal = goal

    def begins(self, curve: Curve, n_stored: int) -> None:
        """Nothing to do."""

    def epoch_done(self, epoch: int, logs: Logs, *, is_stored: bool) -> Verdict:
        """Stop after a long epoch, or one that ended in NaN."""
        goes_on = logs["seconds"] <= LONG_EPOCH_S and self.goal.is_finite(logs)
        return Verdict.GO_ON if goes_on else Verdict.STOP


def measure_cost(
    study_file: StudyFile,
    data: Prepared,
    runner: Runner,
    say: Callable[[str], object],
    *,
    n_slots: int = 1,
    n_threads: int = 1,
) -> Cost:
    """Train the baseline in a trial process, for two epochs if the first is short, and then
    for one more in another process.

    Where the study file has code that keeps what it likes, the same epochs are also trained in
    one go, to see whether they come out the same.

    Args:
        study_file: Its baseline is trained.
        data: The prepared arrays.
        runner: Where the trial process comes from.
        say: Called with each line of progress.
        n_slots: How many train at the same time, each with its own seed: they slow each
            other down, on a GPU most of all.
        n_threads: Threads of each.

    Raises:
        StudyFileError: The baseline cannot be trained, Keras does not log the metric, or
            training does not go on where it stopped.
    """
    goal = study_file.task.goal
    params: Params = {**baseline_of(study_file), "epochs": N_EPOCHS}
    with tempfile.TemporaryDirectory(prefix="hpsearch-check-") as folder:
        # made here and not in the slots: Python 3.11 fails at times if threads parse at once
        trainers = {
            place: Trainer(
                study_file,
                data,
                CurveStore(Path(folder) / place),
                runner,
                versions=versions(),
                stop=StopRequest(),
                n_threads=n_threads,
                say=say,
            )
            for place in ("continued", "in-one-go")
        }
        fold = study_file.task.fold_numbers[0]

        def take(seed: int, place: str = "continued") -> Taken:
            watcher = OnceOrTwice(goal)
            taken = trainers[place].take(params, seed, watcher, name="the baseline", fold=fold)
            if taken.ending.how not in {How.FINISHED, How.STOPPED}:
                raise _explained(study_file, taken.ending)
            return taken

        def take_again(seed: int) -> float:
            begun = time.monotonic()
            last = take(seed).logs[-1]
            return max(0.0, time.monotonic() - begun - last["seconds"])

        seeds = range(n_slots)
        all_taken = side_by_side(n_slots, take, seeds)
        taken = all_taken[0]
        n_weights = taken.curve.n_weights
        starts_s = [0.0]
        # if epochs are short, what a start takes is worth knowing
        if all(one.ending.how is How.FINISHED for one in all_taken):
            params["epochs"] = N_EPOCHS + 1
            starts_s = side_by_side(n_slots, take_again, seeds)
            if _may_keep_state(study_file):
                say("training the same epochs in one go, to see whether they come out the same")
                _require_same(study_file, take(0), take(0, "in-one-go"))
    last = taken.logs[-1]
    if not goal.is_finite(last):
        where = place_of(study_file, "baseline")
        raise StudyFileError(
            f"{where}: with the baseline's params, {goal.metric} is {goal.value(last)}, "
            f"loss {last.get('loss')}"
        )
    assert n_weights is not None
    return Cost(
        first_epoch_s=fmean(one.logs[0]["seconds"] for one in all_taken),
        epoch_s=fmean(one.logs[-1]["seconds"] for one in all_taken),
        start_s=fmean(starts_s),
        value=goal.value(last),
        n_weights=n_weights,
    )


def _may_keep_state(study_file: StudyFile) -> bool:
    """Whether there is code of the user's that could keep what no checkpoint has."""
    task = study_file.task
    return task.continues and (task.callbacks is not None or registers_own(study_file))


def _require_same(study_file: StudyFile, continued: Taken, whole: Taken) -> None:
    """Compare their last epochs, up to how a GPU may round."""
    if not continued.ending.how is whole.ending.how is How.FINISHED:
        return
    for name, value in whole.logs[-1].items():
        other = continued.logs[-1][name]
        if name != "seconds" and not np.isclose(value, other, 1e-4, 1e-6, equal_nan=True):
            raise StudyFileError(
                f"{place_of(study_file, 'build')}: training does not go on exactly where it "
                f"stopped: after {len(whole.logs)} epochs, {name} is {value:.6g} if they are "
                f"trained in one go, but {other:.6g} if the last is trained in another process. "
                "Draw random numbers by keras.random, and have get_state() of a callback return "
                "all that it keeps, or say continues=False in the task"
            )


def _explained(study_file: StudyFile, ending: Ending) -> StudyFileError:
    """Why the baseline cannot be trained, with the line of the study file at fault."""
    reason = ending.reason
    if ending.is_fatal:  # raised by hpsearch, so already explained
        reason = reason.partition(": ")[2]
        if reason.startswith(f"{study_file.filename}:"):
            return StudyFileError(reason)
        named = (field for field in FIELDS if re.search(rf"\b{field}(=|\(params\))", reason))
        return StudyFileError(f"{place_of(study_file, next(named, 'build'))}: {reason}")
    frames = re.findall(rf'File "{re.escape(study_file.filename)}", line (\d+)', ending.output)
    where = f"{study_file.filename}:{frames[-1]}" if frames else study_file.filename
    return StudyFileError(f"{where}: training the baseline failed: {reason}")

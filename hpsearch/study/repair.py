"""What crashes leave behind, and what damage can be mended without guessing.

Only what has one right answer is mended, and nothing is deleted that anybody could want:
trials that lost their launcher wait again, processes without a launcher end, files that cannot
be read are set aside under another name, and unfinished temporary files go.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from hpsearch.curves.curve import Curve
from hpsearch.curves.store import CurveStore
from hpsearch.files import slug
from hpsearch.study.lock import trial_processes
from hpsearch.study.optuna_internals import set_trial_state
from hpsearch.study.storage import Storage
from hpsearch.study.trials import curves_of


@dataclass(frozen=True, kw_only=True)
class Repair:
    """Something that is not as it should be, and its cure."""

    what: str
    """`trial 3 was cut off with its launcher`."""
    means: str
    """For the user."""
    cure: str
    """What is done about it: `it waits for the next run`."""
    mend: Callable[[], bool]
    """Returns whether it is done; not while another study is training the curve."""
    is_sound: bool = True
    """Whether the study is sound all the same: the next run would mend it by itself."""


def find_repairs(storage: Storage, study: Study) -> list[Repair]:
    """What can be mended; whoever mends holds the study's lock."""
    trials = study.get_trials(deepcopy=False)
    store = CurveStore(storage.curves)
    curves = [store.curve(name) for name in sorted({c for one in trials for c in curves_of(one)})]
    return [
        *_orphans(storage, study),
        *_interrupted(study, trials),
        *(repair for curve in curves for repair in _damaged(store, curve)),
        *(repair for curve in curves for repair in _unfinished(store, curve)),
        *_unfinished_models(storage, study),
    ]


def _orphans(storage: Storage, study: Study) -> Iterator[Repair]:
    for process in trial_processes(storage, study.study_name):
        yield Repair(
            what=f"process {process.pid} trains a trial for a launcher that is gone",
            means="it uses the machine, and nobody takes its results",
            cure="it is ended",
            mend=partial(_end, process),
            is_sound=False,
        )


def _end(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess, ProcessLookupError):
        if process.is_running():  # and is not another one by now, with its id
            os.killpg(process.pid, signal.SIGKILL)  # a trial leads a group of its own
    with suppress(psutil.NoSuchProcess):
        process.kill()
    return True


def _interrupted(study: Study, trials: list[FrozenTrial]) -> Iterator[Repair]:
    for trial in trials:
        if trial.state is TrialState.RUNNING:
            yield Repair(
                what=f"trial {trial.number} was cut off with its launcher",
                means="the next run continues it from its last epoch",
                cure="it waits for the next run",
                mend=partial(_queue, study, trial),
            )


def _queue(study: Study, trial: FrozenTrial) -> bool:
    set_trial_state(study, trial, TrialState.WAITING)
    return True


def _damaged(store: CurveStore, curve: Curve) -> Iterator[Repair]:
    for path in curve.damaged:
        is_logs = path.suffix == ".json"
        yield Repair(
            what=f"{path} cannot be read",
            means="finished trials keep their values; the curve is trained anew where it is needed"
            if is_logs
            else "training goes on from the checkpoint before it, or from the first epoch",
            cure="it is set aside as *.bad-TIME",
            mend=partial(_while_untrained, store, curve, partial(_set_aside, curve, path)),
            is_sound=False,
        )


def _set_aside(curve: Curve, path: Path) -> None:
    if path in curve.damaged:  # still
        curve.set_aside(path)


def _unfinished(store: CurveStore, curve: Curve) -> Iterator[Repair]:
    for path in sorted(curve.folder.glob("*.tmp-*")):
        delete = partial(path.unlink, missing_ok=True)
        yield _leftover(path, partial(_while_untrained, store, curve, delete))


def _unfinished_models(storage: Storage, study: Study) -> Iterator[Repair]:
    """Of evaluations, which hold the study's lock."""
    for folder in sorted((storage.models / slug(study.study_name)).glob("*.tmp-*")):
        yield _leftover(folder, partial(_delete, folder))


def _leftover(path: Path, mend: Callable[[], bool]) -> Repair:
    return Repair(
        what=f"{path} was never finished",
        means="it takes up space; nothing reads it",
        cure="it is deleted",
        mend=mend,
    )


def _delete(folder: Path) -> bool:
    shutil.rmtree(folder)
    return True


def _while_untrained(store: CurveStore, curve: Curve, act: Callable[[], None]) -> bool:
    """Act unless another study is training the curve."""
    with store.locked(curve, lambda: True) as is_held:
        if is_held:
            act()
        return is_held

"""The best network of a search with the weights that it had there, in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from hpsearch.curves.curve import Curve, State
from hpsearch.curves.store import CurveStore
from hpsearch.goal import Logs
from hpsearch.study.configurations import Configuration
from hpsearch.study.record import Record
from hpsearch.study.storage import Storage
from hpsearch.study.task_data import data_of_study
from hpsearch.task import epochs_of

if TYPE_CHECKING:
    import keras


def network_of_trial(
    storage: Storage, study: str, record: Record, best: Configuration, say: Callable[[str], object]
) -> keras.Model:
    """The network of a configuration's first trial, as it was after its last epoch.

    It is made of the checkpoint that its curve holds. Where that is gone (a curve keeps the
    newest two, and a longer trial went on), the epochs after the one before are trained again,
    here, in the same order with the same seeds.

    Args:
        storage: Where the study is.
        study: Its name.
        record: What is stored of it.
        best: What to make.
        say: Told if something is trained.

    Raises:
        StudyChanged: The data are not those of the study.
        HpsearchError: Of other kinds: the data, or the study file, cannot be used.
    """
    from hpsearch.training.fit import build, callbacks_of, fit, set_state
    from hpsearch.training.loop import finish

    study_file = record.load()
    task, splits = study_file.task, data_of_study(study, record, study_file, None).open()
    params = task.complete(best.params)
    epochs, seed = epochs_of(params), record.seed
    curve = CurveStore(storage.curves).curve(best.first.curve or "none")
    epochs_done, state = _last_state(curve, epochs, continues=task.continues)
    model = build(task, params, seed, splits.train)
    callbacks = callbacks_of(task, params)
    if state is not None:
        set_state(model, state)
        callbacks.set_state(state)
    if epochs_done == epochs:
        finish(model)
        return model

    def after_epoch(epoch: int, logs: Logs) -> bool:
        return True

    say(
        f"training trial {best.number} again from epoch {epochs_done + 1} to {epochs}: its "
        "weights were not kept"
    )
    fit(
        task,
        model,
        splits.train,
        splits.valid,
        params=params,
        epochs=epochs,
        epochs_done=epochs_done,
        seed=seed,
        after_epoch=after_epoch,
        callbacks=callbacks,
    )
    return model


def _last_state(curve: Curve, epochs: int, *, continues: bool) -> tuple[int, State | None]:
    """The newest checkpoint that leads to an epoch: after which epoch, and what it holds."""
    for epoch in range(epochs, 0 if continues else epochs - 1, -1):
        if (state := curve.state(epoch)) is not None:
            return epoch, state
    return 0, None

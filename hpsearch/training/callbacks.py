"""The callbacks of a study file: which of them training takes, and what is stored of them.

Training stops wherever a search stops it, and goes on in another process as if nothing had
happened. So what a callback keeps from one epoch to the next is stored with the checkpoint:

    get_state()        what it keeps, as JSON can hold it; `{}` if that is nothing
    set_state(state)   go on from there; called after `on_train_begin`

Of Keras's own, those that change training are known here, and do without these methods.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import callbacks as of_keras

from hpsearch.curves.curve import State
from hpsearch.errors import HpsearchError, StudyFileError
from hpsearch.study_file import describe
from hpsearch.task import Task

KEPT = {
    of_keras.ReduceLROnPlateau: ("best", "wait", "cooldown_counter"),
    of_keras.LearningRateScheduler: (),
    of_keras.TerminateOnNaN: (),
}
"""Callbacks of Keras that training takes, and the attributes that are their state."""

DONE_BY_HPSEARCH = {
    of_keras.EarlyStopping: "to end a training early is the search's work: the pruner stops "
    "networks that fall behind, and the best epoch of a longer training is found as a read-off "
    "trial. Search `epochs` instead",
    of_keras.ModelCheckpoint: "each epoch has a checkpoint already, and evaluate keeps the winner",
    of_keras.BackupAndRestore: "each epoch has a checkpoint already, and training continues there",
    of_keras.SwapEMAWeights: "with use_ema=True in the optimizer, validation sees the averaged "
    "weights already",
    of_keras.CSVLogger: "the logs of each epoch are stored already: show --trial prints them",
    of_keras.TensorBoard: "the logs of each epoch are stored already: plot draws them",
    of_keras.RemoteMonitor: "the logs of each epoch are stored already",
    of_keras.ProgbarLogger: "the search shows its progress itself",
    of_keras.History: "the logs of each epoch are stored already: show --trial prints them",
}
"""Callbacks of Keras that are refused, and why."""

STATE = "callbacks"  # the name of their state in a checkpoint


class StudyCallbacks(keras.callbacks.Callback):
    """The callbacks of a study file under watch; in Keras's list, this stands after them.

    Args:
        callbacks: As `make_callbacks` checked them.
        continues: Whether they have a state to store.
    """

    def __init__(
        self, callbacks: Sequence[keras.callbacks.Callback] = (), *, continues: bool = True
    ) -> None:
        super().__init__()
        self.callbacks, self.continues = list(callbacks), continues
        self._states = ""
        self._network: list[object] = []
        self._epochs_done = 0

    @property
    def all(self) -> list[keras.callbacks.Callback]:
        """What Keras gets."""
        return [*self.callbacks, self]

    def get_state(self) -> State:
        """What they keep after the last epoch, for its checkpoint."""
        return {STATE: np.array(self._states)} if self._states else {}

    def set_state(self, state: State) -> None:
        """Have the next training go on from a checkpoint."""
        if STATE in state:
            self._states = str(state[STATE])

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        # As for `build`: training for longer must be the same up to where a shorter one ends.
        told = {name: value for name, value in params.items() if name != "epochs"}
        for callback in self.callbacks:
            callback.set_params(told)

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        self._network = _parts(self.model)
        if self._states:
            self._put_back()

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._require_same_network()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        self._require_same_network()
        self._require_monitored(logs or {})
        if self.model.stop_training and np.isfinite((logs or {}).get("loss", 0.0)):
            raise StudyFileError(
                f"callbacks(params): a callback stopped training after epoch {epoch + 1}, but "
                f"{DONE_BY_HPSEARCH[of_keras.EarlyStopping]}"
            )
        if self.callbacks and self.continues:
            # they go on from what was stored, whether training is cut here or not
            self._states = _as_json(self.callbacks)
            self._put_back()
        self._epochs_done = epoch + 1

    def _require_same_network(self) -> None:
        parts = _parts(self.model)
        if len(parts) != len(self._network) or any(map(_differ, parts, self._network)):
            raise StudyFileError(
                f"callbacks(params): in epoch {self._epochs_done + 1} a callback changed the "
                "network (its layers, which of them train, or what compile() sets): a checkpoint "
                "has only the weights, and build(params) must make the rest"
            )

    def _put_back(self) -> None:
        states = json.loads(self._states)
        if len(states) != len(self.callbacks):
            raise StudyFileError(
                f"callbacks(params) returned {len(self.callbacks)} callbacks, but {len(states)} "
                "when this network was first trained: it must depend on params alone"
            )
        for callback, state in zip(self.callbacks, states, strict=True):
            if (names := KEPT.get(type(callback))) is None:
                callback.set_state(state)
            else:
                for name in names:
                    setattr(callback, name, state[name])

    def _require_monitored(self, logs: dict[str, Any]) -> None:
        for callback in self.callbacks:
            if isinstance(callback, of_keras.ReduceLROnPlateau) and callback.monitor not in logs:
                raise StudyFileError(
                    f"callbacks(params): {_name(callback)} monitors {callback.monitor!r}, which "
                    f"is not among the logs: {', '.join(sorted(logs))}"
                )

    @contextmanager
    def told_of_errors(self, epochs_done: int) -> Iterator[None]:
        """Within the block, what a callback causes says which one did, and in which epoch.

        Args:
            epochs_done: How many epochs the model was trained for.

        Raises:
            StudyFileError: A callback changed the network.
            RuntimeError: One of the callbacks raised.
        """
        self._epochs_done = epochs_done
        try:
            yield
        except HpsearchError:
            raise
        except Exception as error:
            if self._network:
                self._require_same_network()
            for frame, _ in traceback.walk_tb(error.__traceback__):
                owner = frame.f_locals.get("self")
                if any(owner is callback for callback in self.callbacks):
                    raise RuntimeError(
                        f"callback {_name(owner)} raised in {frame.f_code.co_name}, epoch "
                        f"{self._epochs_done + 1}: {describe(error)}"
                    ) from error
            raise


def make_callbacks(task: Task, params: dict[str, Any]) -> StudyCallbacks:
    """The callbacks for some params, checked.

    Args:
        task: Of the study file.
        params: What `build` gets: all but `epochs`.

    Raises:
        StudyFileError: `callbacks` returned something else than a list of callbacks, or one
            with which training would not go on exactly where it stopped.
    """
    if task.callbacks is None:
        return StudyCallbacks()
    made = task.callbacks(params)
    if not isinstance(made, list | tuple):
        raise StudyFileError(
            f"callbacks(params) returned {type(made).__name__}, not a list of Keras callbacks"
        )
    for callback in made:
        if not isinstance(callback, keras.callbacks.Callback):
            raise StudyFileError(
                f"callbacks(params) returned a list with {callback!r}, not only Keras callbacks"
            )
        if (reason := DONE_BY_HPSEARCH.get(type(callback))) is not None:
            raise StudyFileError(f"callbacks(params): leave out {_name(callback)}: {reason}")
        if task.continues and type(callback) not in KEPT and not _has_state(callback):
            raise StudyFileError(
                f"callbacks(params): {_name(callback)} has no get_state() and set_state(state), so "
                "training could not go on exactly where it was stopped: give it both (get_state "
                "returns {} if it keeps nothing from epoch to epoch), or say continues=False in "
                "the task, which trains each network in one go"
            )
    return StudyCallbacks(made, continues=task.continues)


def _has_state(callback: keras.callbacks.Callback) -> bool:
    return all(callable(getattr(callback, name, None)) for name in ("get_state", "set_state"))


def _as_json(callbacks: Sequence[keras.callbacks.Callback]) -> str:
    states = []
    for callback in callbacks:
        if (names := KEPT.get(type(callback))) is None:
            state = callback.get_state()
        else:
            state = {name: getattr(callback, name) for name in names}
        try:
            states.append(json.dumps(state))
        except (TypeError, ValueError) as error:
            raise StudyFileError(
                f"callbacks(params): get_state() of {_name(callback)} returned what JSON cannot "
                f"hold: {error}"
            ) from error
    return f"[{', '.join(states)}]"


def _parts(model: keras.Model) -> list[object]:
    """What a callback must leave alone: objects, to be compared by identity."""
    optimizer = model.optimizer
    loss = getattr(model, "_compile_loss", None)  # made anew by each compile()
    return [optimizer, loss, *model.trainable_weights, *model.weights, *optimizer.variables]


def _differ(one: object, other: object) -> bool:
    return one is not other


def _name(callback: object) -> str:
    return type(callback).__name__

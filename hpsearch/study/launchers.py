"""The launchers that work on a study: one, or with PostgreSQL as many as there are machines.

Each holds a lock on the server by its own name, for as long as its session lasts. A running
trial names its launcher; where the server knows no lock of that name any more, the launcher is
gone, and whoever sees it first queues the trial. Everything that counts trials and adds one is
done in turns, so that budget and promotions come out as with one launcher.
"""

from __future__ import annotations

import itertools
import platform
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Protocol, TypeVar

import psutil
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState

from hpsearch.errors import Conflict
from hpsearch.study.lock import busy, file_lock, holders_of, label_of, new_name, study_key
from hpsearch.study.optuna_internals import set_trial_state, trial_id
from hpsearch.study.session import Session, TurnLost, key_of
from hpsearch.study.storage import Storage
from hpsearch.study.trials import Attr

LOOK_S = 2.0
"""Between two looks at who is there."""
N_MISSED = 5
"""Looks in a row without a launcher's lock, after which it is gone. One whose connection broke
has it back within a look or two.
"""


Result = TypeVar("Result")
Say = Callable[[str], object]


class Launchers(Protocol):
    """Those who work on a study, this one among them."""

    def others(self) -> list[str]:
        """Who works on it besides, as messages show them."""

    def turn(self) -> AbstractContextManager[None]:
        """Let no other launcher count or add trials meanwhile.

        Raises:
            TurnLost: At its end: others may have done so.
            StorageError: The storage stayed away.
        """

    def adopt(self, study: Study, say: Say) -> None:
        """Queue the trials of launchers that are gone, each under its own number, in a turn."""

    def claim(self, trial: Trial) -> None:
        """Note that this launcher works on a trial, in the turn that began it."""

    def release(self, trial: Trial) -> None:
        """Watch over a trial no longer."""

    def others_run(self, study: Study) -> bool:
        """Whether another launcher works on trials: one may be promoted, or orphaned."""


@contextmanager
def join(storage: Storage, study_name: str, look_s: float = LOOK_S) -> Iterator[Launchers]:
    """Work on a study, with the others if the storage allows for several launchers.

    Args:
        storage: Where the study is.
        study_name: Its name; it need not exist yet.
        look_s: Seconds between two looks at who is there.

    Raises:
        StudyBusy: Somebody holds the study for himself.
        StorageError: The storage stayed away.
    """
    if not storage.is_shared:
        with file_lock(storage, study_name):
            yield Alone()
        return
    together = Together(storage, study_name, look_s)
    try:
        yield together
    finally:
        together.leave()


def in_turn(launchers: Launchers, act: Callable[[], Result]) -> Result:
    """Act in a turn, and again if it was lost: `act` finds what it has done before."""
    while True:
        with suppress(TurnLost), launchers.turn():
            return act()


class Alone:
    """The only launcher: to hold the study's lock proves that."""

    def __init__(self) -> None:
        self._is_first = True

    def others(self) -> list[str]:
        return []

    def turn(self) -> AbstractContextManager[None]:
        return nullcontext()

    def adopt(self, study: Study, say: Say) -> None:
        if self._is_first:
            self._is_first = False
            _queue(study, _running(study), say)

    def claim(self, trial: Trial) -> None:
        """Nobody else could."""

    def release(self, trial: Trial) -> None:
        """Nothing to do."""

    def others_run(self, study: Study) -> bool:
        return False


class Together:
    """One launcher of several.

    Args:
        storage: On a PostgreSQL server.
        study_name: The study's.
        look_s: Seconds between two looks at who is there.

    Raises:
        StudyBusy: Somebody holds the study for himself.
        StorageError: The server stayed away.
    """

    def __init__(self, storage: Storage, study_name: str, look_s: float = LOOK_S) -> None:
        self.name = new_name()
        self._storage, self._study_name, self._look_s = storage, study_name, look_s
        self._numbers = itertools.count(1)
        self._label = label_of(self.name)
        self._turn = key_of(study_name, "turn")
        self._missed: dict[str, int] = {}
        """Looks in a row without the lock, by launcher that was seen to work on trials."""
        try:
            self._session = Session(
                storage.server,
                self._label,
                storage.patience,
                {study_key(study_name): True, key_of(study_name, self.name): False},
            )
        except Conflict as error:
            raise busy(storage, study_name) from error
        self._n_connected = self._session.n_connected
        self._left = threading.Event()
        self._watch = threading.Thread(target=self._look_on, daemon=True)
        self._watch.start()

    def leave(self) -> None:
        """Free the locks: what still runs in this name is free for all."""
        self._left.set()
        self._watch.join()
        self._session.close()

    def others(self) -> list[str]:
        return holders_of(self._storage, self._study_name, besides=self._label)

    def turn(self) -> AbstractContextManager[None]:
        return self._session.turn(self._turn)

    def adopt(self, study: Study, say: Say) -> None:
        others = self._others(study)
        owners = {_launcher_of(trial) for trial in others}
        for owner in owners:
            self._missed.setdefault(owner, 0)
        # whoever claims a trial does so in the turn that begins it
        gone = {owner for owner in owners if owner == "" or self._is_gone(owner)}
        _queue(study, [trial for trial in others if _launcher_of(trial) in gone], say)

    def claim(self, trial: Trial) -> None:
        claim = f"{self.name}:{next(self._numbers)}"
        trial.set_user_attr(Attr.LAUNCHER, claim)
        self._storage.claims.hold(trial_id(trial), claim)

    def release(self, trial: Trial) -> None:
        self._storage.claims.release(trial_id(trial))

    def others_run(self, study: Study) -> bool:
        return bool(self._others(study))

    def _others(self, study: Study) -> list[FrozenTrial]:
        return [one for one in _running(study) if _launcher_of(one) != self.name]

    def _is_gone(self, owner: str) -> bool:
        host, pid, _ = owner.rsplit(":", 2)
        is_dead = host == platform.node() and not psutil.pid_exists(int(pid))
        if not is_dead and self._missed.get(owner, 0) < N_MISSED:
            return False
        held = self._session.held()  # it may have come back since the last look
        return held is not None and key_of(self._study_name, owner) not in held

    def _look_on(self) -> None:
        """Look who is there, again and again; so a broken connection is noticed, too."""
        while not self._left.wait(self._look_s):
            with suppress(Conflict):
                held = self._session.held()
                if held is None:
                    continue
                if self._session.n_connected != self._n_connected:
                    # others may have been cut off as well: give them time to come back
                    self._n_connected = self._session.n_connected
                    self._missed.update(dict.fromkeys(self._missed, 0))
                for owner, n in list(self._missed.items()):
                    is_there = key_of(self._study_name, owner) in held
                    self._missed[owner] = 0 if is_there else n + 1


def was_run_here(trial: FrozenTrial) -> bool:
    """Whether the last launcher that worked on a trial was one on this machine."""
    return _launcher_of(trial).rsplit(":", 2)[0] == platform.node()


def _running(study: Study) -> list[FrozenTrial]:
    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))


def _launcher_of(trial: FrozenTrial) -> str:
    """The name of the launcher that works on a trial; empty if none has claimed it."""
    return str(trial.user_attrs.get(Attr.LAUNCHER, "")).rpartition(":")[0]


def _queue(study: Study, trials: Sequence[FrozenTrial], say: Say) -> None:
    for trial in trials:
        set_trial_state(study, trial, TrialState.WAITING)
        say(f"trial {trial.number} was interrupted: it continues")

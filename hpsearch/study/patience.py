"""A storage that retries every call while its database is unavailable."""

from __future__ import annotations

import copy
import sqlite3
import threading
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

import sqlalchemy
import tenacity
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from hpsearch.errors import DataError, HpsearchError, StorageError
from hpsearch.failpoints import Step, failpoint
from hpsearch.processes.stop import StopRequest
from hpsearch.study.claims import Claims
from hpsearch.study.optuna_internals import read_trials, write_user_attrs

Result = TypeVar("Result")

AWAY_S = 15 * 60
"""How long a search waits for an unavailable database."""
OPENING_S = 60
"""How long it waits at its start: the URL may be wrong."""
STOPPING_S = 5
"""How long it waits after a stop request."""
POLL_S = 0.05  # between checks for a stop request, while waiting
NO_CLAIMS = Claims(lambda trial_id: ("", False))
FULL = ("disk is full", "No space left")
DAMAGED = ("malformed", "not a database")
REFUSED = ("authentication failed", "does not exist", "no pg_hba.conf entry", "permission denied")
CURE = (
    "put a copy in its place, or move it away and run the study again: what was trained is "
    "read off the curves beside it"
)
WRITES = ("create_", "set_", "delete_")
"""How the names of calls begin that change something."""


class Patience:
    """How long to wait for a database, and how to report it.

    Args:
        limit_s: Seconds before giving up; 0 to try once.
        stop: A request to stop ends the wait.
        say: Called once per wait, however many threads wait.
    """

    def __init__(
        self,
        limit_s: float = 0,
        stop: StopRequest | None = None,
        say: Callable[[str], object] = lambda text: None,
    ) -> None:
        self.limit_s, self.stop, self.say = limit_s, stop or StopRequest(), say
        self._is_told = False

    def at_start(self) -> Patience:
        """How long to wait while the storage is opened."""
        return Patience(min(self.limit_s, OPENING_S), self.stop, self.say)

    def wait_for(self, act: Callable[[], Result]) -> Result:
        """Call the storage, and retry while its database is unavailable.

        Raises:
            StorageError: The database stayed unavailable, or refused.
            DataError: Its disk is full.
            HpsearchError: What `act` itself raised last.
        """
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception(_is_away),
            wait=tenacity.wait_random_exponential(multiplier=0.1, max=2),
            stop=lambda state: self._is_over(state.seconds_since_start or 0.0),
            sleep=self._sleep,
            before_sleep=self._tell,
            reraise=True,
        )
        try:
            result = retrying(act)
            self._is_told = False
            return result
        except HpsearchError:
            raise
        except Exception as error:
            reason = cause_of(error)
            if tells_full_disk(reason):
                raise DataError(
                    f"the storage's disk is full ({reason}): free some space; "
                    "the same command continues"
                ) from error
            if _is_away(error):
                raise StorageError(f"the storage is still unavailable: {reason}") from error
            if isinstance(error, StorageInternalError | sqlalchemy.exc.SQLAlchemyError):
                raise StorageError(f"the storage failed: {reason}{cure_of(reason)}") from error
            raise

    def _is_over(self, waited_s: float) -> bool:
        limit_s = min(self.limit_s, STOPPING_S) if self.stop.is_asked else self.limit_s
        return self.stop.now or waited_s >= limit_s

    def _sleep(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s and not self.stop.now:
            time.sleep(POLL_S)

    def _tell(self, state: tenacity.RetryCallState) -> None:
        if state.attempt_number == 2 and not self._is_told:  # a first failure is often brief
            self._is_told = True
            error = state.outcome.exception() if state.outcome else None
            reason = cause_of(error) if error else "no answer"
            self.say(
                f"the storage is unavailable ({reason}): trying for {self.limit_s / 60:.0f} min"
            )


class Remembered:
    """The trials of studies as last read, and which of them have changed since.

    Optuna reads all unfinished trials each time that it is asked for trials: with 64 of them,
    that takes 40 ms, ten times a trial.

    Args:
        read_all: By the ID of a study: its trials.
        read_news: By the ID of a study and its trials as known: those that others may have
            changed or added.
        read_one: By the ID of a trial.
    """

    def __init__(
        self,
        read_all: Callable[[int], list[FrozenTrial]],
        read_news: Callable[[int, list[FrozenTrial]], list[FrozenTrial]],
        read_one: Callable[[int], FrozenTrial],
    ) -> None:
        self._read_all, self._read_news, self._read_one = read_all, read_news, read_one
        self._trials: dict[int, list[FrozenTrial]] = {}
        """By the ID of a study."""
        self._changed: dict[int, set[int]] = defaultdict(set)
        """The IDs of its trials that were written since, or are new."""
        self._old: set[int] = set()
        """Studies that others may have changed since."""
        self._lock = threading.RLock()

    def note(self, trial_id: int) -> None:
        """A trial was written."""
        with self._lock:
            for study_id, trials in self._trials.items():
                if _find(trials, trial_id) is not None:
                    self._changed[study_id].add(trial_id)

    def note_new(self, study_id: int, trial_id: int) -> None:
        """A trial was created."""
        with self._lock:
            self._changed[study_id].add(trial_id)

    def look(self) -> None:
        """Read what others may have changed at the next occasion."""
        with self._lock:
            self._old.update(self._trials)

    def forget(self, study_id: int) -> None:
        """A study is no more."""
        with self._lock:
            self._trials.pop(study_id, None)

    def trial(self, trial_id: int) -> FrozenTrial | None:
        """A trial as it is now; None if it belongs to no study whose trials were read."""
        with self._lock:
            found = (_find(self.trials(study_id), trial_id) for study_id in list(self._trials))
            return next((trial for trial in found if trial is not None), None)

    def trials(self, study_id: int) -> list[FrozenTrial]:
        """All trials of a study, as they are now."""
        with self._lock:
            known = self._trials.get(study_id)
            if known is None:
                known = self._trials[study_id] = self._read_all(study_id)
            else:
                self._renew(study_id, known)
            self._old.discard(study_id)
            self._changed[study_id].clear()
            return list(known)

    def _renew(self, study_id: int, known: list[FrozenTrial]) -> None:
        if study_id in self._old:
            _replace(known, self._read_news(study_id, known))
        for trial_id in sorted(self._changed[study_id]):
            trial = self._read_one(trial_id)
            if trial.number > len(known):  # it comes after one of another launcher
                _replace(known, self._read_news(study_id, known))
            _replace(known, [trial])


def _replace(known: list[FrozenTrial], trials: list[FrozenTrial]) -> None:
    """Put trials in their places of a list by number, or at its end."""
    for trial in trials:
        known[trial.number : trial.number + 1] = [trial]


def _find(trials: list[FrozenTrial], trial_id: int) -> FrozenTrial | None:
    """A trial in a list by number, and so by ID."""
    place = bisect_left(trials, trial_id, key=lambda trial: trial._trial_id)
    is_there = place < len(trials) and trials[place]._trial_id == trial_id
    return trials[place] if is_there else None


class PatientStorage:
    """An Optuna storage whose calls are retried, and whose writes need a claim that stands.

    Args:
        backend: The wrapped storage.
        patience: How long to retry.
        claims: Those of this launcher.
        queue: Entered for each call; None to let all call at once.
    """

    def __init__(
        self,
        backend: BaseStorage,
        patience: Patience,
        claims: Claims = NO_CLAIMS,
        queue: AbstractContextManager[object] | None = None,
    ) -> None:
        self._backend, self._patience, self._claims = backend, patience, claims
        self._queue = queue or nullcontext()
        self._remembered: Remembered | None = None
        self._n_trials: dict[int, int] = {}
        """How many trials a study had at the last look, or since one was created."""

    def __getattr__(self, name: str) -> Any:
        act = getattr(self._backend, name)

        def patiently(*args: Any, **kwargs: Any) -> Any:
            wait = self._write if name.startswith(WRITES) else self._wait
            return wait(lambda: act(*args, **kwargs))

        def claimed(trial_id: int, *args: Any, **kwargs: Any) -> Any:
            def write() -> Any:
                self._claims.require(trial_id)
                return act(trial_id, *args, **kwargs)

            try:
                return self._write(write)
            finally:
                self._has_changed(trial_id)

        return claimed if name.startswith("set_trial_") else patiently

    def get_trial(self, trial_id: int) -> FrozenTrial:
        """A trial as it is now, for the caller to change."""
        known = None if self._remembered is None else self._remembered.trial(trial_id)
        if known is not None:
            return copy.deepcopy(known)
        return self._wait(lambda: self._backend.get_trial(trial_id))

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        """All trials, or those in some states."""
        if self._remembered is not None:
            trials = self._remembered.trials(study_id)
        else:
            trials = self._wait(lambda: self._backend.get_all_trials(study_id, deepcopy=False))
        self._n_trials[study_id] = len(trials)
        shown = [trial for trial in trials if states is None or trial.state in states]
        return copy.deepcopy(shown) if deepcopy else shown

    @contextmanager
    def remembering(self) -> Iterator[None]:
        """Read trials again only after a write of this launcher, or when told to look."""
        self._remembered = Remembered(
            lambda study_id: self._wait(
                lambda: self._backend.get_all_trials(study_id, deepcopy=False)
            ),
            self._read_news,
            lambda trial_id: self._wait(lambda: self._backend.get_trial(trial_id)),
        )
        try:
            yield
        finally:
            self._remembered = None

    def look(self) -> None:
        """Read again what others may have changed, at the next occasion."""
        if self._remembered is not None:
            self._remembered.look()

    def _read_news(self, study_id: int, known: list[FrozenTrial]) -> list[FrozenTrial]:
        """Trials that are new, or unfinished and not claimed by this launcher."""
        theirs = {
            trial._trial_id
            for trial in known
            if not trial.state.is_finished() and not self._claims.holds(trial._trial_id)
        }
        last = known[-1]._trial_id if known else -1
        return self._wait(lambda: read_trials(self._backend, study_id, theirs, after=last))

    def _has_changed(self, trial_id: int) -> None:
        if self._remembered is not None:
            self._remembered.note(trial_id)

    def create_new_trial(self, study_id: int, template_trial: FrozenTrial | None = None) -> int:
        """Create a trial once, even if the reply to the first attempt was lost.

        Nobody else may create one meanwhile: launchers take turns.
        """
        is_first = True

        def attempt() -> int:
            nonlocal is_first
            n_known = self._n_trials.get(study_id)
            if not is_first and n_known is not None:
                new = self._backend.get_all_trials(study_id, deepcopy=False)[n_known:]
                if new:
                    return new[0]._trial_id
            is_first = False
            return self._backend.create_new_trial(study_id, template_trial)

        created = self._write(attempt)
        if study_id in self._n_trials:
            self._n_trials[study_id] += 1
        if self._remembered is not None:
            self._remembered.note_new(study_id, created)
        return created

    def delete_study(self, study_id: int) -> None:
        """Delete a study; its ID may be another's soon."""
        self._write(lambda: self._backend.delete_study(study_id))
        if self._remembered is not None:
            self._remembered.forget(study_id)

    def set_trial_user_attrs(self, trial_id: int, attrs: Mapping[str, Any]) -> None:
        """Several attributes of a trial at once."""

        def write() -> None:
            self._claims.require(trial_id)
            write_user_attrs(self._backend, trial_id, attrs)

        try:
            self._write(write)
        finally:
            self._has_changed(trial_id)

    def set_trial_state_values(
        self, trial_id: int, state: TrialState, values: Sequence[float] | None = None
    ) -> bool:
        """Set the state once, even if the reply to the first attempt was lost."""
        is_first = True

        def is_set() -> bool:
            return not is_first and self._backend.get_trial(trial_id).state is state

        def attempt() -> bool:
            nonlocal is_first
            try:
                if is_first:
                    self._claims.require(trial_id)
                done = self._backend.set_trial_state_values(trial_id, state, values) or is_set()
            except UpdateFinishedTrialError:
                if not is_set():
                    raise
                done = True
            finally:
                is_first = False
            return done

        try:
            return self._write(attempt)
        finally:
            self._has_changed(trial_id)

    def _wait(self, act: Callable[[], Result]) -> Result:
        def in_queue() -> Result:
            with self._queue:
                return act()

        return self._patience.wait_for(in_queue)

    def _write(self, act: Callable[[], Result]) -> Result:
        result = self._wait(act)
        failpoint(Step.STORED)
        return result


def tells_full_disk(reason: str) -> bool:
    """Whether an error says that a disk is full."""
    return any(words in reason for words in FULL)


def cure_of(reason: str) -> str:
    """What to do about a damaged SQLite file, to go on with; empty for any other reason."""
    return f"; {CURE}" if any(words in reason for words in DAMAGED) else ""


def cause_of(error: BaseException) -> str:
    """The root cause, in one line."""
    while error.__cause__ is not None:
        error = error.__cause__
    if callable(details := getattr(error, "details", None)):  # of a call over gRPC
        return str(details())
    return str(error).strip().partition("\n")[0]


def _is_away(error: BaseException) -> bool:
    """Whether the same call may succeed later: the database is locked or unreachable."""
    if _is_answer_missing(error) or _is_cut_off(error):
        return True
    while not isinstance(error, sqlalchemy.exc.DBAPIError | sqlalchemy.exc.TimeoutError):
        if error.__cause__ is None:
            return False
        error = error.__cause__
    cause = error.orig if isinstance(error, sqlalchemy.exc.DBAPIError) else None
    reason = str(cause or error)  # the error's own text holds what was to be stored, too
    if tells_full_disk(reason) or any(words in reason for words in REFUSED):
        return False
    if isinstance(cause, sqlite3.Error):
        return "locked" in reason or "unable to open" in reason
    return not isinstance(error, sqlalchemy.exc.DBAPIError) or isinstance(
        error, sqlalchemy.exc.OperationalError | sqlalchemy.exc.InterfaceError
    )


def _is_cut_off(error: BaseException | None) -> bool:
    """Whether the connection broke within a transaction, as was noticed by the next statement."""
    while error is not None and not isinstance(error, sqlalchemy.exc.PendingRollbackError):
        error = error.__cause__
    return error is not None


def _is_answer_missing(error: BaseException) -> bool:
    """Whether a storage over gRPC did not answer. `grpc` is imported only where it is used."""
    code = getattr(error, "code", None)
    return callable(code) and str(code()).endswith(("UNAVAILABLE", "DEADLINE_EXCEEDED"))

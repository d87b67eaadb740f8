"""Whatever happens to a search, in whatever order: a state machine makes up the story.

The launcher is a real process with real Optuna on real SQLite; the machine plays its trial, and
its model is a few dicts: the epochs that were trained, and the trials that were seen to end.
"""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import time
from contextlib import ExitStack, chdir, suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from hpsearch.codec import decode, encode
from hpsearch.curves.curve import Curve
from hpsearch.messages import Failed, Finished, Job, Reply, Surroundings, Verdict
from hpsearch.study.invariants import violations
from hpsearch.study.record import find_record, load_study
from hpsearch.study.storage import Storage, is_new
from hpsearch.study.summary import Summary, summarize
from hpsearch.study.trials import Outcome
from hpsearch.task import epochs_of
from tests.crashing import URL, folder_in_memory
from tests.toy import write_toy
from tests.toy_runner import Launcher, epochs_to_come, launchers
from tests.waiting import HANG_S, wait_until

NOBODY = 2**22 + 1  # the process id of no process


class PlayedTrial:
    """A trial process that the test plays.

    Args:
        pipe: To the launcher.
        output: The file for what it prints.
        report: Takes its process id, and in the end its exit code.
    """

    def __init__(self, pipe: int, output: int, report: int) -> None:
        os.close(output)
        self.connection, self._report = Connection(pipe), Connection(report)
        decode(self.connection.recv_bytes(), Surroundings)
        self.job = decode(self.connection.recv_bytes(), Job)
        self.curve = Curve(Path(self.job.curve))
        self.diverges = False
        self.epochs = epochs_to_come(self.job, lambda: self.diverges)
        self._report.send_bytes(b"%d" % NOBODY)

    def ends(self, exit_code: int) -> None:
        """It has ended; the launcher may be gone."""
        self.connection.close()
        with suppress(OSError):
            self._report.send_bytes(b"%d" % exit_code)
        self._report.close()


class Search(RuleBasedStateMachine):
    """One slot's search, and all that may befall it."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.launcher: Launcher | None = None
        self.trial: PlayedTrial | None = None
        self.holder: sqlite3.Connection | None = None
        """Holds the storage, so that nobody else gets at it."""
        self.is_unanswered = False
        self.is_interrupted = False
        self.budget = self.budget_told = 2
        self.is_something_to_do = True
        self.n_failures = 0
        self.n_epochs: dict[str, int] = {}
        """Trained so far, by curve."""
        self.ended: dict[int, tuple[object, ...]] = {}
        """Trials that were seen to have ended, by number."""
        self.n_rows = 0

    @initialize()
    def begin(self) -> None:
        folder = self.stack.enter_context(folder_in_memory(Path("/tmp")))
        self.stack.enter_context(chdir(folder))
        write_toy(Path(), epochs=3, max_epochs=3)

    # ---- what may happen --------------------------------------------------------------------

    @precondition(
        lambda self: self.launcher is None and self.holder is None and self.is_something_to_do
    )
    @rule()
    def a_launcher_starts(self) -> None:
        self.is_interrupted, self.budget_told = False, self.budget
        self.launcher = launchers().start(
            by_hand=True,
            storage=URL,
            trials=self.budget,
            slots=1,
            sampler="random",
            pruner="halving",
        )
        self.until_the_next_trial()

    @precondition(lambda self: self.trial is not None and not self.is_unanswered)
    @rule()
    def an_epoch_is_trained(self) -> None:
        assert self.trial is not None
        message = next(self.trial.epochs)
        self.n_epochs[self.trial.curve.name] = message.epoch
        self.trial.connection.send_bytes(encode(message).encode())
        self.is_unanswered = True
        if self.holder is None:
            self.hear()

    @precondition(lambda self: self.trial is not None and not self.is_unanswered)
    @rule()
    def an_epoch_diverges(self) -> None:
        assert self.trial is not None
        self.trial.diverges = True
        self.an_epoch_is_trained()

    @precondition(
        lambda self: self.trial is not None and not self.is_unanswered and self.holder is None
    )
    @rule()
    def a_trial_fails(self) -> None:
        assert self.trial is not None
        self.n_failures += 1  # three alike would end the search
        failed = Failed(error=f"boom {self.n_failures}", traceback="")
        self.trial.connection.send_bytes(encode(failed).encode())
        self.trial_ends(0)

    @precondition(lambda self: self.trial is not None)
    @rule()
    def a_trial_process_is_killed(self) -> None:
        self.is_unanswered = False
        self.trial_ends(-signal.SIGKILL)

    @precondition(lambda self: self.launcher is not None)
    @rule()
    def a_launcher_is_killed(self) -> None:
        assert self.launcher is not None
        self.launcher.kill()
        assert self.launcher.join()[0] == -signal.SIGKILL
        self.launcher = None
        if self.trial is not None:
            self.trial.ends(-signal.SIGKILL)
        self.trial, self.is_unanswered = None, False

    @precondition(
        lambda self: self.trial is not None and self.holder is None and not self.is_interrupted
    )
    @rule()
    def somebody_presses_ctrl_c(self) -> None:
        assert self.launcher is not None
        self.launcher.kill(signal.SIGINT)
        launcher = self.launcher
        wait_until(lambda: "finishing the running epochs" in launcher.said)
        self.is_interrupted = True

    @precondition(
        lambda self: self.trial is not None and self.holder is None and not self.is_interrupted
    )
    @rule()
    def the_storage_goes_away(self) -> None:
        self.holder = sqlite3.connect("studies.db", isolation_level=None)
        self.holder.execute("BEGIN EXCLUSIVE")

    @precondition(lambda self: self.holder is not None)
    @rule()
    def the_storage_comes_back(self) -> None:
        assert self.holder is not None
        self.holder.execute("COMMIT")
        self.holder.close()
        self.holder = None
        if self.launcher is None:
            return
        if self.is_unanswered:
            self.hear()
        elif self.trial is None:
            self.until_the_next_trial()

    @precondition(lambda self: self.budget < 4 or not self.is_something_to_do)
    @rule()
    def the_budget_is_raised(self) -> None:
        self.budget += 1  # the next launcher is told
        self.is_something_to_do = True

    # ---- what follows ------------------------------------------------------------------------

    def hear(self) -> None:
        """The verdict on the epoch; the launcher has stored what it judged."""
        assert self.trial is not None
        self.is_unanswered = False
        assert self.trial.connection.poll(HANG_S), "no verdict"
        verdict = decode(self.trial.connection.recv_bytes(), Reply).verdict
        if self.trial.diverges or self.is_interrupted:
            last = self.n_epochs[self.trial.curve.name] == epochs_of(self.trial.job.params)
            assert verdict is Verdict.STOP or (last and not self.trial.diverges)
        done = self.n_epochs[self.trial.curve.name] >= epochs_of(self.trial.job.params)
        if verdict is Verdict.STOP or done:
            self.trial.connection.send_bytes(encode(Finished()).encode())
            self.trial_ends(0)

    def trial_ends(self, exit_code: int) -> None:
        assert self.trial is not None
        self.trial.ends(exit_code)
        self.trial = None
        if self.holder is None:
            self.until_the_next_trial()

    def until_the_next_trial(self) -> None:
        """Wait for what the launcher does next: it starts a trial, or ends."""
        assert self.launcher is not None
        deadline_s = time.monotonic() + HANG_S
        while not self.launcher.has_ended_by_now:
            assert time.monotonic() < deadline_s, "the launcher hangs"
            if not wait([self.launcher.connection], 0.2):
                continue
            with socket.socket(fileno=os.dup(self.launcher.connection.fileno())) as requests:
                byte, descriptors, *_ = socket.recv_fds(requests, 1, 3)
            if byte:
                self.trial = PlayedTrial(*descriptors)
                stored = self.n_epochs.get(self.trial.curve.name, 0)
                assert len(self.trial.curve.logs) == stored, "an epoch was lost"
                return
            break
        code, said = self.launcher.join()
        assert code == 0, said
        self.launcher = None
        self.check_the_end()

    def check_the_end(self) -> None:
        """A launcher that ended by itself leaves nothing running, and nothing to do."""
        summary = self.look()
        assert summary is not None
        assert summary.counts[Outcome.RUNNING] == 0
        if not self.is_interrupted:
            assert summary.counts[Outcome.WAITING] == 0
            assert summary.n_trials == self.budget_told
            self.is_something_to_do = self.budget > self.budget_told

    # ---- what must hold ----------------------------------------------------------------------

    @invariant()
    def nothing_is_lost_or_counted_twice(self) -> None:
        if self.holder is None:
            self.look()

    def look(self) -> Summary | None:
        """The study as stored, which must be sound, and hold all that was seen before."""
        if is_new(URL):
            return None
        storage = Storage(URL, read_only=True)
        try:
            if find_record(storage, "toy") is None:
                return None
            study, record = load_study(storage, "toy")
            assert violations(storage, study, record) == []
            summary = summarize(study, record)
        finally:
            storage.close()
        assert len(summary.rows) >= self.n_rows, "a trial was lost"
        self.n_rows = len(summary.rows)
        assert summary.counts[Outcome.RUNNING] <= 1
        for row in summary.rows:
            if not row.is_unfinished:
                seen = (row.outcome, row.value, row.params, row.intermediate)
                assert repr(self.ended.setdefault(row.number, seen)) == repr(seen), "changed"
        return summary

    def teardown(self) -> None:
        """In the end everything is trained, whatever happened before."""
        try:
            if self.holder is not None:
                self.the_storage_comes_back()
            while self.is_something_to_do:
                if self.launcher is None:
                    self.a_launcher_starts()
                else:
                    self.an_epoch_is_trained()
            self.nothing_is_lost_or_counted_twice()
        finally:
            if self.launcher is not None:
                self.launcher.kill()
                self.launcher.join()
            self.stack.close()


@pytest.mark.slow
def test_no_story_loses_a_trial_or_counts_one_twice():
    run_state_machine_as_test(
        Search,
        settings=settings(
            max_examples=2,
            stateful_step_count=20,
            deadline=None,
            phases=[Phase.generate],  # to make a story shorter would take minutes
        ),
    )

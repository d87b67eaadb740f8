"""What a search shows while it runs: a live table in a terminal, lines elsewhere."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from hpsearch.figures import show_figure
from hpsearch.goal import Logs
from hpsearch.searching.view import View
from hpsearch.study.configurations import Configuration
from hpsearch.study.trials import Outcome, TrialRow
from hpsearch.task import Params, describe_params, without_epochs
from hpsearch.terminal.durations import describe_seconds
from hpsearch.terminal.printing import error_console, plain, print_line
from hpsearch.terminal.progress import Progress, Running
from hpsearch.terminal.studies import describe_epochs

REMINDER_S = 60  # between two lines about progress, where there is no live table


@contextmanager
def open_view() -> Iterator[Lines]:
    """The live table where standard error is a terminal, lines elsewhere."""
    console = error_console()
    if not console.is_terminal or console.is_dumb_terminal:
        yield Lines(console)
        return
    table = LiveTable(console)
    # it disappears in the end: the closing table says it all
    with Live(console=console, get_renderable=table.render, refresh_per_second=4, transient=True):
        yield table


class Lines(View):
    """A line for each trial that ends, and one about progress now and then.

    Args:
        console: Where to.
        clock: Seconds since any fixed moment.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self.console = console
        self.progress = Progress(clock)
        self.reminded_s = self.progress.began_s

    def search_started(
        self, title: str, n_trials: int, n_before: int, n_slots: int, n_epochs: float
    ) -> None:
        self.progress.begin(n_trials, n_before, n_slots, n_epochs)
        side_by_side = f", {n_slots} side by side" if n_slots else ""
        self.say(f"{title}: {self.progress.describe_done()} done{side_by_side}")

    def slots_changed(self, n_slots: int) -> None:
        self.progress.n_slots = n_slots

    def trial_started(self, number: int, params: Params, epochs: int) -> None:
        self.progress.running[number] = Running(params, epochs)

    def epoch_done(self, number: int, epoch: int, value: float, logs: Logs) -> None:
        running = self.progress.running[number]
        running.epoch, running.value = epoch, value
        running.seconds.append(logs["seconds"])
        self.progress.n_epochs_done += 1
        self._remind()

    def trial_ended(self, row: TrialRow, best: Configuration | None) -> None:
        running = self.progress.ended(row)
        self.say(describe_trial(row, best, running))
        self._remind()

    def trial_paused(self, number: int) -> None:
        self.progress.running.pop(number, None)
        self.say(f"trial {number} is paused: the next run continues it")

    def say(self, text: str) -> None:
        print_line(self.console, text)

    def _remind(self) -> None:
        """Say how far the search is, if that was not said for a while."""
        progress, now_s = self.progress, self.progress.clock()
        if now_s - self.reminded_s < REMINDER_S:
            return
        self.reminded_s = now_s
        parts = [f"{progress.describe_done()} done"]
        for number, running in sorted(progress.running.items()):
            epoch = min(running.epoch + 1, running.epochs)  # after the last, it is being stored
            parts.append(f"trial {number} in epoch {epoch} of {running.epochs}")
        parts += [f"{describe_seconds(progress.elapsed_s)} elapsed", progress.describe_left()]
        self.say("... " + ", ".join(part for part in parts if part))


class LiveTable(Lines):
    """A panel at the bottom of the terminal; what was printed above it stays.

    Args:
        console: Of standard error.
        clock: Seconds since any fixed moment.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(console, clock)
        self.title = "starting"
        self.best: Configuration | None = None

    def search_started(
        self, title: str, n_trials: int, n_before: int, n_slots: int, n_epochs: float
    ) -> None:
        self.title = plain(title)
        self.progress.begin(n_trials, n_before, n_slots, n_epochs)

    def trial_ended(self, row: TrialRow, best: Configuration | None) -> None:
        running = self.progress.ended(row)
        if best is not None and (self.best is None or best.number != self.best.number):
            self.say(describe_trial(row, best, running))
        self.best = best

    def render(self) -> Group:
        """The panel as it stands."""
        best, params = self.described_best
        lines = [
            Text(self.title, style="bold"),
            *map(Text, self.counts_and_times),
            *([Text(f"{best}  ", style="green") + Text(params, style="dim")] if best else []),
            *map(Text, self.described_running),
            Text("Ctrl-C once: finish the epochs and stop; twice: stop now", style="dim"),
        ]
        for line in lines:
            line.no_wrap, line.overflow = True, "ellipsis"
        return Group(*lines)

    @property
    def counts_and_times(self) -> list[str]:
        """How far the search is; trials are known once it has started."""
        return [*([self._counts()] if self.progress.n_trials else []), self._times()]

    @property
    def described_best(self) -> tuple[str, str]:
        """The incumbent and its params; nothing before there is one."""
        if self.best is None:
            return "", ""
        return f"best   #{self.best.number}  {self.best}", describe_params(self.best.params)

    @property
    def described_running(self) -> list[str]:
        """A line for each running trial."""
        running = list(self.progress.running.items())
        return [f"run    #{number}  {describe_running(one)}" for number, one in running]

    def _counts(self) -> str:
        progress = self.progress
        counts = "  ".join(f"{outcome.value} {n}" for outcome, n in progress.counts.items())
        if progress.has_epochs:
            return f"epochs {progress.n_epochs_done}/{progress.n_epochs:.0f}  {counts}"
        return f"trials {progress.n_done}/{progress.n_trials}  {counts}"

    def _times(self) -> str:
        left = self.progress.describe_left()
        return f"time   {describe_seconds(self.progress.elapsed_s)}" + (f", {left}" if left else "")

    def _remind(self) -> None:
        """The panel shows progress all the time."""


def describe_trial(row: TrialRow, best: Configuration | None, running: Running | None) -> str:
    """A trial that has ended, in a line.

    Args:
        row: The trial.
        best: The incumbent now.
        running: What was known while it ran: it knows the epochs the trial asked for.
    """
    value = "" if row.value is None else f" {show_figure(row.value)} {row.spread}".rstrip()
    parts = [f"trial {row.number} {row.outcome.value}{value}"]
    if row.progress:
        parts.append(f"after {row.progress}")
    if row.promoted_from is not None:
        parts.append(f"promoted from trial {row.promoted_from}")
    if row.replicate_of is not None:
        parts.append(f"replicate of trial {row.replicate_of}")
    if row.outcome is Outcome.READ_OFF:
        parts.append(f"from trial {row.read_off} after epoch {row.epochs}")
    else:
        epochs = describe_epochs(row)
        if running is not None and not row.rounds:
            epochs = f"{row.epochs_done}/{running.epochs}"
        parts += [f"epochs {epochs}", f"{row.seconds:.1f} s"]
    if row.reason:
        parts.append(row.reason)
    if best is not None and best.number == row.number:
        parts.append("best so far: " + describe_params(row.params))
    elif best is not None and row.replicate_of is not None:
        parts.append(f"best so far: trial {best.number}, {best}")
    return "  ".join(parts)


def describe_running(running: Running) -> str:
    """A running trial in a line."""
    parts = [f"epoch {running.epoch}/{running.epochs}"]
    if running.value is not None:
        parts.append(
            f"{show_figure(running.value)}  {statistics.median(running.seconds):.2f} s/epoch"
        )
    parts.append(describe_params(without_epochs(running.params)))
    return "  ".join(parts)

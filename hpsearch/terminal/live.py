"""What a search shows while it runs: a live table in a terminal, lines elsewhere."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from hpsearch.goal import Logs
from hpsearch.searching.view import View
from hpsearch.study.trials import Outcome, TrialRow
from hpsearch.task import Params, describe_params
from hpsearch.terminal.printing import plain, print_line

N_BEFORE_ESTIMATE = 3  # finished trials before the time left can be told


class Lines(View):
    """A line per finished trial, for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def search_started(self, title: str, n_trials: int, n_before: int, n_slots: int) -> None:
        self.say(f"{title}: {n_before} of {n_trials} trials done, {n_slots} side by side")

    def trial_ended(self, row: TrialRow, best: TrialRow | None) -> None:
        self.say(describe_trial(row, best))

    def trial_paused(self, number: int) -> None:
        self.say(f"trial {number} waits to be continued")

    def say(self, text: str) -> None:
        print_line(self.console, text)


@contextmanager
def open_view(console: Console) -> Iterator[Lines]:
    """The live table where a person looks at a terminal, lines elsewhere."""
    if not console.is_terminal or console.is_dumb_terminal:
        yield Lines(console)
        return
    table = LiveTable(console)
    # gone at the end: the closing table says it all
    with Live(console=console, get_renderable=table.render, refresh_per_second=4, transient=True):
        yield table


@dataclass
class Running:
    """A trial on show."""

    params: Params
    epochs: int
    epoch: int = 0
    value: float | None = None
    seconds: list[float] = field(default_factory=list)


class LiveTable(Lines):
    """A panel at the bottom of the terminal; what was printed above it stays.

    Args:
        console: Of standard error.
    """

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self.title = "starting"
        self.n_trials = self.n_slots = self.n_before = self.n_free = 0
        self.running: dict[int, Running] = {}
        self.counts: Counter[Outcome] = Counter()
        self.best: TrialRow | None = None
        self.began_s = time.monotonic()
        self.took_s: list[float] = []

    def search_started(self, title: str, n_trials: int, n_before: int, n_slots: int) -> None:
        self.title = plain(title)
        self.n_trials, self.n_before, self.n_slots = n_trials, n_before, n_slots

    def trial_started(self, number: int, params: Params, epochs: int) -> None:
        self.running[number] = Running(params, epochs)

    def epoch_done(self, number: int, epoch: int, value: float, logs: Logs) -> None:
        running = self.running[number]
        running.epoch, running.value = epoch, value
        running.seconds.append(logs["seconds"])

    def trial_ended(self, row: TrialRow, best: TrialRow | None) -> None:
        self.running.pop(row.number, None)
        self.counts[row.outcome] += 1
        self.n_free += row.is_free
        if row.read_off is None:
            self.took_s.append(row.seconds)
        if best is not None and (self.best is None or best.number != self.best.number):
            self.say(describe_trial(row, best))
        self.best = best

    def trial_paused(self, number: int) -> None:
        self.running.pop(number, None)
        super().trial_paused(number)

    def render(self) -> Group:
        """The panel as it stands."""
        lines = [Text(self.title, style="bold"), self._progress()]
        if self.best is not None and self.best.value is not None:
            lines.append(
                Text(f"best   #{self.best.number}  {self.best.value:.4f}  ", style="green")
                + Text(describe_params(self.best.params), style="dim")
            )
        for number, running in list(self.running.items()):
            lines.append(Text(f"run    #{number}  {describe_running(running)}"))
        lines.append(Text("Ctrl-C once: finish the epochs and stop; twice: stop now", style="dim"))
        for line in lines:
            line.no_wrap, line.overflow = True, "ellipsis"
        return Group(*lines)

    def _progress(self) -> Text:
        n_done = self.n_before + self.counts.total() - self.n_free
        counts = "  ".join(f"{outcome.value} {n}" for outcome, n in self.counts.items())
        elapsed = time.monotonic() - self.began_s
        left = self._left_s(n_done)
        tail = "" if left is None else f"  left about {describe_seconds(left)}"
        return Text(
            f"trials {n_done}/{self.n_trials}  {counts}  elapsed {describe_seconds(elapsed)}{tail}"
        )

    def _left_s(self, n_done: int) -> float | None:
        # once none is left to begin, what remains are the promoted ones, and nobody knows how many
        if len(self.took_s) < N_BEFORE_ESTIMATE or n_done >= self.n_trials:
            return None
        recent = self.took_s[-8:]
        return statistics.mean(recent) * max(0, self.n_trials - n_done) / self.n_slots


def describe_trial(row: TrialRow, best: TrialRow | None) -> str:
    """A finished trial in a line."""
    value = "" if row.value is None else f" {row.value:.4f}"
    parts = [f"trial {row.number} {row.outcome.value}{value}"]
    if row.promoted_from is not None:
        parts.append(f"promoted from trial {row.promoted_from}")
    if row.outcome is Outcome.READ_OFF:
        parts.append(f"from trial {row.read_off}")
    else:
        parts.append(f"epochs {row.epochs_done}/{row.params.get('epochs', row.epochs_done)}")
        parts.append(f"{row.seconds:.1f} s")
    if row.reason:
        parts.append(row.reason)
    if best is not None and best.number == row.number:
        parts.append("best so far: " + describe_params(row.params))
    return "  ".join(parts)


def describe_running(running: Running) -> str:
    """A running trial in a line."""
    parts = [f"epoch {running.epoch}/{running.epochs}"]
    if running.value is not None:
        parts.append(f"{running.value:.4f}  {statistics.median(running.seconds):.2f} s/epoch")
    parts.append(describe_params(running.params))
    return "  ".join(parts)


def describe_seconds(seconds: float) -> str:
    """`1h 04m`, `12m 30s` or `8s`."""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 60}m {whole % 60:02d}s" if whole >= 60 else f"{whole}s"

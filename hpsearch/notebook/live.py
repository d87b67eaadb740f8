"""What a search shows while it runs in a notebook: a panel that is updated in place."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from hpsearch.goal import Logs
from hpsearch.notebook.kernel import kernel_shell
from hpsearch.searching.view import View
from hpsearch.study.configurations import Configuration
from hpsearch.study.trials import TrialRow
from hpsearch.task import Params
from hpsearch.terminal.live import LiveTable
from hpsearch.terminal.live import open_view as open_terminal_view
from hpsearch.terminal.printing import error_console, plain

BETWEEN_S = 0.25  # updates of the panel
N_SAID = 6  # lines that stay

Show = Callable[[str], object]
"""Shows HTML, in place of what it showed before."""


@contextmanager
def open_view() -> Iterator[View]:
    """A panel in a notebook; elsewhere as the command line has it."""
    if kernel_shell() is None:
        with open_terminal_view() as view:
            yield view
        return
    panel = HtmlPanel(_display())
    try:
        yield panel
    finally:
        panel.close()


def _display() -> Show:
    """A place below the cell that can be shown again and again."""
    from IPython.display import HTML, display

    handle: Any = display(HTML(""), display_id=True)
    return lambda html: handle.update(HTML(html))


class HtmlPanel(LiveTable):
    """The live table as HTML; the last lines that were said stand below it.

    Args:
        show: Called with the panel whenever it has changed, a few times a second at most.
        clock: Seconds since any fixed moment.
    """

    def __init__(self, show: Show, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(error_console(), clock)
        self._show, self._shown_s = show, -BETWEEN_S
        self._said: list[str] = []
        self._is_open = True

    def say(self, text: str) -> None:
        """Keep a line, until enough others have come."""
        self._said = [*self._said, plain(text)][-N_SAID:]
        self._changed(at_once=True)

    def search_started(
        self, title: str, n_trials: int, n_before: int, n_slots: int, n_epochs: float
    ) -> None:
        super().search_started(title, n_trials, n_before, n_slots, n_epochs)
        self._changed(at_once=True)

    def trial_started(self, number: int, params: Params, epochs: int) -> None:
        super().trial_started(number, params, epochs)
        self._changed()

    def epoch_done(self, number: int, epoch: int, value: float, logs: Logs) -> None:
        super().epoch_done(number, epoch, value, logs)
        self._changed()

    def trial_ended(self, row: TrialRow, best: Configuration | None) -> None:
        super().trial_ended(row, best)
        self._changed()

    def close(self) -> None:
        """Show how the search ended: nothing runs any more."""
        self._is_open = False
        self.progress.running.clear()
        self._changed(at_once=True)

    def html(self) -> str:
        """The panel as it stands."""
        best, params = self.described_best
        lines = [
            f"<b>{escape(self.title)}</b>",
            *map(escape, self.counts_and_times),
            *([f"<b>{escape(best)}</b>  {escape(params)}"] if best else []),
            *map(escape, self.described_running),
        ]
        if self._is_open:
            lines.append("<i>interrupt the kernel: finish the epochs and stop; again: stop now</i>")
        return f"<pre>{chr(10).join([*lines, *map(escape, self._said)])}</pre>"

    def _changed(self, *, at_once: bool = False) -> None:
        now_s = self.progress.clock()
        if at_once or now_s - self._shown_s >= BETWEEN_S:
            self._shown_s = now_s
            self._show(self.html())

"""Records the README's picture of a search, search.svg: `.venv/bin/python scripts/picture`."""

from __future__ import annotations

import contextlib
import io
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI

from hpsearch.goal import Logs
from hpsearch.searching.launch import Options, run
from hpsearch.terminal.live import LiveTable

PICTURE = Path(__file__).with_name("search.svg")
STUDY_FILE = "digits"
OPTIONS = Options(trials=20, fixed={"epochs": "20"})
COMMAND = f"hpsearch run {STUDY_FILE} --trials {OPTIONS.trials} --set epochs=20"
WIDTH = 100  # columns; on GitHub, letters as large as in a block of code
N_DONE = 12  # trials that are done in the picture, at least
EPOCH = 5  # that the running trials have reached, at least

# rich's own format, but for the fonts, which it fetches from the network
FORMAT = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: monospace; font-size: {char_height}px }}
.{unique_id}-title {{ font-family: sans-serif; font-size: 18px }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


class Recorder(LiveTable):
    """The live view of a search, recorded until all slots are in the middle of a trial."""

    svg: str | None = None

    def say(self, text: str) -> None:
        for start in range(0, len(text), WIDTH):  # a terminal breaks lines anywhere
            super().say(text[start : start + WIDTH])

    def epoch_done(self, number: int, epoch: int, value: float, logs: Logs) -> None:
        super().epoch_done(number, epoch, value, logs)
        if self.svg is None and self._is_in_full_swing():
            self.console.print(self.render())
            self.svg = self.console.export_svg(
                title="hpsearch", theme=MONOKAI, code_format=FORMAT, unique_id="search"
            )

    def _is_in_full_swing(self) -> bool:
        running = list(self.progress.running.values())
        return (
            self.progress.n_done >= N_DONE
            and len(running) == self.progress.n_slots
            and all(trial.epoch >= EPOCH for trial in running)
        )


def main() -> None:
    """Search in a folder of its own, and keep the picture."""
    console = Console(file=io.StringIO(), record=True, force_terminal=True, width=WIDTH)
    recorder = Recorder(console)
    recorder.say(f"$ {COMMAND}")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        run(STUDY_FILE, OPTIONS, recorder)
    if recorder.svg is None:
        raise SystemExit("no picture: all slots were never in the middle of a trial; run it again")
    PICTURE.write_text(recorder.svg)


if __name__ == "__main__":
    main()

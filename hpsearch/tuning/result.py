"""What `hpsearch.tune` returns."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch.errors import NothingFinished
from hpsearch.notebook.shown import Shown, ShownTable
from hpsearch.notebook.views import shown_trials
from hpsearch.study.configurations import Configuration
from hpsearch.study.record import Record, load_study
from hpsearch.study.storage import Storage
from hpsearch.study.summary import Summary, summarize
from hpsearch.task import Params
from hpsearch.terminal.printing import say, text_of
from hpsearch.tuning.network import network_of_trial
from hpsearch.verbs.evaluate import as_dict, evaluated, print_evaluation
from hpsearch.verbs.export import export

if TYPE_CHECKING:
    import keras


class Tuned:
    """A study as it was when the search stopped: its best network, and its trials.

    Args:
        study: Its name, as `hpsearch show` and the other commands take it.
        storage: The URL of its storage.
        study_file: The file that was written.
    """

    def __init__(self, study: str, storage: str, study_file: Path) -> None:
        self.study, self.storage, self.study_file = study, storage, study_file

    @cached_property
    def _read(self) -> tuple[Record, Summary]:
        study, record = load_study(Storage(self.storage, read_only=True), self.study)
        return record, summarize(study, record)

    @property
    def _best(self) -> Configuration:
        best = self._read[1].best
        if best is None:
            raise NothingFinished(
                f"study {self.study!r} has no finished trial yet: run the script again"
            )
        return best

    @property
    def best_params(self) -> Params:
        """The params of the best network, `epochs` and `batch_size` included.

        Raises:
            NothingFinished: No trial has finished.
        """
        record, _ = self._read
        return record.load().task.complete(self._best.params)

    @property
    def best_value(self) -> float:
        """Its metric on validation: optimistic, as it was chosen for being high.

        Raises:
            NothingFinished: No trial has finished.
        """
        return self._best.mean

    @property
    def trials(self) -> ShownTable:
        """All trials, the best first."""
        return shown_trials(self._read[1])

    def model(self) -> keras.Model:
        """The best network with the weights that gave `best_value`.

        Raises:
            NothingFinished: No trial has finished.
            HpsearchError: Of other kinds, if the data cannot be used.
        """
        storage = Storage(self.storage, read_only=True)
        return network_of_trial(storage, self.study, self._read[0], self._best, say)

    def evaluate(
        self, *, top: int = 3, seeds: int = 3, slots: int | None = None, again: bool = False
    ) -> Evaluation:
        """Retrain the best with fresh seeds and open the test data once, as `hpsearch evaluate`.

        Args:
            top: How many of the best trials to retrain, besides the baseline.
            seeds: Fresh seeds for each.
            slots: Networks trained in parallel; by default one per core.
            again: Open test even if it was opened before.

        Raises:
            DataError: `tune` was given no test data.
            HpsearchError: Of other kinds, as the command.
        """
        openings, published, is_stored = evaluated(
            self.storage,
            self.study,
            n_top=top,
            n_seeds=seeds,
            n_slots=slots,
            data=None,
            again=again,
        )
        return Evaluation(
            text_of(lambda console: print_evaluation(console, openings, published)),
            as_dict(self.study, openings, published, is_stored=is_stored),
        )

    def export(self, folder: str | Path) -> None:
        """Write the evaluated network into a new folder that stands alone, as `hpsearch export`.

        Args:
            folder: It must not exist.

        Raises:
            NothingFinished: The study was not evaluated yet.
            HpsearchError: Of other kinds, as the command.
        """
        export(self.storage, self.study, Path(folder), data=None)

    def __repr__(self) -> str:
        return repr(self.trials)

    def _repr_html_(self) -> str:
        return self.trials._repr_html_()


class Evaluation(Shown):
    """What an evaluation found; `content` is what `hpsearch evaluate --json` prints.

    Args:
        text: For people.
        content: For programs.
    """

    def __init__(self, text: str, content: dict[str, Any]) -> None:
        super().__init__(text)
        self.content = content

"""`hpsearch.show`, `table`, `plot` and `report`: what the commands print, as objects."""

from __future__ import annotations

from pathlib import Path

from hpsearch.choices import DEFAULT_STORAGE
from hpsearch.errors import UsageError
from hpsearch.lab.cells import as_cells, remarks
from hpsearch.lab.table import read_table
from hpsearch.notebook.shown import ShownPicture, ShownReport, ShownTable
from hpsearch.pictures.kinds import PictureKind
from hpsearch.study.record import load_any_study, load_study
from hpsearch.study.storage import Storage
from hpsearch.study.summary import Summary, summarize
from hpsearch.terminal.levels import print_levels
from hpsearch.terminal.printing import Console, text_of
from hpsearch.terminal.studies import print_networks, print_summary
from hpsearch.verbs.show import (
    curve_cells,
    describe_trial,
    print_trial,
    read_curve,
    trials_cells,
)


def show(
    study: str, *, trial: int | None = None, top: int | None = None, storage: str = DEFAULT_STORAGE
) -> ShownTable:
    """A study's trials, best first, or one trial with its curve; as `hpsearch show`.

    Args:
        study: Its name.
        trial: The number of one trial.
        top: How many trials, the best first; by default all.
        storage: A storage URL.

    Raises:
        StudyNotFound: There is no such study.
        UsageError: There is no such trial.
    """
    opened = Storage(storage, read_only=True)
    summary = summarize(*load_any_study(opened, study))
    if trial is None:
        return shown_trials(summary, top)
    row = summary.trial(trial)
    curve, _ = read_curve(opened, summary, row)
    return ShownTable(
        *curve_cells(curve),
        above=describe_trial(summary, row),
        text=text_of(lambda console: print_trial(console, opened, summary, row)),
    )


def shown_trials(summary: Summary, top: int | None = None) -> ShownTable:
    """All trials of a study, or the best ones."""

    def draw(console: Console) -> None:
        print_summary(console, summary)
        print_networks(console, summary, summary.by_curve()[:top])

    return ShownTable(
        *trials_cells(summary, summary.ranked()[:top]),
        above=text_of(lambda console: print_summary(console, summary)).split("\n"),
        text=text_of(draw),
    )


def table(study: str, *, storage: str = DEFAULT_STORAGE) -> ShownTable:
    """The lab's table of a sweep, as `hpsearch table`.

    Args:
        study: The name of a sweep.
        storage: A storage URL.

    Raises:
        StudyNotFound: There is no such study.
        UsageError: It is a search.
        NothingFinished: No network has been trained yet.
    """
    opened = Storage(storage, read_only=True)
    levels = read_table(opened, *load_study(opened, study))
    return ShownTable(
        *as_cells(levels),
        above=[f"{levels.study}: {levels.title}"],
        below=remarks(levels),
        text=text_of(lambda console: print_levels(console, levels)),
    )


def plot(
    study: str,
    kind: str,
    *,
    trial: int | None = None,
    factor: str | None = None,
    storage: str = DEFAULT_STORAGE,
    data: Path | None = None,
) -> ShownPicture:
    """A picture of a study, as `hpsearch plot`.

    Args:
        study: Its name.
        kind: `curves`, `history`, `importances` or another kind that the command has.
        trial: For curves: the number of one trial.
        factor: For the curves of a sweep: one factor.
        storage: A storage URL.
        data: The folder of data sets, for pictures that ask the winner's network.

    Raises:
        UsageError: There is no such picture, or the study has none.
        HpsearchError: Of other kinds, as the command.
    """
    from hpsearch.pictures.gallery import Choice, draw  # matplotlib: only for who draws
    from hpsearch.pictures.subject import Subject

    if kind not in list(PictureKind):
        raise UsageError(f"no picture {kind!r}: there are {', '.join(PictureKind)}")
    subject = Subject(Storage(storage, read_only=True), study, data)
    figure = draw(PictureKind(kind), subject, Choice(trial=trial, factor=factor))
    return ShownPicture(figure, f"{kind} of {study}")


def report(*studies: str, storage: str = DEFAULT_STORAGE, data: Path | None = None) -> ShownReport:
    """A report on a search, a sweep, or one of each, as `hpsearch report`.

    Args:
        studies: Their names.
        storage: A storage URL.
        data: The folder of data sets, for pictures that ask the winner's network.

    Raises:
        HpsearchError: As the command.
    """
    from hpsearch.reporting.material import Material

    if not studies:
        raise UsageError("report takes the name of a search, of a sweep, or one of each")
    return ShownReport(Material(Storage(storage, read_only=True), studies, data))

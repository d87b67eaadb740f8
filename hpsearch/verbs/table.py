"""`hpsearch table`: the lab's table of a sweep."""

from __future__ import annotations

from hpsearch.choices import Format
from hpsearch.lab.table import read_table
from hpsearch.study.record import load_study
from hpsearch.study.storage import Storage
from hpsearch.terminal.levels import as_cells, print_levels, remarks
from hpsearch.terminal.printing import output_console, print_csv, print_json, print_markdown


def table(storage_url: str, study_name: str, *, form: Format | None) -> None:
    """Print a sweep's table.

    Args:
        storage_url: Where the sweep is.
        study_name: The sweep.
        form: For programs; None for people.

    Raises:
        StudyNotFound: There is no such study.
        UsageError: It is a search.
        NothingFinished: No network has been trained yet.
    """
    storage = Storage(storage_url, read_only=True)
    levels = read_table(storage, *load_study(storage, study_name))
    header, rows = as_cells(levels)
    match form:
        case Format.JSON:
            print_json(
                {
                    "schema": "hpsearch.table/1",
                    "study": levels.study,
                    "metric": levels.goal.metric,
                    "direction": levels.goal.direction,
                    "epochs": {"trained": levels.n_epochs, "apart": levels.n_epochs_apart},
                    "rows": [dict(zip(header, row, strict=True)) for row in rows],
                }
            )
        case Format.CSV:
            print_csv(header, rows)
        case Format.MD:
            print_markdown(header, rows)
            print("\n" + "\n".join(remarks(levels)))
        case None:
            print_levels(output_console(), levels)

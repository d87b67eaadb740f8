"""`hpsearch table`: the lab's table of a sweep."""

from __future__ import annotations

from pathlib import Path

from hpsearch.choices import Format
from hpsearch.lab.cells import as_cells, remarks
from hpsearch.lab.table import read_table
from hpsearch.study.record import load_study
from hpsearch.study.storage import Storage
from hpsearch.terminal.levels import print_levels
from hpsearch.terminal.printing import output_console, print_csv, print_json, print_markdown, say


def table(storage_url: str, study_name: str, *, form: Format | None, xlsx: Path | None) -> None:
    """Print a sweep's table, or write it into a spreadsheet file.

    Args:
        storage_url: Where the sweep is.
        study_name: The sweep.
        form: For programs; None for people.
        xlsx: The file to write instead; None to print.

    Raises:
        StudyNotFound: There is no such study.
        UsageError: It is a search, or the file cannot be written.
        NothingFinished: No network has been trained yet.
    """
    storage = Storage(storage_url, read_only=True)
    levels = read_table(storage, *load_study(storage, study_name))
    header, rows = as_cells(levels)
    if xlsx is not None:
        from hpsearch.lab.workbook import write_workbook  # only here: it takes a while to import

        write_workbook(xlsx, header, rows, remarks(levels))
        say(f"wrote {xlsx}")
        return
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

"""A table as a spreadsheet file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import xlsxwriter

from hpsearch.errors import UsageError
from hpsearch.files import atomic_file
from hpsearch.task import ParamValue

WIDEST = 40  # characters


def write_workbook(
    path: Path,
    header: Sequence[str],
    rows: Sequence[Sequence[ParamValue]],
    remarks: Sequence[str],
) -> None:
    """Write a table and remarks below it as an XLSX file.

    Text stays text: nothing that looks like a formula or an address becomes one.

    Args:
        path: The file to write.
        header: A name for each column.
        rows: The cells.
        remarks: Lines below the table.

    Raises:
        UsageError: The file exists, or its folder does not.
    """
    if path.exists():
        raise UsageError(f"{path} exists: choose another file, or delete it")
    if not path.parent.is_dir():
        raise UsageError(f"no folder {path.parent} to write {path.name} into")
    with atomic_file(path) as scratch:
        book = xlsxwriter.Workbook(
            scratch, {"strings_to_formulas": False, "strings_to_urls": False}
        )
        sheet = book.add_worksheet("table")
        sheet.write_row(0, 0, header, book.add_format({"bold": True, "bottom": 1}))
        for i, row in enumerate(rows, start=1):
            sheet.write_row(i, 0, row)
        for i, line in enumerate(remarks, start=len(rows) + 2):
            sheet.write_string(i, 0, line)
        for i, name in enumerate(header):
            cells = (str(row[i]) for row in rows if row[i] is not None)
            sheet.set_column(i, i, min(WIDEST, max(map(len, [name, *cells])) + 1))
        sheet.freeze_panes(1, 2)
        book.close()

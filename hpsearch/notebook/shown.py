"""Objects that a notebook shows as HTML, and a terminal as text.

Whatever comes from a study (names, params, reasons) is data: it is escaped.
"""

from __future__ import annotations

import base64
import importlib
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hpsearch.errors import UsageError
from hpsearch.files import Cell
from hpsearch.terminal.printing import plain, show_cell

if TYPE_CHECKING:
    from hpsearch.reporting.material import Material

MOST_ROWS = 50  # of a table on a page; `rows` has all


class Shown:
    """A text for terminals, and HTML for notebooks.

    Args:
        text: For a terminal.
        html: For a notebook; by default the text.
    """

    def __init__(self, text: str, html: str | None = None) -> None:
        self._text = plain(text)
        self._html = f"<pre>{escape(self._text)}</pre>" if html is None else html

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        return self._html


class ShownTable(Shown):
    """A table: iterate over its rows as dicts, or make a `DataFrame` of it.

    Args:
        header: The names of the columns.
        rows: The cells.
        above: Lines about the table, shown above it.
        below: Lines below it.
        text: For a terminal; by default the table in plain columns.
    """

    def __init__(
        self,
        header: Sequence[str],
        rows: Sequence[Sequence[Cell]],
        *,
        above: Sequence[str] = (),
        below: Sequence[str] = (),
        text: str | None = None,
    ) -> None:
        self.header, self.rows = list(header), [list(row) for row in rows]
        parts = [_paragraph(above), html_table(header, rows), _paragraph(below)]
        in_columns = "\n".join([*above, *_columns(header, rows), *below])
        super().__init__(in_columns if text is None else text, "".join(parts))

    def __iter__(self) -> Iterator[dict[str, Cell]]:
        return (dict(zip(self.header, row, strict=True)) for row in self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def to_pandas(self) -> Any:
        """The table as a `pandas.DataFrame`.

        Raises:
            UsageError: pandas is not installed.
        """
        try:
            pandas = importlib.import_module("pandas")
        except ImportError as error:
            raise UsageError("to_pandas() needs pandas: pip install pandas") from error
        return pandas.DataFrame(self.rows, columns=self.header)


class ShownPicture(Shown):
    """A picture; `figure` is matplotlib's.

    Args:
        figure: What to show.
        title: What a terminal says of it.
    """

    def __init__(self, figure: Any, title: str) -> None:
        from hpsearch.pictures.drawing import as_svg

        self.figure = figure
        # as an image, so that nothing in it can run, or meet what else the page holds
        data = base64.b64encode(as_svg(figure).encode()).decode()
        html = f'<img alt="{escape(plain(title))}" src="data:image/svg+xml;base64,{data}">'
        super().__init__(f"{title}: .save('FILE.svg') writes it", html)

    def save(self, path: str | Path) -> None:
        """Write the picture as SVG, PNG or PDF, by the suffix.

        Raises:
            UsageError: The suffix is another one, or the folder is not there.
        """
        from hpsearch.pictures.drawing import save

        save(self.figure, Path(path))


class ShownReport(Shown):
    """A report as one page.

    Args:
        material: The studies that it is about.
    """

    def __init__(self, material: Material) -> None:
        from hpsearch.reporting.content import put_together
        from hpsearch.reporting.page import as_page

        self._material = material
        report = put_together(material)
        drawn = {picture.name: picture.render() for picture in report.pictures}
        page = as_page(report, {name: one for name, one in drawn.items() if one is not None})
        style = "width:100%;height:40em;border:1px solid #ccc"
        html = f'<iframe sandbox style="{style}" srcdoc="{escape(page)}"></iframe>'
        super().__init__(f"{report.title}: .save('FOLDER') writes the report", html)

    def save(self, folder: str | Path) -> None:
        """Write the report into a new folder, as `hpsearch report` does.

        Raises:
            UsageError: The folder exists.
            DataError: It cannot be written.
        """
        from hpsearch.reporting.folder import write_report

        write_report(self._material, Path(folder))


def html_table(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A table as HTML, its first rows if it is long."""
    lines = ["<tr>" + "".join(f"<th>{escape(plain(name))}</th>" for name in header) + "</tr>"]
    for row in rows[:MOST_ROWS]:
        cells = (escape(plain(show_cell(cell))) for cell in row)
        lines.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    left = len(rows) - MOST_ROWS
    more = f"<p>and {left} more rows: .rows has all</p>" if left > 0 else ""
    return f"<table>{''.join(lines)}</table>{more}"


def _paragraph(lines: Sequence[str]) -> str:
    return "<p>" + "<br>".join(escape(plain(line)) for line in lines) + "</p>" if lines else ""


def _columns(header: Sequence[str], rows: Sequence[Sequence[Cell]]) -> list[str]:
    """A table in columns, as text."""
    lines = [[plain(name) for name in header]]
    lines += [[plain(show_cell(cell)).replace("\n", " ") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]

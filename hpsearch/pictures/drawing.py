"""What all pictures share: size, fonts, colours, titles; and how one becomes a file.

Pictures are as wide as a phone shows them without shrinking the text below 10 pixels, told
apart by shape as well as by colour, and hold no text that matplotlib would take for a formula.
"""

from __future__ import annotations

import io
import math
import os
import re
import textwrap
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import rc_context, rcParamsDefault
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from hpsearch.errors import DataError, UsageError
from hpsearch.files import atomic_file

WIDTH = 4.2  # inches
TITLE_CHARS = 46  # in a line
NOTE_CHARS = 56
TITLE_LINE, MARKS_LINE, NOTE_LINE = 0.18, 0.2, 0.165  # heights, in inches
PNG_DPI = 200

BLACK, GREY = "#222222", "#767676"
# Okabe and Ito's colours, which people with any colour vision tell apart
BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY = (
    "#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9",
)  # fmt: skip
COLOURS = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, BLACK)
DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (5, 1, 1, 1)), (0, (8, 2)), (0, (3, 3)))
MARKERS = "osD^vPX"
SEQUENCE = "cividis"  # a colour map that is as clear in grey

METADATA: Mapping[str, dict[str, Any]] = {
    "svg": {"Date": None, "Creator": "hpsearch"},
    "png": {"Software": "hpsearch"},
    "pdf": {"CreationDate": None, "Creator": "hpsearch"},
}

# from matplotlib's defaults on, so that a user's own matplotlibrc changes nothing
STYLE: Any = {  # a dict; matplotlib types the names of its settings one by one
    **{name: value for name, value in rcParamsDefault.items() if name != "backend"},
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.labelsize": 9,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.fontsize": 9,
    "legend.frameon": False,
    "legend.handlelength": 2.2,
    "legend.columnspacing": 1.2,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": BLACK,
    "axes.labelcolor": BLACK,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "axes.formatter.use_mathtext": False,
    "axes.unicode_minus": True,
    "grid.color": "#E5E5E5",
    "grid.linewidth": 0.6,
    "text.color": BLACK,
    "text.parse_math": False,
    "lines.linewidth": 1.6,
    "lines.markersize": 4,
    "hatch.linewidth": 0.6,
    "svg.fonttype": "none",
    "pdf.fonttype": 42,
    "savefig.dpi": PNG_DPI,
}


def new_figure(
    n_panels: int = 1, *, panel_height: float = 2.1, n_columns: int = 1, **options: Any
) -> tuple[Figure, list[Axes]]:
    """A figure with panels below each other, or in columns.

    Args:
        n_panels: How many; the rest of the last row stays empty.
        panel_height: Of a row, in inches.
        n_columns: In which the panels stand, row by row.
        options: Of `Figure.subplots`.
    """
    n_rows = math.ceil(n_panels / n_columns)
    figure = Figure(figsize=(WIDTH, n_rows * panel_height), layout="constrained")
    panels = list(figure.subplots(n_rows, n_columns, squeeze=False, **options).flat)
    for unused in panels[n_panels:]:
        unused.set_axis_off()
    return figure, panels[:n_panels]


def add_space(figure: Figure) -> None:
    """Keep panels with texts above and below further apart."""
    _layout(figure).set(h_pad=0.1)


def entitle(
    figure: Figure,
    title: str,
    *notes: str,
    marks: Sequence[Line2D | Patch] = (),
    n_columns: int = 2,
) -> None:
    """Say the point of a picture and explain its marks above it, and how to read it below.

    Args:
        figure: Grows by what that takes.
        title: A sentence without its full stop.
        notes: Sentences; empty ones are left out.
        marks: For the legend, which covers nothing here.
        n_columns: Of the legend.
    """
    above = _wrapped(title, TITLE_CHARS)
    below = "\n".join(_wrapped(note, NOTE_CHARS) for note in notes if note)
    title_height = TITLE_LINE * _n_lines(above) + 0.08
    marks_height = MARKS_LINE * math.ceil(len(marks) / n_columns)
    notes_height = NOTE_LINE * _n_lines(below) + 0.04 if below else 0
    panels = figure.get_figheight()
    height = panels + title_height + marks_height + notes_height
    figure.set_figheight(height)
    _layout(figure).set(rect=(0, notes_height / height, 1, panels / height))

    left = 0.02
    figure.suptitle(above, x=left, y=1 - 0.05 / height, ha="left", va="top", in_layout=False,
                    fontsize=10, fontweight="bold")  # fmt: skip
    if marks:
        figure.legend(handles=marks, ncols=n_columns, loc="upper left", borderaxespad=0,
                      bbox_to_anchor=(left, 1 - title_height / height))  # fmt: skip
    if below:
        figure.text(left, 0.04 / height, below, va="bottom", color="#444444", in_layout=False)
    figure.set_label(" ".join([title + ".", *filter(None, notes)]))  # for who cannot see it


def shown(text: object, limit: int = 40) -> str:
    """Text from a study on one line: no control characters, and not too long."""
    line = " ".join(str(text).split())
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)
    return line if len(line) <= limit else line[: limit - 1] + "…"


def seconds(value: float) -> str:
    """`0.4 s`, `35 s`, `12 min` or `3.1 h`."""
    if value < 9.95:
        return f"{value:.3g} s"
    if value < 120:
        return f"{value:.0f} s"
    return f"{value / 60:.0f} min" if value < 7200 else f"{value / 3600:.1f} h"


def is_wide(values: Iterable[float], ratio: float = 20) -> bool:
    """Whether values span so much that only a logarithmic axis shows them all."""
    values = list(values)
    return bool(values) and min(values) > 0 and max(values) / min(values) > ratio


def as_svg(figure: Figure, name: str = "hpsearch") -> str:
    """A figure as an SVG document, the same for the same figure.

    Args:
        figure: From this package.
        name: Another one for each picture on a page, so that no two share an `id`.
    """
    buffer = io.StringIO()
    with _saving(), rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata=METADATA["svg"])
    svg = buffer.getvalue()
    used = set(re.findall(r"[(\"]#([^)\"]+)", svg))
    # matplotlib numbers everything, in the same way in each picture
    return re.sub(r' id="([^"]+)"', lambda match: match[0] if match[1] in used else "", svg)


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """A figure as it goes into a document."""

    svg: str
    png: bytes


def render(figure: Figure, name: str) -> Rendered:
    """A figure in both forms that documents take.

    Args:
        figure: From this package.
        name: As for `as_svg`.
    """
    buffer = io.BytesIO()
    with _saving():
        figure.savefig(buffer, format="png", metadata=METADATA["png"])
    return Rendered(svg=as_svg(figure, name), png=buffer.getvalue())


def save(figure: Figure, path: Path) -> None:
    """Write a figure as SVG, PNG or PDF, by the suffix; whole or not at all.

    Raises:
        UsageError: The suffix is another one, or the folder is not there.
        DataError: The file cannot be written.
    """
    kind = require_format(path)
    _require_folder(path)
    try:
        with _saving(), atomic_file(path) as scratch:
            if kind == "svg":
                scratch.write_text(as_svg(figure), encoding="utf-8")
            else:
                figure.savefig(scratch, format=kind, metadata=METADATA[kind])
            scratch.chmod(0o644)  # temporary files are private
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}") from error


def require_new(path: Path, *, force: bool) -> None:
    """Refuse a file that cannot become a picture, before any work is spent on it.

    Args:
        path: The file.
        force: Whether it may exist.

    Raises:
        UsageError: The suffix names no format, there is no such folder, or the file exists.
    """
    require_format(path)
    _require_folder(path)
    if os.path.lexists(path) and not force:
        raise UsageError(f"{path} exists: name another file with -o, or replace it with --force")


def _require_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise UsageError(f"there is no folder {path.parent} to write {path.name} into")


def require_format(path: Path) -> str:
    """The format that a file's suffix names.

    Raises:
        UsageError: It names none.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in METADATA:
        raise UsageError(f"{path.name} should end in .svg, .png or .pdf: pictures have no others")
    return kind


@contextmanager
def _saving() -> Iterator[None]:
    with rc_context(STYLE), warnings.catch_warnings():
        # a script that the measuring font lacks: an SVG shows it all the same
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        warnings.filterwarnings("ignore", message="Matplotlib currently", category=UserWarning)
        yield


def _wrapped(text: str, width: int) -> str:
    return textwrap.fill(shown(text, 400), width)


def _layout(figure: Figure) -> ConstrainedLayoutEngine:
    engine = figure.get_layout_engine()
    assert isinstance(engine, ConstrainedLayoutEngine)  # of every figure here
    return engine


def _n_lines(text: str) -> int:
    return text.count("\n") + 1

"""A report as one HTML file that works offline."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from importlib import resources

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from hpsearch.pictures.drawing import Rendered
from hpsearch.reporting.content import Picture, Report
from hpsearch.task import ParamValue

TEMPLATE = "page_template.html"
LARGEST_SVG = 150_000  # characters: a picture of 500 trials is smaller as pixels


def as_page(report: Report, rendered: Mapping[str, Rendered]) -> str:
    """The HTML: no script, nothing to fetch, and a policy that forbids both.

    Whatever comes from a study is escaped.

    Args:
        report: What it says.
        rendered: Its pictures, by name.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, finalize=_finalize)
    text = resources.files("hpsearch.reporting").joinpath(TEMPLATE).read_text("utf-8")
    return environment.from_string(text).render(
        report=report, rendered=rendered, drawn=_drawn, shown=shown
    )


def shown(cell: ParamValue) -> str:
    """Text or a cell of a table on one line, without control characters; empty for None."""
    if cell is None:
        return ""
    text = f"{cell:.6g}" if isinstance(cell, float) else " ".join(str(cell).split())
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def _finalize(value: ParamValue) -> str:
    return value if isinstance(value, Markup) else shown(value)


def _drawn(picture: Picture, rendered: Rendered) -> Markup:
    caption = shown(picture.caption)
    if len(rendered.svg) <= LARGEST_SVG:
        start = rendered.svg.index("<svg")  # without the XML declaration
        label = Markup('<svg role="img" aria-label="{}"').format(caption)
        return label + Markup(rendered.svg[start + len("<svg") :])
    pixels = base64.b64encode(rendered.png).decode()
    return Markup('<img alt="{}" src="data:image/png;base64,{}">').format(caption, pixels)

"""What a picture says: its texts, and the data of what is drawn."""

from __future__ import annotations

from xml.etree import ElementTree

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hpsearch.pictures.drawing import as_svg

TEXT = "{http://www.w3.org/2000/svg}text"


def texts(figure: Figure) -> str:
    """All words of a picture, as whoever reads its SVG finds them."""
    root = ElementTree.fromstring(as_svg(figure))
    return "\n".join("".join(node.itertext()) for node in root.iter(TEXT))


def title(figure: Figure) -> str:
    """The point of a picture."""
    return " ".join(figure.get_suptitle().split())


def note(figure: Figure) -> str:
    """What stands below it."""
    below = (text.get_text() for text in figure.texts if text.get_text() != figure.get_suptitle())
    return " ".join(" ".join(below).split())


def drawn(panel: Axes, label: str) -> Line2D:
    """The one thing of that name that a panel shows."""
    (line,) = [line for line in panel.lines if line.get_label() == label]
    return line


def points(line: Line2D) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)]

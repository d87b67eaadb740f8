"""What a network makes of examples that it was not trained on: confusions, mistakes, numbers."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps, rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from hpsearch.data.arrays import Array
from hpsearch.export.predictions import rate
from hpsearch.figures import show_figure
from hpsearch.pictures.drawing import (
    BLACK,
    BLUE,
    GREY,
    STYLE,
    WIDTH,
    add_space,
    entitle,
    new_figure,
    shown,
)

N_CLASSES = 12  # shown one by one; the rarer ones go together
OTHERS = "others"
BOTH_IN_A_CELL = 5  # classes, up to which a cell holds count and share
TEXT_LINES = 3  # of a text that was mistaken


@dataclass(frozen=True, kw_only=True)
class Confusion:
    """How often a network took one class for another."""

    classes: list[str]
    counts: npt.NDArray[np.int64]
    """A row for each true class, a column for each answer."""

    @staticmethod
    def of(labels: Array, answers: Array, classes: Sequence[str]) -> Confusion:
        """Count answers by label, both numbers of classes."""
        n = len(classes)
        counts = np.bincount(labels * n + answers, minlength=n * n).reshape(n, n)
        if n <= N_CLASSES:
            return Confusion(classes=list(classes), counts=counts)
        kept = np.sort(np.argsort(-counts.sum(axis=1), kind="stable")[: N_CLASSES - 1])
        place = np.full(n, N_CLASSES - 1)
        place[kept] = np.arange(N_CLASSES - 1)
        merged = np.zeros((N_CLASSES, N_CLASSES), np.int64)
        np.add.at(merged, (place[:, None], place[None, :]), counts)
        return Confusion(classes=[*(classes[i] for i in kept), OTHERS], counts=merged)

    @property
    def shares(self) -> npt.NDArray[np.float64]:
        """The counts as shares of their row."""
        return _divided(self.counts, self.counts.sum(axis=1, keepdims=True))

    @property
    def precision(self) -> npt.NDArray[np.float64]:
        """Of the answers that name a class, the share that is right."""
        return _divided(np.diag(self.counts), self.counts.sum(axis=0))

    @property
    def recall(self) -> npt.NDArray[np.float64]:
        """Of the examples of a class, the share that is found."""
        return np.diagonal(self.shares)

    @property
    def f1(self) -> npt.NDArray[np.float64]:
        """The harmonic mean of both."""
        return _divided(2 * self.precision * self.recall, self.precision + self.recall)


def _divided(counts: npt.NDArray[Any], by: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    shares = np.zeros(np.broadcast(counts, by).shape)
    np.divide(counts, by, out=shares, where=by != 0)
    return shares


@rc_context(STYLE)
def draw_confusion(confusion: Confusion, *, split: str) -> Figure:
    """Counts and shares of each row, and a table of the classes.

    Args:
        confusion: Of at least one example.
        split: Where the examples are from.
    """
    n = len(confusion.classes)
    is_small = n <= BOTH_IN_A_CELL
    heights = [*([2.6] if is_small else [3.3, 3.3]), 0.2 * (n + 2)]
    figure = Figure(figsize=(WIDTH, sum(heights)), layout="constrained")
    *matrices, table = figure.subplots(len(heights), 1, height_ratios=heights)
    counts = [[f"{count}" for count in row] for row in confusion.counts]
    shares = [[f"{share:.0%}" for share in row] for row in confusion.shares]
    if is_small:
        both = [[f"{c}\n{s}" for c, s in zip(*rows, strict=True)]
                for rows in zip(counts, shares, strict=True)]  # fmt: skip
        _draw_matrix(matrices[0], confusion, both, "examples, and share of the row")
    else:
        few = [[text if text != "0" else "" for text in row] for row in counts]
        percent = [[text.rstrip("%") if text != "0%" else "" for text in row] for row in shares]
        _draw_matrix(matrices[0], confusion, few, "examples")
        _draw_matrix(matrices[1], confusion, percent, "per cent of the row")
    _draw_classes(table, confusion)
    n_right, n_all = int(np.trace(confusion.counts)), int(confusion.counts.sum())
    entitle(figure, _worst(confusion), f"{n_right} of {n_all} {split} examples are right.")
    return figure


def _worst(confusion: Confusion) -> str:
    """The commonest mistake, in words."""
    wrong = confusion.counts.copy()
    np.fill_diagonal(wrong, 0)
    if not wrong.any():
        return "No example is mistaken"
    true, said = np.unravel_index(np.argmax(wrong), wrong.shape)
    names = [shown(confusion.classes[i], 18) for i in (int(true), int(said))]
    times = f"{wrong[true, said]} of {confusion.counts[true].sum()}"
    return f"Most often {names[0]} is taken for {names[1]}: {times}"


def _draw_matrix(
    panel: Axes, confusion: Confusion, texts: Sequence[Sequence[str]], title: str
) -> None:
    n = len(confusion.classes)
    panel.imshow(confusion.shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, cells in enumerate(texts):
        for column, text in enumerate(cells):
            dark = confusion.shares[row, column] > 0.55
            panel.text(column, row, text, ha="center", va="center", fontsize=9 if n < 9 else 8,
                       color="white" if dark else BLACK)  # fmt: skip
    names = [shown(name, 12) for name in confusion.classes]
    panel.set_xticks(range(n), names, rotation=90 if n > BOTH_IN_A_CELL else 0)
    panel.set_yticks(range(n), names)
    panel.grid(visible=False)
    panel.tick_params(length=0)
    panel.set_title(title)
    panel.set_xlabel("answer")
    panel.set_ylabel("is")


def _draw_classes(panel: Axes, confusion: Confusion) -> None:
    panel.set_axis_off()
    n = len(confusion.classes)
    panel.set(xlim=(0, 1), ylim=(n + 0.5, -1.0))
    places = (0.0, 0.48, 0.63, 0.77, 1.0)
    sizes = confusion.counts.sum(axis=1)
    figures = zip(confusion.precision, confusion.recall, confusion.f1, sizes, strict=True)
    lines = [["class", "precision", "recall", "F1", "examples"]]
    lines += [
        [shown(name, 12), *(f"{figure:.3f}" for figure in one[:3]), str(one[3])]
        for name, one in zip(confusion.classes, figures, strict=True)
    ]
    for row, line in enumerate(lines):
        for place, text in zip(places, line, strict=True):
            panel.text(place, row - 0.5, text, ha="right" if place else "left", va="center",
                       fontweight="bold" if row == 0 else "normal")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """An example that a network got wrong."""

    number: int
    """Its place in the split."""
    label: str
    """What it is."""
    answer: str
    probability: float
    """That the network gave its answer."""
    x: Array
    """The example as stored."""
    text: str | None = None
    """The example decoded, if it is one."""

    @property
    def image(self) -> Array | None:
        """Rows of pixels, if the example is an image."""
        x = self.x
        if self.text is not None or x.ndim not in (2, 3) or min(x.shape[:2]) < 4:
            return None
        if x.ndim == 2 or x.shape[-1] == 1:
            return x.reshape(x.shape[:2])
        return x / max(float(x.max()), 1e-9) if x.shape[-1] in (3, 4) else None


@rc_context(STYLE)
def draw_mistakes(mistakes: Sequence[Mistake], n_wrong: int, *, split: str) -> Figure:
    """The most confident mistakes, as images or as texts.

    Args:
        mistakes: The most confident first; none if nothing is wrong.
        n_wrong: How many mistakes there are in all.
        split: Where the examples are from.
    """
    if mistakes and all(one.image is not None for one in mistakes):
        figure = _draw_images(mistakes)
    else:
        figure = _draw_texts(mistakes)
    top = mistakes[0] if mistakes else None
    entitle(
        figure,
        "No mistakes"
        if top is None
        else f"Surest mistake: {shown(top.label, 18)}, taken for {shown(top.answer, 18)} "
        f"with {_percent(top.probability)}",
        f"{len(mistakes)} of {n_wrong} mistakes on {split}, the most confident first: what it is, "
        "what the network said, and with which probability."
        if mistakes
        else f"All {split} examples are right.",
    )
    return figure


@rc_context(STYLE)
def draw_predictions(true: Array, predicted: Array, *, unit: str, split: str) -> Figure:
    """What is predicted against what is true, and the errors below.

    Args:
        true: Of shape (n_examples,).
        predicted: Of the same shape.
        unit: Of both; empty if they have none.
        split: Where the examples are from.
    """
    figure, (above, below) = new_figure(2, panel_height=2.6)
    errors = predicted - true
    ends = [min(true.min(), predicted.min()), max(true.max(), predicted.max())]
    above.plot(ends, ends, "-", color=GREY, lw=1)
    above.plot(true, predicted, ".", color=BLUE, ms=3.5, alpha=0.6)
    unit = shown(unit, 12)
    in_unit = f" ({unit})" if unit else ""
    above.set_xlabel(f"true{in_unit}")
    above.set_ylabel(f"predicted{in_unit}")
    below.hist(errors, bins="auto", color=BLUE, alpha=0.8)
    below.axvline(0, color=GREY, lw=1)
    below.set_xlabel(f"predicted minus true{in_unit}")
    below.set_ylabel("examples")
    rated = rate(true, predicted)
    entitle(
        figure,
        f"On average, predictions are {show_figure(rated.mae)} {unit}".rstrip() + " off",
        f"{len(true)} {split} examples. R² is {show_figure(rated.r2)}: 1 is perfect, 0 as good as "
        "always predicting the mean. On the line, predictions are right.",
    )
    return figure


def _draw_images(mistakes: Sequence[Mistake]) -> Figure:
    figure, panels = new_figure(len(mistakes), panel_height=1.6, n_columns=4)
    add_space(figure)
    for panel, one in zip(panels, mistakes, strict=True):
        panel.imshow(one.image, cmap=colormaps["gray_r"])  # type: ignore[arg-type]
        panel.set_xticks([])
        panel.set_yticks([])
        panel.spines[:].set(visible=True, color=GREY)
        said = f"{shown(one.answer, 12)}\n{_percent(one.probability)}"
        panel.set_title(shown(one.label, 12), loc="center")
        panel.set_xlabel(said)
    return figure


def _draw_texts(mistakes: Sequence[Mistake]) -> Figure:
    blocks = [
        [
            f"{one.number}: {shown(one.label, 16)}, not {shown(one.answer, 16)} "
            f"({_percent(one.probability)})",
            *textwrap.wrap(shown(_written(one), 54 * TEXT_LINES), 54, max_lines=TEXT_LINES,
                           placeholder=" …"),
        ]
        for one in mistakes
    ]  # fmt: skip
    n_lines = sum(map(len, blocks)) + len(blocks)
    figure, (panel,) = new_figure(panel_height=0.165 * max(n_lines, 1))
    panel.set_axis_off()
    panel.set(xlim=(0, 1), ylim=(max(n_lines, 1), 0))
    place = 0.5
    for block in blocks:
        for i, line in enumerate(block):
            panel.text(0.01, place, line, va="center", fontweight="bold" if i == 0 else "normal",
                       color=BLACK)  # fmt: skip
            place += 1
        place += 1
    return figure


def _written(one: Mistake) -> str:
    if one.text is not None:
        return one.text
    return " ".join(f"{value:.4g}" for value in one.x.ravel()[:60].tolist())


def _percent(probability: float) -> str:
    return f"{probability:.1%}" if probability < 0.9995 else "> 99.9%"

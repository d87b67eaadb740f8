"""A report as a notebook that runs without hpsearch, from the files beside it."""

from __future__ import annotations

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from hpsearch.reporting.content import Report, Section
from hpsearch.reporting.markdown import escaped, fenced

READ = """\
import csv
from pathlib import Path


def read(name):
    with open(f"{name}.csv", newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def show(name, rows=20):
    found = read(name)
    for row in found[:rows]:
        print("  ".join(f"{key}={value}" for key, value in row.items() if value))
    print(f"{len(found)} rows")"""
DRAW = """\
import matplotlib.pyplot as plt

plt.rcParams["text.parse_math"] = False  # a name may hold dollars


def draw(name, title):
    curves = read(name)
    epochs = [int(row["epoch"]) for row in curves]
    names = [key for key in curves[0] if key.startswith("val_") and key[4:] in curves[0]]
    figure, panels = plt.subplots(len(names), sharex=True, squeeze=False)
    for panel, key in zip(panels[:, 0], names):
        for column, style in ((key[4:], "o"), (key, "-")):
            panel.plot(epochs, [float(row[column] or "nan") for row in curves], style, label=column)
        panel.legend()
    panels[0, 0].set_title(title)
    panels[-1, 0].set_xlabel("epoch")
    plt.show()"""


def as_notebook(report: Report, curves: dict[str, str]) -> str:
    """The notebook's JSON.

    Args:
        report: What it says.
        curves: The files with learning curves, without their suffix, and their titles.
    """
    cells = [new_markdown_cell(f"# {escaped(report.title)}"), new_code_cell(READ)]
    for section in report.sections:
        cells.append(new_markdown_cell(_told(section)))
        if section.has_room:
            cells.append(new_markdown_cell("*Your own words:*"))
        cells += [new_code_cell(f"show({table.name!r})") for table in section.tables]
    cells.append(new_markdown_cell("## Learning curves"))
    cells.append(new_code_cell(DRAW))
    cells += [new_code_cell(f"draw({name!r}, {title!r})") for name, title in curves.items()]
    for i, cell in enumerate(cells):
        cell["id"] = f"cell-{i}"  # random otherwise
    notebook = new_notebook(cells=cells)
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    nbformat.validate(notebook)
    text: str = nbformat.writes(notebook)
    return text


def _told(section: Section) -> str:
    lines = [f"## {escaped(section.heading)}", *map(escaped, section.sentences)]
    if section.commands:
        lines.append(fenced(section.commands))
    return "\n\n".join(lines)

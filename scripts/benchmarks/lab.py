"""The first lab, shared by the benchmarks: its data, and its space cut to 27 epochs."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from hpsearch.study_file import StudyFile, read_study_file, study_files

MAX_EPOCHS = 27


def data_folder() -> Path:
    """`HPSEARCH_DATA`, which must hold Fashion-MNIST, so that nothing is downloaded."""
    folder = os.environ.get("HPSEARCH_DATA")
    if not folder:
        sys.exit("set HPSEARCH_DATA to the folder of the data sets")
    return Path(folder)


def short_lab(folder: Path) -> StudyFile:
    """The study file of lab 1 with trials of at most 27 epochs, written to a folder."""
    text = study_files()["fashion_mnist"].read_text()
    for before, after in (
        ('suggest_int("epochs", 5, 125)', f'suggest_int("epochs", 5, {MAX_EPOCHS})'),
        ('"epochs": 100', f'"epochs": {MAX_EPOCHS}'),
        ('"epochs": [50, 75, 100, 125]', f'"epochs": [9, {MAX_EPOCHS}]'),
    ):
        assert before in text, before
        text = text.replace(before, after)
    path = folder / "lab1.py"
    path.write_text(text)
    return read_study_file(str(path))

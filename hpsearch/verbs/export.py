"""`hpsearch export`: the winner of an evaluation in a folder that stands alone."""

from __future__ import annotations

import csv
import importlib.metadata
import os
import platform
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from string import Template

import numpy as np
import yaml

from hpsearch.curves.curve import Curve
from hpsearch.data.arrays import SPARSE_FIELDS, Dataset, Examples, is_sparse
from hpsearch.errors import DataError, UsageError
from hpsearch.evaluation.opening import Opening
from hpsearch.evaluation.sentences import as_content, test_sentences, validation_sentences
from hpsearch.export.models import (
    MANIFEST,
    MANIFEST_SCHEMA,
    evaluated,
    name_classes,
)
from hpsearch.export.train_script import TOLERANCE, Script, imports_of, write_script
from hpsearch.files import atomic_folder, sha256_of
from hpsearch.study.record import Record
from hpsearch.study.storage import Storage
from hpsearch.study.task_data import data_of_study
from hpsearch.study_file import StudyFile
from hpsearch.task import Task
from hpsearch.terminal.printing import as_json, plain, say

METRICS_SCHEMA = "hpsearch.metrics/1"


@dataclass(frozen=True, kw_only=True)
class Winner:
    """All that an export is made of."""

    study: str
    record: Record
    study_file: StudyFile
    openings: list[Opening]
    kept: Path
    """The folder of the winner's model and curve."""
    data: Dataset

    @property
    def opening(self) -> Opening:
        """The one that counts: the latest."""
        return self.openings[-1]


def export(storage_url: str, study_name: str, output: Path, *, data: Path | None) -> None:
    """Write the winner of a study's evaluation into a new folder, whole or not at all.

    Args:
        storage_url: Where the study is.
        study_name: The study.
        output: The folder; it must not exist, its parent must.
        data: The user's data folder.

    Raises:
        UsageError: `output` exists.
        NothingFinished: The study was not evaluated yet.
        DataError: The folder cannot be written, or the kept model is gone or damaged.
        StudyChanged: The data are not those of the study.
    """
    if os.path.lexists(output):
        raise UsageError(f"{output} exists: export writes a new folder, name another")
    record, openings, kept = evaluated(Storage(storage_url, read_only=True), study_name)
    study_file = record.load()
    winner = Winner(
        study=study_name,
        record=record,
        study_file=study_file,
        openings=openings,
        kept=kept,
        data=data_of_study(study_name, record, study_file, data).open(),
    )
    try:
        with atomic_folder(output) as folder:
            _write(winner, folder)
    except OSError as error:
        raise DataError(f"cannot write {output}: {error.strerror or error}") from error
    print(plain(f"exported {winner.opening.winner.name} of {study_name} to {output}"))
    say(f"next: cd {output} && python train.py")


def _write(winner: Winner, folder: Path) -> None:
    opening = winner.opening
    shutil.copy(winner.kept / "model.keras", folder)
    _write_params(winner, folder)
    _write_curve(winner, folder)
    _write_data(winner, folder)
    metrics = {"schema": METRICS_SCHEMA, "study": winner.study, "openings": len(winner.openings)}
    content = as_content(opening, winner.study_file.task.published)
    _write_json(folder / "metrics.json", {**metrics, **content})
    script = Script(
        study=winner.study,
        study_file=winner.study_file,
        params=opening.winner.params,
        seed=opening.seeds[0],
        backend=opening.versions["backend"],
        test_metric=opening.test_metric,
        recorded=opening.test_values(opening.winner)[0],
        is_sparse=is_sparse(winner.data.train.x),
    )
    text = write_script(script)
    (folder / "train.py").write_text(text, encoding="utf-8")
    requirements = _requirements(text, opening.versions)
    (folder / "requirements.txt").write_text("\n".join(requirements) + "\n")
    (folder / "study.py").write_text(winner.study_file.text, encoding="utf-8")
    if winner.data.vocabulary:
        _write_json(folder / "vocabulary.json", winner.data.vocabulary)
    (folder / "README.md").write_text(_readme(winner), encoding="utf-8")
    _write_manifest(winner, folder)


def _write_params(winner: Winner, folder: Path) -> None:
    params = winner.opening.winner.params
    _write_json(folder / "params.json", params)
    text = yaml.safe_dump(params, sort_keys=False, allow_unicode=True)
    (folder / "params.yaml").write_text(text, encoding="utf-8")


def _write_curve(winner: Winner, folder: Path) -> None:
    """The logs of the epochs that the exported model was trained for."""
    logs = Curve(winner.kept).logs
    names = list(dict.fromkeys(name for epoch in logs for name in epoch))
    with (folder / "curve.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, ["epoch", *names], lineterminator="\n")
        writer.writeheader()
        writer.writerows({"epoch": i, **of_epoch} for i, of_epoch in enumerate(logs, 1))


def _write_data(winner: Winner, folder: Path) -> None:
    """All examples as plain arrays; of sparse ones, the parts of their CSR form."""
    parts = {"train": winner.data.train + winner.data.valid, "test": winner.data.test}
    arrays = {
        f"{name[0]}_{part}{name[1:]}": array  # x -> x_train, x_indptr -> x_train_indptr
        for part, split in parts.items()
        for name, array in split.arrays().items()
    }
    np.savez_compressed(folder / "data.npz", **arrays)  # type: ignore[arg-type]  # names


def _write_manifest(winner: Winner, folder: Path) -> None:
    content = {
        "schema": MANIFEST_SCHEMA,
        "study": winner.study,
        "study_file": Path(winner.record.filename).name,
        "data_fingerprint": winner.record.data,
        "evaluated": winner.opening.opened,
        "versions": winner.opening.versions,
        "machine": platform.machine(),
        "classes": name_classes(winner.study_file, winner.data),
        "sha256": {path.name: sha256_of(path) for path in sorted(folder.iterdir())},
    }
    _write_json(folder / MANIFEST, content)


def _requirements(script: str, versions: Mapping[str, str]) -> list[str]:
    """The distributions that a script imports, each at the version it was trained with."""
    names = ["keras", versions["backend"], "numpy"]
    pinned = {name: versions[name] for name in names}
    others = imports_of(script) - set(sys.stdlib_module_names) - set(names)
    if others:
        distributions = importlib.metadata.packages_distributions()
        for module in sorted(others):
            for name in distributions.get(module, [])[:1]:
                pinned[name] = importlib.metadata.version(name)
    lines = [f"{name}=={version}" for name, version in pinned.items()]
    return [f"# Python {versions['python']}", *lines]


def _readme(winner: Winner) -> str:
    opening, task = winner.opening, winner.study_file.task
    params = "\n".join(f"| {n} | {value} |" for n, value in opening.winner.params.items())
    sentences = "\n".join(f"- {text}" for text in _sentences(winner))
    values = ", ".join(f"{value:.4f}" for value in opening.test_values(opening.winner))
    example = winner.data.test.x
    return Template(README).substitute(
        study=winner.study,
        title=winner.study_file.title(),
        name=opening.winner.name,
        params=params,
        metric=opening.test_metric,
        mean=f"{fmean(opening.test_values(opening.winner)):.4f}",
        values=values,
        seed=opening.seeds[0],
        tolerance=TOLERANCE,
        recorded=repr(opening.test_values(opening.winner)[0]),
        sentences=sentences,
        shape=f"(n, {', '.join(map(str, example.shape[1:]))})".replace("(n, )", "(n,)"),
        dtype=example.dtype.name,
        n_train=len(winner.data.train) + len(winner.data.valid),
        n_test=opening.n_test,
        classes=f"\nClasses, in the order of labels: {', '.join(task.classes)}.\n"
        if task.classes
        else "",
        with_hpsearch=_with_hpsearch(task),
        arrays=_array_names(example),
        vocabulary="\n| vocabulary.json | what each number, or column, of a text stands for |"
        if winner.data.vocabulary
        else "",
    )


def _with_hpsearch(task: Task) -> str:
    """The verbs that use the folder, as far as the task says how."""
    commands = []
    if task.encode is not None:
        commands.append("hpsearch predict . FILE-OR-TEXT")
    if task.encode is not None and task.writing is not None:
        commands.append('hpsearch generate . --seed-text "TEXT"')
    if not commands:
        return ""
    lines = "\n".join(["```", *commands, "```"])
    return f"\nOr in this folder, with hpsearch, which checks the files first:\n\n{lines}\n"


def _array_names(example: Examples) -> str:
    """What `data.npz` holds, for people."""
    if not is_sparse(example):
        return "`x_train`, `y_train`, `x_test`, `y_test`"
    fields = ", ".join(f"`{field}`" for field in SPARSE_FIELDS)
    return f"`y_train`, `y_test`; `x_train_...` and `x_test_...` in CSR form: {fields}"


def _sentences(winner: Winner) -> list[str]:
    published = winner.study_file.task.published
    sentences = [f"On validation: {text}" for text in validation_sentences(winner.opening)[1:]]
    sentences += [f"On test: {text}" for text in test_sentences(winner.openings, published)]
    if published is not None:
        sentences.append(f"Published: {published.test_accuracy:.4f} ({published.source}).")
    return sentences


def _write_json(path: Path, content: object) -> None:
    path.write_text(as_json(content) + "\n", encoding="utf-8")


README = """\
# $study

$title

The winner of the study, $name, trained on all $n_train examples that are not for testing
and measured on the $n_test test examples.

| test $metric | |
| --- | --- |
| mean over seeds | $mean |
| per seed | $values |
| this model, seed $seed | $recorded |

$sentences

## Use the model

```python
import keras

model = keras.saving.load_model("model.keras")
predictions = model.predict(x)  # x: $shape, $dtype, not rescaled
```
$classes$with_hpsearch
Load model files, and run study files, of people you trust only: the manifest tells whether
files were changed since they were exported, not who exported them.

## Repeat the training

```
pip install -r requirements.txt
python train.py
```

It trains the same network in the same order and prints its test $metric beside the
recorded one: the same to the last digit on the same kind of machine. If they are further
apart than $tolerance, of values above 1 that share, it ends with exit code 1.

## Params

| hyperparameter | value |
| --- | --- |
$params

## Files

| file | what it is |
| --- | --- |
| model.keras | the trained network, preprocessing included |
| params.json, params.yaml | its hyperparameters |
| curve.csv | Keras's logs of each epoch of its training |
| metrics.json | every figure: per seed, means, 95 % intervals, verdicts |
| data.npz | $arrays |
| train.py, requirements.txt | the training as a script, and the versions it needs |
| study.py | the study file: data, search space, network |$vocabulary
| MANIFEST.json | the SHA-256 of each file |
"""

"""The exported folder: which files it has, how they are written and how they are read.

    README.md           what the network is, how good it is, how to use it
    model.keras         the trained network
    params.json         its hyperparameters, and the same as params.yaml for people
    metrics.json        all figures of the evaluation
    curve.csv           Keras's logs of each epoch of its training
    data.npz            the examples, as plain arrays
    train.py            trains the network again, and compares the figures:
      network.py          the code of the network, from the study file
      loop.py             the training loop, ours
      hyperparameters.py  what a build(hp) written for KerasTuner asks for its values
      training.json       seed, backend, threads and the recorded figure
      requirements.txt    the packages
    study.py            the study file
    vocabulary.json     what the numbers in the examples stand for, where they are texts
    saved_model/1/      the network for TensorFlow and TensorFlow Serving, if asked for
    model.onnx          the network for ONNX Runtime, if asked for
    MANIFEST.json       where the folder comes from, and the SHA-256 of every other file

It is written whole or not at all. A file is read only as it was written: its SHA-256 is
compared first. Folders of older versions lack network.py, loop.py, hyperparameters.py and
training.json, which only people and train.py read.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import platform
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from hpsearch.choices import Form
from hpsearch.data.arrays import FIELDS, Dataset, Split, is_sparse
from hpsearch.data.structure import Structure, named, of_named
from hpsearch.errors import DataCorrupt, DataError, UsageError
from hpsearch.evaluation.evaluate import N_THREADS
from hpsearch.evaluation.sentences import as_content
from hpsearch.export.forms import write_forms
from hpsearch.export.network_code import network_code
from hpsearch.export.readme import readme
from hpsearch.export.requirements import requirements
from hpsearch.export.winner import Winner, name_classes
from hpsearch.files import as_json, atomic_folder, files_in, sha256_of
from hpsearch.goal import Logs
from hpsearch.messages import TRAIN
from hpsearch.processes.backend import SETTINGS
from hpsearch.study_file import StudyFile, imports_of, run_study_file
from hpsearch.task import Params

MANIFEST = "MANIFEST.json"
MANIFEST_SCHEMA = "hpsearch.manifest/1"
METRICS_SCHEMA = "hpsearch.metrics/1"
TRAINING_SCHEMA = "hpsearch.training/1"
OURS = {
    "train.py": "hpsearch.export",
    "loop.py": "hpsearch.training",
    "hyperparameters.py": "hpsearch",
}
"""Modules of hpsearch that are copied as they are, and their packages."""


# ---- Writing ---------------------------------------------------------------------------


def write_folder(
    folder: Path, winner: Winner, dataset: Dataset, forms: Sequence[Form] = ()
) -> None:
    """Write the winner of an evaluation into a new folder, whole or not at all.

    Args:
        folder: It must not exist, its parent must.
        winner: The network.
        dataset: The data of its study.
        forms: For other programs than Keras; their packages are installed.

    Raises:
        StudyFileError: The network's code cannot stand alone, or a form cannot hold it.
        DataError: The folder cannot be written.
    """
    try:
        with atomic_folder(folder) as scratch:
            _write_files(scratch, winner, dataset, forms)
            _write_manifest(scratch, winner, dataset)
    except OSError as error:
        raise DataError(f"cannot write {folder}: {error.strerror or error}") from error


def _write_files(folder: Path, winner: Winner, dataset: Dataset, forms: Sequence[Form]) -> None:
    opening, params = winner.opening, winner.opening.winner.params
    network = network_code(winner.study_file)
    is_any_sparse = any(map(is_sparse, named(dataset.train.x).values()))
    modules = imports_of(network) | ({"scipy"} if is_any_sparse else set())
    as_yaml = yaml.safe_dump(params, sort_keys=False, allow_unicode=True)

    shutil.copy(winner.model, folder / "model.keras")
    _write_json(folder / "params.json", params)
    _write_text(folder / "params.yaml", as_yaml)
    _write_json(folder / "metrics.json", _metrics(winner))
    _write_curve(folder / "curve.csv", winner.logs)
    _write_data(folder / "data.npz", dataset, fitted_on=opening.fitted_on)
    for name, package in OURS.items():
        content = resources.files(package).joinpath(name).read_bytes()
        (folder / name).write_bytes(content)
    _write_text(folder / "network.py", network)
    _write_json(folder / "training.json", _training(winner))
    lines = requirements(modules, opening.versions)
    _write_text(folder / "requirements.txt", "\n".join(lines) + "\n")
    _write_text(folder / "study.py", winner.study_file.text)
    if dataset.vocabulary:
        _write_json(folder / "vocabulary.json", dataset.vocabulary)
    _write_text(folder / "README.md", readme(winner, dataset, forms))
    if forms:
        write_forms(folder, forms, winner, dataset)


def _write_manifest(folder: Path, winner: Winner, dataset: Dataset) -> None:
    classes = name_classes(winner.study_file, dataset)
    content = {
        "schema": MANIFEST_SCHEMA,
        "study": winner.study,
        "study_file": Path(winner.record.filename).name,
        "data_fingerprint": winner.record.data,
        "evaluated": winner.opening.opened,
        "versions": winner.opening.versions,
        "machine": platform.machine(),
        "classes": classes if isinstance(classes, list) else named(classes),
        "sha256": {
            path.relative_to(folder).as_posix(): sha256_of(path) for path in files_in(folder)
        },
    }
    _write_json(folder / MANIFEST, content)


def _metrics(winner: Winner) -> dict[str, Any]:
    content = as_content(winner.opening, winner.study_file.task.published)
    head = {"schema": METRICS_SCHEMA, "study": winner.study, "openings": len(winner.openings)}
    return {**head, **content}


def _training(winner: Winner) -> dict[str, Any]:
    """What `train.py` reads beside the params and the data."""
    opening, task = winner.opening, winner.study_file.task
    return {
        "schema": TRAINING_SCHEMA,
        "study": winner.study,
        "build": task.build.__name__,
        "also_log": None if task.also_log is None else task.also_log.__name__,
        "callbacks": None if task.callbacks is None else task.callbacks.__name__,
        "class_weight": task.class_weight_of(opening.winner.params),
        "seed": opening.seeds[0],
        "backend": opening.versions["backend"],
        "keras": {
            name: type(default)(opening.versions.get(name, default))
            for name, default in SETTINGS.items()
        },
        "n_threads": N_THREADS,
        "jit_compile": task.jit_compile,
        "test_metric": opening.test_metric,
        "recorded": opening.test_values(opening.winner)[0],
    }


def _write_curve(path: Path, logs: list[Logs]) -> None:
    names = list(dict.fromkeys(name for of_epoch in logs for name in of_epoch))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, ["epoch", *names], lineterminator="\n")
        writer.writeheader()
        writer.writerows({"epoch": i, **of_epoch} for i, of_epoch in enumerate(logs, 1))


def _write_data(path: Path, dataset: Dataset, *, fitted_on: str) -> None:
    """All examples; `train` is what the network was trained on."""
    if fitted_on == TRAIN:
        parts = dataset.splits()
    else:
        parts = {"train": dataset.train_and_valid, "test": dataset.unseen()}
    arrays = {
        # x -> x_train, x_indptr.text -> x_train_indptr.text
        re.sub(rf"({'|'.join(FIELDS)})", rf"\1_{part}", name, count=1): array
        for part, split in parts.items()
        for name, array in split.arrays().items()
    }
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]  # a name is not allow_pickle


def _write_json(path: Path, content: object) -> None:
    _write_text(path, as_json(content) + "\n")


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


# ---- Reading ---------------------------------------------------------------------------


@dataclass(frozen=True)
class ExportedFolder:
    """A folder that `hpsearch export` wrote."""

    path: Path
    study: str
    """The name of the study that the network won."""
    classes: Structure[list[str]]
    """As `name_classes` returns them."""
    sha256: Mapping[str, str]
    """Of each file, by its path in the folder."""

    def model(self) -> Path:
        """The trained network, once it is known to be intact.

        Raises:
            DataError: It is missing or has changed.
        """
        self._read("model.keras")
        return self.path / "model.keras"

    def study_file(self) -> StudyFile:
        """The study file, which is run.

        Raises:
            DataError: It is missing or has changed.
            StudyFileError: It does not run.
        """
        return run_study_file(self._read("study.py").decode(), str(self.path / "study.py"))

    def params(self) -> Params:
        """The network's hyperparameters.

        Raises:
            DataError: Their file is missing or has changed.
        """
        params: Params = json.loads(self._read("params.json"))
        return params

    def vocabulary(self) -> tuple[str, ...]:
        """What each number in the examples stands for; empty where they are not texts.

        Raises:
            DataError: It is missing or has changed.
        """
        if "vocabulary.json" not in self.sha256:
            return ()
        return tuple(json.loads(self._read("vocabulary.json")))

    def split(self, name: str) -> Split:
        """The examples that the network was trained on, `train`, or those of another split.

        Raises:
            UsageError: It is the validation split, and the network was trained on it too.
            DataError: The examples are missing or have changed.
        """
        with np.load(io.BytesIO(self._read("data.npz")), allow_pickle=False) as data:
            of_split = re.compile(rf"({'|'.join(FIELDS)})_{name}(?=[_.]|$)")
            arrays = {of_split.sub(r"\1", key, 1): data[key] for key in data if of_split.match(key)}
        if not arrays:
            raise UsageError(f"in {self.path} the {name} split is part of train: use --split train")
        return Split.of(arrays)

    def _read(self, name: str) -> bytes:
        path = self.path / name
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(
                f"{path} is missing: copy the whole folder, or export the study again"
            ) from error
        if hashlib.sha256(content).hexdigest() != self.sha256.get(name):
            raise DataCorrupt(
                f"{path} has changed since the export: its SHA-256 is not the one in {MANIFEST}"
            )
        return content


def is_export(path: Path) -> bool:
    """Whether a folder looks like one that `hpsearch export` wrote."""
    return os.path.isfile(path / MANIFEST)  # noqa: PTH113  # Path's own raises for a long name


def open_folder(path: Path) -> ExportedFolder:
    """Open an exported folder; its files are checked when they are read.

    Raises:
        UsageError: hpsearch did not write it, or a version that is too old or too new did.
        DataError: The manifest is missing or damaged.
    """
    manifest_path = path / MANIFEST
    try:
        manifest = json.loads(manifest_path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise DataCorrupt(f"{manifest_path} cannot be read: export the study again") from error
    _require_schema(manifest, path)
    study, classes, sha256 = (manifest[name] for name in ("study", "classes", "sha256"))
    is_sound = isinstance(study, str) and isinstance(classes, list | dict)
    if not (is_sound and isinstance(sha256, dict)):
        raise DataCorrupt(f"{manifest_path} is damaged: export the study again")
    if "vocabulary.json" not in sha256 and (path / "vocabulary.json").exists():
        raise DataCorrupt(
            f"{manifest_path} does not list vocabulary.json, which is there: export the study again"
        )
    if isinstance(classes, dict):
        classes = of_named(classes)
    return ExportedFolder(path, study, classes, sha256)


def _require_schema(manifest: Any, path: Path) -> None:
    schema = manifest.get("schema") if isinstance(manifest, dict) else None
    if schema == MANIFEST_SCHEMA:
        if not {"study", "classes", "sha256"} <= manifest.keys():
            raise UsageError(f"{path} was exported by an older hpsearch: export the study again")
    elif str(schema).startswith(MANIFEST_SCHEMA.rpartition("/")[0] + "/"):
        raise UsageError(f"{path} was exported by a newer hpsearch ({schema}): upgrade hpsearch")
    else:
        raise UsageError(
            f"{path} was not written by hpsearch export: its {MANIFEST} is of another kind"
        )

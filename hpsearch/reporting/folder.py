"""The folder of a report: written whole, and verified against the studies it came from."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hpsearch.codec import Schema
from hpsearch.errors import Conflict, DataError, StorageError, UsageError
from hpsearch.evaluation.opening import read_openings
from hpsearch.files import as_csv, as_json, atomic_folder, sha256_of
from hpsearch.reporting.content import STUDY_FILE, Report, Table, put_together
from hpsearch.reporting.markdown import as_markdown
from hpsearch.reporting.material import Material
from hpsearch.reporting.notebook import as_notebook
from hpsearch.reporting.page import as_page
from hpsearch.study.storage import Storage
from hpsearch.task import ParamValue

MANIFEST = "MANIFEST.json"
MEASURED = "measured"
"""The table that tells of the moment of writing; it is not compared with the studies."""


DOCUMENTS = ("report.html", "report.md", "report.ipynb")
"""What people write their own words into."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a report was made of."""

    studies: list[str]
    outcomes: dict[str, dict[str, int]]
    """By study: how many trials had ended in which way, and how often test had been opened."""
    files: dict[str, str]
    """The SHA-256 of each other file."""


SCHEMA = Schema("hpsearch.reporting", 1, Manifest)


def write_report(material: Material, folder: Path) -> None:
    """Write a report into a new folder, whole or not at all.

    Args:
        material: The studies.
        folder: The folder to make.

    Raises:
        UsageError: The folder exists, or the one that should hold it does not.
        DataError: It cannot be written.
    """
    require_new(folder)
    report = put_together(material)
    try:
        with atomic_folder(folder) as scratch:
            _write(report, material, scratch)
            scratch.chmod(0o755)  # temporary folders are private
    except OSError as error:
        raise DataError(f"cannot write {folder}: {error.strerror}") from error


def require_new(folder: Path) -> None:
    """Refuse to write over anything.

    Raises:
        UsageError: The folder exists, or the one that should hold it does not.
    """
    if os.path.lexists(folder):
        raise UsageError(f"{folder} exists: give another folder with -o")
    if not folder.parent.is_dir():
        raise UsageError(f"there is no folder {folder.parent} to write {folder.name} into")


def _write(report: Report, material: Material, folder: Path) -> None:
    for table in report.tables:
        (folder / f"{table.name}.csv").write_bytes(_csv_of(table.header, table.rows))
    drawn = {picture.name: picture.render() for picture in report.pictures}
    rendered = {name: one for name, one in drawn.items() if one is not None}
    for name, one in rendered.items():
        (folder / f"{name}.png").write_bytes(one.png)
    curves = _write_curves(material, folder)
    (folder / "report.html").write_text(as_page(report, rendered), "utf-8")
    (folder / "report.md").write_text(as_markdown(report, rendered), "utf-8")
    (folder / "report.ipynb").write_text(as_notebook(report, curves), "utf-8")
    if material.is_ours:
        (folder / STUDY_FILE).write_text(material.study_file.text, "utf-8")
    manifest = Manifest(
        studies=report.studies,
        outcomes=_outcomes(material),
        files={path.name: sha256_of(path) for path in sorted(folder.iterdir())},
    )
    (folder / MANIFEST).write_text(as_json(SCHEMA.encode(manifest)), "utf-8")


def _write_curves(material: Material, folder: Path) -> dict[str, str]:
    """The learning curves of the baseline and of each study's best trial, one file each."""
    titles: dict[str, str] = {}
    for subject in material.subjects:
        baseline = next((row for row in subject.summary.rows if row.is_baseline), None)
        best = subject.summary.best
        for what, row in (("baseline", baseline), ("best", best.first if best else None)):
            logs = [] if row is None else subject.logs(row)
            if row is None or not logs:
                continue
            header = ["epoch", *dict.fromkeys(name for one in logs for name in one)]
            rows: list[list[ParamValue]] = [
                [epoch, *(one.get(name) for name in header[1:])]
                for epoch, one in enumerate(logs, 1)
            ]
            kind = "sweep" if subject.is_sweep else "search"
            name = f"curve-{kind}-{what}"
            (folder / f"{name}.csv").write_bytes(_csv_of(header, rows))
            titles[name] = f"{subject.name}: the {what}, trial {row.number}"
    return titles


def _csv_of(header: Sequence[str], rows: Sequence[Sequence[ParamValue]]) -> bytes:
    return as_csv(header, rows).encode(errors="backslashreplace")


def _outcomes(material: Material) -> dict[str, dict[str, int]]:
    found = {}
    for one in material.subjects:
        n_openings = len(read_openings(one.study))
        found[one.name] = {str(outcome): n for outcome, n in one.summary.counts.items()}
        found[one.name] |= {"test openings": n_openings} if n_openings else {}
    return found


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What `verify_report` compared."""

    studies: list[str]
    n_files: int
    n_tables: int
    edited: list[str]
    """Documents that were changed since: the tables in them may be, too."""
    grown: list[str]
    """Studies that have gone on since, in words: their tables are older."""


def verify_report(folder: Path, storage: Storage) -> Proof:
    """Check that a report's files are as written, and its tables come from the recorded runs.

    The tables are made anew from the studies, and compared with the CSV files. A study that has
    gone on since is named, and its tables are not compared. A document may be edited.

    Raises:
        UsageError: The folder holds no report.
        StudyNotFound: A study is not in the storage.
        Conflict: A file was changed, or a table does not come from the studies.
    """
    manifest = read_manifest(folder)
    edited = []
    for name, digest in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise Conflict(f"{path} is missing: the report is not whole")
        if sha256_of(path) != digest and name in DOCUMENTS:
            edited.append(name)
        elif sha256_of(path) != digest:
            raise Conflict(f"{path} was changed after the report was written")
    material = Material(storage, manifest.studies)
    grown = [
        f"{name} has gone on since: {_told(manifest.outcomes[name])} then, {_told(now)} now"
        for name, now in _outcomes(material).items()
        if now != manifest.outcomes[name]
    ]
    tables: list[Table] = []
    if not grown:
        report = put_together(material)
        tables = [table for table in report.tables if table.name != MEASURED]
        for table in tables:
            written = folder / f"{table.name}.csv"
            if not written.is_file():
                raise Conflict(f"{written} is missing: the recorded runs have this table")
            if written.read_bytes() != _csv_of(table.header, table.rows):
                raise Conflict(f"{written} does not come from the recorded runs")
    return Proof(
        studies=manifest.studies,
        n_files=len(manifest.files),
        n_tables=len(tables),
        edited=edited,
        grown=grown,
    )


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a report.

    Raises:
        UsageError: There is none, or it is damaged.
    """
    try:
        content = json.loads((folder / MANIFEST).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder} holds no report: no {MANIFEST} in it can be read") from error
    try:
        manifest = SCHEMA.decode(content, MANIFEST)
    except StorageError as error:
        raise UsageError(f"{folder} holds no report that this hpsearch can read") from error
    for name in manifest.files:
        if name in ("", "..") or Path(name).name != name:
            raise UsageError(f"{folder / MANIFEST} names {name!r}, which is no file of the folder")
    if not manifest.studies or set(manifest.studies) != set(manifest.outcomes):
        raise UsageError(f"{folder / MANIFEST} does not say how far each study had come")
    return manifest


def _told(outcomes: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {outcome}" for outcome, n in sorted(outcomes.items()))

"""`hpsearch report`: a search, a sweep, or both, as a folder to hand in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hpsearch.reporting.folder import require_new, verify_report, write_report
from hpsearch.reporting.material import Material
from hpsearch.study.storage import Storage
from hpsearch.terminal.printing import plain, print_json, say


def report(storage_url: str, studies: Sequence[str], folder: Path, *, data: Path | None) -> None:
    """Write a report into a new folder.

    Args:
        storage_url: Where the studies are.
        studies: A search, a sweep, or one of each.
        folder: The folder to make.
        data: The user's data folder, for pictures that ask the winner.

    Raises:
        HpsearchError: Of any kind; nothing is left half-written.
    """
    require_new(folder)
    material = Material(Storage(storage_url, read_only=True), studies, data)
    if material.n_running:
        say(f"{material.unfinished}: the report says so")
    write_report(material, folder)
    print(plain(f"wrote {folder / 'report.html'}, with Markdown, a notebook and the tables"))


def verify(storage_url: str, folder: Path, *, as_json: bool) -> None:
    """Check that a report is as written, and that its tables come from the recorded runs.

    Raises:
        Conflict: They do not.
        HpsearchError: Of other kinds: there is no such report, or its studies are gone.
    """
    proof = verify_report(folder, Storage(storage_url, read_only=True))
    if as_json:
        print_json(
            {
                "schema": "hpsearch.verify-report/1",
                "studies": proof.studies,
                "files": proof.n_files,
                "tables": proof.n_tables,
                "edited": proof.edited,
                "grown": proof.grown,
            }
        )
        return
    n_files = proof.n_files - len(proof.edited)
    print(f"all {'other ' if proof.edited else ''}{n_files} files are as written")
    for name in proof.edited:
        print(f"edited since: {name}; go by the CSV files for its tables")
    for line in proof.grown:
        print(plain(f"not compared: {line}"))
    if proof.n_tables:
        print(plain(f"{proof.n_tables} tables come from {' and '.join(proof.studies)}"))

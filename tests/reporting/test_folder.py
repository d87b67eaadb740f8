"""The folder of a report: written whole, and verified against its studies."""

from __future__ import annotations

import csv
import json
import random
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from hpsearch.errors import Conflict, DataError, StudyNotFound, UsageError
from hpsearch.files import sha256_of
from hpsearch.reporting.folder import MANIFEST, verify_report, write_report
from hpsearch.reporting.material import Material
from hpsearch.study.storage import Storage
from hpsearch.study.trials import Outcome
from tests.pictures.stored import Stored, logs, store
from tests.reporting.written import FORMULA, RUDE, rude_report

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("report")]

LARGEST_PAGE = 2_000_000  # bytes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the rude studies' report, with the studies beside it."""
    shutil.copytree(rude_report(), tmp_path, dirs_exist_ok=True)
    return tmp_path / "report"


def storage_of(folder: Path, *, read_only: bool = True) -> Storage:
    return Storage(f"sqlite:///{folder.parent}/studies.db", read_only=read_only)


def change_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads((folder / MANIFEST).read_text())
    change(content)
    (folder / MANIFEST).write_text(json.dumps(content))


@contextmanager
def largest_file(n_bytes: int) -> Iterator[None]:
    """As on a full disk: no file grows larger."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_report_as_written_comes_from_its_studies(folder):
    proof = verify_report(folder, storage_of(folder))

    assert proof.studies == [RUDE, f"sweep {RUDE}"]
    assert proof.n_files == len(list(folder.iterdir())) - 1  # all but the manifest itself
    assert proof.n_tables == 2  # trials and levels
    assert proof.grown == []


def test_it_holds_every_form_and_the_study_file(folder):
    names = {path.name for path in folder.iterdir()}

    assert {"report.html", "report.md", "report.ipynb", "study_file.py"} <= names
    assert {"trials.csv", "levels.csv", "measured.csv", "curve-search-best.csv"} <= names
    pictures = {path.name for path in folder.glob("*.png")}
    markdown = (folder / "report.md").read_text()
    assert all(f"]({name})" in markdown for name in pictures)
    assert folder.stat().st_mode & 0o777 == 0o755


def test_names_in_tables_are_neither_formulas_nor_more_rows(folder):
    with (folder / "trials.csv").open(newline="") as file:
        rows = list(csv.reader(file))

    assert rows[0][-1] == f"'{FORMULA}"
    assert {row[8] for row in rows[1:]} == {"", "relu", RUDE, f"'{FORMULA}"}
    assert {len(row) for row in rows} == {len(rows[0])}


@pytest.mark.parametrize("name", ["trials.csv", "curves.png", "study_file.py"])
@pytest.mark.parametrize("is_missing", [False, True])
def test_a_file_that_was_changed_or_is_missing_is_named(folder, name, is_missing):
    if is_missing:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes((folder / name).read_bytes() + b" ")

    with pytest.raises(Conflict, match=f"{name} {'is missing' if is_missing else 'was changed'}"):
        verify_report(folder, storage_of(folder))


def test_words_may_be_written_into_a_document_and_verify_says_so(folder):
    page = folder / "report.md"
    page.write_text(page.read_text() + "My own words.")

    proof = verify_report(folder, storage_of(folder))

    assert proof.edited == ["report.md"]
    assert proof.n_tables > 0


def test_a_forged_table_is_found_even_if_the_manifest_was_forged_too(folder):
    table = folder / "trials.csv"
    table.write_bytes(table.read_bytes().replace(b"0.9", b"0.99"))
    change_manifest(folder, lambda content: content["files"].update({table.name: sha256_of(table)}))

    with pytest.raises(Conflict, match=r"trials\.csv does not come from the recorded runs"):
        verify_report(folder, storage_of(folder))


def test_a_table_that_was_taken_out_of_folder_and_manifest_is_missed(folder):
    (folder / "levels.csv").unlink()
    change_manifest(folder, lambda content: content["files"].pop("levels.csv"))

    with pytest.raises(Conflict, match=r"levels\.csv is missing"):
        verify_report(folder, storage_of(folder))


def test_a_study_that_has_gone_on_is_named_and_not_compared(folder):
    study = Material(storage_of(folder, read_only=False), [RUDE]).subjects[0].study
    trial = study.ask()  # the one that waited: there are no more trials than before
    study.tell(trial, state=TrialState.FAIL)

    proof = verify_report(folder, storage_of(folder))

    assert proof.n_tables == 0
    (grown,) = proof.grown
    assert "has gone on since: 4 finished, 1 pruned, 1 waiting then, 1 failed, 4" in grown


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(lambda content: content["files"].update({"../studies.db": "0"}),
                     r"names '\.\./studies\.db', which is no file of the folder", id="above"),
        pytest.param(lambda content: content["files"].update({"/etc/passwd": "0"}),
                     "names '/etc/passwd'", id="elsewhere"),
        pytest.param(lambda content: content["files"].update({"..": "0"}), r"names '\.\.'",
                     id="the parent"),
        pytest.param(lambda content: content["outcomes"].popitem(), "how far each study",
                     id="a study without figures"),
        pytest.param(lambda content: content.update(studies=[], outcomes={}), "how far each study",
                     id="no studies"),
        pytest.param(lambda content: content.update(files=3), "holds no report that", id="types"),
        pytest.param(lambda content: content.update(schema="other/1"), "holds no report that",
                     id="another schema"),
    ],
)  # fmt: skip
def test_a_manifest_that_cannot_be_trusted_is_refused(folder, change, message):
    change_manifest(folder, change)

    with pytest.raises(UsageError, match=message):
        verify_report(folder, storage_of(folder))


@pytest.mark.parametrize("content", [None, "{", "[]", "\x00"])
def test_a_folder_without_a_report_is_no_report(tmp_path, content):
    if content is not None:
        (tmp_path / MANIFEST).write_text(content)

    with pytest.raises(UsageError, match="holds no report"):
        verify_report(tmp_path, storage_of(rude_report() / "report"))


def test_a_report_whose_studies_are_elsewhere_says_which_is_missing(folder, tmp_path):
    (tmp_path / "other").mkdir()
    store(tmp_path / "other", Stored(curve=logs(1)))

    with pytest.raises(StudyNotFound, match="no study '<img"):
        verify_report(folder, Storage(f"sqlite:///{tmp_path}/other/studies.db", read_only=True))


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path):
    material = Material(storage_of(rude_report() / "report"), [RUDE])
    (tmp_path / "there").mkdir()

    with pytest.raises(UsageError, match="there exists: give another folder with -o"):
        write_report(material, tmp_path / "there")
    with pytest.raises(UsageError, match="there is no folder .*none to write report into"):
        write_report(material, tmp_path / "none" / "report")
    with largest_file(10_000), pytest.raises(DataError, match="cannot write .*File too large"):
        write_report(material, tmp_path / "report")
    with pytest.raises(DataError, match="File name too long"):
        write_report(material, tmp_path / ("x" * 300))

    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_the_page_of_a_large_study_stays_small(tmp_path):
    chance = random.Random(0)
    trials = [
        Stored(
            curve=logs(3, chance.random(), seconds=chance.random()),
            params={f"param {i}": chance.randint(1, 90) for i in range(4)},
            outcome=chance.choice([Outcome.FINISHED, Outcome.FINISHED, Outcome.PRUNED]),
        )
        for _ in range(500)
    ]

    write_report(Material(store(tmp_path, *trials).storage, ["toy"]), tmp_path / "report")

    assert (tmp_path / "report/report.html").stat().st_size < LARGEST_PAGE
    assert len((tmp_path / "report/trials.csv").read_bytes().splitlines()) == 502

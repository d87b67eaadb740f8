"""`hpsearch data fetch` and `hpsearch data status`, as a user runs them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.data.sources import cache_folder
from hpsearch.errors import DataCorrupt, DataNotFound, StudyFileError
from hpsearch.verbs.data import fetch, status
from tests.conftest import Cli
from tests.data.conftest import own_cache, publisher
from tests.data.publisher import PAYLOADS, Publisher, published
from tests.study_texts import study_text

__all__ = ["own_cache", "publisher"]


@pytest.fixture(autouse=True)
def studies(cwd: Path, own_cache: Path, publisher: Publisher) -> Path:
    """A folder studies/ whose task `toys` has published files."""
    folder = cwd / "studies"
    folder.mkdir()
    (folder / "toys.py").write_text(study_text(source=repr(publisher.source("good"))))
    return folder


def read_status(capsys: pytest.CaptureFixture[str], task: str | None = "toys") -> dict[str, object]:
    status(task, None, as_json=True)
    content = json.loads(capsys.readouterr().out)
    assert content["schema"] == "hpsearch.data/1"
    return {dataset["name"]: dataset for dataset in content["datasets"]}


def test_data_that_are_nowhere_are_reported_and_it_is_no_error_in_the_list_of_all(
    capsys: pytest.CaptureFixture[str],
):
    status(None, None, as_json=False)

    out = capsys.readouterr().out
    assert "toys (task toys): not found\n  to download it: hpsearch data fetch toys\n" in out
    assert "digits (task digits): no published files" in out
    with pytest.raises(DataNotFound, match="toys is not on this machine: hpsearch data fetch toys"):
        status("toys", None, as_json=False)


def test_what_was_fetched_is_reported_with_its_place(
    capsys: pytest.CaptureFixture[str], publisher: Publisher
):
    fetch("toys", None)
    folder = cache_folder() / "datasets" / "toys"
    captured = capsys.readouterr()

    assert captured.out == f"toys: 2 files verified in {folder}\n"
    assert captured.err.startswith(f"downloading {publisher.url('good', 'images.gz')}\n")
    assert read_status(capsys) == {
        "toys": {
            "name": "toys",
            "tasks": ["toys"],
            "place": "hpsearch's cache",
            "folder": str(folder),
            "is_usable": True,
            "files": dict.fromkeys(PAYLOADS, "verified"),
        }
    }


def test_the_users_folder_comes_first(capsys: pytest.CaptureFixture[str], cwd: Path):
    for name in PAYLOADS:
        (cwd / name).write_bytes(published(name))

    fetch("toys", cwd)

    assert capsys.readouterr().out == f"toys: 2 files verified in {cwd}\n"


def test_a_data_set_may_be_named_in_place_of_its_task(
    capsys: pytest.CaptureFixture[str], studies: Path
):
    (studies / "toys.py").rename(studies / "play.py")

    fetch("toys", None)
    status("toys", None, as_json=False)

    assert "toys (task play): in hpsearch's cache" in capsys.readouterr().out


def test_a_damaged_file_is_reported_beside_the_sound_ones(capsys: pytest.CaptureFixture[str]):
    fetch("toys", None)
    (cache_folder() / "datasets" / "toys" / "images.gz").write_bytes(b"damaged")
    capsys.readouterr()

    status(None, None, as_json=False)
    out = capsys.readouterr().out
    assert "  images.gz  is damaged" in out
    assert "  words.json  verified\n" in out
    with pytest.raises(DataCorrupt, match="1 of the 2 files of toys cannot be used: .*images.gz$"):
        status("toys", None, as_json=False)
    with pytest.raises(DataCorrupt, match=r"images\.gz is damaged"):
        fetch("toys", None)


def test_tasks_that_share_a_data_set_share_a_report(
    capsys: pytest.CaptureFixture[str], studies: Path
):
    (studies / "more_toys.py").write_text((studies / "toys.py").read_text())

    assert read_status(capsys, None)["toys"]["tasks"] == ["more_toys", "toys"]  # type: ignore[index]


def test_a_study_file_that_does_not_run_leaves_the_others_in_the_list(
    capsys: pytest.CaptureFixture[str], studies: Path
):
    (studies / "broken.py").write_text("1 / 0")

    status(None, None, as_json=True)

    captured = capsys.readouterr()
    assert "toys" in captured.out
    assert captured.err == (
        "skipped: studies/broken.py:1: the study file raised ZeroDivisionError: division by zero\n"
    )
    with pytest.raises(StudyFileError):
        status("broken", None, as_json=True)


def test_the_command_ends_with_5_and_one_line_when_it_cannot_download(inside: Cli):
    done = inside("data", "fetch", "toys", HPSEARCH_OFFLINE="1")

    assert done.returncode == 5
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == (
        "Error: cannot download toys (HPSEARCH_OFFLINE is set): put images.gz, words.json into "
        "a folder and pass it with --data or HPSEARCH_DATA"
    )


@pytest.mark.slow
def test_the_environment_names_the_data_folder_and_an_option_wins(inside: Cli, cwd: Path):
    for folder in ("mine", "theirs"):
        (cwd / folder).mkdir()
        for name in PAYLOADS:
            (cwd / folder / name).write_bytes(published(name))

    by_environment = inside("data", "fetch", "toys", HPSEARCH_DATA="theirs")
    by_option = inside("data", "fetch", "toys", "--data", "mine", HPSEARCH_DATA="theirs")

    assert by_environment.stdout == "toys: 2 files verified in theirs\n"
    assert by_option.stdout == "toys: 2 files verified in mine\n"


@pytest.mark.slow
def test_the_command_lists_all_data_sets_and_ends_with_0(inside: Cli):
    done = inside("data", "status", "--json")

    assert done.returncode == 0
    assert {d["name"] for d in json.loads(done.stdout)["datasets"]} >= {"toys", "digits"}


def test_neither_verb_imports_keras_or_sklearn():
    code = (
        "import sys\n"
        "from hpsearch.verbs.data import fetch, status\n"
        "fetch('toys', None); status('toys', None, as_json=False)\n"
        "print({'keras', 'sklearn', 'tensorflow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.endswith("set()\n")


def test_a_file_without_a_fixed_hash_is_said_to_be_unverified(
    capsys: pytest.CaptureFixture[str], studies: Path, cwd: Path
):
    source = "Source('books', (File('book.txt', None, 'http://localhost/'),))"
    (studies / "books.py").write_text(study_text(source=source))
    (cwd / "book.txt").write_text("Once upon a time")

    fetch("books", cwd)
    status("books", cwd, as_json=False)

    assert capsys.readouterr().out.splitlines() == [
        f"books: book.txt in {cwd}: present, with no fixed SHA-256 to verify",
        f"books (task books): in the data folder, {cwd}",
        "  book.txt  present, with no fixed SHA-256 to verify",
    ]


def test_the_set_of_files_that_was_found_is_the_one_reported(
    capsys: pytest.CaptureFixture[str], studies: Path, cwd: Path, publisher: Publisher
):
    images, words = publisher.source("good").files
    source = f"Source('toys', (File('new.gz', '0'), {words!r}), (({images!r}, {words!r}),))"
    (studies / "toys.py").write_text(study_text(source=source))
    for name in PAYLOADS:
        (cwd / name).write_bytes(published(name))

    status("toys", cwd, as_json=True)

    (dataset,) = json.loads(capsys.readouterr().out)["datasets"]
    assert dataset["is_usable"]
    assert dataset["files"] == dict.fromkeys(PAYLOADS, "verified")


@pytest.mark.parametrize(
    ("task", "files"),
    [
        pytest.param("imdb_lstm", ["aclImdb_labelled.tar.gz", "imdb_word_index.json"], id="imdb"),
        pytest.param("alice_chars", ["alice_in_wonderland.txt"], id="alice"),
    ],
)
def test_the_real_texts_are_what_their_study_files_expect(
    real_data: Path, capsys: pytest.CaptureFixture[str], task: str, files: list[str]
):
    status(task, real_data, as_json=True)

    (dataset,) = json.loads(capsys.readouterr().out)["datasets"]
    assert dataset["is_usable"]
    assert dataset["files"] == dict.fromkeys(files, "verified")


def test_the_real_fashion_mnist_is_what_its_study_file_expects(
    real_data: Path, capsys: pytest.CaptureFixture[str]
):
    status("fashion_mnist", real_data, as_json=True)

    (dataset,) = json.loads(capsys.readouterr().out)["datasets"]
    assert dataset["place"] == "the data folder"
    assert dataset["is_usable"]
    assert set(dataset["files"].values()) == {"verified"}
    assert len(dataset["files"]) == 4

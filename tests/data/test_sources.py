"""Finding, fetching and verifying files, from servers of all manners."""

from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.data import File, Source, sources
from hpsearch.data.sources import fetch, find, find_or_fetch, locate
from hpsearch.errors import DataCorrupt, DataError, DataNotFound
from tests.data.publisher import PAYLOADS, Publisher, published
from tests.waiting import HANG_S

FETCH = """
import sys
from hpsearch.data import File, Source
from hpsearch.data.sources import fetch
source = eval(sys.argv[1])
print("ready", flush=True)
print(fetch(source).folder, flush=True)
"""


@pytest.fixture(autouse=True)
def _hasty(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "TIMEOUT_S", 0.3)
    monkeypatch.setattr(sources, "PAUSE_S", 0.0)


def put(folder: Path, **changed: bytes) -> Path:
    """Write the data set into a folder, some files changed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PAYLOADS:
        content = changed.get(name.partition(".")[0], published(name))
        (folder / name).write_bytes(content)
    return folder


def place_of(source: Source, data: Path | None) -> Path | None:
    found = find(source, data)
    return None if found is None else found.folder


def start_fetching(source: Source) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", FETCH, repr(source)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_what_is_fetched_is_found_again_without_a_request(publisher: Publisher, own_cache: Path):
    source = publisher.source("good")

    folder = find_or_fetch(source, None).folder

    assert folder == own_cache / "datasets" / "toys"
    assert {name: (folder / name).read_bytes() for name in PAYLOADS} == {
        name: published(name) for name in PAYLOADS
    }
    assert find_or_fetch(source, None).folder == folder
    assert set(publisher.requests.values()) == {1}


def test_each_download_is_announced(publisher: Publisher):
    said: list[str] = []

    find_or_fetch(publisher.source("good"), None, said.append)

    assert said == [f"downloading {publisher.url('good', name)}" for name in PAYLOADS]


def test_places_are_searched_in_order(
    publisher: Publisher, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
):
    source, data = publisher.source("good"), tmp_path / "data"
    monkeypatch.setattr(sources, "DEBIAN", tmp_path / "debian")
    in_order = [
        data / "toys",
        data,
        own_cache / "datasets" / "toys",
        tmp_path / "keras" / "datasets" / "toys",
        tmp_path / "keras" / "datasets",
        tmp_path / "debian" / "toys",
    ]
    for folder in reversed(in_order):
        put(folder)
        assert place_of(source, data if data.exists() else None) == folder
    assert not publisher.requests


def test_a_folder_that_lacks_one_of_the_files_is_passed_over(publisher: Publisher, tmp_path: Path):
    (put(tmp_path / "data") / "words.json").unlink()

    assert find(publisher.source("good"), tmp_path / "data") is None


def test_any_of_the_sets_of_files_will_do(publisher: Publisher, tmp_path: Path):
    images, words = publisher.source("good").files
    other = File("other.gz", images.sha256)
    source = Source("toys", (images, words), ((other, words),))
    folder = put(tmp_path / "data")
    (folder / "images.gz").rename(folder / "other.gz")

    found = find(source, folder)

    assert found is not None
    assert found.files == (other, words)
    put(folder)
    assert find(source, folder).files == (images, words)  # type: ignore[union-attr]


def test_the_first_set_that_is_published_is_fetched(publisher: Publisher):
    images, words = publisher.source("good").files
    source = Source("toys", (File("lost.gz", "0" * 64), words), ((images, words),))

    assert fetch(source).files == (images, words)


def test_a_place_that_may_not_be_looked_at_is_passed_over(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("KERAS_HOME", f"/{'x' * 300}")  # an error for root too

    assert locate(publisher.source("good"), None) is None


def test_what_nobody_publishes_says_what_would_do(publisher: Publisher):
    source = Source("toys", (File("lost.gz", "0" * 64),), ((File("old.txt", None),),))

    with pytest.raises(DataNotFound, match="toys is no longer published: put lost.gz, or old.t"):
        fetch(source)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"<!doctype html>", "is a web page", id="a web page"),
        pytest.param(b"", "is empty", id="empty"),
    ],
)
def test_a_file_without_a_fixed_hash_must_still_be_one(tmp_path: Path, content: bytes, words: str):
    source = Source("books", (File("book.txt", None),))
    (tmp_path / "book.txt").write_bytes(b"any text")
    assert place_of(source, tmp_path) == tmp_path

    (tmp_path / "book.txt").write_bytes(content)
    with pytest.raises(DataCorrupt, match=rf"book\.txt {words}"):
        find(source, tmp_path)


def test_an_archive_is_hashed_as_the_file_it_is(tmp_path: Path):
    content = gzip.compress(b"members", mtime=1)
    source = Source("toys", (File("toys.tar.gz", hashlib.sha256(content).hexdigest()),))
    (tmp_path / "toys.tar.gz").write_bytes(content)
    assert place_of(source, tmp_path) == tmp_path

    (tmp_path / "toys.tar.gz").write_bytes(gzip.compress(b"members", mtime=2))
    with pytest.raises(DataCorrupt, match="is not the published file"):
        find(source, tmp_path)


def test_another_gzip_wrapper_of_the_same_payload_is_the_published_file(
    publisher: Publisher, tmp_path: Path
):
    other = gzip.compress(PAYLOADS["images.gz"], compresslevel=1, mtime=12345)
    assert other != published("images.gz")

    folder = put(tmp_path / "data", images=other)

    assert place_of(publisher.source("good"), folder) == folder


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(published("images.gz")[:50], "is cut off after 50 bytes", id="cut off"),
        pytest.param(published("images.gz")[:-9], "is cut off", id="cut off in its last bytes"),
        pytest.param(b"", "is not the published file", id="empty"),
        pytest.param(b"plain", "is damaged", id="not gzip"),
        pytest.param(
            published("images.gz")[:30] + b"\xff\xff" + published("images.gz")[32:],
            "is damaged",
            id="a flipped byte",
        ),
        pytest.param(gzip.compress(b"other"), "is not the published file", id="another file"),
        pytest.param(b"<html>login", "is a web page .* '<html>login'", id="a web page"),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_named(
    publisher: Publisher, tmp_path: Path, content: bytes, words: str
):
    folder = put(tmp_path / "data", images=content)

    with pytest.raises(DataCorrupt, match=rf"images\.gz {words}.*: delete or replace it$"):
        find(publisher.source("good"), folder)


def test_a_damaged_file_in_hpsearchs_own_cache_is_cured_by_deleting_it(
    publisher: Publisher, own_cache: Path
):
    folder = put(own_cache / "datasets" / "toys", images=b"damaged")

    with pytest.raises(DataCorrupt, match="delete it, and hpsearch downloads it again"):
        find_or_fetch(publisher.source("good"), None)
    (folder / "images.gz").unlink()
    assert find_or_fetch(publisher.source("good"), None).folder == folder


@pytest.mark.parametrize(
    ("manners", "error", "words"),
    [
        pytest.param("cut", DataNotFound, "the connection was cut", id="cuts the connection"),
        pytest.param("short", DataCorrupt, "is cut off after", id="lies about the length"),
        pytest.param("wrong", DataCorrupt, "is not the published file", id="sends another file"),
        pytest.param("empty", DataCorrupt, "is not the published file", id="sends nothing"),
        pytest.param("web-page", DataCorrupt, "is a web page .*Please log in", id="sends HTML"),
        pytest.param("stalls", DataNotFound, "sent nothing more for 0.3 s", id="stalls half-way"),
        pytest.param("silent", DataNotFound, "no answer within 0.3 s", id="never answers"),
        pytest.param("gone", DataNotFound, "the server answered 404", id="has no such file"),
        pytest.param("ill", DataNotFound, "the server answered 503", id="is ill"),
    ],
)
@pytest.mark.fault("F23")
def test_a_bad_download_is_one_line_and_leaves_nothing(
    publisher: Publisher, own_cache: Path, manners: str, error: type[DataError], words: str
):
    with pytest.raises(error, match=words) as caught:
        fetch(publisher.source(manners))

    assert caught.value.exit_code == 5
    assert "\n" not in str(caught.value)
    assert "put images.gz, words.json into a folder and pass it with --data" in str(caught.value)
    assert [path.name for path in (own_cache / "datasets" / "toys").iterdir()] == [".lock"]


@pytest.mark.fault("F23")
def test_a_download_that_is_cut_is_tried_again(publisher: Publisher):
    folder = fetch(publisher.source("cut-once")).folder

    assert (folder / "images.gz").read_bytes() == published("images.gz")
    assert set(publisher.requests.values()) == {2}


def test_what_a_server_lacks_is_asked_for_once_only(publisher: Publisher):
    with pytest.raises(DataNotFound):
        fetch(publisher.source("gone"))

    assert sum(publisher.requests.values()) == 1


def test_no_server_at_all_is_said(publisher: Publisher):
    source = publisher.source("good")
    publisher.server_close()

    with pytest.raises(DataNotFound, match="no connection to the server"):
        fetch(source)


def test_offline_means_no_request(publisher: Publisher, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HPSEARCH_OFFLINE", "1")

    with pytest.raises(DataNotFound, match="HPSEARCH_OFFLINE is set"):
        fetch(publisher.source("good"))
    assert not publisher.requests


def test_a_data_folder_that_does_not_exist_is_said_before_anything_is_downloaded(
    publisher: Publisher, tmp_path: Path
):
    with pytest.raises(DataNotFound, match="no data folder .*nowhere"):
        find_or_fetch(publisher.source("good"), tmp_path / "nowhere")
    assert not publisher.requests


def test_a_cache_that_cannot_be_written_is_one_line(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path / "file"))

    with pytest.raises(DataError, match="cannot write the data cache .*: Not a directory$"):
        fetch(publisher.source("good"))


@pytest.mark.fault("F24")
def test_of_processes_that_fetch_at_once_one_downloads(publisher: Publisher):
    source = publisher.source("gated")
    processes = [start_fetching(source) for _ in range(3)]
    assert publisher.has_stalled.wait(20)
    publisher.may_go_on.set()

    folders = {process.communicate(timeout=HANG_S)[0] for process in processes}

    assert [process.returncode for process in processes] == [0, 0, 0]
    assert len(folders) == 1
    assert set(publisher.requests.values()) == {1}


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_download_that_was_killed_leaves_nothing_that_is_trusted(
    publisher: Publisher, own_cache: Path
):
    folder = own_cache / "datasets" / "toys"
    process = start_fetching(publisher.source("stalls"))
    assert publisher.has_stalled.wait(20)
    process.kill()
    process.communicate()

    assert find(publisher.source("good"), None) is None
    assert {path.name.partition(".tmp-")[0] for path in folder.iterdir()} == {".lock", "images.gz"}
    assert not (folder / "images.gz").exists()

    assert fetch(publisher.source("good")).folder == folder
    assert {path.name for path in folder.iterdir()} == {".lock", *PAYLOADS}

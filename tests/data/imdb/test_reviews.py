"""Film reviews: the published figures, the same from each source, nothing trusted."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hpsearch.data.imdb import archive as review_archive
from hpsearch.data.imdb.reviews import Reviews, from_archive, from_keras, in_order, open_reviews
from hpsearch.data.keras_data import load_imdb
from hpsearch.data.texts import Texts
from hpsearch.data.words import decode_words
from hpsearch.errors import DataCorrupt, DataError, DataNotFound

pytestmark = pytest.mark.slow

RANKS = {"the": 1, "film": 2, "Åge": 3}
KERAS_FIRST = [1, 14, 22, 16, 43, 530, 973, 1622, 1385, 65]  # as Keras's documentation prints it


@pytest.fixture
def reviews(real_data: Path) -> Reviews:
    return open_reviews(real_data / "imdb")  # read once, for the first test that asks


def archive(path: Path, members: dict[str, bytes], **kinds: bytes) -> Path:
    """Write a small archive; `kinds` makes a member another kind of thing."""
    with tarfile.open(path, "w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.linkname = "/etc/passwd"
            member.type = kinds.get("kind", tarfile.REGTYPE)
            tar.addfile(member, io.BytesIO(content))
    return path


def write_npz(path: Path, **arrays: Any) -> Path:
    """As Keras wrote its file: lists in an array of objects, pickled."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as npz:
        for name, rows in arrays.items():
            array = rows
            if name.startswith("x_") and not isinstance(rows, np.ndarray):
                array = np.empty(len(rows), dtype=object)
                array[:] = rows
            stream = io.BytesIO()
            np.save(stream, array, allow_pickle=True)
            npz.writestr(f"{name}.npy", stream.getvalue())
    return path


def ranks_of(texts: Texts, order: np.ndarray) -> list[list[int]]:
    return [(texts[i][1:].astype(int) - 3).tolist() for i in order]


def test_the_encoded_reviews_have_the_published_figures(reviews: Reviews):
    n_words = np.diff(reviews.train.offsets)

    assert round(float(n_words.mean()), 5) == 238.71364
    assert n_words.max() == 2_494
    assert round(float(np.diff(reviews.test.offsets).mean()), 4) == 230.8042
    assert [len(t) for t in (reviews.train, reviews.test)] == [25_000, 25_000]
    assert [int(t.labels.sum()) for t in (reviews.train, reviews.test)] == [12_500, 12_500]


def test_the_review_that_keras_documents_has_the_numbers_it_prints(reviews: Reviews):
    found = [i for i in range(25_000) if reviews.train[i][:10].tolist() == KERAS_FIRST]

    assert len(found) == 1
    assert reviews.train.labels[found[0]] == 1
    words = decode_words(reviews.train[found[0]][:8], reviews.vocabulary)
    assert words == "[start] this film was just brilliant casting location"


def test_reviews_that_were_read_before_need_no_files(reviews: Reviews, tmp_path: Path):
    again = open_reviews(tmp_path)

    assert again.vocabulary == reviews.vocabulary
    with pytest.raises(ValueError, match="read-only"):
        again.train.tokens[0] = 1


def test_kerass_own_file_gives_the_same_arrays_whatever_its_order(reviews: Reviews, tmp_path: Path):
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for part in ("train", "test"):
        texts: Texts = getattr(reviews, part)
        order = rng.permutation(len(texts))
        arrays |= {f"x_{part}": ranks_of(texts, order), f"y_{part}": texts.labels[order]}

    rows = from_keras(write_npz(tmp_path / "imdb.npz", **arrays))

    for part in ("train", "test"):
        ours, theirs = vars(getattr(reviews, part)), vars(in_order(rows[part]))
        for name in ours:
            np.testing.assert_array_equal(ours[name], theirs[name])


def test_only_labelled_reviews_are_read_and_words_without_a_rank_left_out(tmp_path: Path):
    path = archive(
        tmp_path / "reviews.tar.gz",
        {
            "aclImdb/train/pos/0_9.txt": "The film, Åge! the odd".encode(),
            "aclImdb/train/neg/0_2.txt": b"film",
            "aclImdb/train/unsup/0_0.txt": b"the",
            "aclImdb/train/pos/read_me.txt": b"the",
            "aclImdb/README": b"the",
            "aclImdb/test/pos/7_10.txt": b"",
        },
    )

    rows = from_archive(path, RANKS)

    assert [(label, tokens.tolist()) for label, tokens in rows["train"]] == [
        (1, [1, 4, 5, 6, 4]),
        (0, [1, 5]),
    ]
    assert [(label, tokens.tolist()) for label, tokens in rows["test"]] == [(1, [1])]


REVIEW = "aclImdb/train/pos/0_9.txt"


@pytest.mark.parametrize(
    ("members", "kind", "words"),
    [
        pytest.param({f"/{REVIEW}": b""}, b"0", "lies outside of it, '/aclImdb", id="absolute"),
        pytest.param({"aclImdb/../../x": b""}, b"0", "lies outside of it", id="upwards"),
        pytest.param({REVIEW: b""}, tarfile.SYMTYPE, "is not a regular file", id="a link"),
        pytest.param({REVIEW: b""}, tarfile.LNKTYPE, "is not a regular file", id="a hard link"),
        pytest.param({REVIEW: b""}, tarfile.CHRTYPE, "is not a regular file", id="a device"),
        pytest.param({REVIEW: bytes(2**20 + 1)}, b"0", "a review of 1048577 bytes", id="large"),
        pytest.param({str(i): b"" for i in range(9)}, b"0", "more than 8 members", id="members"),
        pytest.param({"x": bytes(2**21 + 1)}, b"0", "unpacks to more than 2 MiB", id="a bomb"),
    ],
)
def test_an_archive_that_nobody_would_have_made_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    members: dict[str, bytes],
    kind: bytes,
    words: str,
):
    monkeypatch.setattr(review_archive, "MAX_MEMBERS", 8)
    monkeypatch.setattr(review_archive, "MAX_BYTES", 2**21)
    path = archive(tmp_path / "reviews.tar.gz", members, kind=kind)

    with pytest.raises(DataCorrupt, match=words) as caught:
        from_archive(path, RANKS)

    assert caught.value.exit_code == 5
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda content: content[: len(content) // 2], id="cut off"),
        pytest.param(lambda content: b"plain", id="not gzip"),
        pytest.param(lambda content: gzip.compress(b"no archive" * 100), id="not tar"),
        pytest.param(lambda content: content[:40] + b"\xff\xff" + content[42:], id="flipped"),
    ],
)
def test_a_damaged_archive_is_one_line(tmp_path: Path, damage: Callable[[bytes], bytes]):
    path = archive(tmp_path / "reviews.tar.gz", {REVIEW: os.urandom(9000)})
    path.write_bytes(damage(path.read_bytes()))

    with pytest.raises(DataCorrupt, match="is not a whole .tar.gz archive") as caught:
        from_archive(path, RANKS)
    assert "\n" not in str(caught.value)


def test_kerass_file_holds_ranks(tmp_path: Path):
    path = write_npz(
        tmp_path / "imdb.npz", x_train=[[1, 2], []], y_train=[1, 0], x_test=[[3]], y_test=[0]
    )

    rows = from_keras(path)

    assert [(label, tokens.tolist()) for label, tokens in rows["train"]] == [
        (1, [1, 4, 5]),
        (0, [1]),
    ]
    assert [(label, tokens.tolist()) for label, tokens in rows["test"]] == [(0, [1, 6])]


def test_a_file_pickled_by_an_old_python_is_read_too(tmp_path: Path):
    array = np.empty(1, dtype=object)
    array[:] = [[1, 300]]
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, np.lib.format.header_data_from_array_1_0(array))
    pickled = pickle.dumps(array, protocol=2).replace(b"numpy._core", b"numpy.core")
    path = write_npz(tmp_path / "imdb.npz", y_train=[1], x_test=[[1]], y_test=[0])
    with zipfile.ZipFile(path, "a") as npz:
        npz.writestr("x_train.npy", stream.getvalue() + pickled)

    ((_, tokens),) = from_keras(path)["train"]

    assert tokens.tolist() == [1, 4, 303]


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.mkdir, (str(self.path),)


def test_a_pickle_that_wants_to_run_something_does_not(tmp_path: Path):
    bomb = tmp_path / "bomb"
    path = write_npz(tmp_path / "imdb.npz", x_train=[Bomb(bomb)], y_train=[1])

    with pytest.raises(DataCorrupt, match=f"asks to run {os.mkdir.__module__}.mkdir"):
        from_keras(path)
    assert not bomb.exists()


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        pytest.param({}, "is not the NumPy file it should be", id="nothing in it"),
        pytest.param({"x_train": [["the"]]}, "something else than lists of whole", id="words"),
        pytest.param({"x_train": [[[1]]]}, "something else than lists of whole", id="nested"),
        pytest.param({"x_train": [3]}, "something else than lists of whole", id="no lists"),
        pytest.param({"x_train": np.zeros(3)}, "does not hold the lists", id="plain numbers"),
        pytest.param({"x_train": [[0]]}, "a word whose rank is not between 1 and", id="rank 0"),
        pytest.param(
            {"x_train": [[10**30]]}, "a word whose rank is not between 1 and", id="rank beyond any"
        ),
        pytest.param({"y_train": [2]}, "lacks a label, 0 or 1", id="a label of 2"),
        pytest.param({"y_train": [0, 1]}, "lacks a label, 0 or 1", id="too many labels"),
    ],
)
def test_a_file_of_something_else_is_one_line(tmp_path: Path, arrays: dict[str, Any], words: str):
    sound = {"x_train": [[1]], "y_train": [1], "x_test": [[1]], "y_test": [1]}
    path = write_npz(tmp_path / "imdb.npz", **({**sound, **arrays} if arrays else {}))

    with pytest.raises(DataCorrupt, match=words) as caught:
        from_keras(path)
    assert caught.value.exit_code == 5
    assert "\n" not in str(caught.value)


def test_a_pickle_cut_off_is_one_line(tmp_path: Path):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "|O", "fortran_order": False, "shape": (1,)}
    )
    whole = header.getvalue() + pickle.dumps([[1, 2]])[:-3]
    path = tmp_path / "imdb.npz"
    with zipfile.ZipFile(path, "w") as npz:
        npz.writestr("x_train.npy", whole)

    with pytest.raises(DataCorrupt, match="is not the NumPy file it should be"):
        from_keras(path)


def test_a_folder_without_any_of_the_files_says_how_to_get_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path / "cache"))

    with pytest.raises(DataNotFound, match="has no film reviews: hpsearch data fetch imdb"):
        open_reviews(tmp_path)


def test_files_that_are_not_the_published_ones_are_never_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path / "cache"))
    write_npz(tmp_path / "imdb.npz", x_train=[Bomb(tmp_path / "bomb")])
    (tmp_path / "imdb_word_index.json").write_text("{}")

    with pytest.raises(DataError, match=r"imdb\.npz is not the published file"):
        open_reviews(tmp_path)


def test_they_can_be_had_as_keras_gives_them(reviews: Reviews, real_data: Path):
    (x_train, y_train), (x_test, y_test) = load_imdb(real_data / "imdb", num_words=5000)

    assert sum(map(len, x_train)) == 5_967_841
    assert max(review.max() for review in x_train) == 4999
    assert (len(y_train), len(x_test), y_test.sum()) == (25_000, 25_000, 12_500)

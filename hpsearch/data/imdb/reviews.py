"""IMDB's 50,000 labelled film reviews, from any of the files that hold them.

Source: Maas et al., 2011, "Learning Word Vectors for Sentiment Analysis",
https://ai.stanford.edu/~amaas/data/sentiment/, and Keras's encoding of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from hpsearch.data.arrays import Array
from hpsearch.data.imdb.archive import read_archive
from hpsearch.data.imdb.pickled_lists import read_npz
from hpsearch.data.kept import keep, make_private
from hpsearch.data.sources import File, Source, cache_folder, files_in, verify
from hpsearch.data.texts import Texts, join_texts
from hpsearch.data.words import SPECIAL, START, split_words
from hpsearch.errors import DataCorrupt, DataNotFound

MIRROR = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
STANFORD = "https://ai.stanford.edu/~amaas/data/sentiment/"
INDEX = File(
    "imdb_word_index.json",
    "027313fe9a320280f3bf0fac5baf58c4a683cf39a7ed9c3d3d3912bde4284cf6",
    f"{MIRROR}imdb_word_index.json",
)
KERAS = File(
    "imdb.npz",
    "69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f",
    f"{MIRROR}imdb.npz",
)
ORIGINAL = File(
    "aclImdb_v1.tar.gz",
    "c40f74a18d3b61f90feba1e17730e0d38e8b97c05fde7008942e91923d1658fe",
    f"{STANFORD}aclImdb_v1.tar.gz",
)
LABELLED = File(  # the original without its unlabelled reviews
    "aclImdb_labelled.tar.gz",
    "24a0467ba840a70ca2cf7de28e7031aa2fbb4298b40f7ca58fa7f83c77a23300",
)
IMDB = Source("imdb", (KERAS, INDEX), ((ORIGINAL, INDEX), (LABELLED, INDEX)))

PARTS = ("train", "test")
N_PER_CLASS = 12_500  # in each part
CLASSES = ("negative", "positive")
MAX_RANK = 1_000_000  # of a word; the rarest one's is 88,584
# Increased whenever this module reads the same files differently than before.
VERSION = 1

Rows = dict[str, list[tuple[int, Array]]]
"""Label and numbers of each review, by part."""


@dataclass(frozen=True)
class Reviews:
    """All reviews with all their words, mapped into memory.

    They are sorted by SHA-256: in the same order from each source, and as good as shuffled.
    """

    train: Texts
    test: Texts
    vocabulary: tuple[str, ...]
    """What each number stands for; the more frequent a word, the lower its number."""


def open_reviews(folder: Path) -> Reviews:
    """Open the reviews; the first call reads them and keeps them in hpsearch's cache.

    Args:
        folder: It holds one of the sets of files of `IMDB`. Ignored once the cache is filled.

    Raises:
        DataNotFound: It holds none of them.
        DataCorrupt: A file is not the published one.
        DataError: A file cannot be read, or the cache cannot be written.
    """
    cache = cache_folder() / "texts"
    make_private(cache)
    kept = cache / f"{IMDB.name}-{VERSION}"

    def fill(scratch: Path) -> str:
        rows, vocabulary = _read(folder)
        (scratch / "vocabulary.json").write_text(json.dumps(vocabulary))
        digest = hashlib.sha256(json.dumps(vocabulary).encode())
        for part in PARTS:
            for name, array in vars(in_order(rows[part])).items():
                np.save(scratch / f"{part}_{name}.npy", array, allow_pickle=False)
                digest.update(array.tobytes())
        return digest.hexdigest()

    keep(kept, fill)
    train, test = (_open(kept, part) for part in PARTS)
    return Reviews(train, test, tuple(json.loads((kept / "vocabulary.json").read_text())))


def from_keras(path: Path) -> Rows:
    """Read a file such as Keras's `imdb.npz`, which holds the ranks of words.

    Raises:
        DataCorrupt: It holds something else.
        DataError: It cannot be read.
    """
    arrays = read_npz(path, lists=("x_train", "x_test"), plain=("y_train", "y_test"))
    rows: Rows = {}
    for part in PARTS:
        x, y = arrays[f"x_{part}"], arrays[f"y_{part}"]
        if y.shape != (len(x),) or not np.isin(y, (0, 1)).all():
            raise DataCorrupt(f"{path} lacks a label, 0 or 1, for some of its reviews")
        rows[part] = [
            (int(label), _numbered(path, ranks)) for label, ranks in zip(y, x, strict=True)
        ]
    return rows


def from_archive(path: Path, ranks: dict[str, int]) -> Rows:
    """Read an archive such as Stanford's `aclImdb_v1.tar.gz`, which holds texts.

    Args:
        path: The archive.
        ranks: The rank of each word by frequency, from 1. Words without one are dropped: test
            reviews have some, and Keras dropped them too.

    Raises:
        DataCorrupt: The archive is cut off, or has members that the original never had.
        DataError: It cannot be read.
    """
    by_word = {word.encode(): rank for word, rank in ranks.items()}
    rows: Rows = {part: [] for part in PARTS}
    for part, kind, text in read_archive(path):
        found = [by_word[word] for word in split_words(text) if word in by_word]
        rows[part].append((int(kind == "pos"), _numbered(path, found)))
    return rows


def in_order(rows: list[tuple[int, Array]]) -> Texts:
    """Sort reviews into an order that depends only on their words and labels."""

    def digest(row: tuple[int, Array]) -> bytes:
        label, tokens = row
        return hashlib.sha256(bytes([label]) + tokens.astype("<u4").tobytes()).digest()

    rows = sorted(rows, key=digest)
    labels = np.array([label for label, _ in rows], dtype=np.uint8)
    return join_texts([tokens for _, tokens in rows], labels)


def _numbered(path: Path, ranks: list[int]) -> Array:
    """The numbers of a review's words, which come after the special ones."""
    if ranks and not 1 <= min(ranks) <= max(ranks) <= MAX_RANK:
        raise DataCorrupt(f"{path} has a word whose rank is not between 1 and {MAX_RANK}")
    return np.array([START, *(rank + len(SPECIAL) - 1 for rank in ranks)], dtype=np.uint32)


def _read(folder: Path) -> tuple[Rows, tuple[str, ...]]:
    files = files_in(folder, IMDB)
    if files is None:
        raise DataNotFound(f"{folder} has no film reviews: hpsearch data fetch {IMDB.name}")
    for file in files:
        verify(folder / file.name, file)
    reviews, index = (folder / file.name for file in files)
    ranks: dict[str, int] = json.loads(index.read_text(encoding="utf-8"))
    rows = from_keras(reviews) if files[0] is KERAS else from_archive(reviews, ranks)
    for part in PARTS:
        n_positive = sum(label for label, _ in rows[part])
        if (n_positive, len(rows[part])) != (N_PER_CLASS, 2 * N_PER_CLASS):
            raise DataCorrupt(
                f"{reviews} holds {n_positive} positive reviews of {len(rows[part])} for {part}, "
                f"not {N_PER_CLASS} of {2 * N_PER_CLASS}"
            )
    return rows, (*SPECIAL, *sorted(ranks, key=lambda word: ranks[word]))


def _open(folder: Path, part: str) -> Texts:
    def arrays() -> Iterator[Array]:
        for name in ("tokens", "offsets", "labels"):
            path = folder / f"{part}_{name}.npy"
            yield np.load(path, mmap_mode="r", allow_pickle=False)

    return Texts(*arrays())

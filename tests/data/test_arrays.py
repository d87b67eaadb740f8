"""Data sets in memory and in the cache: wrong ones refused, right ones kept whole."""

from __future__ import annotations

import json
import mmap
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import coo_array, csr_array

from hpsearch.data import Dataset, Split
from hpsearch.data.arrays import prepare
from hpsearch.errors import DataCorrupt, DataError
from hpsearch.files import sha256_of
from tests.waiting import HANG_S, wait_until

PREPARE = """
import os, sys
from pathlib import Path
import numpy as np
from hpsearch.data import Dataset, Split
from hpsearch.data.arrays import prepare

def load():
    print("loading", flush=True)
    sys.stdin.readline()
    part = Split(np.arange(8.0), np.arange(8) % 2)
    return Dataset(part, part, part)

Path(sys.argv[2], str(os.getpid())).touch()  # imports are done
print(prepare(Path(sys.argv[1]), "key", load).open().fingerprint(), flush=True)
"""


def dataset(**changed: Split) -> Dataset:
    """A small sound one, with some splits replaced."""
    part = Split(np.arange(8, dtype="float32"), np.arange(8) % 2)
    return Dataset(**{"train": part, "valid": part, "test": part, **changed})


def sparse(rows: list[list[float]]) -> Split:
    return Split(csr_array(np.array(rows, dtype="float32")), np.arange(len(rows)) % 2)


def is_mapped(array: np.ndarray) -> bool:
    """Whether the array's memory is a file's."""
    owner: object = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    return isinstance(owner, mmap.mmap)


def start_preparing(cache: Path, ready: Path) -> subprocess.Popen[str]:
    ready.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-c", PREPARE, str(cache), str(ready)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def refused(cache: Path, load: Callable[[], Dataset]) -> str:
    with pytest.raises(DataError) as caught:
        prepare(cache, "key", load)
    assert not (cache / "key").exists()
    return str(caught.value)


def test_prepared_data_are_what_was_loaded_and_are_loaded_once(tmp_path: Path):
    calls: list[Dataset] = []

    def load() -> Dataset:
        calls.append(dataset())
        return calls[-1]

    first, again = (prepare(tmp_path / "cache", "key", load) for _ in range(2))

    assert first == again
    assert len(calls) == 1
    opened = again.open()
    assert opened.fingerprint() == first.fingerprint == calls[0].fingerprint()
    np.testing.assert_array_equal(opened.train.x, calls[0].train.x)
    with pytest.raises(ValueError, match="read-only"):
        opened.train.x[0] = 1


def test_without_a_key_the_content_decides(tmp_path: Path):
    other = dataset(test=Split(np.zeros(4), np.zeros(4)))

    first = prepare(tmp_path, None, dataset)

    assert prepare(tmp_path, None, dataset) == first
    assert prepare(tmp_path, None, lambda: other).folder != first.folder


def test_the_fingerprint_of_plain_data_never_changes_between_versions():
    assert dataset().fingerprint().startswith("1f7e6e1009dc6b15ebd52ce2397e162d")


def test_sparse_data_are_kept_and_mapped_as_such(tmp_path: Path):
    part = sparse([[0, 3, 0], [0, 0, 0], [1, 0, 2]])
    data = Dataset(part, part, part)

    prepared = prepare(tmp_path, "key", lambda: data)
    opened = prepared.open()

    assert prepared.fingerprint == data.fingerprint() == opened.fingerprint()
    assert opened.train.x.format == "csr"
    assert opened.train.x.toarray().tolist() == [[0, 3, 0], [0, 0, 0], [1, 0, 2]]
    assert is_mapped(opened.train.x.data)
    assert is_mapped(opened.train.x.indices)
    with pytest.raises(ValueError, match="read-only"):
        opened.train.x.data[0] = 1


def test_sparse_splits_are_cut_and_joined():
    part = sparse([[0, 3], [4, 0], [1, 2]])

    both = part[1:] + part[np.array([True, False, False])]

    assert len(both) == 3
    assert both.x.toarray().tolist() == [[4, 0], [1, 2], [0, 3]]
    assert both.y.tolist() == [1, 0, 0]


def test_the_fingerprint_tells_sparse_data_apart_by_where_the_numbers_are():
    one, other = (Dataset(p, p, p) for p in (sparse([[0, 3]] * 2), sparse([[3, 0]] * 2)))

    assert one.fingerprint() != other.fingerprint()


def test_how_wide_scipys_indices_are_makes_no_difference():
    part = sparse([[0, 3], [4, 0]])
    wide = sparse([[0, 3], [4, 0]])
    wide.x.indices, wide.x.indptr = (a.astype("int64") for a in (wide.x.indices, wide.x.indptr))

    assert dataset(valid=wide).fingerprint() == dataset(valid=part).fingerprint()


def test_a_vocabulary_is_kept_and_part_of_the_fingerprint(tmp_path: Path):
    part = dataset().train
    data = Dataset(part, part, part, vocabulary=("the", "Åge"))

    prepared = prepare(tmp_path, "key", lambda: data)

    assert prepared.open().vocabulary == ("the", "Åge")
    assert len({prepared.fingerprint, dataset().fingerprint()}) == 2


def test_data_without_sparse_arrays_need_no_scipy():
    code = "import sys, hpsearch.data; print([m for m in sys.modules if m.startswith('scipy')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda x: x.astype("float64"), id="kind"),
        pytest.param(lambda x: x.reshape(8, 1), id="shape"),
        pytest.param(lambda x: x[::-1], id="order"),
        pytest.param(lambda x: x + 1, id="values"),
    ],
)
def test_the_fingerprint_tells_data_apart_by(change: Callable[[np.ndarray], np.ndarray]):
    part = dataset().valid

    assert dataset(valid=Split(change(part.x), part.y)).fingerprint() != dataset().fingerprint()


def test_labels_for_another_number_of_examples_are_refused():
    with pytest.raises(DataError, match="3 examples have 2 labels"):
        Split(np.zeros(3), np.zeros(2))


@pytest.mark.parametrize(
    ("split", "words"),
    [
        pytest.param(Split(np.zeros(0), np.zeros(0)), "the valid split is empty", id="empty"),
        pytest.param(
            Split(np.array([[1], [1, 2]], dtype=object), np.zeros(2)),
            "the examples of the valid split are object, not a NumPy array",
            id="objects",
        ),
        pytest.param(
            Split(np.zeros(2), [0, 1]),  # type: ignore[arg-type]
            "the labels of the valid split are list, not a NumPy array",
            id="a list",
        ),
        pytest.param(
            Split(coo_array(np.eye(2)), np.zeros(2)),
            r"the examples of the valid split are a SciPy array in COO form: call its tocsr\(\)",
            id="sparse, but not in CSR form",
        ),
    ],
)
def test_a_split_that_cannot_be_kept_is_refused(split: Split, words: str):
    with pytest.raises(DataError, match=words):
        dataset(valid=split)


@pytest.mark.parametrize(
    ("split", "words"),
    [
        pytest.param(
            Split(np.array([1, np.nan, np.inf]), np.zeros(3, int)),
            "2 of the 3 values in the examples of the valid split are not finite",
            id="examples that are not numbers",
        ),
        pytest.param(
            sparse([[0, np.nan], [1, 2]]),
            "1 of the 3 values in the examples of the valid split are not finite",
            id="sparse examples that are not numbers",
        ),
        pytest.param(
            Split(np.zeros(3), np.array([0, np.nan, 1])),
            "1 of the 3 values in the labels of the valid split are not finite",
            id="a label that is missing",
        ),
        pytest.param(
            Split(np.zeros(4), np.array([0, 1, 2, 3])),
            r"2 of the 4 labels of the valid split are classes that the train split never has "
            r"\(2, 3\)",
            id="classes that training lacks",
        ),
    ],
)
def test_values_that_no_training_could_use_are_refused_and_not_kept(
    tmp_path: Path, split: Split, words: str
):
    with pytest.raises(DataError, match=words):
        prepare(tmp_path, "key", lambda: dataset(valid=split))
    assert not (tmp_path / "key").exists()


@pytest.mark.parametrize(
    ("train", "valid"),
    [
        pytest.param(np.arange(8) % 2 / 2, np.array([7.5]), id="amounts"),
        pytest.param(np.arange(8) * 1000, np.array([77]), id="whole amounts, hardly one twice"),
        pytest.param(np.arange(400) % 5, np.append(np.zeros(200, int), 9), id="a rare character"),
    ],
)
def test_labels_that_training_lacks_are_fine_where_they_are(
    tmp_path: Path, train: np.ndarray, valid: np.ndarray
):
    data = Dataset(*(Split(y, y) for y in (train, valid, train)))

    assert prepare(tmp_path, "key", lambda: data).open().fingerprint() == data.fingerprint()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("manifest.json", b"{", id="manifest cut off"),
        pytest.param("manifest.json", b"[]", id="manifest of another kind"),
        pytest.param("manifest.json", b'{"bytes": {}}', id="manifest without fingerprint"),
        pytest.param("manifest.json", None, id="manifest gone"),
        pytest.param("train_x.npy", b"\x93NUMPY", id="array cut off"),
        pytest.param("test_y.npy", None, id="array gone"),
    ],
)
@pytest.mark.fault("F22")
def test_a_damaged_cache_says_which_folder_to_delete(
    tmp_path: Path, name: str, content: bytes | None
):
    folder = prepare(tmp_path, "key", dataset).folder
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)

    with pytest.raises(DataCorrupt, match=f"{folder} is damaged .*: delete that folder") as caught:
        prepare(tmp_path, "key", dataset)
    assert "\n" not in str(caught.value)


def test_a_pickle_in_place_of_an_array_is_never_run(tmp_path: Path):
    folder = prepare(tmp_path, "key", dataset).folder
    bomb = tmp_path / "bomb"
    np.save(folder / "train_x.npy", np.array([Bomb(bomb)]), allow_pickle=True)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["bytes"]["train_x.npy"] = (folder / "train_x.npy").stat().st_size
    manifest["sha256"]["train_x.npy"] = sha256_of(folder / "train_x.npy")
    (folder / "manifest.json").write_text(json.dumps(manifest))

    with pytest.raises(ValueError, match="allow_pickle=False|object arrays|Python objects"):
        prepare(tmp_path, "key", dataset).open()
    assert not bomb.exists()


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.mkdir, (str(self.path),)


@pytest.mark.skipif(os.name != "posix", reason="file modes")
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_cache_that_others_can_write_to_is_refused(tmp_path: Path, mode: int):
    cache = tmp_path / "cache"
    cache.mkdir()
    cache.chmod(mode)

    assert f"other users can write to the data cache {cache}: chmod 700" in refused(cache, dataset)


def test_a_cache_that_cannot_be_made_is_one_line(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")

    assert "cannot make the data cache" in refused(tmp_path / "file" / "cache", dataset)


def test_of_processes_that_prepare_at_once_one_loads(tmp_path: Path):
    cache, ready = tmp_path / "cache", tmp_path / "ready"
    processes = [start_preparing(cache, ready) for _ in range(3)]
    wait_until(lambda: len(list(ready.iterdir())) == 3)
    for process in processes:  # whichever has the lock goes on; the others never ask
        assert process.stdin is not None
        process.stdin.write("go on\n")
        process.stdin.flush()
    outputs = [process.communicate(timeout=HANG_S)[0].split() for process in processes]

    assert [process.returncode for process in processes] == [0, 0, 0]
    assert sum("loading" in output for output in outputs) == 1
    assert len({output[-1] for output in outputs}) == 1


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_process_killed_while_it_prepares_leaves_nothing_that_is_trusted(tmp_path: Path):
    cache = tmp_path / "cache"
    process = start_preparing(cache, tmp_path / "ready")
    assert process.stdout is not None
    assert process.stdout.readline() == "loading\n"
    process.kill()
    process.communicate()
    (cache / "key.tmp-half-written").mkdir()  # as if it had come that far

    prepare(cache, "key", dataset)

    assert sorted(path.name for path in cache.iterdir()) == ["key", "key.lock"]

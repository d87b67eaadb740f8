"""A curve's folder: logs that only grow, checkpoints that may be lost."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from hpsearch.curves.curve import Curve, State, Written
from hpsearch.curves.store import CurveStore

WRITTEN = Written(window="ab", temperatures=[0.0], texts=["cd"])


def state(epoch: int) -> State:
    return {"model/0000": np.full(3, epoch)}


def train(folder: Path, epochs: int, *, after: int = 0, loss: float = 1.0) -> Curve:
    """Append epochs, as one process does."""
    curve = Curve(folder)
    assert curve.resume_point(epochs)[0] == after
    for epoch in range(after + 1, epochs + 1):
        curve.append(epoch, {"loss": loss / epoch}, state(epoch), {"seed": 1})
    return curve


def lose_checkpoints(folder: Path) -> None:
    for path in folder.glob("epoch-*.npz"):
        path.unlink()


def test_training_continues_after_the_last_epoch_that_has_a_whole_checkpoint(tmp_path):
    curve = train(tmp_path, 5)

    assert curve.resume_point(9)[0] == 5
    assert curve.resume_point(4)[0] == 4
    (tmp_path / "epoch-00005.npz").write_bytes(b"PK damaged")
    assert curve.damaged == [tmp_path / "epoch-00005.npz"]
    epoch, found = curve.resume_point(9)
    (aside,) = tmp_path.glob("epoch-00005.npz.bad-*")
    assert aside.read_bytes() == b"PK damaged"
    assert curve.damaged == []
    assert epoch == 4
    assert found is not None
    np.testing.assert_array_equal(found["model/0000"], state(4)["model/0000"])
    assert [path.name for path in sorted(tmp_path.glob("epoch-*.npz"))] == ["epoch-00004.npz"]


def test_epochs_trained_again_leave_the_stored_logs_at_any_moment(tmp_path):
    stored = train(tmp_path, 5).logs
    lose_checkpoints(tmp_path)

    curve = Curve(tmp_path)
    assert curve.resume_point(6) == (0, None)
    for epoch in range(1, 6):  # on a machine that sums in another order
        logs = curve.append(epoch, {"loss": 0.9 / epoch}, state(epoch), {"seed": 1})
        assert logs == stored[epoch - 1]
        assert curve.logs == stored
    curve.append(6, {"loss": 0.1}, state(6), {"seed": 1})

    assert curve.logs == [*stored, {"loss": 0.1}]
    assert curve.starts == [[0, 0], [0, 5]]
    assert curve.resume_point(9)[0] == 6


def test_a_process_killed_while_it_trains_again_is_continued_where_it_was(tmp_path):
    train(tmp_path, 5)
    lose_checkpoints(tmp_path)
    train(tmp_path, 3)

    train(tmp_path, 6, after=3)

    assert Curve(tmp_path).starts == [[0, 0], [0, 5], [3, 5]]
    assert len(Curve(tmp_path).logs) == 6


def test_a_shorter_training_leaves_the_checkpoints_of_later_epochs(tmp_path):
    curve = train(tmp_path, 5)

    curve.resume_point(2)
    curve.append(1, {"loss": 1.0}, state(1), {})

    assert curve.resume_point(9)[0] == 5


def test_texts_of_epochs_trained_again_stay_and_missing_ones_are_added(tmp_path):
    curve = Curve(tmp_path)
    curve.append(1, {"loss": 1.0}, state(1), {})
    curve.append(2, {"loss": 1.0}, state(2), {}, WRITTEN)
    other = Written(window="xy", temperatures=[0.0], texts=["z"])

    curve.append(1, {"loss": 1.0}, state(1), {}, other)
    curve.append(2, {"loss": 1.0}, state(2), {}, other)

    assert curve.texts == [other, WRITTEN]


def test_what_killed_writes_left_behind_goes_when_the_curve_is_trained_again(tmp_path):
    train(tmp_path, 2)
    for name in ("epoch-00003.npz.tmp-abc", "curve.json.tmp-def"):
        (tmp_path / name).write_bytes(b"half")

    train(tmp_path, 3, after=2)

    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "curve.json",
        "epoch-00002.npz",
        "epoch-00003.npz",
    ]


def test_what_cannot_be_read_was_never_there(tmp_path):
    curve = Curve(tmp_path / "nowhere")
    assert (curve.logs, curve.texts, curve.starts, curve.is_evicted) == ([], [], [], False)

    (tmp_path / "curve.json").write_text('{"logs": [')
    assert Curve(tmp_path).logs == []


def test_an_epoch_that_cannot_be_written_leaves_what_was_there(tmp_path):
    curve = train(tmp_path, 2)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    with pytest.raises(TypeError):
        curve.append(3, {"loss": object()}, state(3), {})  # type: ignore[dict-item]

    after = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert {name: after[name] for name in before} == before
    assert curve.resume_point(9)[0] == 2


def test_the_longest_unused_checkpoints_are_evicted_and_the_logs_stay(tmp_path):
    for name in ("old", "new"):
        train(tmp_path / name, 2)
    for path in (tmp_path / "old").glob("epoch-*"):
        os.utime(path, (0, 0))
    size = sum(path.stat().st_size for path in (tmp_path / "new").glob("epoch-*"))

    CurveStore(tmp_path).evict(max_bytes=size)

    old, new = Curve(tmp_path / "old"), Curve(tmp_path / "new")
    assert (old.is_evicted, new.is_evicted) == (True, False)
    assert len(old.logs) == 2
    assert old.resume_point(2) == (0, None)
    assert new.resume_point(2)[0] == 2


def test_a_training_that_cannot_go_on_starts_anew_unless_it_is_done(tmp_path):
    curve = train(tmp_path, 3)

    assert curve.resume_point(4, continues=False) == (0, None)
    assert curve.resume_point(3, continues=False)[0] == 3

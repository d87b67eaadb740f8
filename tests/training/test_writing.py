"""Text that a network writes: what it continues, what it takes, when it stops."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from hpsearch.curves.curve import Curve, Written
from hpsearch.data import Split
from hpsearch.errors import StudyFileError
from hpsearch.messages import Job, Verdict
from hpsearch.processes.runner import LocalRunner
from hpsearch.processes.supervisor import How, Limits, supervise
from hpsearch.study.task_data import prepare_data
from hpsearch.task import Writing
from hpsearch.training.writing import characters, require_windows, write, write_after
from tests.training.letters import letters

ABC = tuple("abcde")


class InTurn:
    """Stands for a network that is fairly sure of the letter after the last one."""

    def __init__(self, share: float = 0.8) -> None:
        self.share = share

    def predict_on_batch(self, windows: np.ndarray) -> np.ndarray:
        others = (1 - self.share) / 4
        shares = np.full((len(windows), 5), others)
        shares[np.arange(len(windows)), (windows[:, -1] + 1) % 5] = self.share
        return shares.astype("float32")


def text(network: object, temperature: float, n_chars: int = 400, seed: int = 0) -> str:
    window = np.array([3, 4, 0], dtype="uint8")
    written = write(network, window, ABC, n_chars=n_chars, temperature=temperature, seed=seed)
    return "".join(written)


def share_in_turn(written: str) -> float:
    return float(
        np.mean(
            [
                ABC.index(b) == (ABC.index(a) + 1) % 5
                for a, b in zip(written, written[1:], strict=False)
            ]
        )
    )


def test_at_temperature_0_it_takes_the_most_likely_character():
    assert text(InTurn(0.3), 0, n_chars=8) == "bcdeabcd"


def test_at_temperature_1_characters_come_as_often_as_predicted():
    assert share_in_turn(text(InTurn(0.8), 1, 2000)) == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(("temperature", "share"), [(0.5, 64 / 65), (2.0, 1 / 2)])
def test_other_temperatures_sharpen_or_flatten_what_is_predicted(temperature, share):
    found = share_in_turn(text(InTurn(0.8), temperature, 2000))

    assert found == pytest.approx(share, abs=0.04)


def test_the_same_seed_writes_the_same_text():
    assert text(InTurn(), 1, seed=1) == text(InTurn(), 1, seed=1) != text(InTurn(), 1, seed=2)


def test_a_window_is_drawn_of_seed_and_epoch_and_no_text_changes_another():
    train = Split(np.arange(60).reshape(20, 3) % 5, np.zeros(20, int))

    def after(epoch: int, *temperatures: float) -> Written:
        writing = Writing(n_chars=30, temperatures=temperatures)
        return write_after(epoch, InTurn(), train, ABC, writing, 7)

    assert after(1, 0.0, 1.0) == after(1, 0.0, 1.0)
    assert after(1, 0.0).texts == after(1, 0.0, 1.0).texts[:1]
    assert len({after(epoch, 0.0).window for epoch in range(1, 20)}) > 2
    assert all(len(written) == 30 for written in after(1, 0.0, 1.0).texts)


def test_a_network_that_diverged_writes_nothing():
    class Diverged:
        def predict_on_batch(self, windows):
            return np.full((len(windows), 5), np.nan)

    train = Split(np.zeros((4, 3), int), np.zeros(4, int))

    assert write_after(1, Diverged(), train, ABC, Writing(), 0).texts == ["", ""]


def test_a_network_that_predicts_something_else_is_an_error():
    with pytest.raises(StudyFileError, match="one of 4 characters.*have shape \\(5,\\)"):
        list(islice(characters(InTurn(), np.array([0]), "abcd", [0.0], np.random.default_rng()), 1))


@pytest.mark.parametrize(
    ("x", "vocabulary", "message"),
    [(np.zeros((4, 3), int), (), "its vocabulary="), (np.zeros((4, 3)), ABC, "are float64")],
)
def test_data_that_are_no_text_are_an_error(x, vocabulary, message):
    with pytest.raises(StudyFileError, match=message):
        require_windows(Split(x, np.zeros(4, int)), vocabulary)


@pytest.mark.slow
def test_a_trial_keeps_what_was_written_after_each_epoch_also_when_it_goes_on(tmp_path):
    runner = LocalRunner()

    assert end_of(runner, job(tmp_path / "whole", 3)).how is How.FINISHED
    for epochs in (1, 3):
        end_of(runner, job(tmp_path / "in-parts", epochs))

    whole, in_parts = Curve(tmp_path / "whole"), Curve(tmp_path / "in-parts")
    assert whole.texts == in_parts.texts
    assert [written.temperatures for written in whole.texts] == [[0.0, 1.0]] * 3
    assert all(len(text) == 12 for written in whole.texts for text in written.texts)
    assert {"val_bits_per_char", "gradient_norm"} <= whole.logs[0].keys()
    assert "val_gradient_norm" not in whole.logs[0]


def end_of(runner: LocalRunner, job: Job):
    return supervise(runner, job, answer=lambda _: Verdict.GO_ON, limits=Limits())


def job(curve: Path, epochs: int) -> Job:
    study_file = letters()
    return Job(
        study_file=study_file.text,
        study_file_name="letters.py",
        params={**study_file.task.baseline, "epochs": epochs},
        seed=1,
        data=str(prepare_data(study_file, None).folder),
        curve=str(curve),
    )


def test_a_curve_of_before_there_were_texts_still_reads(tmp_path):
    curve = Curve(tmp_path / "curve")
    state = {"model/0000": np.zeros(1)}
    curve.append(1, {"loss": 1.0}, state, {})
    curve.append(2, {"loss": 0.5}, state, {})
    written = Written(window="ab", temperatures=[0.0], texts=["cd"])

    assert curve.texts == [None, None]
    curve.append(3, {"loss": 0.4}, state, {}, written)
    assert curve.texts == [None, None, written]
    curve.append(2, {"loss": 0.5}, state, {})
    assert curve.texts == [None, None, written]

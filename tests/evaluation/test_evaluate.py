"""The procedure: fresh seeds choose the winner, test is opened last, and a stop records nothing."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from optuna.trial import create_trial

from hpsearch.errors import DataError, NothingFinished
from hpsearch.evaluation.candidates import fresh_seeds
from hpsearch.evaluation.evaluate import Evaluation
from hpsearch.evaluation.opening import Opening, model_folder, read_openings
from hpsearch.messages import TRAIN, TRAIN_AND_VALID
from hpsearch.processes.runner import LocalRunner, Runner
from hpsearch.processes.stop import Stop, StopRequest
from hpsearch.study.record import create_or_continue, make_record
from hpsearch.study.space import explore
from hpsearch.study.storage import Storage
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import read_study_file
from hpsearch.task import Params
from tests.toy import write_toy

# the search is made once a process
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("evaluation")]

NO_RUNNER = cast(Runner, None)  # whoever asked it for a process would fail
SEED = 7
(FRESH,) = fresh_seeds(SEED, 1)
BASELINE: Params = {"epochs": 3, "units": 4, "level": 0.5, "peak": 3, "mode": "sound"}
BETTER: Params = {**BASELINE, "level": 0.75}


def evaluation_of(
    toy: Path,
    *searched: tuple[Params, float],
    runner: Runner = NO_RUNNER,
    stop: StopRequest | None = None,
    say: Callable[[str], None] = print,
) -> Evaluation:
    """The evaluation of a study that found these params, with these values."""
    study_file = read_study_file(str(toy))
    space, data = explore(study_file), prepare_data(study_file, None)
    record = make_record(
        study_file,
        space.as_json(),
        data=data.fingerprint,
        seed=SEED,
        sampler="random",
        pruner="none",
    )
    storage = Storage(f"sqlite:///{toy.parent}/studies.db")
    study, _, _ = create_or_continue(storage, "toy", record, BASELINE)
    for params, value in searched:
        study.add_trial(create_trial(params=params, distributions=space.distributions, value=value))
    stop = stop or StopRequest()
    return Evaluation(storage, study, record, data, runner, n_slots=1, stop=stop, say=say)


def keep_curve(evaluation: Evaluation, params: Params, value: float, fit_on: str = TRAIN) -> None:
    """Keep a curve as training with the fresh seed would have left it."""
    complete = evaluation.study_file.task.complete(params)
    curve = evaluation.trainer.curve(complete, FRESH, fit_on)
    for epoch in (1, 2, 3):
        curve.append(epoch, {"loss": 1.0, "val_score": value}, {"x": np.zeros(1)}, {})


def keep_all_curves(evaluation: Evaluation, *, winner_on_all: float = 0.75) -> None:
    """Leave no network to be trained, as an evaluation that was stopped late does."""
    keep_curve(evaluation, BASELINE, 0.5)
    keep_curve(evaluation, BASELINE, 0.5, TRAIN_AND_VALID)
    keep_curve(evaluation, BETTER, 0.75)
    keep_curve(evaluation, BETTER, winner_on_all, TRAIN_AND_VALID)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Evaluation, Opening]:
    """An evaluation with one fresh seed, and what it recorded.

    The search thought much of trial 1; trial 2 is the best, and its first process is killed;
    trial 3 diverges.
    """
    folder = tmp_path_factory.mktemp("evaluated")
    in_build = f"""
        if odd:
            params["level"] = float("nan")
        if params["level"] == 0.75 and not os.path.exists({str(folder / "died")!r}):
            open({str(folder / "died")!r}, "w").close()
            os.kill(os.getpid(), 9)
        """
    evaluation = evaluation_of(
        write_toy(folder, in_build=in_build),
        ({**BASELINE, "level": 0.25}, 0.9),
        (BETTER, 0.8),
        ({**BASELINE, "mode": "odd"}, 0.7),
        runner=LocalRunner(),
    )

    opening = evaluation.run(n_top=3, n_seeds=1)

    assert opening is not None
    assert (folder / "died").exists()
    return evaluation, opening


def test_the_winner_is_the_best_with_fresh_seeds_not_in_the_search(evaluated):
    _, opening = evaluated

    assert [one.name for one in opening.candidates] == ["trial 2", "baseline", "trial 1"]


def test_a_process_that_is_killed_is_tried_again(evaluated):
    _, opening = evaluated

    assert opening.winner.valid == [pytest.approx(0.75)]


def test_a_candidate_that_diverges_is_dropped_and_named(evaluated):
    _, opening = evaluated

    assert opening.diverged == ["trial 3"]


def test_only_winner_and_baseline_are_measured_on_test(evaluated):
    _, opening = evaluated

    assert [one.name for one in opening.candidates if one.test] == ["trial 2", "baseline"]


def test_what_was_recorded_is_what_is_returned(evaluated):
    evaluation, opening = evaluated

    assert read_openings(evaluation.study) == [opening]


def test_the_winners_model_and_curve_are_kept_and_nobody_elses(evaluated):
    evaluation, opening = evaluated

    kept = {path.name for path in model_folder(evaluation.storage, opening).iterdir()}

    assert kept == {"model.keras", "curve.json"}


@pytest.mark.parametrize(
    "n_lines",
    [
        pytest.param(1, id="before anything is trained"),
        pytest.param(2, id="before winner and baseline are trained on all examples"),
        pytest.param(3, id="before test is opened"),
    ],
)
def test_a_stop_records_nothing_and_keeps_no_model(tmp_path, n_lines):
    stop = StopRequest()
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        if len(said) == n_lines:
            stop.at_once(Stop.INTERRUPTED)

    evaluation = evaluation_of(write_toy(tmp_path), (BETTER, 0.8), stop=stop, say=say)
    keep_all_curves(evaluation)

    assert evaluation.run(n_top=1, n_seeds=1) is None

    assert len(said) == n_lines
    assert read_openings(evaluation.study) == []
    assert not list(evaluation.storage.models.rglob("*.*"))


def test_a_network_whose_curve_is_read_off_is_not_said_to_be_trained(tmp_path):
    said: list[str] = []
    evaluation = evaluation_of(write_toy(tmp_path), (BETTER, 0.8), say=said.append)
    keep_all_curves(evaluation)
    evaluation.storage.models.touch()  # where it ends, before a process is needed

    with pytest.raises(DataError):
        evaluation.run(n_top=1, n_seeds=1)

    assert not any(str(FRESH) in text for text in said)


def test_a_baseline_that_diverges_ends_the_evaluation(tmp_path):
    evaluation = evaluation_of(write_toy(tmp_path), (BETTER, 0.8))
    keep_curve(evaluation, BETTER, 0.75)
    keep_curve(evaluation, BASELINE, math.nan)

    with pytest.raises(NothingFinished, match="baseline"):
        evaluation.run(n_top=1, n_seeds=1)

    assert read_openings(evaluation.study) == []


@pytest.mark.fault("F27")
def test_a_winner_that_diverges_on_all_examples_is_named_with_its_seed(tmp_path):
    evaluation = evaluation_of(write_toy(tmp_path), (BETTER, 0.8))
    keep_all_curves(evaluation, winner_on_all=math.nan)

    with pytest.raises(NothingFinished, match=f"trial 1.* {FRESH}"):
        evaluation.run(n_top=1, n_seeds=1)


def test_a_model_that_cannot_be_kept_is_an_error_that_names_the_folder(tmp_path):
    evaluation = evaluation_of(write_toy(tmp_path), (BETTER, 0.8))
    keep_all_curves(evaluation)
    evaluation.storage.models.touch()  # a file, where the folder should be

    with pytest.raises(DataError, match=str(evaluation.storage.models)):
        evaluation.run(n_top=1, n_seeds=1)

    assert read_openings(evaluation.study) == []


def test_a_retraining_that_fails_is_named_and_no_other_begins(tmp_path):
    in_build = f"open({str(tmp_path / 'begun')!r}, 'a').write('x'); raise ValueError('no luck')"
    evaluation = evaluation_of(
        write_toy(tmp_path, in_build=in_build), (BETTER, 0.8), runner=LocalRunner()
    )

    with pytest.raises(NothingFinished, match=f"trial 1.* {FRESH}.* no luck"):
        evaluation.run(n_top=1, n_seeds=1)

    assert (tmp_path / "begun").read_text() == "x"

"""Evaluating: fresh seeds, honest intervals, the test split opened once."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution
from scipy import stats

from hpsearch.curves.store import CurveStore, key_of, network_of
from hpsearch.errors import NothingFinished
from hpsearch.evaluation.candidates import Candidate, choose_candidates, fresh_seeds, ranked
from hpsearch.evaluation.intervals import difference, interval, newcombe, student, welch, wilson
from hpsearch.evaluation.opening import Opening, judge, read_openings
from hpsearch.evaluation.sentences import describe_verdict
from hpsearch.goal import Direction, Goal
from hpsearch.messages import TRAIN_AND_VALID
from hpsearch.processes.runner import LocalRunner
from hpsearch.study.record import load_study, versions
from hpsearch.study.storage import Storage
from hpsearch.study_file import run_study_file
from hpsearch.task import Params
from tests.conftest import Cli
from tests.evaluated import TEXT, Evaluated, copy_study, evaluated_study

# the studies are made once a process
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("evaluated")]

NO_RUNNER = cast(LocalRunner, None)  # whoever asked it for a process would fail
CLOUDS = run_study_file(TEXT, "clouds.py")


@pytest.fixture
def evaluated() -> Evaluated:
    return evaluated_study()


def openings(folder: Path) -> list[Opening]:
    storage = Storage(f"sqlite:///{folder.absolute()}/runs/studies.db", read_only=True)
    return read_openings(load_study(storage, "clouds")[0])


def trained(stderr: str) -> list[str]:
    return [line for line in stderr.splitlines() if line.startswith("trained")]


def searched(*trials: tuple[Params, float]) -> optuna.Study:
    study = optuna.create_study(direction="maximize", study_name="clouds")
    for params, value in trials:
        distributions: dict[str, BaseDistribution] = {
            "epochs": optuna.distributions.IntDistribution(1, 3),
            "units": optuna.distributions.IntDistribution(4, 8),
        }
        study.add_trial(
            optuna.trial.create_trial(params=params, distributions=distributions, value=value)
        )
    return study


def test_student_gives_the_interval_of_the_textbook() -> None:
    found = student([1.0, 2.0, 3.0])

    assert (found.low, found.high) == pytest.approx((-0.484138, 4.484138), abs=1e-6)


def test_welch_gives_what_scipy_gives() -> None:
    ours, theirs = [0.91, 0.93, 0.92], [0.85, 0.90, 0.89, 0.80]
    expected = stats.ttest_ind(ours, theirs, equal_var=False).confidence_interval(0.95)

    found = welch(ours, theirs)

    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_wilson_gives_the_published_example() -> None:
    found = wilson(81 / 263, 263)

    assert (found.low, found.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


@pytest.mark.parametrize(
    ("ours", "theirs", "n", "expected"),
    [(9, 3, 10, (0.1705, 0.8090)), (6, 2, 7, (0.0582, 0.8062))],
)
def test_newcombe_gives_the_published_examples(
    ours: int, theirs: int, n: int, expected: tuple[float, float]
) -> None:
    found = newcombe(ours / n, theirs / n, n)

    assert (found.low, found.high) == pytest.approx(expected, abs=5e-5)


def test_one_seed_is_judged_by_the_number_of_examples_and_says_so() -> None:
    found = interval([0.9], 100)

    assert found is not None
    assert found.method == "Wilson over 100 examples"


def test_a_loss_with_one_seed_has_no_interval() -> None:
    assert interval([0.3], None) is None


def test_seeds_that_all_agree_are_no_proof_of_certainty() -> None:
    found = interval([0.9, 0.9, 0.9], 100)

    assert found is not None
    assert found.high - found.low > 0.1


def test_an_accuracy_has_no_interval_beyond_what_is_possible() -> None:
    found = interval([0.9, 0.99], 100)

    assert found is not None
    assert found.high == 1.0


@pytest.mark.parametrize(
    ("ours", "theirs", "n_examples", "method"),
    [
        pytest.param([0.9, 0.8], [0.7, 0.6], 100, "Welch's t over seeds", id="seeds"),
        pytest.param([0.9], [0.7], 100, "Newcombe over 100 examples", id="one seed"),
        pytest.param([0.9, 0.9], [0.7, 0.7], 100, "Newcombe over 100 examples", id="no spread"),
        pytest.param([0.9], [0.7], None, None, id="one seed of no share"),
    ],
)
def test_a_difference_says_what_it_is_judged_by(
    ours: list[float], theirs: list[float], n_examples: int | None, method: str | None
) -> None:
    found = difference(ours, theirs, n_examples)

    assert (None if found is None else found.method) == method


def test_overlapping_figures_cannot_be_told_apart() -> None:
    verdict = judge([0.90, 0.94, 0.92], [0.91, 0.89, 0.93], None, Goal("val_accuracy", "maximize"))

    assert not verdict.is_told_apart
    assert "cannot be told apart" in describe_verdict("trial 3", "trial 5", verdict)


@pytest.mark.parametrize(("direction", "first"), [("maximize", "trial 1"), ("minimize", "trial 0")])
def test_candidates_come_best_first_in_the_direction_of_the_task(
    direction: str, first: str
) -> None:
    study = searched(({"epochs": 3, "units": 7}, 0.2), ({"epochs": 3, "units": 8}, 0.9))
    task = replace(CLOUDS.task, direction=cast(Direction, direction))

    chosen = choose_candidates(study, replace(CLOUDS, task=task), 1)
    measured = [
        replace(one, name=name, valid=[value])
        for one, name, value in ((chosen[0], "trial 0", 0.2), (chosen[0], "trial 1", 0.9))
    ]

    assert chosen[0].name == first
    assert ranked(measured, task.goal)[0].name == first


@pytest.mark.parametrize(("direction", "word"), [("maximize", "better"), ("minimize", "worse")])
def test_figures_far_apart_are_told_apart_in_the_direction_of_the_task(
    direction: str, word: str
) -> None:
    verdict = judge([0.95, 0.96, 0.95], [0.80, 0.81, 0.79], None, Goal("val_accuracy", direction))

    assert verdict.is_told_apart
    assert f"Trial 3 is {word} than" in describe_verdict("trial 3", "trial 5", verdict)


def test_fresh_seeds_differ_from_the_studys_and_more_of_them_begin_the_same() -> None:
    for seed in range(50):
        seeds = fresh_seeds(seed, 5)
        assert len({seed, *seeds}) == 6
        assert fresh_seeds(seed, 3) == seeds[:3]


def test_candidates_are_the_best_with_different_params_and_the_baseline() -> None:
    best: Params = {"epochs": 3, "units": 8}
    good: Params = {"epochs": 3, "units": 7}
    poor: Params = {"epochs": 3, "units": 6}
    study = searched((good, 0.8), (best, 0.9), (best, 0.9), (poor, 0.1))

    candidates = choose_candidates(study, CLOUDS, 2)

    assert [candidate.name for candidate in candidates] == ["trial 1", "trial 0", "baseline"]
    assert candidates[2].params == {"epochs": 1, "batch_size": 16, "units": 4}


def test_lengths_of_one_network_are_one_candidate_but_for_the_baseline() -> None:
    long: Params = {"epochs": 3, "units": 8}
    short: Params = {"epochs": 2, "units": 8}
    longer_baseline: Params = {"epochs": 2, "units": 4}
    study = searched((long, 0.8), (short, 0.9), (longer_baseline, 0.7))

    candidates = choose_candidates(study, CLOUDS, 2)

    assert [candidate.name for candidate in candidates] == ["trial 1", "trial 2", "baseline"]


def test_a_baseline_among_the_best_is_not_evaluated_twice() -> None:
    study = searched(({"epochs": 1, "units": 4}, 0.9), ({"epochs": 3, "units": 8}, 0.8))

    candidates = choose_candidates(study, CLOUDS, 2)

    assert [candidate.is_baseline for candidate in candidates] == [True, False]


def test_a_study_without_a_finished_trial_has_no_candidates() -> None:
    with pytest.raises(NothingFinished, match="hpsearch resume clouds"):
        choose_candidates(searched(), CLOUDS, 2)


def test_curves_on_train_are_shared_by_all_lengths_and_others_are_not() -> None:
    def key(epochs: int, fit_on: str) -> str:
        params: Params = {"epochs": epochs, "batch_size": 16}
        return key_of(params, seed=1, data="d", network="n", versions={}, fit_on=fit_on)

    assert key(2, "train") == key(3, "train")
    assert len({key(2, "train"), key(2, TRAIN_AND_VALID), key(3, TRAIN_AND_VALID)}) == 3


def test_ctrl_c_ends_an_evaluation_with_130_and_records_nothing(evaluated: Evaluated) -> None:
    assert evaluated.interrupted.returncode == 130
    assert evaluated.interrupted.stdout == ""


def test_an_interrupted_evaluation_goes_on_where_it_was(evaluated: Evaluated) -> None:
    before = trained(evaluated.interrupted.stderr)
    after = trained(evaluated.finished.stderr)

    assert before
    assert not set(before) & set(after)


def test_the_opening_of_test_is_recorded_with_seeds_params_and_figures(
    evaluated: Evaluated,
) -> None:
    (opening,) = openings(evaluated.folder)

    assert opening.seeds == fresh_seeds(7, 2)
    assert not opening.winner.is_baseline  # one epoch is too few
    assert all(len(candidate.valid) == 2 for candidate in opening.candidates)
    assert len(opening.test_values(opening.winner)) == 2
    assert len(opening.test_values(opening.baseline)) == 2
    means = [sum(candidate.valid) for candidate in opening.candidates]
    assert means == sorted(means, reverse=True)


def test_the_winners_model_is_kept_under_its_hash(evaluated: Evaluated) -> None:
    (opening,) = openings(evaluated.folder)
    folder = evaluated.folder / "runs" / "models" / opening.model

    digest = hashlib.sha256((folder / "model.keras").read_bytes()).hexdigest()

    assert digest == opening.model_sha256
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_the_outcome_is_told_in_sentences(evaluated: Evaluated) -> None:
    told = evaluated.finished.stdout

    assert "The winner is " in told
    assert "The intervals are Student's t over 2 seeds" in told
    assert "chosen by these figures, which flatter it" in told
    assert "The test split was opened once" in told
    assert "published" in told
    assert "hpsearch export clouds" in told


def test_a_second_evaluation_shows_the_stored_result_and_trains_nothing(
    evaluated: Evaluated, cli: Cli, cwd: Path
) -> None:
    copy_study(cwd)

    again = cli("evaluate", "clouds", "--top", "4", "--seeds", "2")

    assert again.returncode == 0
    assert again.stdout == evaluated.finished.stdout
    assert "made with --top 1 --seeds 2" in again.stderr
    assert not trained(again.stderr)
    assert len(openings(cwd)) == 1


def test_json_holds_the_same_figures(evaluated: Evaluated, cli: Cli, cwd: Path) -> None:
    copy_study(cwd)
    (opening,) = openings(cwd)

    content = json.loads(cli("evaluate", "clouds", "--json").stdout)

    assert content["schema"] == "hpsearch.evaluate/1"
    assert content["is_stored"]
    assert content["test"]["winner"]["values"] == opening.test_values(opening.winner)
    assert content["test"]["winner"]["also"] == opening.also_on_test(opening.winner)
    assert content["test"]["winner"]["also"]["loss"] > 0
    assert content["published"]["test_accuracy"] == 0.5


def test_again_opens_test_a_second_time_and_says_so(cli: Cli, cwd: Path) -> None:
    copy_study(cwd)

    again = cli("evaluate", "clouds", "--top", "1", "--seeds", "2", "--again")

    assert again.returncode == 0, again.stderr
    first, second = openings(cwd)
    assert first.candidates == second.candidates  # the same networks, read off
    assert not trained(again.stderr)
    assert "opened 2 times" in again.stdout


def test_a_retraining_that_crashes_is_one_line_and_records_nothing(cli: Cli, cwd: Path) -> None:
    copy_study(cwd, stage="searched")
    (cwd / "crash").touch()

    failed = cli("evaluate", "clouds", "--seeds", "1")

    assert failed.returncode == 3
    (error,) = [line for line in failed.stderr.splitlines() if line.startswith("Error")]
    assert "no such luck" in error
    assert failed.stdout == ""
    assert openings(cwd) == []


@pytest.mark.parametrize(
    "argv", [["evaluate", "clouds", "--again"], ["export", "clouds", "-o", "x"]]
)
def test_other_data_than_those_of_the_study_are_refused(
    cli: Cli, cwd: Path, argv: list[str]
) -> None:
    copy_study(cwd)
    storage = Storage("sqlite:///runs/studies.db")
    study, _ = load_study(storage, "clouds")
    study.set_user_attr("hpsearch", {**study.user_attrs["hpsearch"], "data": "0" * 64})

    refused = cli(*argv)

    assert refused.returncode == 6
    assert "the data are not those that study 'clouds' was made with" in refused.stderr
    assert len(openings(cwd)) == 1


def let_diverge(folder: Path, candidate: Candidate, seed: int) -> None:
    """Leave a curve as that of a candidate would be if its first epoch ended in NaN."""
    storage = Storage(f"sqlite:///{folder.absolute()}/runs/studies.db", read_only=True)
    _, record = load_study(storage, "clouds")
    key = key_of(
        candidate.params,
        seed=seed,
        data=record.data,
        network=network_of(CLOUDS),
        versions=versions(),
    )
    logs = {"loss": float("nan"), "val_accuracy": 0.5}
    CurveStore(storage.curves).curve(key).append(1, logs, {"x": np.zeros(1)}, {})


def best_two(folder: Path) -> list[Candidate]:
    storage = Storage(f"sqlite:///{folder.absolute()}/runs/studies.db", read_only=True)
    return choose_candidates(load_study(storage, "clouds")[0], CLOUDS, 2)


def test_a_candidate_that_diverges_with_a_fresh_seed_is_one_no_more(cli: Cli, cwd: Path) -> None:
    copy_study(cwd, stage="searched")
    gone = next(one for one in best_two(cwd) if not one.is_baseline)
    let_diverge(cwd, gone, fresh_seeds(7, 1)[0])

    done = cli("evaluate", "clouds", "--top", "2", "--seeds", "1")

    assert done.returncode == 0, done.stderr
    assert f"No candidate any more, as a fresh seed diverged: {gone.name}." in done.stdout
    (opening,) = openings(cwd)
    assert gone.name not in [one.name for one in opening.candidates]


def test_a_baseline_that_diverges_with_a_fresh_seed_ends_in_one_line(cli: Cli, cwd: Path) -> None:
    copy_study(cwd, stage="searched")
    baseline = next(one for one in best_two(cwd) if one.is_baseline)
    let_diverge(cwd, baseline, fresh_seeds(7, 1)[0])

    failed = cli("evaluate", "clouds", "--top", "1", "--seeds", "1")

    assert failed.returncode == 3
    assert "Error: the baseline diverged with a fresh seed" in failed.stderr
    assert openings(cwd) == []


@pytest.mark.parametrize(
    ("metric", "value", "is_share"),
    [
        pytest.param("val_accuracy", 0.9, True, id="an accuracy"),
        pytest.param("val_binary_accuracy", 0.9, True, id="another accuracy"),
        pytest.param("val_acc_percent", 90.0, False, id="in percent"),
        pytest.param("val_acceleration", 0.9, False, id="of something else"),
    ],
)
def test_only_a_share_of_examples_is_judged_by_their_number(
    evaluated: Evaluated, metric: str, value: float, is_share: bool
) -> None:
    (opening,) = openings(evaluated.folder)
    test = [{metric.removeprefix("val_"): value}]
    candidates = [replace(one, valid=[value], test=test) for one in opening.candidates]

    assert replace(opening, metric=metric, candidates=candidates).is_share == is_share

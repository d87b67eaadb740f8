"""Who is evaluated: the best networks and the baseline, each once."""

from __future__ import annotations

from dataclasses import replace

import optuna
import pytest
from optuna.distributions import BaseDistribution

from hpsearch.errors import NothingFinished, StudyFileError
from hpsearch.evaluation.candidates import baseline_of, choose_candidates, fresh_seeds, ranked
from hpsearch.goal import Direction
from hpsearch.study_file import run_study_file
from hpsearch.task import Params
from tests.evaluated import TEXT

CLOUDS = run_study_file(TEXT, "clouds.py")


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


@pytest.mark.parametrize(("direction", "best"), [("maximize", "trial 1"), ("minimize", "trial 0")])
def test_the_first_candidate_is_the_best_in_the_direction_of_the_task(
    direction: Direction, best: str
) -> None:
    study = searched(({"epochs": 3, "units": 7}, 0.2), ({"epochs": 3, "units": 8}, 0.9))
    task = replace(CLOUDS.task, direction=direction)

    chosen = choose_candidates(study, replace(CLOUDS, task=task), 1)

    assert chosen[0].name == best


def test_candidates_are_ranked_by_their_mean_over_seeds_and_not_by_the_search() -> None:
    study = searched(({"epochs": 3, "units": 7}, 0.2), ({"epochs": 3, "units": 8}, 0.9))
    lucky, steady, _ = choose_candidates(study, CLOUDS, 2)

    measured = [replace(lucky, valid=[0.9, 0.1]), replace(steady, valid=[0.6, 0.6])]

    names = [one.name for one in ranked(measured, CLOUDS.task.goal)]
    assert names == [steady.name, lucky.name]


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


def test_a_lucky_trial_gives_way_to_one_that_has_the_better_mean() -> None:
    lucky: Params = {"epochs": 3, "units": 8}
    steady: Params = {"epochs": 3, "units": 7}
    study = searched((lucky, 0.9), (steady, 0.8))
    for repeated, value in zip(study.trials, (0.5, 0.8), strict=True):
        study.add_trial(
            optuna.trial.create_trial(
                params=repeated.params,
                distributions=repeated.distributions,
                value=value,
                user_attrs={"replicate_of": repeated.number, "seed": 5},
            )
        )

    chosen = choose_candidates(study, CLOUDS, 2)

    assert [(one.name, one.searched) for one in chosen[:2]] == [("trial 1", 0.8), ("trial 0", 0.7)]


def test_lengths_of_one_network_are_one_candidate_but_for_the_baseline() -> None:
    long: Params = {"epochs": 3, "units": 8}
    short: Params = {"epochs": 2, "units": 8}
    longer_baseline: Params = {"epochs": 2, "units": 4}
    study = searched((long, 0.8), (short, 0.9), (longer_baseline, 0.7))

    candidates = choose_candidates(study, CLOUDS, 2)

    assert [candidate.name for candidate in candidates] == ["trial 1", "trial 2", "baseline"]


def test_a_baseline_that_was_looked_at_for_longer_is_evaluated_at_the_length_of_the_lab() -> None:
    looked_at, read_off = {"epochs": 3, "units": 4}, {"epochs": 2, "units": 4}
    study = searched((looked_at, 0.7), (read_off, 0.8))
    task = replace(CLOUDS.task, baseline=CLOUDS.task.baseline | looked_at, evaluated_epochs=1)

    candidates = choose_candidates(study, replace(CLOUDS, task=task), 3)

    assert [(one.name, one.params["epochs"]) for one in candidates] == [
        ("trial 1", 2),
        ("baseline", 1),
    ]


def test_a_baseline_among_the_best_is_not_evaluated_twice() -> None:
    study = searched(({"epochs": 1, "units": 4}, 0.9), ({"epochs": 3, "units": 8}, 0.8))

    candidates = choose_candidates(study, CLOUDS, 2)

    assert [candidate.is_baseline for candidate in candidates] == [True, False]


def test_a_study_without_a_finished_trial_has_no_candidates() -> None:
    with pytest.raises(NothingFinished, match="hpsearch resume clouds"):
        choose_candidates(searched(), CLOUDS, 2)


def test_a_baseline_that_was_searched_but_is_not_among_the_best_keeps_its_trials_number() -> None:
    study = searched(({"epochs": 3, "units": 8}, 0.9), ({"epochs": 1, "units": 4}, 0.5))

    _, baseline = choose_candidates(study, CLOUDS, 1)

    assert (baseline.name, baseline.number, baseline.searched) == ("baseline", 1, 0.5)


def test_a_baseline_outside_the_space_is_named_with_the_study_file() -> None:
    task = replace(CLOUDS.task, baseline={"epochs": 1, "batch_size": 16})

    with pytest.raises(StudyFileError, match=r"clouds\.py.*units"):
        baseline_of(replace(CLOUDS, task=task))

"""A study summed up: what ranks where, what is one curve, what a search saved."""

from __future__ import annotations

import math
from dataclasses import replace

import optuna
from optuna.trial import TrialState

from hpsearch.study.summary import summarize
from hpsearch.study.trials import Attr, Outcome
from tests.summaries import pruned, record, summary, trial


def test_finished_trials_come_first_then_those_that_came_furthest():
    rows = [
        pruned(0, 0.9, epochs_done=1),
        trial(1, 0.5),
        pruned(2, 0.4, epochs_done=9),
        trial(3, None, outcome=Outcome.FAILED, epochs_done=0),
        trial(4, 0.7),
        pruned(5, math.nan, epochs_done=1, outcome=Outcome.DIVERGED),
        pruned(6, 0.95, epochs_done=1),
    ]

    assert [row.number for row in summary(*rows).ranked()] == [4, 1, 2, 6, 0, 5, 3]


def test_where_less_is_better_the_lowest_value_ranks_first():
    study = summary(trial(0, 0.5), trial(1, 0.2), direction="minimize", metric="val_loss")

    assert [row.number for row in study.ranked()] == [1, 0]
    assert study.best is not None
    assert study.best.number == 1


def test_a_study_without_a_finished_trial_has_no_best_one():
    assert summary(pruned(0, 0.9)).best is None


def test_trials_that_share_a_curve_are_one_network():
    rows = [
        pruned(0, 0.6, curve="a"),
        trial(1, 0.7, curve="b"),
        pruned(2, 0.7, epochs_done=9, curve="a", promoted_from=0),
        trial(3, 0.8, curve="a", promoted_from=2),
        trial(4, 0.9, curve="a", read_off=3, outcome=Outcome.READ_OFF),
        trial(5, None, outcome=Outcome.FAILED),
        trial(6, None, outcome=Outcome.FAILED),
    ]

    groups = [[row.number for row in group] for group in summary(*rows).by_curve()]

    assert groups == [[4, 3, 2, 0], [1], [5], [6]]


def test_replicates_rank_right_after_the_trial_that_they_repeat_and_it_by_their_mean():
    lucky, steady = {"epochs": 3, "units": 1}, {"epochs": 3, "units": 2}
    study = summary(
        trial(0, 0.9, curve="a", params=lucky),
        trial(1, 0.8, curve="b", params=steady),
        trial(2, 0.5, curve="c", params=lucky, replicate_of=0),
        trial(3, 0.8, curve="d", params=steady, replicate_of=1),
        trial(4, 0.75),
        trial(5, None, outcome=Outcome.RUNNING, curve="e", params=steady, replicate_of=1),
    )

    assert [row.number for row in study.ranked()] == [1, 3, 5, 4, 0, 2]
    assert [[row.number for row in group] for group in study.by_curve()] == [[1, 3, 5], [4], [0, 2]]
    assert study.best is not None
    assert (study.best.number, study.best.mean) == (1, 0.8)
    assert study.n_trials == 6


def test_with_several_objectives_the_front_ranks_first_and_its_best_metric_is_the_best():
    """Of two with the best metric, the smaller one."""
    sizes = {0: 400.0, 1: 300.0, 2: 200.0, 3: 250.0, 4: 100.0}
    values = {0: 0.9, 1: 0.9, 2: 0.8, 3: 0.7, 4: 0.6}
    rows = [trial(number, values[number], costs=(size,)) for number, size in sizes.items()]
    study = replace(summary(*rows, pruned(5, 0.5)), costs=("n_weights",))

    assert [one.number for one in study.front] == [1, 2, 4]
    assert [row.number for row in study.ranked()] == [1, 2, 4, 0, 3, 5]
    assert study.best == study.front[0]
    assert summary(*rows).front == []


def test_a_trial_with_several_objectives_that_was_pruned_has_its_last_value():
    study = optuna.create_study(study_name="toy", directions=["maximize", "minimize"])
    trial = study.ask()
    study._storage.set_trial_intermediate_value(trial._trial_id, 1, 0.5)
    study.tell(trial, state=TrialState.PRUNED)

    (found,) = summarize(study, record()).rows

    assert (found.outcome, found.value, found.costs) == (Outcome.PRUNED, 0.5, ())


def test_what_a_promoted_trial_takes_over_is_neither_saved_by_reuse_nor_by_pruning():
    study = summary(
        pruned(0, 0.6, curve="a"),
        trial(1, 0.8, promoted_from=0, curve="a", epochs_reused=1, epochs_trained=26),
        trial(2, 0.5, epochs_reused=3, epochs_trained=0),
        pruned(3, 0.1),
    )

    assert (study.epochs_trained, study.epochs_reused, study.epochs_pruned) == (1 + 26 + 1, 3, 26)
    assert study.n_trials == 3
    assert study.seconds == 8.0


def test_a_stored_study_is_summed_up_with_its_record():
    study = optuna.create_study(study_name="toy", direction="maximize")
    study.add_trial(optuna.create_trial(value=0.5, user_attrs={Attr.CURVE: "a"}))

    found = summarize(study, record(seed=3))

    assert (found.name, found.seed, str(found.goal)) == ("toy", 3, "maximize val_accuracy")
    assert found.counts == {Outcome.FINISHED: 1}
    assert found.rows[0].curve == "a"

"""Which trial comes next, and how far it may train."""

from __future__ import annotations

from collections.abc import Mapping

import optuna
import pytest
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from hpsearch.choices import PrunerName, SamplerName
from hpsearch.searching.rungs import Mark
from hpsearch.searching.schedule import SampledSchedule
from hpsearch.study.distributions import whole_number_range
from hpsearch.study.optuna_internals import ask
from hpsearch.study_file import run_study_file
from hpsearch.task import ParamValue
from tests.study_texts import study_text

EPOCHS = whole_number_range("epochs", 1, 30, 1, False)
UNITS = whole_number_range("units", 1, 99, 1, False)
TASK = study_text(
    "trial.suggest_int('epochs', 1, 30)", "trial.suggest_int('units', 1, 99)", baseline="units=2"
)


def pruned(
    curve: str, *values: float, epochs: int = 30, units: int = 1, promoted_from: int | None = None
) -> FrozenTrial:
    """A trial that was pruned after the epochs that have these values."""
    origin = {} if promoted_from is None else {"promoted_from": promoted_from}
    return create_trial(
        state=TrialState.PRUNED,
        params={"epochs": epochs, "units": units},
        distributions={"epochs": EPOCHS, "units": UNITS},
        intermediate_values=dict(enumerate(values, 1)),
        user_attrs={"curve": curve, "outcome": "pruned", **origin},
    )


def ended(curve: str, outcome: str, *values: float, epochs: int = 30) -> FrozenTrial:
    is_finished = outcome == "finished"
    return create_trial(
        state=TrialState.COMPLETE if is_finished else TrialState.PRUNED,
        value=values[-1] if is_finished else None,
        params={"epochs": epochs, "units": 1},
        distributions={"epochs": EPOCHS, "units": UNITS},
        intermediate_values=dict(enumerate(values, 1)),
        user_attrs={"curve": curve, "outcome": outcome},
    )


def study_of(*trials: FrozenTrial) -> Study:
    study = optuna.create_study(direction="maximize")
    study.add_trials(trials)
    return study


def schedule_of(
    study: Study,
    *,
    n_trials: int = 100,
    n_epochs: int | None = None,
    fixed: Mapping[str, ParamValue] | None = None,
) -> SampledSchedule:
    return SampledSchedule(
        study,
        run_study_file(TASK, "small.py"),
        n_trials=n_trials,
        seed=0,
        sampler=SamplerName.RANDOM,
        pruner=PrunerName.HALVING,
        fixed=fixed or {},
        max_epochs=30,
        n_epochs=n_epochs,
    )


def promoted(trial: Trial | None) -> int | None:
    """The number of the trial that a trial continues."""
    return None if trial is None else trial.user_attrs.get("promoted_from")


def test_the_best_of_three_is_promoted_before_a_new_trial_is_asked_for():
    schedule = schedule_of(study_of(pruned("a", 0.7), pruned("b", 0.5), pruned("c", 0.6)))

    assert [promoted(schedule.next_trial()) for _ in range(2)] == [0, None]


def test_a_trial_promoted_by_an_earlier_launcher_is_not_promoted_again():
    trials = [pruned("a", 0.7), pruned("b", 0.5), pruned("c", 0.6)]
    child = pruned("a", 0.7, 0.7, 0.8, promoted_from=0)

    assert promoted(schedule_of(study_of(*trials, child)).next_trial()) is None


def test_two_pruned_trials_of_one_curve_are_promoted_once():
    twins = [pruned("a", 0.7), pruned("a", 0.7)]
    schedule = schedule_of(study_of(*twins, pruned("b", 0.5), pruned("c", 0.6)))

    assert [promoted(schedule.next_trial()) for _ in range(2)] == [0, None]


def test_a_pruned_trial_whose_curve_was_trained_to_the_end_since_is_not_promoted():
    rest = [pruned("b", 0.5), pruned("c", 0.6)]
    finished = ended("a", "finished", *[0.7] * 30)

    assert promoted(schedule_of(study_of(pruned("a", 0.7), *rest, finished)).next_trial()) is None


def test_a_shorter_trial_of_the_same_curve_keeps_nobody_from_being_promoted():
    rest = [pruned("b", 0.5), pruned("c", 0.6)]
    shorter = ended("a", "finished", 0.7, 0.7, epochs=2)

    assert promoted(schedule_of(study_of(pruned("a", 0.7), *rest, shorter)).next_trial()) == 0


def test_a_trial_that_was_told_nothing_yet_is_not_promoted():
    """A launcher died between writing the outcome and telling it."""
    rest = [pruned("b", 0.5), pruned("c", 0.6)]
    study = study_of(*rest)
    half = create_trial(
        state=TrialState.WAITING,
        params={"epochs": 30, "units": 1},
        distributions={"epochs": EPOCHS, "units": UNITS},
        intermediate_values={1: 0.7},
        user_attrs={"curve": "a", "outcome": "pruned"},
    )
    study.add_trial(half)

    trial = schedule_of(study).next_trial()

    assert (trial.number, promoted(trial)) == (2, None)


def test_a_trial_with_another_value_than_the_one_fixed_now_is_not_promoted():
    trials = [pruned("a", 0.9, units=3), pruned("b", 0.8, units=1)]
    rest = [pruned(name, 0.1, units=1) for name in "cdefg"]

    assert promoted(schedule_of(study_of(*trials, *rest), fixed={"units": 1}).next_trial()) == 1
    assert promoted(schedule_of(study_of(*trials, *rest)).next_trial()) == 0


def test_once_the_budget_is_spent_three_of_a_rung_are_promoted_and_nothing_is_asked_for():
    trials = [pruned(name, value) for name, value in zip("abcd", (0.1, 0.2, 0.3, 0.4), strict=True)]
    schedule = schedule_of(study_of(*trials), n_trials=4)

    assert [promoted(schedule.next_trial()) for _ in range(3)] == [3, 2, 1]
    assert schedule.next_trial() is None


def test_once_enough_epochs_are_trained_no_new_trial_begins_and_interrupted_ones_end():
    study = study_of(ended("a", "finished", 0.5, epochs=1))

    assert schedule_of(study, n_epochs=2).next_trial().number == 1  # one is too few

    study.tell(1, state=TrialState.FAIL)
    study.enqueue_trial({"epochs": 3, "units": 7})
    schedule = schedule_of(study, n_epochs=1)
    assert schedule.next_trial().params["units"] == 7
    assert schedule.next_trial() is None


def test_an_interrupted_trial_comes_before_a_promotion_and_a_new_one():
    study = study_of(pruned("a", 0.7), pruned("b", 0.5), pruned("c", 0.6))
    study.enqueue_trial({"epochs": 3, "units": 7})

    trial = schedule_of(study).next_trial()

    assert (trial.number, trial.params["units"]) == (3, 7)


def test_an_interrupted_promoted_trial_goes_on_although_the_budget_is_spent():
    trials = [pruned("a", 0.7), pruned("b", 0.5), pruned("c", 0.6)]
    child = create_trial(
        state=TrialState.WAITING,
        params={"epochs": 30, "units": 1},
        distributions={"epochs": EPOCHS, "units": UNITS},
        intermediate_values={1: 0.7, 2: 0.7},
        user_attrs={"curve": "a", "promoted_from": 0},
    )

    trial = schedule_of(study_of(*trials, child), n_trials=3).next_trial()

    assert trial.number == 3


def test_a_trial_is_judged_from_its_last_reported_epoch_on():
    study = study_of(pruned("a", 0.7, 0.7, 0.7))
    schedule = schedule_of(study)

    assert schedule.judged_below(study.trials[0]) == Mark(0, 3)


def test_a_promoted_trial_is_not_judged_again_where_its_parent_was():
    study = study_of(pruned("a", 0.7, 0.7, 0.7))
    schedule = schedule_of(study)
    child = create_trial(state=TrialState.RUNNING, user_attrs={"promoted_from": 0})

    assert schedule.judged_below(child) == Mark(0, 4)


def test_a_curve_that_has_grown_meanwhile_is_judged_at_the_last_rung_that_it_came_to():
    study = study_of(*(pruned(name, *[0.9] * 9) for name in "bcd"))
    schedule = schedule_of(study)
    schedule.reached(study.ask(), "a", Mark(0, 9), 0.1)

    assert not schedule.may_go_on(study.ask(), "a", Mark(0, 10), judged_below=Mark(0, 4))
    assert schedule.may_go_on(study.ask(), "a", Mark(0, 10), judged_below=Mark(0, 10))


def test_a_trial_whose_space_raises_is_not_stored():
    study = optuna.create_study(direction="maximize")
    schedule = schedule_of(study)
    schedule.study_file = run_study_file(study_text("raise ValueError('no')"), "small.py")

    with pytest.raises(Exception, match="space.trial. raised ValueError: no"):
        schedule.next_trial()

    assert study.trials == []
    assert schedule.n_counted == 0


def test_a_queued_trial_whose_space_raises_is_left_waiting():
    study = optuna.create_study(direction="maximize")
    study.enqueue_trial({"units": 1})
    schedule = schedule_of(study)
    schedule.study_file = run_study_file(study_text("raise ValueError('no')"), "small.py")

    with pytest.raises(Exception, match="space.trial. raised ValueError: no"):
        schedule.next_trial()

    assert [trial.state for trial in study.trials] == [TrialState.WAITING]
    assert schedule.n_counted == 0


def test_a_new_trial_is_stored_with_all_its_params_in_one_step():
    """What Optuna itself would have asked and stored one after the other."""
    study, plain = (
        optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)) for _ in range(2)
    )

    def suggest(trial):
        trial.set_user_attr("mine", 1)
        if trial.suggest_categorical("kind", ["a", "b"]) == "b":
            trial.suggest_int("units", 1, 8)
        trial.suggest_float("rate", 1e-5, 1.0, log=True)

    for _ in range(4):
        drawn = ask(study, suggest)
        suggest(asked := plain.ask())
        assert drawn.params == asked.params
        assert drawn.distributions == asked.distributions
        study.tell(drawn, 1.0)
        plain.tell(asked, 1.0)

    assert [trial.number for trial in study.trials] == [0, 1, 2, 3]
    assert all(trial.user_attrs == {"mine": 1} for trial in study.trials)
    assert all(trial.duration is not None for trial in study.trials)


def cut_after_rounds(curve: str, *values: float, n_rounds: int = 3) -> FrozenTrial:
    """A trial that was pruned after the rounds that have these values."""
    ends = [*values, *[None] * (n_rounds - len(values))]
    rounds = [
        {"seed": 0, "fold": i, "curve": f"{curve}{i}" if value else None, "value": value}
        for i, value in enumerate(ends, 1)
    ]
    return create_trial(
        state=TrialState.PRUNED,
        params={"epochs": 2, "units": 1},
        distributions={"epochs": EPOCHS, "units": UNITS},
        intermediate_values={1: 0.1, 2: values[0]},
        user_attrs={"curve": f"{curve}1", "outcome": "pruned", "rounds": rounds},
    )


def test_between_rounds_a_trial_is_compared_by_its_mean_over_as_many_rounds():
    schedule = schedule_of(study_of(*(cut_after_rounds(name, 0.5, 0.6) for name in "abc")))
    poor, good = study_of().ask(), study_of().ask()
    schedule.reached(poor, "poor", Mark(2, 0), 0.54)
    schedule.reached(good, "good", Mark(2, 0), 0.56)

    judged_below = Mark(1, 1)
    assert not schedule.may_go_on(poor, "poor", Mark(2, 0), judged_below=judged_below)
    assert schedule.may_go_on(good, "good", Mark(2, 0), judged_below=judged_below)
    assert schedule.may_go_on(poor, "poor", Mark(2, 0), judged_below=Mark(2, 1))


def test_a_trial_pruned_between_rounds_is_promoted_once_it_is_in_the_best_half():
    better, worse = cut_after_rounds("a", 0.7), cut_after_rounds("b", 0.5)

    schedule = schedule_of(study_of(worse, better))

    assert [promoted(schedule.next_trial()) for _ in range(2)] == [1, None]
    child = create_trial(state=TrialState.RUNNING, user_attrs={"promoted_from": 1})
    assert schedule.judged_below(child) == Mark(1, 1)


def test_the_epochs_of_all_rounds_count_toward_a_budget_in_epochs():
    schedule = schedule_of(study_of(cut_after_rounds("a", 0.7, 0.6)), n_epochs=10)

    assert schedule.n_epochs_left == 6

"""The race: who is repeated next, with which seed, and what it takes from the budget."""

from __future__ import annotations

from collections.abc import Mapping

import optuna
import pytest
from optuna.study import Study
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from hpsearch.choices import PrunerName, SamplerName
from hpsearch.evaluation.candidates import fresh_seeds
from hpsearch.goal import Goal
from hpsearch.searching.racing import N_SEEDS, RacingSchedule, to_repeat
from hpsearch.searching.rungs import Mark
from hpsearch.searching.schedule import SampledSchedule
from hpsearch.study.configurations import Configuration
from hpsearch.study.trials import Outcome
from hpsearch.study_file import run_study_file
from hpsearch.task import ParamValue
from tests.searching.test_schedule import EPOCHS, TASK, UNITS, ended, pruned, study_of
from tests.study.test_configurations import repeated
from tests.summaries import trial

GOAL = Goal("val_accuracy", "maximize")
FIRST, SECOND = fresh_seeds(0, 2)


def number_to_repeat(*configurations: Configuration) -> int | None:
    chosen = to_repeat(configurations, GOAL)
    return None if chosen is None else chosen.number


def test_the_best_value_is_repeated_first():
    assert number_to_repeat(repeated(0, 0.8), repeated(1, 0.9)) == 1
    assert number_to_repeat() is None


def test_a_value_below_the_best_mean_is_not_repeated_and_one_above_it_is():
    steady = repeated(0, 0.90, 0.90)

    assert number_to_repeat(steady, repeated(1, 0.89)) is None
    assert number_to_repeat(steady, repeated(1, 0.91)) == 1


def test_the_pair_at_the_top_is_repeated_until_it_is_told_apart():
    near = [repeated(0, 0.90, 0.92, 0.91), repeated(1, 0.91, 0.89)]
    far = [repeated(0, 0.900, 0.901, 0.902), repeated(1, 0.500, 0.501)]

    assert number_to_repeat(*near) == 1  # it has fewer seeds
    assert number_to_repeat(*far) is None


def test_a_third_that_cannot_be_told_apart_either_is_left_alone():
    pair = [repeated(0, *[0.90, 0.92] * 2, 0.91), repeated(1, *[0.91, 0.89] * 2, 0.90)]
    third = repeated(2, 0.95, 0.80)

    assert len(pair[0].values) == N_SEEDS
    assert number_to_repeat(*pair, third) is None


def test_equal_values_with_every_seed_settle_it():
    assert number_to_repeat(repeated(0, 0.9, 0.9), repeated(1, 0.9, 0.9)) is None


def test_lengths_of_one_network_are_no_rivals():
    long = trial(0, 0.90, params={"epochs": 9, "units": 1})
    short = trial(1, 0.91, params={"epochs": 3, "units": 1})
    pair = [
        Configuration(
            first=first,
            replicates=(trial(10 + first.number, 0.90, params=first.params, replicate_of=0),),
        )
        for first in (long, short)
    ]

    assert number_to_repeat(*pair) is None


def test_one_replicate_of_a_configuration_runs_at_a_time():
    running = trial(9, None, outcome=Outcome.RUNNING, replicate_of=1)
    leader = Configuration(first=trial(1, 0.9), replicates=(running,))

    assert number_to_repeat(repeated(0, 0.8), leader) is None


def test_params_that_broke_with_some_seed_are_out_of_the_race():
    broke = trial(9, None, outcome=Outcome.DIVERGED, replicate_of=1)
    out = Configuration(first=trial(1, 0.9), replicates=(broke,))

    assert number_to_repeat(repeated(0, 0.8), out) == 0


def finished(units: int, value: float, **attrs: int) -> FrozenTrial:
    return create_trial(
        value=value,
        params={"epochs": 3, "units": units},
        distributions={"epochs": EPOCHS, "units": UNITS},
        intermediate_values={1: 0.0, 2: 0.0, 3: value},
        user_attrs={"curve": f"{units} {attrs}", "outcome": "finished", **attrs},
    )


def race_of(
    study: Study,
    *,
    n_trials: int = 100,
    pruner: PrunerName = PrunerName.HALVING,
    fixed: Mapping[str, ParamValue] | None = None,
    n_epochs: int | None = None,
) -> RacingSchedule:
    searched = SampledSchedule(
        study,
        run_study_file(TASK, "small.py"),
        n_trials=n_trials,
        seed=0,
        sampler=SamplerName.RANDOM,
        pruner=pruner,
        fixed=fixed or {},
        max_epochs=30,
        n_epochs=n_epochs,
    )
    return RacingSchedule(study, searched, n_trials=n_trials)


def repeats(trial: Trial | None) -> tuple[int, int] | None:
    """The trial that a trial repeats, and its seed; None for any other."""
    attrs = {} if trial is None else trial.user_attrs
    return (attrs["replicate_of"], attrs["seed"]) if "replicate_of" in attrs else None


def play(schedule: RacingSchedule, value: float = 0.1) -> list[tuple[int, int] | None]:
    """Run one trial after the other until nothing is left; what each of them repeats."""
    played = []
    while (trial := schedule.next_trial()) is not None:
        played.append(repeats(trial))
        trial.set_user_attr("outcome", "finished")
        schedule.tell(trial, TrialState.COMPLETE, value)
    return played


def test_the_leader_is_repeated_with_the_seeds_that_evaluate_will_use():
    study = study_of(finished(1, 0.5), finished(2, 0.9), finished(3, 0.7))
    schedule = race_of(study)

    replicate = schedule.next_trial()

    assert replicate is not None
    assert replicate.params == {"epochs": 3, "units": 2}
    assert repeats(replicate) == (1, FIRST)
    schedule.tell(replicate, TrialState.COMPLETE, 0.89)
    assert schedule.n_counted == 4


def test_a_seed_that_was_used_is_not_used_again():
    steady = [finished(2, 0.9), finished(2, 0.8, replicate_of=0, seed=FIRST)]
    rival = [finished(3, 0.9), finished(3, 0.7, replicate_of=2, seed=FIRST)]
    rest = [finished(units, 0.1) for units in range(4, 14)]

    replicate = race_of(study_of(*steady, *rival, *rest)).next_trial()

    assert repeats(replicate) == (0, SECOND)


def test_at_most_every_third_trial_is_a_replicate():
    study = study_of(finished(1, 0.5), finished(2, 0.9))
    schedule = race_of(study)

    started = [repeats(schedule.next_trial()) for _ in range(3)]

    assert started == [(1, FIRST), None, None]


def test_what_the_race_leaves_of_the_budget_goes_to_new_trials():
    """All trials have one value, whatever their seeds: the first leads, and nothing beats it."""
    study = study_of()
    played = play(race_of(study, n_trials=12))

    assert len(played) == len(study.trials) == 12
    assert list(filter(None, played)) == [(0, FIRST)]


def test_a_leader_that_comes_last_is_still_repeated():
    """New trials never take the whole budget."""
    study = study_of(*(finished(units, units / 10) for units in range(1, 9)))

    assert repeats(race_of(study, n_trials=9).next_trial()) == (7, FIRST)
    assert race_of(study, n_trials=8).next_trial() is None


def test_a_third_of_a_budget_in_epochs_is_kept_until_the_race_is_settled():
    """Eight trials took 24 epochs of 36, and the last of them leads."""
    study = study_of(*(finished(units, units / 10) for units in range(1, 9)))
    schedule = race_of(study, n_epochs=36)

    replicate = schedule.next_trial()
    meanwhile = schedule.next_trial()

    assert replicate is not None
    assert repeats(replicate) == (7, FIRST)
    assert meanwhile is None  # 12 epochs are left, all of them kept
    schedule.tell(replicate, TrialState.COMPLETE, 0.79)  # better than any other
    trial = schedule.next_trial()
    assert trial is not None
    assert repeats(trial) is None


def test_a_race_goes_on_from_the_stored_trials_alone():
    study = study_of(finished(1, 0.5), finished(2, 0.9))
    schedule = race_of(study)
    replicate = schedule.next_trial()
    assert replicate is not None
    schedule.queue(replicate)  # a stop was asked for
    assert schedule.n_counted == 2

    again = race_of(study).next_trial()

    assert again is not None
    assert (again.number, repeats(again)) == (replicate.number, (1, FIRST))


def test_a_replicate_that_waits_goes_on_where_nothing_is_repeated_any_more():
    study = study_of(finished(1, 0.5), finished(2, 0.9))
    schedule = race_of(study)
    replicate = schedule.next_trial()
    assert replicate is not None
    schedule.queue(replicate)

    again = race_of(study).searched.next_trial()

    assert again is not None
    assert again.number == replicate.number


def test_trials_with_other_values_than_those_fixed_now_are_not_repeated():
    study = study_of(finished(1, 0.5), finished(2, 0.9))

    assert repeats(race_of(study, fixed={"units": 1}).next_trial()) == (0, FIRST)


@pytest.mark.parametrize("pruner", [PrunerName.HALVING, PrunerName.MEDIAN])
def test_a_replicate_is_never_pruned_and_no_trial_is_compared_with_it(pruner: PrunerName):
    """Six trials begin with 0.5; replicates with 0.9 would have a trial of 0.7 pruned."""
    others = [ended(str(i), "finished", *[0.5] * 30) for i in range(6)]
    study = study_of(*others, *(finished(9, 0.9, replicate_of=0, seed=i) for i in range(7)))
    for number in range(6, 13):
        assert study.trials[number].user_attrs["replicate_of"] == 0
    schedule = race_of(study, pruner=pruner)
    poor = schedule.searched.begin(
        create_trial(state=TrialState.RUNNING, user_attrs={"replicate_of": 0, "seed": 9})
    )
    good = study.ask()
    for one, value in ((poor, 0.0), (good, 0.7)):
        one.report(value, 1)
        schedule.reached(one, f"curve {one.number}", Mark(0, 1), value)

    assert schedule.may_go_on(poor, f"curve {poor.number}", Mark(0, 1), judged_below=Mark(0, 0))
    assert schedule.may_go_on(good, f"curve {good.number}", Mark(0, 1), judged_below=Mark(0, 0))


def test_a_promoted_trial_and_one_read_off_can_lead_and_a_promotion_comes_between_replicates():
    trials = [pruned("a", 0.7), pruned("b", 0.5), pruned("c", 0.6)]
    child = ended("a", "finished", *[0.7] * 30)
    child.user_attrs["promoted_from"] = 0
    shorter = create_trial(
        value=0.8,
        params={"epochs": 4, "units": 1},
        distributions={"epochs": EPOCHS, "units": UNITS},
        user_attrs={"curve": "a", "read_off": 3},
    )
    study = study_of(*trials, child, shorter)
    schedule = race_of(study, n_trials=4)

    first, second = schedule.next_trial(), schedule.next_trial()

    assert first is not None
    assert repeats(first) == (4, FIRST)
    assert first.params["epochs"] == 4
    assert second is None or repeats(second) is None


def test_a_grid_has_no_more_new_trials_than_combinations():
    study = optuna.create_study(direction="maximize")
    schedule = race_of(study, n_trials=12)
    searched = schedule.searched
    searched.n_trials = 3
    schedule = RacingSchedule(study, searched, n_trials=12)

    played = play(schedule)

    assert played.count(None) == 3

"""What replicates are worth: simulated searches at equal budgets, with noise from seeds.

The quality of a configuration falls with its distance from an optimum; a seed adds noise, whose
standard deviation is a multiple of that of the quality over random configurations. The real
schedules and TPE run; nothing is trained or pruned.
"""

from __future__ import annotations

import random
import sys
from statistics import fmean, stdev

import optuna
from optuna.trial import TrialState

from benchmarks.asks import NAMES, TEXT
from hpsearch.choices import PrunerName, SamplerName
from hpsearch.searching.racing import RacingSchedule
from hpsearch.searching.schedule import SampledSchedule, Schedule
from hpsearch.searching.search import find_best
from hpsearch.study_file import run_study_file
from hpsearch.task import Params

N_SEARCHES = 60
BUDGETS = (40, 100)
NOISES = (0.25, 0.5, 1.0)
OPTIMUM = 0.7


def quality(params: Params) -> float:
    """The mean over all seeds."""
    return -fmean((float(params[name] or 0) - OPTIMUM) ** 2 for name in NAMES[:4])


def search(seed: int, n_trials: int, noise: float, *, races: bool) -> tuple[float, float]:
    """The quality of the best that a search found, and by how much its figure flatters it."""
    dice = random.Random(seed)
    study = optuna.create_study(direction="maximize")
    searched = SampledSchedule(
        study,
        run_study_file(TEXT, "made_up.py"),
        n_trials=n_trials,
        seed=seed,
        sampler=SamplerName.TPE,
        pruner=PrunerName.NONE,
        fixed={},
        max_epochs=27,
    )
    schedule: Schedule = searched
    if races:
        schedule = RacingSchedule(study, searched, n_trials=n_trials)
    while (trial := schedule.next_trial()) is not None:
        trial.set_user_attr("outcome", "finished")
        trial.set_user_attr("curve", str(trial.number))
        value = quality(trial.params) + dice.gauss(0, noise)
        schedule.tell(trial, TrialState.COMPLETE, value)
    best = find_best(study, searched.goal)
    assert best is not None
    found = quality(best.params)
    return found, best.mean - found


def main() -> None:
    """Print a table in Markdown."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    dice = random.Random(0)
    unit = stdev(quality({name: dice.random() for name in NAMES}) for _ in range(10_000))
    for n_trials in BUDGETS:
        for noise in NOISES:
            cells = [str(n_trials), f"{noise:g}"]
            for races in (False, True):
                found = [
                    search(seed, n_trials, noise * unit, races=races) for seed in range(N_SEARCHES)
                ]
                lacks = [-one / unit for one, _ in found]
                error = stdev(lacks) / N_SEARCHES**0.5
                flatters = fmean(flattery for _, flattery in found) / unit
                cells += [f"{fmean(lacks):.2f} ± {error:.2f}", f"{flatters:.2f}"]
            print("| " + " | ".join(cells) + " |")
            sys.stdout.flush()


if __name__ == "__main__":
    main()

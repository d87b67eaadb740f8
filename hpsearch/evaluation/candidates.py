"""What is evaluated: the best trials and the baseline, each with fresh seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

import numpy as np
from optuna.study import Study
from optuna.trial import FixedTrial

from hpsearch.errors import NothingFinished
from hpsearch.goal import Goal, Logs, objectives_of
from hpsearch.study.configurations import configurations_of
from hpsearch.study.configurations import ranked as ranked_configurations
from hpsearch.study.trials import row
from hpsearch.study_file import StudyFile, calling
from hpsearch.task import Params, without_epochs

BASELINE = "baseline"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A network to evaluate."""

    name: str
    """`trial 7`, or `baseline`."""
    number: int | None
    """The trial's number; None for a baseline without a finished trial."""
    params: Params
    """Complete: `epochs` and `batch_size` included."""
    is_baseline: bool
    searched: float | None
    """Its value in the search, as a mean over seeds: optimistic, because it was chosen for it."""
    valid: list[float] = field(default_factory=list)
    """The metric after the last epoch, per fresh seed."""
    costs: list[float] = field(default_factory=list)
    """Of a study with several objectives: means over fresh seeds."""
    test: list[Logs] = field(default_factory=list)
    """Keras's logs on the test split, per fresh seed; for winner and baseline only."""


def fresh_seeds(seed: int, n: int) -> list[int]:
    """Seeds derived from a study's, all different from it and from each other.

    A larger `n` only appends seeds, so earlier trainings are found again.
    """
    drawn = np.random.SeedSequence(seed).generate_state(n + 100).tolist()
    return [other for other in dict.fromkeys(drawn) if other != seed][:n]


def choose_candidates(
    study: Study, study_file: StudyFile, n_top: int, *, costs: Sequence[str] = ()
) -> list[Candidate]:
    """The best finished trials, and the baseline at the length that the task names for it.

    Trials that were repeated count by their means. With several objectives, those on the front
    come first. Of trials that differ only in epochs, the best is taken: they share a curve and
    a network.

    Raises:
        NothingFinished: No trial has finished.
        StudyFileError: The baseline is not a point of the search space.
    """
    task = study_file.task
    rows = map(row, study.get_trials(deepcopy=False))
    configurations = ranked_configurations(configurations_of(rows), objectives_of(task.goal, costs))
    if not configurations:
        raise NothingFinished(
            f"study {study.study_name!r} has no finished trial: continue with "
            f"hpsearch resume {study.study_name}"
        )
    baseline = baseline_of(study_file)
    if task.evaluated_epochs is not None:
        baseline["epochs"] = task.evaluated_epochs
    candidates: list[Candidate] = []
    known: list[Params] = []
    for configuration in configurations:
        params = task.complete(configuration.params)
        is_baseline = params == baseline
        # the baseline is compared at its own length, even if a shorter one was better
        identity = params if is_baseline else without_epochs(params)
        if identity not in known:
            known.append(identity)
            candidates.append(
                Candidate(
                    name=f"trial {configuration.number}",
                    number=configuration.number,
                    params=params,
                    is_baseline=is_baseline,
                    searched=configuration.mean,
                )
            )
    top = candidates[:n_top]
    if any(candidate.is_baseline for candidate in top):
        return top
    below = next((candidate for candidate in candidates if candidate.is_baseline), None)
    return [
        *top,
        Candidate(
            name=BASELINE,
            number=below.number if below else None,
            params=baseline,
            is_baseline=True,
            searched=below.searched if below else None,
        ),
    ]


def ranked(candidates: Sequence[Candidate], goal: Goal) -> list[Candidate]:
    """Best first, by the mean of the metric over seeds, then by costs."""
    return sorted(candidates, key=lambda one: (goal.key(fmean(one.valid)), one.costs))


def baseline_of(study_file: StudyFile) -> Params:
    """The baseline as a trial's params: only what `space` suggests.

    Raises:
        StudyFileError: The baseline is not a point of the search space.
    """
    task = study_file.task
    trial = FixedTrial(dict(task.baseline))
    with calling("space(trial) with the baseline", study_file.filename):
        task.space(trial)  # type: ignore[arg-type]  # suggests as a Trial does
    return task.complete(trial.params)

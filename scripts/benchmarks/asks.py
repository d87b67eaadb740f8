"""Processor time of a trial's bookkeeping, by the number of trials in the study.

The trials are made up: eight hyperparameters, and values at rungs as halving would leave them.
The sampler's own time is measured separately, on the same study.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import optuna
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpsearch.choices import PrunerName, SamplerName
from hpsearch.searching.schedule import SampledSchedule
from hpsearch.study.distributions import number_range
from hpsearch.study.patience import Patience
from hpsearch.study.storage import Storage
from hpsearch.study_file import run_study_file

SIZES = (100, 1_000, 5_000)
N_ASKS = 10
NAMES = [f"x{i}" for i in range(8)]
TEXT = f'''"""Made up."""
import numpy as np
from hpsearch import Dataset, Split, Task
def load(folder): ...
def space(trial):
    for name in {NAMES}:
        trial.suggest_float(name, 0.0, 1.0)
def build(params): ...
TASK = Task(
    load=load, space=space, build=build,
    baseline=dict(epochs=27, batch_size=1, **dict.fromkeys({NAMES}, 0.5)),
)
'''


def made_up(number: int, dice: random.Random) -> FrozenTrial:
    """A trial that was pruned at a rung, or finished."""
    n_epochs = dice.choices([1, 3, 9, 27], [9, 3, 1, 1])[0]
    params = {name: dice.random() for name in NAMES}
    values = {epoch: dice.random() for epoch in range(1, n_epochs + 1)}
    is_finished = n_epochs == 27
    return create_trial(
        state=TrialState.COMPLETE if is_finished else TrialState.PRUNED,
        value=values[n_epochs],
        params=params,
        distributions=dict.fromkeys(NAMES, number_range("x", 0.0, 1.0, None, False)),
        intermediate_values=values,
        user_attrs={
            "curve": f"{number:032x}",
            "outcome": "finished" if is_finished else "pruned",
            "promoted_from": number,  # so that only new trials are asked for
        },
    )


def processor_ms(act: Callable[[], object]) -> float:
    """Milliseconds of processor time that a call takes."""
    began = time.process_time()
    act()
    return 1000 * (time.process_time() - began)


def measure(n_trials: int) -> list[str]:
    """A row of the table."""
    dice = random.Random(0)
    with tempfile.TemporaryDirectory() as folder:
        storage = Storage(f"sqlite:///{Path(folder) / 'studies.db'}", patience=Patience(60))
        study = optuna.create_study(storage=storage.optuna, direction="maximize")
        for number in range(n_trials):
            study.add_trial(made_up(number, dice))
        schedule = SampledSchedule(
            study,
            run_study_file(TEXT, "made_up.py"),
            n_trials=10**6,
            seed=0,
            sampler=SamplerName.TPE,
            pruner=PrunerName.HALVING,
            fixed={},
            max_epochs=27,
        )
        asks, judgements, tells, samplers = [], [], [], []
        for i in range(N_ASKS):
            trial = None

            def ask() -> None:
                nonlocal trial
                trial = schedule.next_trial()

            asks.append(processor_ms(ask))
            assert trial is not None
            curve = f"new-{i}"

            def judge(curve: str = curve, trial: optuna.Trial = trial) -> None:
                schedule.reached(trial, curve, 1, dice.random())
                schedule.may_go_on(trial, curve, 1, judged_below=0)

            judgements.append(processor_ms(judge))
            trial.set_user_attr("curve", curve)
            trial.report(0.0, step=1)
            told = trial
            tells.append(processor_ms(lambda t=told: schedule.tell(t, TrialState.PRUNED, None)))
            sampler = study.sampler
            seen = study.ask()

            def propose(seen: optuna.Trial = seen, sampler: object = sampler) -> None:
                for name in NAMES:
                    seen.suggest_float(name, 0.0, 1.0)

            samplers.append(processor_ms(propose))
            schedule.tell(seen, TrialState.FAIL, None)
    figures = (asks, samplers, judgements, tells)
    return [f"{n_trials:,}", *(f"{median(figure):.1f}" for figure in figures)]


def main() -> None:
    """Print the table."""
    sizes = [int(text) for text in sys.argv[1:]] or SIZES
    print(f"processor time in ms, median of {N_ASKS}")
    print("| trials | ask | of that, the sampler | judge at a rung | tell |")
    print("| --- | --- | --- | --- | --- |")
    for n_trials in sizes:
        print("| " + " | ".join(measure(n_trials)) + " |", flush=True)


if __name__ == "__main__":
    main()

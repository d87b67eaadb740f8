"""Studies in a storage, with curves, without any training."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from optuna.distributions import IntDistribution, json_to_distribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from hpsearch.files import slug
from hpsearch.goal import Logs
from hpsearch.pictures.subject import Subject
from hpsearch.study.record import Point, create_or_continue, make_record
from hpsearch.study.space import explore
from hpsearch.study.storage import Storage
from hpsearch.study.trials import Attr, Outcome, onset_attrs
from hpsearch.study_file import run_study_file
from hpsearch.task import Params
from tests.study_texts import study_text

TEXT = study_text(
    "trial.suggest_int('epochs', 1, 9)",
    "trial.suggest_int('units', 1, 8)",
    baseline="units=2",
    factors="epochs=[1, 3], units=[2, 4, 8]",
    published="__import__('hpsearch').Published(test_accuracy=0.5, source='a book', "
    "curve={'val_loss': [1.0, 0.5]}, epochs=[1, 90])",
).replace("epochs=1, batch_size", "epochs=3, batch_size")
BASELINE: Params = {"epochs": 3, "batch_size": 4, "units": 2}
NOON = datetime(2026, 1, 1, 12)


def logs(n_epochs: int, best: float = 0.9, *, seconds: float = 1.0) -> list[Logs]:
    """Validation accuracy rises to the best; both losses fall."""
    return [
        {
            "loss": 0.5 * n_epochs / epoch,
            "val_loss": 1.0 * n_epochs / epoch,
            "accuracy": best,
            "val_accuracy": best - (n_epochs - epoch) / 100,
            "seconds": seconds,
        }
        for epoch in range(1, n_epochs + 1)
    ]


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A trial to store."""

    curve: list[Logs] = field(default_factory=list)
    epochs_done: int | None = None
    """None for all of the curve."""
    outcome: Outcome = Outcome.FINISHED
    params: Params = field(default_factory=lambda: dict(BASELINE))
    key: str | None = None
    """The name of the curve, if several trials share it."""
    seed: int = 0
    label: str = ""
    """Of a combination in a sweep."""
    replicate_of: int | None = None
    costs: tuple[float, ...] = ()
    """In a study with several objectives."""


def store(
    folder: Path,
    *trials: Stored,
    is_sweep: bool = False,
    name: str = "toy",
    text: str = TEXT,
    costs: Sequence[str] = (),
) -> Subject:
    """A study; a search has its baseline queued as trial 0."""
    storage = Storage(f"sqlite:///{folder}/studies.db")
    study_file = run_study_file(text, "toy.py")
    space = explore(study_file)
    points = [Point(trial.params, trial.seed, trial.label) for trial in trials] if is_sweep else []
    record = make_record(
        study_file, space.as_json(), data="0" * 64, seed=0, sampler="tpe", pruner="none",
        points=points, costs=costs,
    )  # fmt: skip
    study, _record, _existed = create_or_continue(storage, name, record, {"epochs": 3, "units": 2})
    for number, trial in enumerate(trials):
        key = trial.key or f"{slug(name)}-{number}"
        (storage.curves / key).mkdir(parents=True, exist_ok=True)
        content = {"schema": "hpsearch.curve/1", "starts": [], "logs": trial.curve}
        (storage.curves / key / "curve.json").write_text(json.dumps(content))
        study.add_trial(_frozen(trial, number, key, space.as_json()))
    return Subject(Storage(storage.url.render_as_string(), read_only=True), name)


STATES = {
    Outcome.FINISHED: TrialState.COMPLETE,
    Outcome.READ_OFF: TrialState.COMPLETE,
    Outcome.DIVERGED: TrialState.PRUNED,
    Outcome.PRUNED: TrialState.PRUNED,
    Outcome.FAILED: TrialState.FAIL,
}


def _frozen(trial: Stored, number: int, key: str, space: dict[str, str]) -> FrozenTrial:
    done = trial.curve[: trial.epochs_done]
    values = [one["val_accuracy"] for one in done]
    is_read_off = trial.outcome is Outcome.READ_OFF
    frozen = create_trial(
        state=STATES[trial.outcome],
        params=trial.params,
        distributions={
            name: json_to_distribution(space[name])
            if isinstance(value, str)
            else IntDistribution(1, 99)
            for name, value in trial.params.items()
        },
        values=[values[-1], *trial.costs] if values and math.isfinite(values[-1]) else None,
        intermediate_values={} if is_read_off else dict(enumerate(values, 1)),
        user_attrs={
            Attr.OUTCOME: trial.outcome.value,
            Attr.CURVE: key,
            Attr.SEED: trial.seed,
            **onset_attrs(dict(enumerate(done, 1))),
            **({Attr.READ_OFF: 0} if is_read_off else {}),
            **({} if trial.replicate_of is None else {Attr.REPLICATE_OF: trial.replicate_of}),
            **({Attr.BASELINE: True} if trial.params == BASELINE else {}),
        },
    )
    frozen.datetime_start = NOON + timedelta(minutes=number)
    frozen.datetime_complete = NOON + timedelta(minutes=number + 1)
    return frozen

"""A storage with a study, and a dashboard that serves it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest
from optuna.distributions import IntDistribution
from optuna.study import Study
from optuna.trial import create_trial

from hpsearch.study.storage import Storage
from tests.dashboard.serving import Served, serving


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return Storage(f"sqlite:///{tmp_path}/studies.db")


@pytest.fixture
def study(storage: Storage) -> Study:
    """`toy`, with a trial that runs and one that has finished."""
    study = optuna.create_study(study_name="toy", storage=storage.optuna, direction="maximize")
    study.ask().report(0.5, step=1)
    study.add_trial(
        create_trial(
            value=0.875,
            params={"units": 8},
            distributions={"units": IntDistribution(1, 8)},
            intermediate_values={1: 0.5, 2: 0.875},
        )
    )
    return study


@pytest.fixture
def served(storage: Storage, study: Study) -> Iterator[Served]:
    with serving(storage) as served:
        yield served

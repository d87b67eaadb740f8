"""Trials of several rounds: a value that is a mean over folds and seeds."""

from __future__ import annotations

from pathlib import Path
from statistics import fmean, stdev

import pytest

from hpsearch.choices import PrunerName, Replicates
from hpsearch.curves.curve import Curve
from hpsearch.errors import DataError, StudyChanged, StudyFileError, UsageError
from hpsearch.evaluation.candidates import fresh_seeds
from hpsearch.searching.launch import Options, options_of, run
from hpsearch.searching.view import View
from hpsearch.study.invariants import violations
from hpsearch.study.record import load_study
from hpsearch.study.storage import Storage
from hpsearch.study.summary import Summary, summarize
from hpsearch.study.trials import Outcome
from tests.toy import write_toy

URL = "sqlite:///studies.db"


def search(toy: Path, n_trials: int = 1, **options) -> Summary:
    chosen = {"storage": URL, "slots": 1, "pruner": PrunerName.NONE, **options}
    run(str(toy), Options(trials=n_trials, **chosen), View())
    storage = Storage(URL, read_only=True)
    study, record = load_study(storage, "toy")
    assert violations(storage, study, record) == []
    return summarize(study, record)


@pytest.mark.slow
def test_a_trial_is_the_mean_over_folds_and_seeds_and_the_study_goes_on_with_no_other(cwd):
    toy = write_toy(cwd, metric="val_loss", direction="minimize", epochs=2, folds=3)

    (trial, *_read_off) = search(toy, repeats=2).rows

    names = [(one.fold, one.seed) for one in trial.rounds]
    other = fresh_seeds(0, 1)[0]
    assert names == [(1, 0), (2, 0), (3, 0), (1, other), (2, other), (3, other)]
    values = [Curve(cwd / "curves" / str(one.curve)).logs[1]["val_loss"] for one in trial.rounds]
    assert [one.value for one in trial.rounds] == values
    assert len(set(values)) == 6
    assert trial.value == fmean(values)
    assert trial.spread == f"±{stdev(values):.4f} over 6 rounds"
    assert (trial.epochs, trial.epochs_trained) == (2, 12)

    with pytest.raises(StudyChanged, match="repeats: 2"):
        search(toy, 2, repeats=3)
    with pytest.raises(UsageError, match="--replicates auto is for trials of one seed"):
        search(toy, 2, replicates=Replicates.AUTO)
    write_toy(cwd, metric="val_loss", direction="minimize", epochs=2, folds=2)
    with pytest.raises(StudyChanged, match="folds: 3"):
        search(toy, 2)


@pytest.mark.slow
def test_a_value_that_is_read_off_is_a_mean_over_folds_too(cwd):
    toy = write_toy(cwd, epochs=2, peak=1, folds=2)

    whole, read_off = search(toy).rows

    assert (whole.outcome, read_off.outcome) == (Outcome.FINISHED, Outcome.READ_OFF)
    assert read_off.curves == whole.curves
    assert [one.value for one in read_off.rounds] == pytest.approx([0.5, 0.5])
    assert read_off.value == fmean(one.value or 0.0 for one in read_off.rounds)


@pytest.mark.parametrize(
    ("folds", "what"),
    [
        ("1", "folds must be a whole number of 2 or more, not 1"),
        ("2.5", "folds must be a whole number of 2 or more, not 2.5"),
        ("True", "folds must be a whole number of 2 or more, not True"),
        ("3, callbacks=lambda params: []", "folds= and callbacks= do not go together"),
    ],
)
def test_folds_that_are_no_number_of_folds_are_refused(cwd, folds, what):
    toy = write_toy(cwd, fields=f"folds={folds}")

    with pytest.raises(StudyFileError, match=what):
        search(toy)
    assert not Path("studies.db").exists()


def test_data_that_do_not_fit_the_folds_are_refused_before_anything_is_stored(cwd):
    toy = write_toy(cwd, folds=30)

    with pytest.raises(DataError, match=r"toy.py: folds=30 is more than the 25 examples"):
        search(toy)
    assert not Path("studies.db").exists()


def test_repeats_must_be_a_number_of_seeds(inside):
    with pytest.raises(UsageError, match="repeats must be a whole number of 1 or more, not 0"):
        options_of(repeats=0)
    refused = inside("run", "toy", "--repeats", "0")
    assert refused.returncode == 2
    assert "--repeats" in refused.stderr

"""Sentences that answer a lab's questions, built from the figures alone."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from hpsearch.reporting.evidence import ANSWERS, answer
from hpsearch.reporting.material import Material
from hpsearch.study.storage import Storage
from hpsearch.study.trials import Outcome
from hpsearch.task import OF_FACTORS, Evidence, Question
from tests.evaluated import copy_study
from tests.pictures.stored import BASELINE, Stored, logs, store
from tests.reporting.written import ASKING_TEXT, level

OVERFITTING = [
    {"loss": 1 / epoch, "val_loss": 0.5 + abs(epoch - 2) / 10, "val_accuracy": 0.8, "seconds": 2.0}
    for epoch in range(1, 9)
]


def asked(material: Material, evidence: str) -> str:
    """The answer to a question, about `units` where it needs a factor."""
    factor = "units" if evidence in OF_FACTORS else ""
    return " ".join(answer(Question(words="?", evidence=evidence, factor=factor), material))


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Without the baseline."""
    other = Stored(curve=logs(3, 0.9), params={"epochs": 3, "units": 4})
    subject = store(tmp_path_factory.mktemp("search"), other, text=ASKING_TEXT)
    return Material(subject.storage, ["toy"])


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Material:
    """Two seeds; 4 units make no difference, 8 make one and take twice as long."""
    trials = [
        one
        for seed in (0, 1)
        for one in (
            level(seed),
            level(seed, 0.701, units=4),
            level(seed, 0.9, epoch_s=2.0, units=8),
        )
    ]
    subject = store(tmp_path_factory.mktemp("sweep"), *trials, is_sweep=True, text=ASKING_TEXT)
    return Material(subject.storage, ["toy"])


def test_every_kind_of_evidence_has_an_answer(search, sweep):
    assert set(ANSWERS) == set(Evidence)
    for material in (search, sweep):
        assert all(asked(material, evidence) for evidence in Evidence)


def test_names_in_commands_are_quoted_for_a_shell(tmp_path):
    other = Stored(curve=logs(3, 0.9), params={"epochs": 3, "units": 4})
    subject = store(tmp_path, other, text=ASKING_TEXT, name="mine; rm *")

    told = asked(Material(subject.storage, ["mine; rm *"]), "test")

    assert told == "The test split has not been opened: hpsearch evaluate 'mine; rm *'."


def test_a_question_that_only_words_can_answer_gets_none(search):
    assert answer(Question(words="Why?"), search) == []


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        ("levels", "No figures on units yet: hpsearch sweep toy."),
        ("time", "No figures on units yet: hpsearch sweep toy."),
        ("overfitting by level", "No figures on units yet: hpsearch sweep toy."),
        ("overfitting", "The baseline has not been trained to its end yet."),
        ("baseline", "No figures on the baseline yet: hpsearch sweep toy."),
        ("combination", "No figures on a combination yet: hpsearch sweep toy."),
        ("test", "The test split has not been opened: hpsearch evaluate toy."),
        (
            "findings",
            "The lab's findings are about single factors, so only a sweep can judge them: "
            "hpsearch sweep toy.",
        ),
    ],
)
def test_where_there_are_no_figures_it_says_what_gets_them(search, evidence, expected):
    assert asked(search, evidence) == expected


def test_the_best_of_a_search_is_called_optimistic(search, sweep):
    told = asked(search, "search")

    assert told.startswith("The best of 1 trial is trial 1 with val_accuracy 0.9000: epochs=3")
    assert "optimistic" in told
    assert asked(sweep, "search") == "Not searched yet: hpsearch run toy."


def test_the_baseline_of_a_search_is_an_answer_as_long_as_there_is_no_sweep(tmp_path):
    subject = store(tmp_path, Stored(curve=logs(3, 0.7)), text=ASKING_TEXT)

    told = asked(Material(subject.storage, ["toy"]), "baseline")

    assert told.startswith("The baseline, trial 1, reaches a val_accuracy of 0.7000; one seed")


def test_levels_are_compared_with_the_baseline_by_an_interval(sweep):
    told = asked(sweep, "levels")

    assert "val_accuracy by units: 2: 0.7050 ± 0.0071, 4: 0.7060 ± 0.0071, 8: 0.9050" in told
    assert "The best level is 8, +0.2000 over the baseline; a real difference (95 %" in told


def test_times_and_overfitting_are_told_level_by_level(sweep):
    assert asked(sweep, "time") == (
        "An epoch takes, by units: 2: 1 s (1 times the baseline's), 4: 1 s (1 times the "
        "baseline's), 8: 2 s (2 times the baseline's) (median over epochs and seeds)."
    )
    assert asked(sweep, "overfitting by level") == (
        "Overfitting by units: 2: underfits, 4: underfits, 8: underfits."
    )
    assert "both losses fall until epoch 3" in asked(sweep, "overfitting")


def test_the_baseline_of_a_sweep_is_its_mean_over_seeds(sweep):
    assert asked(sweep, "baseline") == (
        "The baseline reaches a val_accuracy of 0.7050 ± 0.0071 over 2 seeds."
    )


def test_findings_are_judged(sweep):
    assert asked(sweep, "findings").startswith("“more units help”: supported. 8 against ")


def test_a_combination_is_compared_with_the_baseline_and_the_best_of_a_search(tmp_path):
    single = [
        level(),
        level(accuracy=0.8, units=8),
        Stored(curve=logs(1, 0.9), params={**BASELINE, "epochs": 1}),
    ]
    together = {**BASELINE, "units": 8, "epochs": 1}
    trained = [
        Stored(curve=logs(1, 0.95), params=together, label="combined: epochs=1 units=8"),
        Stored(
            curve=logs(3, 0.85), params={**BASELINE, "units": 5}, label="searched: trial 7 of a"
        ),
    ]
    before = store(tmp_path, *single, is_sweep=True, text=ASKING_TEXT, name="before")
    after = store(tmp_path, *single, *trained, is_sweep=True, text=ASKING_TEXT, name="after")

    assert asked(Material(before.storage, ["before"]), "combination") == (
        "Not trained yet: hpsearch combine before."
    )
    told = asked(Material(after.storage, ["after"]), "combination")
    assert told.startswith("Combined: epochs=1 units=8. The combination minus the baseline: +0.25")
    assert "minus the search's best, trial 7 of a: +0.1000; one seed" in told


def test_a_combination_of_levels_that_are_no_longer_the_best_is_told(tmp_path):
    changed = store(
        tmp_path,
        level(),
        level(accuracy=0.8, units=8),
        Stored(curve=logs(1, 0.9), params={**BASELINE, "epochs": 1}),
        Stored(
            curve=logs(1, 0.95), params={**BASELINE, "units": 5}, label="combined: epochs=1 units=5"
        ),
        is_sweep=True,
        text=ASKING_TEXT,
        name="changed",
    )

    told = asked(Material(changed.storage, ["changed"]), "combination")

    assert told.startswith("With what has been trained since, other levels are best than those")
    assert told.endswith("not been trained together yet: hpsearch combine changed.")


def test_where_one_factor_alone_helps_there_is_nothing_to_combine(tmp_path):
    one = store(tmp_path, level(), level(accuracy=0.8, units=8), is_sweep=True, text=ASKING_TEXT)

    assert asked(Material(one.storage, [one.name]), "combination") == (
        "Only one factor has a level that is better than the baseline: there is nothing to combine."
    )


def test_one_seed_and_a_level_that_is_the_baselines_own(tmp_path):
    one = store(tmp_path, level(), level(accuracy=0.8, units=8), is_sweep=True, name="one")
    own = store(tmp_path, level(), level(accuracy=0.6, units=8), is_sweep=True, name="own")

    assert asked(Material(one.storage, ["one"]), "levels").endswith(
        "The best level is 8, +0.1000 over the baseline; one seed cannot tell that from chance."
    )
    assert asked(Material(own.storage, ["own"]), "levels").endswith(
        "The best level is 2, the baseline's own."
    )
    assert asked(Material(one.storage, ["one"]), "baseline").endswith("over 1 seed.")


def test_levels_that_all_broke_are_said_to_be_unfinished(tmp_path):
    broken = Stored(outcome=Outcome.DIVERGED, params={**BASELINE, "units": 8})
    nan = dict.fromkeys(logs(1)[0], math.nan)
    diverged = Stored(curve=[nan], outcome=Outcome.DIVERGED)
    fine = Stored(curve=OVERFITTING, params={**BASELINE, "epochs": 8}, label="longer")
    subject = store(tmp_path, broken, diverged, fine, is_sweep=True)
    material = Material(subject.storage, ["toy"])

    for evidence in OF_FACTORS:
        assert asked(material, evidence) == "No level of units has finished yet."
    assert asked(material, "baseline").startswith("No figures on the baseline yet")


def test_an_onset_is_told_with_its_epoch(tmp_path):
    params = {**BASELINE, "units": 8}
    subject = store(tmp_path, level(), Stored(curve=OVERFITTING, params=params), is_sweep=True)

    told = asked(Material(subject.storage, ["toy"]), "overfitting by level")

    assert told == "Overfitting by units: 2: underfits, 8: from epoch 4."


@pytest.mark.slow
@pytest.mark.xdist_group("evaluated")
def test_the_test_split_answers_once_it_has_been_opened(cwd: Path):
    copy_study(cwd)
    material = Material(Storage("sqlite:///runs/studies.db", read_only=True), ["clouds"])

    assert "The test split was opened once" in asked(material, "test")
    baseline = asked(material, "baseline")
    assert "can tell: the baseline trained on train as published" in baseline
    assert "opened" not in baseline

"""Pictures of stored studies: which trial is drawn, and what a study cannot give."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace
from pathlib import Path

import pytest

from hpsearch.errors import NothingFinished, UsageError
from hpsearch.lab.table import read_table
from hpsearch.pictures.gallery import DRAWN, Choice, draw, importances, warning_of
from hpsearch.pictures.kinds import ABOUT, Needs, PictureKind
from hpsearch.pictures.subject import Subject
from hpsearch.study.storage import Storage
from hpsearch.study.trials import Outcome
from tests.evaluated import copy_study
from tests.pictures.seen import drawn, note, points, texts, title
from tests.pictures.stored import BASELINE, Stored, logs, store
from tests.several import copy_houses

OF_SEARCHES = [kind for kind in PictureKind if ABOUT[kind].needs is Needs.SEARCH]
SEARCH = [
    Stored(curve=logs(3, 0.7), params={"epochs": 3, "units": 2}),
    Stored(curve=logs(3, 0.9, seconds=2.0), params={"epochs": 3, "units": 4}),
    Stored(curve=logs(1, 0.5), params={"epochs": 3, "units": 8}, outcome=Outcome.PRUNED),
]


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """Trial 0 is queued."""
    return store(tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    """Trial 0 is queued, 1 to 3 are those above."""
    return store(tmp_path_factory.mktemp("search"), *SEARCH)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    levels = [BASELINE, {**BASELINE, "units": 4}, {**BASELINE, "units": 8}]
    trials = [
        Stored(curve=logs(3, 0.7 + seed / 10), params=params, seed=seed)
        for seed in (0, 1)
        for params in levels
    ]
    return store(tmp_path_factory.mktemp("sweep"), *trials, is_sweep=True)


def test_every_kind_is_told_of_and_can_be_drawn():
    assert list(ABOUT) == list(PictureKind) == list(DRAWN)


def test_curves_are_those_of_the_best_trial_unless_another_is_named(search):
    assert title(draw(PictureKind.CURVES, search)).startswith("Trial 2: ")
    assert title(draw(PictureKind.CURVES, search, Choice(trial=1))).startswith("Trial 1: ")


def test_a_trial_read_off_is_shown_with_the_whole_curve_that_it_was_read_off(tmp_path):
    curve = [*logs(2, 0.9), *logs(2, 0.8)]
    longer = Stored(curve=curve, params={"epochs": 4, "units": 2}, key="same")
    shorter = Stored(curve=curve, epochs_done=2, params={"epochs": 2, "units": 2}, key="same",
                     outcome=Outcome.READ_OFF)  # fmt: skip

    figure = draw(PictureKind.CURVES, store(tmp_path, longer, shorter))

    assert title(figure).startswith("Trial 2: ")
    assert len(points(drawn(figure.axes[1], "validation"))) == 4
    assert drawn(figure.axes[1], "best epoch").get_xdata()[0] == 2


def test_without_a_finished_trial_the_one_that_came_furthest_is_drawn(tmp_path):
    nan = dict.fromkeys(logs(1)[0], math.nan)
    broken = Stored(curve=[*logs(2), nan], outcome=Outcome.DIVERGED)
    short = Stored(curve=logs(1), outcome=Outcome.PRUNED)
    subject = store(tmp_path, short, broken)

    figure = draw(PictureKind.CURVES, subject)

    assert title(figure) == "Trial 2: diverged in epoch 3"
    assert title(draw(PictureKind.HISTORY, subject)) == "No trial has finished"
    for kind in (*OF_SEARCHES, PictureKind.TIME):
        if kind is not PictureKind.HISTORY:
            with pytest.raises(NothingFinished, match="no finished trial to draw"):
                draw(kind, subject)


@pytest.mark.parametrize(
    "kind", [kind for kind in PictureKind if ABOUT[kind].needs is not Needs.SWEEP]
)
def test_of_a_study_without_an_epoch_there_is_no_picture(empty, kind):
    with pytest.raises(NothingFinished):
        draw(kind, empty)


@pytest.mark.parametrize("kind", OF_SEARCHES)
def test_every_picture_of_a_search_can_be_drawn(search, kind):
    assert texts(draw(kind, search))


def test_with_several_objectives_pictures_go_by_the_first(tmp_path):
    trials = [replace(SEARCH[0], costs=(10,)), replace(SEARCH[1], costs=(900,))]
    subject = store(tmp_path, *trials, costs=["n_weights"])

    for kind in (*OF_SEARCHES, PictureKind.TIME, PictureKind.TIMELINE):
        assert texts(draw(kind, subject))
    assert title(draw(PictureKind.CURVES, subject)).startswith("Trial 2: ")
    with pytest.raises(UsageError, match="is a search, which has no table"):
        read_table(subject.storage, subject.study, subject.record)


def test_importances_of_few_trials_warn_and_other_pictures_do_not(search):
    assert "2 configurations are too few" in warning_of(PictureKind.IMPORTANCES, search)
    assert "2 configurations are too few" in note(draw(PictureKind.IMPORTANCES, search))
    assert warning_of(PictureKind.SLICES, search) == ""


def test_seeds_of_a_leader_count_once_among_importances(tmp_path):
    units = [Stored(curve=logs(3, n / 10), params={"epochs": 3, "units": n}) for n in range(1, 9)]
    epochs = [Stored(curve=logs(n, 0.4), params={"epochs": n, "units": 4}) for n in (2, 4, 5, 6)]
    repeated = [
        Stored(curve=logs(3, value), params=units[7].params, seed=seed, replicate_of=8)
        for seed, value in ((1, 0.7), (2, 0.9))
    ]
    once = store(tmp_path, *units, *epochs)
    often = store(tmp_path, *units, *epochs, *repeated, name="raced")

    assert importances(often) == importances(once)


def test_a_hyperparameter_that_few_trials_have_warns_on_the_picture_alone(tmp_path):
    rare = Stored(curve=logs(3, 0.7), params={**BASELINE, "units": 3})
    subject = store(tmp_path, rare, *SEARCH[:2])

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        draw(PictureKind.IMPORTANCES, subject)

    assert caught == []


def test_importances_need_two_trials_to_compare(tmp_path):
    with pytest.raises(NothingFinished, match="one finished configuration"):
        draw(PictureKind.IMPORTANCES, store(tmp_path, SEARCH[0]))


def test_time_is_that_of_the_epochs_of_a_trial(search):
    assert "trial 2, 0.9000 in 6 s" in note(draw(PictureKind.TIME, search))


def test_the_timeline_shows_who_has_run(search):
    figure = draw(PictureKind.TIMELINE, search)

    labels = [bars.get_label() for bars in figure.axes[0].containers]
    assert labels == ["trial 1", "trial 2", "trial 3"]


def test_curves_of_a_sweep_have_a_panel_for_each_factor_and_a_band_over_seeds(sweep):
    figure = draw(PictureKind.CURVES, sweep)

    (panel,) = figure.axes
    assert panel.get_title(loc="left") == "units"
    assert len(panel.collections) == 3  # a band for each level
    assert title(figure) == "0 of 3 levels overfit"


def test_a_single_factor_is_shown_with_its_loss(sweep):
    figure = draw(PictureKind.CURVES, sweep, Choice(factor="units"))

    assert [panel.get_ylabel() for panel in figure.axes] == ["val loss", "val accuracy"]


def test_levels_that_differ_in_epochs_are_one_curve(tmp_path):
    trials = [
        Stored(curve=logs(3), params=BASELINE, key="same"),
        Stored(curve=logs(3), epochs_done=1, params={**BASELINE, "epochs": 1}, key="same"),
    ]

    figure = draw(PictureKind.CURVES, store(tmp_path, *trials, is_sweep=True))

    assert len(points(drawn(figure.axes[0], "validation"))) == 3


def test_combinations_are_drawn_as_one_more_factor(tmp_path):
    params = {**BASELINE, "units": 8, "epochs": 1}
    trials = [
        Stored(curve=logs(3, 0.7)),
        Stored(curve=logs(3, 0.8), params={**BASELINE, "units": 8}),
        Stored(curve=logs(1, 0.9), params=params, label="combined: epochs=1 units=8"),
    ]

    figure = draw(PictureKind.FACTORS, store(tmp_path, *trials, is_sweep=True))

    panel = figure.axes[2]
    assert panel.get_title(loc="left") == "combined"
    assert [label.get_text() for label in panel.get_yticklabels()] == ["epochs=1 units=8"]
    assert title(figure).startswith("combined epochs=1 units=8 gains most: +0.2000")


def test_a_trial_of_a_sweep_has_curves_of_its_own(sweep):
    assert title(draw(PictureKind.CURVES, sweep, Choice(trial=4))).startswith("Trial 4: ")


def test_the_baseline_has_a_band_over_seeds_under_the_published_curve(sweep):
    figure = draw(PictureKind.BASELINE, sweep)

    loss = figure.axes[0]
    assert [band.get_label() for band in loss.collections] == ["band"]
    assert points(drawn(loss, "published val_loss")) == [(1, 1.0)]  # we trained no 90 epochs
    assert title(figure).startswith("Baseline and published: ")


def test_the_baseline_of_a_search_is_its_first_trial(tmp_path):
    subject = store(tmp_path, Stored(curve=logs(2), outcome=Outcome.PRUNED), SEARCH[1])

    assert len(points(drawn(draw(PictureKind.BASELINE, subject).axes[0], "validation"))) == 2


def test_time_and_factors_of_a_sweep_are_about_levels(sweep):
    figure = draw(PictureKind.FACTORS, sweep)

    assert [panel.get_title(loc="left") for panel in figure.axes] == ["units", ""]
    assert "baseline, 0.7500 in 3 s" in note(draw(PictureKind.TIME, sweep))


@pytest.mark.parametrize(
    ("kind", "choice", "message"),
    [
        pytest.param("curves", Choice(trial=9), "no trial 9 in study 'toy'", id="no trial"),
        pytest.param("curves", Choice(trial=-1), "valid numbers are 0 to 3", id="negative"),
        pytest.param("history", Choice(trial=1), "--trial is for curves and gradient", id="trial"),
        pytest.param("curves", Choice(factor="units"), "of a sweep", id="factor"),
        pytest.param("factors", Choice(), "'toy' is a search", id="not a sweep"),
        pytest.param("gradient", Choice(), "gradient_norm=True", id="not logged"),
    ],
)
def test_what_a_search_cannot_give_is_said_in_a_line(search, kind, choice, message):
    with pytest.raises(UsageError, match=message):
        draw(PictureKind(kind), search, choice)


@pytest.mark.parametrize(
    ("kind", "choice", "message"),
    [
        pytest.param("slices", Choice(), "'toy' is a sweep: try factors", id="not a search"),
        pytest.param("factors", Choice(factor="depth"), "it has units", id="no factor"),
        pytest.param("curves", Choice(factor="units", trial=1), "exclude each other", id="both"),
        pytest.param("gradient", Choice(), "gradient_norm=True", id="not logged"),
    ],
)
def test_what_a_sweep_cannot_give_is_said_in_a_line(sweep, kind, choice, message):
    with pytest.raises(UsageError, match=message):
        draw(PictureKind(kind), sweep, choice)


def test_a_queued_trial_has_nothing_to_draw(search):
    with pytest.raises(NothingFinished, match="trial 0 of study 'toy' has completed no epoch"):
        draw(PictureKind.CURVES, search, Choice(trial=0))


def test_a_study_whose_curves_are_gone_says_so(tmp_path):
    subject = store(tmp_path, SEARCH[0])
    (file,) = subject.storage.curves.glob("*/curve.json")
    file.unlink()

    with pytest.raises(NothingFinished, match="has completed an epoch"):
        draw(PictureKind.CURVES, subject)


@pytest.mark.slow
@pytest.mark.xdist_group("evaluated")
def test_the_winner_is_judged_on_test_which_its_evaluation_opened(cwd: Path):
    copy_study(cwd)
    subject = Subject(Storage("sqlite:///runs/studies.db", read_only=True), "clouds")

    confusion, mistakes = (
        draw(kind, subject) for kind in (PictureKind.CONFUSION, PictureKind.MISTAKES)
    )

    n_right = int((subject.judged.answers == subject.judged.labels).sum())
    assert 0 < n_right < 100
    assert note(confusion) == f"{n_right} of 100 test examples are right."
    assert "middle" in texts(confusion)
    assert f"8 of {100 - n_right} mistakes on test" in note(mistakes)


@pytest.mark.slow
@pytest.mark.xdist_group("evaluated")
def test_classes_are_drawn_of_networks_with_one_output(cwd: Path):
    copy_houses(cwd)
    subject = Subject(Storage("sqlite:///runs/studies.db", read_only=True), "houses")

    for kind in (PictureKind.CONFUSION, PictureKind.MISTAKES):
        with pytest.raises(UsageError, match="study 'houses' has several outputs: this picture"):
            draw(kind, subject)

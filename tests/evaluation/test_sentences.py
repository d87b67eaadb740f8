"""An opening in sentences and as JSON: both say the same figures."""

from __future__ import annotations

import json
from dataclasses import replace
from statistics import fmean

import pytest

from hpsearch.evaluation.candidates import BASELINE, Candidate
from hpsearch.evaluation.intervals import Interval
from hpsearch.evaluation.opening import Comparison, Opening
from hpsearch.evaluation.sentences import (
    as_content,
    called,
    describe_comparison,
    show_interval,
    validation_sentences,
)
from hpsearch.evaluation.sentences import test_sentences as sentences_on_test
from hpsearch.published import Published


def candidate(name: str, *figures: float, metric: str = "accuracy") -> Candidate:
    """A network with these figures, a seed each, on validation and on test."""
    return Candidate(
        name=name,
        number=None if name == BASELINE else int(name.removeprefix("trial ")),
        params={"epochs": 2, "batch_size": 16, "units": 8},
        is_baseline=name == BASELINE,
        searched=None,
        valid=list(figures),
        test=[{metric: figure, "loss": 1 - figure} for figure in figures],
    )


def opening(*candidates: Candidate, metric: str = "val_accuracy") -> Opening:
    return Opening(
        opened="2026-11-25T01:38:28+00:00",
        n_top=1,
        seeds=[1, 2, 3],
        metric=metric,
        direction="maximize",
        candidates=list(candidates),
        n_valid=100,
        n_test=100,
        versions={"keras": "3.15.1"},
        model="toy/opening-1",
        model_sha256="0" * 64,
    )


def verdict(difference: float, found: Interval | None, *, is_better: bool = True) -> Comparison:
    return Comparison(difference=difference, interval=found, is_better=is_better)


WINNER = candidate("trial 3", 0.95, 0.96, 0.97)
SECOND = candidate("trial 5", 0.90, 0.91, 0.92)
LAST = candidate(BASELINE, 0.50, 0.51, 0.52)


@pytest.mark.parametrize(("is_better", "word"), [(True, "better"), (False, "worse")])
def test_networks_that_can_be_told_apart_are_compared_with_difference_and_interval(
    is_better: bool, word: str
):
    found = Interval(low=0.125, high=0.375, method="Welch's t over seeds")

    sentence = describe_comparison("trial 3", "trial 5", verdict(0.25, found, is_better=is_better))

    for part in ("Trial 3", word, "trial 5", "+0.2500", "0.1250 to 0.3750", found.method):
        assert part in sentence


def test_networks_whose_interval_holds_zero_are_not_ranked():
    found = Interval(low=-0.125, high=0.375, method="Welch's t over seeds")

    sentence = describe_comparison("trial 3", "trial 5", verdict(0.125, found))

    assert "-0.1250 to 0.3750" in sentence
    assert "better" not in sentence


def test_without_an_interval_networks_are_not_ranked_and_no_figure_is_named():
    sentence = describe_comparison("trial 3", "trial 5", verdict(0.125, None))

    assert "better" not in sentence
    assert "0.1250" not in sentence


def test_the_winner_is_compared_with_the_second_and_with_the_baseline():
    told = validation_sentences(opening(WINNER, SECOND, LAST))

    assert sum("Trial 3" in sentence and "trial 5" in sentence for sentence in told) == 1
    assert sum("Trial 3" in sentence and "baseline" in sentence for sentence in told) == 1


def test_a_winner_without_a_rival_is_compared_with_nobody():
    told = " ".join(validation_sentences(opening(LAST)))

    assert "units=8" in told
    assert "better" not in told
    assert "difference" not in told


def test_candidates_that_diverged_are_named():
    told = validation_sentences(replace(opening(WINNER, LAST), diverged=["trial 7", "trial 9"]))

    assert sum("trial 7, trial 9" in sentence for sentence in told) == 1


def test_networks_whose_intervals_come_about_differently_are_named_with_their_method():
    agreed = candidate("trial 3", 0.96, 0.96, 0.96)

    told = " ".join(validation_sentences(opening(agreed, LAST)))

    assert "trial 3: Wilson over 100 examples; the baseline: Student's t over 3 seeds" in told


def test_an_evaluation_whose_winner_is_the_baseline_compares_nothing_on_test():
    told = " ".join(sentences_on_test([opening(LAST)], None))

    assert "better" not in told
    assert "difference" not in told


@pytest.mark.parametrize(
    ("figure", "side"),
    [
        pytest.param(0.96, set(), id="inside"),
        pytest.param(0.50, {"above"}, id="lower than ours"),
        pytest.param(0.99, {"below"}, id="higher than ours"),
    ],
)
def test_the_published_figure_is_placed_against_the_winners_interval(figure: float, side: set[str]):
    told = sentences_on_test(
        [opening(WINNER, LAST)], Published(test_accuracy=figure, source="a book")
    )

    (sentence,) = [one for one in told if f"{figure:.4f}" in one]
    assert {"above", "below"} & set(sentence.split()) == side


def test_a_published_accuracy_says_nothing_of_another_metric():
    f_score = candidate(BASELINE, 0.5, 0.6, 0.7, metric="f_score")
    published = Published(test_accuracy=0.75, source="a book")

    told = " ".join(sentences_on_test([opening(f_score, metric="val_f_score")], published))

    assert "0.7500" not in told


def test_each_time_that_test_was_opened_is_named():
    again = replace(opening(WINNER, LAST), opened="2026-12-01T09:00:00+00:00")

    told = sentences_on_test([opening(WINNER, LAST), again], None)[-1]

    assert "2 times" in told
    assert "2026-11-25 01:38 UTC, 2026-12-01 09:00 UTC" in told


@pytest.mark.parametrize(
    ("network", "name"),
    [
        (WINNER, "trial 3"),
        (LAST, "the baseline"),
        (replace(WINNER, is_baseline=True), "trial 3 (the baseline)"),
    ],
    ids=["a trial", "the baseline", "both"],
)
def test_a_network_is_called_by_its_trial_and_by_its_role(network: Candidate, name: str):
    assert called(network) == name


def test_nothing_is_shown_where_there_is_no_interval():
    assert show_interval(None) == ""


def test_json_holds_the_figures_and_what_follows_from_them():
    content = as_content(opening(WINNER, SECOND, LAST), None)

    winner = content["test"]["winner"]
    assert winner["values"] == [0.95, 0.96, 0.97]
    assert winner["mean"] == fmean(winner["values"])
    assert winner["interval"]["low"] < winner["mean"] < winner["interval"]["high"]
    assert content["test"]["verdict"]["is_told_apart"]
    assert [one["is_winner"] for one in content["candidates"]] == [True, False, False]
    assert json.loads(json.dumps(content)) == content


def test_json_has_no_verdict_of_a_network_against_itself():
    content = as_content(opening(LAST), None)

    assert content["test"]["verdict"] is None
    assert content["candidates"][0]["winner_against_this"] is None


@pytest.mark.parametrize(
    ("figure", "words"),
    [
        pytest.param(0.52, "The published figure is reproduced", id="within one more training"),
        pytest.param(0.70, "not reproduced, ours lies below it", id="above all of ours"),
        pytest.param(0.30, "not reproduced, ours lies above it", id="below all of ours"),
    ],
)
def test_the_baseline_is_compared_with_the_published_one_like_for_like(figure: float, words: str):
    published = Published(test_accuracy=figure, source="a book", trained_on="train")
    found = replace(opening(WINNER, LAST), trained_on="train", as_published=LAST.test)

    told = " ".join(sentences_on_test([found], published))

    assert words in told
    assert "the baseline trained on train as published, 3 seeds, reaches 0.5100" in told


def test_a_baseline_of_one_seed_is_compared_over_examples():
    published = Published(test_accuracy=0.52, source="a book")
    found = replace(opening(WINNER, LAST), as_published=LAST.test[:1])

    told = " ".join(sentences_on_test([found], published))

    assert "is reproduced, as far as 1 seed can tell: the baseline trained on train+valid" in told


def test_an_evaluation_of_an_older_hpsearch_does_not_say_whether_the_baseline_reproduces():
    told = sentences_on_test([opening(WINNER, LAST)], Published(test_accuracy=0.5, source="a book"))

    assert "reproduced" not in " ".join(told)


def test_with_several_objectives_all_winners_are_told_and_measured_on_test():
    small = replace(SECOND, costs=[100.0])
    front = replace(
        opening(replace(WINNER, costs=[300.0]), small, replace(LAST, costs=[200.0])),
        costs=["n_weights"],
    )

    told = validation_sentences(front)

    assert told[0] == (
        "On the front of val_accuracy, n_weights: trial 3, trial 5. No other candidate is as good "
        "in all of them."
    )
    assert told[1].startswith("Trial 3 has the best val_accuracy, and export takes it: ")
    assert [one.name for one in front.finalists] == ["trial 3", "trial 5", BASELINE]
    on_test = " ".join(sentences_on_test([front], None))
    assert "Trial 3 is better than the baseline" in on_test
    assert "Trial 5 is better than the baseline" in on_test
    content = as_content(front, None)
    assert [one["name"] for one in content["winners"]] == ["trial 3", "trial 5"]
    assert content["candidates"][1]["costs"] == [100.0]


def test_a_baseline_on_the_front_is_measured_once():
    front = replace(
        opening(replace(WINNER, costs=[300.0]), replace(LAST, costs=[200.0])), costs=["n_weights"]
    )

    assert [one.name for one in front.finalists] == ["trial 3", BASELINE]

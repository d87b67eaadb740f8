"""An opening of the test split in sentences for people and as JSON for programs."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from statistics import fmean
from typing import Any

from hpsearch.evaluation.candidates import BASELINE, Candidate
from hpsearch.evaluation.intervals import Interval
from hpsearch.evaluation.opening import Comparison, Opening
from hpsearch.figures import show_figure, show_gain
from hpsearch.published import Published
from hpsearch.task import describe_params


def as_content(opening: Opening, published: Published | None) -> dict[str, Any]:
    """An opening and all that is computed from it, for JSON."""
    test = {
        role: _test_content(opening, candidate)
        for role, candidate in (("winner", opening.winner), ("baseline", opening.baseline))
    }
    # if the baseline wins, there is nothing to compare on test
    is_alone = opening.winner.is_baseline
    verdict = None if is_alone else _comparison_content(opening.compare_on_test(opening.winner))
    return {
        "opened": opening.opened,
        "metric": opening.metric,
        "direction": opening.direction,
        "unit": opening.unit,
        "seeds": opening.seeds,
        "n_valid": opening.n_valid,
        "n_test": opening.n_test,
        "versions": opening.versions,
        "diverged": opening.diverged,
        "candidates": [_candidate_content(opening, one) for one in opening.candidates],
        "test_metric": opening.test_metric,
        "test": {**test, "verdict": verdict},
        "costs": opening.costs,
        "winners": [_test_content(opening, one) for one in opening.winners],
        "as_published": {
            "trained_on": opening.trained_on,
            "values": opening.reproduction,
            "logs": opening.as_published,
        },
        "published": None if published is None else asdict(published),
    }


def validation_sentences(opening: Opening) -> list[str]:
    """What retraining with fresh seeds showed, in sentences."""
    winner = opening.winner
    sentences = [f"The winner is {called(winner)}: {describe_params(winner.params)}."]
    if opening.costs:
        names = ", ".join(called(one) for one in opening.winners)
        objectives = ", ".join([opening.metric, *opening.costs])
        sentences = [
            f"On the front of {objectives}: {names}. No other candidate is as good in all of them.",
            f"{_capitalized(called(winner))} has the best {opening.goal.label}, and export takes "
            f"it: {describe_params(winner.params)}.",
        ]
    sentences += _comparison_sentences(opening)
    found = [(called(one), opening.valid_interval(one)) for one in opening.candidates]
    sentences += _describe_methods(found)
    if opening.diverged:
        sentences.append(
            f"Dropped: training diverged with a fresh seed: {', '.join(opening.diverged)}."
        )
    if len(opening.candidates) > 1:
        sentences.append(
            "The winner was chosen by these figures, so they are optimistic; test is not."
        )
    return sentences


def _comparison_sentences(opening: Opening) -> list[str]:
    if len(opening.candidates) == 1:
        return ["There was nothing else to compare it with."]
    others = [opening.runner_up]
    if opening.baseline not in (opening.winner, opening.runner_up):
        others.append(opening.baseline)
    return [
        describe_comparison(called(opening.winner), called(other), opening.compare_on_valid(other))
        for other in others
    ]


def test_sentences(openings: list[Opening], published: Published | None) -> list[str]:
    """What the test split showed, in sentences."""
    opening = openings[-1]
    sentences = []
    for winner in opening.winners:
        if not winner.is_baseline:
            verdict = opening.compare_on_test(winner)
            sentences.append(describe_comparison(called(winner), called(opening.baseline), verdict))
    found = [(called(one), opening.test_interval(one)) for one in opening.finalists]
    sentences += _describe_methods(found)
    figure = None if published is None else published.test_accuracy
    if figure is not None and opening.is_share:
        sentences.append(_describe_published(opening, figure))
        sentences += _describe_reproduction(opening, figure)
    if len(openings) == 1:
        sentences.append(f"The test split was opened once, at {when(opening)}.")
    else:
        times = ", ".join(when(other) for other in openings)
        sentences.append(
            f"The test split was opened {len(openings)} times ({times}): changes made in "
            "between may be tuned to it."
        )
    return sentences


def describe_comparison(name: str, other: str, verdict: Comparison) -> str:
    """Compare two networks in a sentence."""
    found = verdict.interval
    name = _capitalized(name)
    if found is None:
        return f"{name} and {other} cannot be told apart: the seeds show no spread to compare."
    span = f"{show_gain(verdict.difference)} (95 % interval {show_interval(found)}, {found.method})"
    if not verdict.is_told_apart:
        return f"{name} and {other} cannot be told apart: the difference is {span}."
    comparison = "better" if verdict.is_better else "worse"
    return f"{name} is {comparison} than {other}: the difference is {span}."


def _capitalized(name: str) -> str:
    return name[0].upper() + name[1:]


def _describe_methods(found: list[tuple[str, Interval | None]]) -> list[str]:
    """How the networks' intervals were computed, which may differ."""
    by_method: dict[str, list[str]] = {}
    for name, one in found:
        by_method.setdefault("none" if one is None else one.method, []).append(name)
    if len(by_method) == 1:
        return [f"Interval method: {method}." for method in by_method if method != "none"]
    each = "; ".join(f"{', '.join(names)}: {method}" for method, names in by_method.items())
    return [f"Interval methods: {each}."]


def _describe_published(opening: Opening, accuracy: float) -> str:
    mean = fmean(opening.test_values(opening.winner))
    found = opening.test_interval(opening.winner)
    figure = f"the published {show_figure(accuracy)}"
    if found is None:
        return f"The winner's mean minus {figure} is {show_gain(mean - accuracy)}."
    if found.holds(accuracy):
        return f"The winner's interval contains {figure}."
    side = "above" if found.low > accuracy else "below"
    return f"The winner's interval lies {side} {figure}."


def _describe_reproduction(opening: Opening, accuracy: float) -> list[str]:
    """Whether our baseline reproduces the published figure, trained on the same splits."""
    found = opening.reproduces(accuracy)
    if found is None:
        return []
    mean = fmean(opening.reproduction)
    n_seeds = len(opening.reproduction)
    seeds = "1 seed" if n_seeds == 1 else f"{n_seeds} seeds"
    told = (
        f"the baseline trained on {opening.trained_on} as published, {seeds}, reaches "
        f"{show_figure(mean)}, published is {show_figure(accuracy)}"
    )
    if found.interval is None:
        return [f"Like for like, {told}."]
    low, high = found.interval.low, found.interval.high
    span = f"one more training minus the published one: {show_gain(low)} to {show_gain(high)}, 95 %"
    if not found.is_told_apart:
        # with two seeds, the interval holds almost anything
        return [f"The published figure is reproduced, as far as {seeds} can tell: {told} ({span})."]
    side = "above" if found.difference > 0 else "below"
    return [f"The published figure is not reproduced, ours lies {side} it: {told} ({span})."]


def _candidate_content(opening: Opening, candidate: Candidate) -> dict[str, Any]:
    is_winner = candidate is opening.winner
    return {
        "name": candidate.name,
        "trial": candidate.number,
        "params": candidate.params,
        "is_baseline": candidate.is_baseline,
        "is_winner": is_winner,
        "searched": candidate.searched,
        "costs": candidate.costs,
        "values": candidate.valid,
        "mean": fmean(candidate.valid),
        "interval": _interval_content(opening.valid_interval(candidate)),
        "winner_against_this": None
        if is_winner
        else _comparison_content(opening.compare_on_valid(candidate)),
    }


def _test_content(opening: Opening, candidate: Candidate) -> dict[str, Any]:
    return {
        "name": candidate.name,
        "values": opening.test_values(candidate),
        "logs": candidate.test,
        "mean": fmean(opening.test_values(candidate)),
        "interval": _interval_content(opening.test_interval(candidate)),
        "also": opening.also_on_test(candidate),
    }


def _interval_content(found: Interval | None) -> dict[str, Any] | None:
    return None if found is None else asdict(found)


def _comparison_content(verdict: Comparison) -> dict[str, Any]:
    return {
        "difference": verdict.difference,
        "interval": _interval_content(verdict.interval),
        "is_better": verdict.is_better,
        "is_told_apart": verdict.is_told_apart,
    }


def when(opening: Opening) -> str:
    """The time of an opening, to the minute."""
    return f"{datetime.fromisoformat(opening.opened):%Y-%m-%d %H:%M} UTC"


def called(candidate: Candidate) -> str:
    """A candidate's name in sentences."""
    if not candidate.is_baseline:
        return candidate.name
    return "the baseline" if candidate.name == BASELINE else f"{candidate.name} (the baseline)"


def show_interval(found: Interval | None) -> str:
    """An interval; empty if there is none."""
    return "" if found is None else f"{show_figure(found.low)} to {show_figure(found.high)}"

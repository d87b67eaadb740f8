"""`hpsearch evaluate`: what it prints, records and shows again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from hpsearch.evaluation.candidates import fresh_seeds
from hpsearch.evaluation.opening import Opening, read_openings
from hpsearch.study.record import ATTR, load_study
from hpsearch.study.storage import Storage
from tests.conftest import Cli
from tests.evaluated import Evaluated, copy_study, evaluated_study

# the studies are made once a process
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("evaluated")]


@pytest.fixture
def evaluated() -> Evaluated:
    return evaluated_study()


def openings(folder: Path) -> list[Opening]:
    storage = Storage(f"sqlite:///{folder.absolute()}/runs/studies.db", read_only=True)
    return read_openings(load_study(storage, "clouds")[0])


def trained(stderr: str) -> list[str]:
    return [line for line in stderr.splitlines() if line.startswith("trained")]


def test_ctrl_c_ends_an_evaluation_with_130_and_records_nothing(evaluated: Evaluated) -> None:
    assert evaluated.interrupted.returncode == 130
    assert evaluated.interrupted.stdout == ""


def test_an_interrupted_evaluation_goes_on_where_it_was(evaluated: Evaluated) -> None:
    before = trained(evaluated.interrupted.stderr)
    after = trained(evaluated.finished.stderr)

    assert before
    assert not set(before) & set(after)


def test_the_opening_of_test_is_recorded_with_seeds_params_and_figures(
    evaluated: Evaluated,
) -> None:
    (opening,) = openings(evaluated.folder)

    assert opening.seeds == fresh_seeds(7, 2)
    assert not opening.winner.is_baseline  # one epoch is too few
    assert all(len(candidate.valid) == 2 for candidate in opening.candidates)
    assert len(opening.test_values(opening.winner)) == 2
    assert len(opening.test_values(opening.baseline)) == 2
    means = [sum(candidate.valid) for candidate in opening.candidates]
    assert means == sorted(means, reverse=True)


def test_the_winners_model_is_kept_under_its_hash(evaluated: Evaluated) -> None:
    (opening,) = openings(evaluated.folder)
    folder = evaluated.folder / "runs" / "models" / opening.model

    digest = hashlib.sha256((folder / "model.keras").read_bytes()).hexdigest()

    assert digest == opening.model_sha256
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


def test_the_outcome_is_told_in_sentences(evaluated: Evaluated) -> None:
    told = evaluated.finished.stdout

    assert "The winner is " in told
    assert "Interval method: Student's t over 2 seeds" in told
    assert "chosen by these figures, so they are optimistic" in told
    assert "The test split was opened once" in told
    assert "the baseline trained on train as published, 2 seeds, reaches 0." in told
    assert "hpsearch export clouds" in told


def test_a_second_evaluation_shows_the_stored_result_and_trains_nothing(
    evaluated: Evaluated, inside: Cli, cwd: Path
) -> None:
    copy_study(cwd)

    again = inside("evaluate", "clouds", "--top", "4", "--seeds", "2")

    assert again.returncode == 0
    assert again.stdout == evaluated.finished.stdout
    assert "it used --top 1 --seeds 2" in again.stderr
    assert not trained(again.stderr)
    assert len(openings(cwd)) == 1


def test_json_holds_the_same_figures(evaluated: Evaluated, inside: Cli, cwd: Path) -> None:
    copy_study(cwd)
    (opening,) = openings(cwd)

    content = json.loads(inside("evaluate", "clouds", "--json").stdout)

    assert content["schema"] == "hpsearch.evaluate/1"
    assert content["is_stored"]
    assert content["test"]["winner"]["values"] == opening.test_values(opening.winner)
    assert content["test"]["winner"]["also"] == opening.also_on_test(opening.winner)
    assert content["test"]["winner"]["also"]["loss"] > 0
    assert content["published"]["test_accuracy"] == 0.5
    assert content["as_published"]["trained_on"] == "train"
    assert len(content["as_published"]["values"]) == 2
    baseline = content["test"]["baseline"]["values"]  # trained on train + valid
    assert content["as_published"]["values"] != baseline


def test_again_opens_test_a_second_time_and_says_so(inside: Cli, cwd: Path) -> None:
    copy_study(cwd)

    again = inside("evaluate", "clouds", "--top", "1", "--seeds", "2", "--again")

    assert again.returncode == 0, again.stderr
    first, second = openings(cwd)
    assert first.candidates == second.candidates  # the same networks, read off
    assert not trained(again.stderr)
    assert "opened 2 times" in again.stdout


@pytest.mark.fault("F27")
def test_a_retraining_that_crashes_is_one_line_and_records_nothing(inside: Cli, cwd: Path) -> None:
    copy_study(cwd, stage="searched")
    (cwd / "crash").touch()

    failed = inside("evaluate", "clouds", "--seeds", "1")

    assert failed.returncode == 3
    (error,) = [line for line in failed.stderr.splitlines() if line.startswith("Error")]
    assert "no such luck" in error
    assert failed.stdout == ""
    assert openings(cwd) == []


@pytest.mark.parametrize(
    "argv", [["evaluate", "clouds", "--again"], ["export", "clouds", "-o", "x"]]
)
def test_other_data_than_those_of_the_study_are_refused(
    inside: Cli, cwd: Path, argv: list[str]
) -> None:
    copy_study(cwd)
    storage = Storage("sqlite:///runs/studies.db")
    study, _ = load_study(storage, "clouds")
    study.set_user_attr(ATTR, {**study.user_attrs[ATTR], "data": "0" * 64})

    refused = inside(*argv)

    assert refused.returncode == 6
    assert "the data differ from those of study 'clouds'" in refused.stderr
    assert len(openings(cwd)) == 1

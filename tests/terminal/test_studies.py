"""A study in a terminal: a block of lines for each network, whatever the width."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from hpsearch.curves.onset import Fit, Onset
from hpsearch.study.summary import Summary
from hpsearch.study.trials import Outcome
from hpsearch.terminal.studies import describe_epochs, print_networks, print_summary
from tests.summaries import pruned, summary, trial

PARAMS = {
    "epochs": 3,
    "batch_size": 32,
    "units_1": 200,
    "units_2": None,
    "activation": "tanh",
    "optimizer": "rmsprop",
    "learning_rate": 0.0018934,
}
ONE_NETWORK = [
    pruned(0, 0.6, curve="a", is_baseline=True, seconds=1.0),
    trial(1, 0.8, curve="a", promoted_from=0, epochs_reused=1, epochs_done=9, params={"epochs": 9}),
    trial(2, 0.9, curve="a", read_off=1, outcome=Outcome.READ_OFF, epochs_done=0, seconds=0.0),
]


def printed(study: Summary, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    print_networks(console, study, study.by_curve())
    return [line for line in console.file.getvalue().splitlines() if line]


def test_trials_that_share_a_curve_are_shown_as_one_network_with_the_time_of_all():
    assert printed(summary(*ONE_NETWORK)) == [
        "trial  val_accuracy  epochs    s  outcome",
        "    2        0.9000       3  3.0  read off, baseline",
        "    same network: 1 finished (0.8000 at epoch 9), 0 pruned (0.6000 at epoch 1)",
        "    units=8",
    ]


def test_a_configuration_that_was_repeated_is_shown_by_its_mean_spread_and_seeds():
    study = summary(
        trial(0, 0.9, curve="a"),
        trial(1, 0.8, curve="b", replicate_of=0),
        trial(2, None, curve="c", replicate_of=0, outcome=Outcome.RUNNING, epochs_done=1),
    )

    assert printed(study) == [
        "trial  val_accuracy  epochs    s  outcome",
        "    0        0.8500       3  6.0  finished, ±0.0707 over 2 seeds",
        "    same network: 1 replicate (0.8000 at epoch 3), 2 replicate running (at epoch",
        "    1)",
        "    units=8",
    ]
    console = Console(file=io.StringIO(), width=80)
    print_summary(console, study)
    said = console.file.getvalue()
    assert "best: trial 0, 0.8500 ±0.0707 over 2 seeds" in said
    assert "3 trials, 2 of them replicates:" in said


def test_with_several_objectives_a_table_has_their_columns_and_says_what_is_on_the_front():
    rows = [
        trial(0, 0.9, curve="a", costs=(0.125, 1234.0)),
        trial(1, 0.8, curve="b", costs=(0.25, 5678.0)),
    ]
    study = replace(summary(*rows, pruned(2, 0.1)), costs=("seconds_per_epoch", "n_weights"))

    assert printed(study, 100) == [
        "trial  val_accuracy  s/epoch  weights  epochs    s  outcome",
        "    0        0.9000    0.125    1,234       3  2.0  finished, on the front",
        "    1        0.8000     0.25    5,678       3  2.0  finished",
        "    2        0.1000                      1/27  2.0  pruned",
        "all of these: units=8",
    ]
    console = Console(file=io.StringIO(), width=80)
    print_summary(console, study)
    said = console.file.getvalue()
    assert "maximize val_accuracy, minimize seconds_per_epoch, minimize n_weights, seed 7" in said
    assert "front: trial 0; no other network is as good in all objectives" in said


@pytest.mark.parametrize("width", [48, 60, 80])
def test_no_line_is_longer_than_the_terminal_and_no_value_is_broken(width: int):
    study = summary(trial(0, 0.5, params=PARAMS), *ONE_NETWORK[1:])

    lines = printed(study, width)

    assert max(map(len, lines)) <= width
    assert "learning_rate=0.001893" in " ".join(lines).split()


def test_what_all_networks_have_in_common_is_said_once():
    study = summary(trial(0, 0.5, params=PARAMS), trial(1, 0.4, params={**PARAMS, "units_1": 8}))

    lines = printed(study, 100)

    assert [line.strip() for line in lines if "units_1" in line] == ["units_1=200", "units_1=8"]
    assert lines[-1] == (
        "all of these: batch_size=32 activation=tanh optimizer=rmsprop learning_rate=0.001893"
    )


def test_nothing_is_said_of_a_layer_that_is_not_there():
    assert not any("units_2" in line for line in printed(summary(trial(0, 0.5, params=PARAMS))))


def test_a_long_name_of_a_metric_does_not_push_the_table_out_of_sight():
    study = summary(trial(0, 0.5), metric="val_sparse_categorical_accuracy")

    assert printed(study)[0].split() == ["trial", "value", "epochs", "s", "outcome"]


def test_a_reason_stands_beside_the_outcome_without_control_characters():
    broken = trial(0, None, outcome=Outcome.CRASHED, reason="died\x1b[2J", epochs_done=0)

    assert printed(summary(broken))[1].endswith("crashed, died\N{REPLACEMENT CHARACTER}[2J")


def test_a_finished_network_shows_when_it_overfits():
    onset = Onset(fit=Fit.OVERFITS, n_epochs=9, lowest=4, epoch=6)

    shown = [printed(summary(row(0, 0.5, onset=onset)))[1] for row in (trial, pruned)]

    assert shown[0].endswith("finished, overfits from epoch 6")
    assert shown[1].endswith("pruned")  # too early to tell


CURVE = {1: 0.5, 2: 0.75, 3: 0.9}


def test_each_network_has_a_curve_beside_it_from_the_trial_that_came_furthest():
    first = trial(0, 0.9, curve="a", outcome=Outcome.READ_OFF, read_off=1, epochs_done=0)
    study = summary(first, trial(1, 0.8, curve="a", intermediate=CURVE), trial(2, 0.5))

    lines = printed(study, 72)

    assert lines[0].split() == ["trial", "val_accuracy", "epochs", "s", "curve", "outcome"]
    assert lines[1].split()[4:] == ["▁▅█", "read", "off"]
    assert lines[3].split()[4:] == ["finished"]
    assert max(map(len, lines)) <= 72


def test_where_a_curve_cannot_be_shown_there_is_no_column_for_it():
    study = summary(trial(0, 0.9, intermediate=CURVE))
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")

    print_networks(Console(file=ascii_only, width=80), study, study.by_curve())

    ascii_only.seek(0)
    assert "curve" not in ascii_only.read()
    assert "curve" not in printed(study, 71)[0]
    assert "curve" not in printed(summary(trial(0, 0.9)), 80)[0]


@pytest.mark.parametrize(
    ("row", "text"),
    [
        pytest.param(trial(0, 0.5), "3", id="finished"),
        pytest.param(pruned(0, 0.5), "1/27", id="pruned"),
        pytest.param(pruned(0, 0.5, params={}), "1/27", id="pruned, no epochs in the space"),
        pytest.param(ONE_NETWORK[2], "3", id="read off"),
        pytest.param(
            trial(0, outcome=Outcome.DIVERGED, params={}, epochs_done=2), "2", id="diverged"
        ),
    ],
)
def test_epochs_are_those_done_of_those_asked_for(row, text: str):
    assert describe_epochs(row) == text


def test_the_summary_counts_free_trials_apart():
    console = Console(file=io.StringIO(), width=100)

    print_summary(console, summary(*ONE_NETWORK, pruned(3, 0.1)))

    assert console.file.getvalue().splitlines() == [
        "toy: Toy: tell two clouds apart.",
        "maximize val_accuracy, seed 7",
        "2 trials (and 2 promoted or read off): 1 finished, 1 read off, 2 pruned",
        "epochs: 8 trained, 0 saved by reuse, 26 saved by pruning, in 5s of slot time",
        "best: trial 2, 0.9000",
    ]

"""A study's life: begun, continued, pruned, reused; never counted twice."""

from __future__ import annotations

import importlib.metadata
import json
import os
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState, create_trial

from hpsearch.choices import PrunerName, Replicates, SamplerName
from hpsearch.curves.curve import Curve
from hpsearch.curves.onset import find_onset
from hpsearch.curves.store import CurveStore, key_of, network_of
from hpsearch.errors import (
    Conflict,
    DataError,
    MetricNotFound,
    StudyChanged,
    StudyFileError,
    UsageError,
)
from hpsearch.evaluation.candidates import fresh_seeds
from hpsearch.goal import Goal
from hpsearch.processes.stop import Stop
from hpsearch.processes.supervisor import Limits
from hpsearch.searching.launch import Options, resume, run
from hpsearch.searching.samplers import CurveRows, CurveSampler, make_sampler
from hpsearch.searching.view import View
from hpsearch.study.invariants import violations
from hpsearch.study.record import create_or_continue, load_study, make_record, versions
from hpsearch.study.space import explore
from hpsearch.study.storage import Storage
from hpsearch.study.summary import Summary, summarize
from hpsearch.study.trials import Outcome
from hpsearch.study_file import run_study_file
from tests.toy import write_toy

URL = "sqlite:///studies.db"


def search(path: Path, n_trials: int = 1, **options) -> Summary:
    """Run the toy; by default one slot, no pruner."""
    chosen = {"storage": URL, "slots": 1, "pruner": PrunerName.NONE, **options}
    run(str(path), Options(trials=n_trials, **chosen), View())
    return read(chosen.get("study") or path.stem)


def read(name: str = "toy") -> Summary:
    storage = Storage(URL, read_only=True)
    study, record = load_study(storage, name)
    assert violations(storage, study, record) == []
    return summarize(study, record)


def state_of(number: int) -> TrialState:
    """Optuna's word for how a trial ended, which is what samplers learn from."""
    study = optuna.load_study(study_name="toy", storage=Storage(URL, read_only=True).optuna)
    return study.trials[number].state


def enqueue(params: dict[str, object], name: str = "toy") -> None:
    study = optuna.load_study(study_name=name, storage=Storage(URL).optuna)
    study.enqueue_trial(params)


TOY = {"epochs": 3, "units": 4, "level": 0.5, "peak": 3, "mode": "sound"}


@pytest.mark.slow
def test_the_baseline_is_trial_0_and_the_budget_is_a_total(cwd):
    toy = write_toy(cwd)

    first = search(toy, 2)
    second = search(toy, 2)
    third = search(toy, 3)

    assert first.rows[0].is_baseline
    assert first.rows[0].params == TOY
    assert [summary.n_trials for summary in (first, second, third)] == [2, 2, 3]


def test_a_trial_is_told_with_its_metric_after_its_last_epoch(cwd):
    summary = search(write_toy(cwd, epochs=4, peak=4))

    assert summary.rows[0].value == pytest.approx(0.5)
    assert summary.rows[0].epochs_trained == 4


def test_two_slots_train_side_by_side(cwd):
    """Each trial waits for another one."""
    here = cwd / "here"
    here.mkdir()
    in_build = f"""
        open(os.path.join({str(here)!r}, str(os.getpid())), "w").close()
        while len(os.listdir({str(here)!r})) < 2:
            time.sleep(0.02)
        """

    summary = search(write_toy(cwd, in_build=in_build), 2, slots=2, limits=Limits(trial_s=60))

    assert summary.counts[Outcome.FINISHED] == 2
    assert {row.slot for row in summary.rows if row.read_off is None} == {1, 2}


def test_a_trial_begins_to_train_while_another_slot_still_asks_for_one(cwd):
    """The second one's params are not known before the first one trains."""
    toy = write_toy(cwd, in_build="open('trains', 'w').close()")
    waits = """
    while trial.number == 1 and not os.path.exists("trains"):
        time.sleep(0.02)
"""
    toy.write_text(toy.read_text().replace("def space(trial):", f"def space(trial):{waits}"))

    summary = search(toy, 2, slots=2)

    assert summary.n_trials == 2


@pytest.mark.slow
def test_a_trial_with_more_epochs_continues_the_stored_curve(cwd):
    toy = write_toy(cwd, peak=6)
    search(toy, 1)
    enqueue({**TOY, "peak": 6, "epochs": 6})

    summary = search(toy, 2)

    longer = summary.rows[1]
    assert (longer.epochs_reused, longer.epochs_trained) == (3, 3)
    assert longer.epochs_done == 6
    assert summary.epochs_reused == 3


def test_a_trial_with_fewer_epochs_is_read_off_without_training(cwd):
    toy = write_toy(cwd, peak=6)
    search(toy, 1)
    enqueue({**TOY, "peak": 6, "epochs": 2})

    shorter = search(toy, 2).rows[1]

    assert (shorter.epochs_reused, shorter.epochs_trained) == (2, 0)
    assert shorter.value == pytest.approx(0.46)


def test_a_better_earlier_epoch_becomes_a_trial_of_that_length_at_no_cost(cwd):
    summary = search(write_toy(cwd, epochs=5, peak=2), 1)

    trial, read_off = summary.rows
    assert (read_off.outcome, read_off.read_off) == (Outcome.READ_OFF, trial.number)
    assert read_off.params == {**trial.params, "epochs": 2}
    assert read_off.value == pytest.approx(0.5)
    assert summary.best is not None
    assert summary.best.first == read_off
    assert summary.n_trials == 1


def test_each_trial_says_when_its_own_part_of_the_curve_overfits(cwd):
    summary = search(write_toy(cwd, epochs=4, peak=2))

    assert summary.rows[1].read_off == 0
    assert summary.rows[0].curve is not None
    logs = Curve(Storage(URL).curves / summary.rows[0].curve).logs
    by_epoch = dict(enumerate(logs, 1))
    assert summary.rows[0].onset == find_onset(by_epoch)
    assert summary.rows[1].onset == find_onset({1: by_epoch[1], 2: by_epoch[2]})


@pytest.mark.slow
def test_where_less_is_better_the_lowest_is_the_best_and_is_read_off(cwd):
    """The score is highest at epoch 3, so epoch 1 is better than both 3 and 4."""
    toy = write_toy(cwd, direction="minimize", epochs=4, peak=3)
    search(toy, 1)
    enqueue({**TOY, "level": 0.2})
    enqueue({**TOY, "level": 0.9})

    summary = search(toy, 3)

    read_off = next(row for row in summary.rows if row.read_off == 0)
    assert read_off.params["epochs"] == 1
    assert summary.best is not None
    assert (summary.best.params["level"], summary.best.params["epochs"]) == (0.2, 1)


def test_epochs_that_are_fixed_are_not_read_off_at_another_length(cwd):
    summary = search(write_toy(cwd, epochs=5, peak=2), 2, fixed={"epochs": "5"})

    assert [row.params["epochs"] for row in summary.rows] == [5, 5]


def test_a_launcher_killed_while_it_begins_a_trial_leaves_one_that_goes_on(cwd):
    toy = write_toy(cwd)
    search(toy, 1)
    study = optuna.load_study(study_name="toy", storage=Storage(URL).optuna)
    study.enqueue_trial(TOY | {"units": 5}, user_attrs={"curve": "the first of its two notes"})

    summary = search(toy, 2)

    assert summary.rows[1].outcome is Outcome.FINISHED
    assert summary.rows[1].epochs_reused == 0


@pytest.mark.slow
def test_hopeless_trials_are_pruned_and_one_pruned_too_early_is_promoted_at_no_cost(cwd):
    """The baseline, of level 0.5, then trials of other levels; no epoch beats the last."""
    toy = write_toy(cwd, epochs=5, peak=5, max_epochs=5)
    search(toy, 1, pruner=PrunerName.HALVING)
    for level in (0.1, 0.9, 0.3, 0.2):
        enqueue({**TOY, "epochs": 5, "peak": 5, "level": level})

    summary = search(toy, 5, pruner=PrunerName.HALVING)

    # pruned from their curve, and their epochs are counted as saved
    hopeless = [row for row in summary.rows if row.params["level"] in {0.1, 0.2}]
    assert [row.outcome for row in hopeless] == [Outcome.PRUNED] * 2
    assert [(row.epochs_trained, row.epochs_pruned) for row in hopeless] == [(1, 4)] * 2
    assert summary.epochs_pruned == 8

    # promoted, it goes on where its curve ends
    promoted = next(row for row in summary.rows if row.promoted_from == 2)
    assert promoted.outcome is Outcome.FINISHED
    assert (promoted.epochs_reused, promoted.epochs_trained) == (3, 2)
    assert promoted.value == pytest.approx(0.9)
    assert summary.best is not None
    assert summary.best.first == promoted

    # which takes nothing from the budget, and is no reuse
    origins = [row.promoted_from for row in summary.rows if row.read_off is None]
    assert origins == [None] * 5 + [2, 3]
    assert summary.n_trials == 5
    assert summary.epochs_trained == 5 + 1 + 5 + 5 + 1
    assert summary.epochs_reused == 0


@pytest.mark.slow
def test_the_leader_is_trained_with_a_seed_of_which_evaluate_will_find_the_curve(cwd):
    summary = search(write_toy(cwd), 3, replicates=Replicates.AUTO)

    (replicate,) = (row for row in summary.rows if row.replicate_of is not None)
    best = summary.best
    assert best is not None
    assert (best.number, len(best.values)) == (replicate.replicate_of, 2)
    assert (summary.n_trials, replicate.is_counted) == (3, True)
    assert (replicate.outcome, replicate.params) == (Outcome.FINISHED, best.params)
    storage = Storage(URL, read_only=True)
    _, record = load_study(storage, "toy")
    study_file = record.load()
    key = key_of(
        study_file.task.complete(best.params),
        seed=fresh_seeds(record.seed, 1)[0],
        data=record.data,
        network=network_of(study_file),
        versions=versions(),
    )
    assert replicate.curve == key
    assert len(CurveStore(storage.curves).curve(key).logs) == replicate.epochs_done


@pytest.mark.slow
def test_nothing_is_read_off_a_replicate_and_a_study_goes_on_with_its_replicates(cwd):
    """The score is best at epoch 2: that length is read off trial 0, leads and is repeated."""
    toy = write_toy(cwd, epochs=3, peak=2)
    search(toy, 1, replicates=Replicates.AUTO)
    enqueue({**TOY, "level": 0.1, "peak": 3})

    summary = search(toy, 3)

    (replicate,) = (row for row in summary.rows if row.replicate_of is not None)
    assert summary.rows[replicate.replicate_of].read_off == 0
    assert replicate.epochs_done == 2
    assert [row.read_off for row in summary.rows].count(replicate.number) == 0


@pytest.mark.slow
def test_several_objectives_are_told_read_off_and_pruned_by_the_first(cwd, inside):
    """The score is best at epoch 2; trial 1 is worse and larger, trial 2 worse and smaller."""
    toy = write_toy(cwd, epochs=3, peak=2)
    options = {"objective": ["val_score", "n_weights"], "pruner": PrunerName.HALVING}
    search(toy, 1, **options)
    for units, level in ((8, 0.1), (1, 0.2)):
        enqueue({**TOY, "units": units, "level": level})

    summary = search(toy, 3, pruner=PrunerName.HALVING)

    assert summary.best is not None
    assert summary.best.first.read_off is not None
    assert summary.best.first.costs == (22.0,)  # 2 x 4 + 4 and 4 x 2 + 2
    assert {one.params["units"] for one in summary.front} == {4, 1}
    study = optuna.load_study(study_name="toy", storage=Storage(URL, read_only=True).optuna)
    pruned = [trial for trial in study.trials if trial.state is TrialState.PRUNED]
    assert pruned
    assert all(trial.values is None and trial.intermediate_values for trial in pruned)

    done = inside("evaluate", "toy", "--storage", URL, "--top", "2", "--seeds", "1", "--json")
    content = json.loads(done.stdout)
    assert {one["trial"] for one in content["candidates"] if one["costs"] != [22.0]}
    assert content["winners"][0] == content["test"]["winner"]
    shown = json.loads(inside("best", "toy", "--storage", URL, "--json").stdout)
    assert shown["front"][0]["values"] == {"val_score": pytest.approx(0.5), "n_weights": 22.0}


@pytest.mark.parametrize(
    "objective",
    [
        pytest.param(["n_weights"], id="not the metric"),
        pytest.param(["val_score", "val_loss"], id="no cost"),
        pytest.param(["val_score", "n_weights", "n_weights"], id="twice"),
        pytest.param([""], id="nothing"),
    ],
)
def test_objectives_that_are_none_are_refused_before_anything_is_stored(cwd, objective):
    with pytest.raises(UsageError, match="--objective takes val_score, the task's metric, then"):
        search(write_toy(cwd), objective=objective)

    assert not Path("studies.db").exists()


@pytest.mark.parametrize(
    "option", [{"pruner": PrunerName.HYPERBAND}, {"replicates": Replicates.AUTO}]
)
def test_what_takes_one_objective_is_refused_with_several(cwd, option):
    with pytest.raises(UsageError, match="takes one objective"):
        search(write_toy(cwd), objective=["val_score", "n_weights"], **option)

    assert optuna.get_all_study_names(Storage(URL).optuna) == []


@pytest.mark.slow
def test_with_two_slots_one_waits_for_what_the_other_may_make_promotable(cwd):
    toy = write_toy(cwd, epochs=6, peak=6)

    summary = search(toy, 9, pruner=PrunerName.HALVING, slots=2)

    assert summary.n_trials == 9
    assert summary.counts[Outcome.FINISHED] >= 3
    assert summary.counts[Outcome.PRUNED] >= 3


@pytest.mark.fault("F6")
def test_a_diverged_trial_is_pruned_with_its_reason_and_is_never_the_best(cwd):
    toy = write_toy(cwd, mode="odd", in_build="params['level'] = float('inf') if odd else 0.5")

    summary = search(toy, 2, fixed={})

    assert summary.rows[0].outcome is Outcome.DIVERGED
    assert state_of(0) is TrialState.PRUNED  # as a failed one the sampler would forget it
    assert summary.rows[0].reason == "loss or metric not finite in epoch 1"
    assert summary.best is None or summary.best.number != 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("in_build", "limits", "outcome", "state"),
    [
        pytest.param(
            "time.sleep(odd * 99)",
            Limits(trial_s=8),
            Outcome.TIMED_OUT,
            TrialState.PRUNED,
            id="hang",
        ),
        pytest.param(
            "if odd: big = np.ones(250_000_000); time.sleep(99)",
            Limits(memory=1_500_000_000),
            Outcome.OUT_OF_MEMORY,
            TrialState.PRUNED,
            id="memory",
        ),
        pytest.param(
            "odd and os.abort()", Limits(), Outcome.CRASHED, TrialState.PRUNED, id="abort"
        ),
        pytest.param("assert not odd", Limits(), Outcome.FAILED, TrialState.FAIL, id="exception"),
    ],
)
@pytest.mark.fault("F30")
def test_a_bad_trial_ends_alone_and_the_search_goes_on(cwd, in_build, limits, outcome, state):
    toy = write_toy(cwd, in_build=in_build)
    search(toy, 1, limits=limits)
    enqueue({**TOY, "mode": "odd"})
    enqueue(TOY | {"units": 5})

    summary = search(toy, 3, limits=limits)

    assert [row.outcome for row in summary.rows[:3]] == [
        Outcome.FINISHED,
        outcome,
        Outcome.FINISHED,
    ]
    assert summary.rows[1].reason
    assert state_of(1) is state


@pytest.mark.fault("F1")
def test_a_killed_trial_process_continues_from_its_last_epoch_under_its_own_number(cwd):
    """Its first process kills itself after epoch 2, as an operator or the kernel might."""
    once = cwd / "killed"
    each_epoch = f"""
        if epochs_done == 2 and os.path.exists({str(once)!r}) is False:
            first_time = open({str(cwd / "seen")!r}, "a").write("x")
            if os.path.getsize({str(cwd / "seen")!r}) > 1:
                open({str(once)!r}, "w").close()
                os.kill(os.getpid(), 9)
        """
    summary = search(write_toy(cwd, epochs=4, peak=4, each_epoch=each_epoch), 1)

    assert once.exists()
    (trial,) = summary.rows
    assert (trial.outcome, trial.epochs_trained) == (Outcome.FINISHED, 4)
    (curve,) = (cwd / "curves").iterdir()
    assert Curve(curve).starts == [[0, 0], [2, 2]]


@pytest.mark.fault("F3")
def test_a_trial_that_dies_again_and_again_is_given_up_after_its_retries(cwd):
    toy = write_toy(cwd, in_build="open('deaths', 'a').write('x'); os.kill(os.getpid(), 9)")

    summary = search(toy, 1, retries=2)

    assert (cwd / "deaths").read_text() == "xxx"
    assert summary.rows[0].outcome is Outcome.CRASHED


@pytest.mark.slow
def test_retries_are_counted_since_the_last_progress(cwd):
    """Its processes die after epochs 1, 2 and 3, once each."""
    each_epoch = f"""
        seen = os.path.join({str(cwd)!r}, f"seen-{{epochs_done}}")
        died = os.path.join({str(cwd)!r}, f"died-{{epochs_done}}")
        if 1 <= epochs_done <= 3 and not os.path.exists(died):
            if os.path.exists(seen):
                open(died, "w").close()
                os.kill(os.getpid(), 9)
            open(seen, "w").close()
        """

    summary = search(write_toy(cwd, epochs=4, peak=4, each_epoch=each_epoch), 1, retries=1)

    assert len(list(cwd.glob("died-*"))) == 3
    assert summary.rows[0].outcome is Outcome.FINISHED


def test_epochs_may_be_a_choice_of_several_as_the_labs_write_them(cwd):
    toy = write_toy(cwd, epochs=4, peak=2)
    text = toy.read_text()
    toy.write_text(
        text.replace('suggest_int("epochs", 1, 6)', 'suggest_categorical("epochs", [2, 4])')
    )

    trial, read_off = search(toy, 1).rows

    assert trial.outcome is Outcome.FINISHED
    assert (read_off.outcome, read_off.params["epochs"]) == (Outcome.READ_OFF, 2)


def test_logs_that_finished_trials_share_stay_where_a_checkpoint_was_lost(cwd):
    toy = write_toy(cwd, peak=6, epochs=5)
    search(toy, 1)
    (curve,) = (cwd / "curves").iterdir()
    before = Curve(curve).logs
    for checkpoint in curve.glob("epoch-*"):
        checkpoint.unlink()
    (curve / "evicted").touch()
    enqueue({**TOY, "peak": 6, "epochs": 6})

    summary = search(toy, 2)

    assert Curve(curve).logs[:5] == before
    assert summary.rows[1].outcome is Outcome.FINISHED


def test_a_trial_whose_checkpoint_was_lost_is_not_judged_again_where_it_was(cwd):
    """It passed its first rung as one of three, and would not as one of six."""
    toy = write_toy(cwd, epochs=5, peak=5, max_epochs=5)
    params = {**TOY, "epochs": 5, "peak": 5}
    search(toy, 1, pruner=PrunerName.HALVING)
    study = optuna.load_study(study_name="toy", storage=Storage(URL).optuna)
    study.add_trial(
        create_trial(
            state=TrialState.WAITING,
            params={**params, "level": 0.3},
            distributions=study.trials[0].distributions,
            intermediate_values={1: 0.26, 2: 0.27},
        )
    )

    summary = search(toy, 2, pruner=PrunerName.HALVING)

    assert summary.rows[1].epochs_done > 1  # its first rung lies behind it


@pytest.mark.slow
def test_an_upgraded_library_begins_an_interrupted_trial_anew_under_its_number(cwd, monkeypatch):
    """Its curve has another name then; its values of before are replaced, and it is not pruned
    for having none on that curve."""
    toy = write_toy(cwd, epochs=5, peak=5, max_epochs=5)
    search(toy, 1)
    study = optuna.load_study(study_name="toy", storage=Storage(URL).optuna)
    study.add_trial(
        create_trial(
            state=TrialState.WAITING,
            params={**TOY, "epochs": 5, "peak": 5, "level": 0.9},
            distributions=study.trials[0].distributions,
            intermediate_values={1: 0.1, 2: 0.2},
            user_attrs={"curve": "of-before", "epochs_reused": 0, "epochs_trained": 2},
        )
    )
    for units in (1, 5, 6):
        enqueue({**TOY, "epochs": 5, "peak": 5, "level": 0.1, "units": units})
    real = importlib.metadata.version
    monkeypatch.setattr(
        importlib.metadata, "version", lambda name: "99" if name == "numpy" else real(name)
    )

    summary = search(toy, 5, pruner=PrunerName.HALVING)

    trial = next(row for row in summary.ranked() if row.params["level"] == 0.9)
    assert trial.outcome is Outcome.FINISHED
    assert trial.value == pytest.approx(0.9)
    assert trial.curve != "of-before"


@pytest.mark.slow
@pytest.mark.fault("F11")
def test_a_full_disk_stops_the_search_and_counts_against_no_network(cwd):
    full = cwd / "full"
    full.touch()
    in_build = f"""
        if os.path.exists({str(full)!r}):
            raise OSError(28, "No space left on device")
        """
    toy = write_toy(cwd, in_build=in_build)

    with pytest.raises(DataError, match="No space left on device: free some space") as stopped:
        search(toy, 3)

    assert stopped.value.exit_code == 5
    assert read().counts == {Outcome.WAITING: 1}
    full.unlink()
    assert search(toy, 3).counts[Outcome.FINISHED] == 3


def test_a_metric_that_a_stored_curve_lacks_is_told_and_leaves_nothing_running(cwd):
    toy = write_toy(cwd)
    search(toy, 1)
    toy.write_text(toy.read_text().replace("val_score", "val_scoer"))

    with pytest.raises(MetricNotFound, match=r"Keras logged \[.*'val_score'\], not 'val_scoer'"):
        search(toy, 1, study="typo")

    assert read("typo").counts == {Outcome.WAITING: 1}


def test_a_trial_whose_process_dies_after_its_last_epoch_is_complete(cwd):
    """Without retries, and the death comes after all that was asked for is stored."""
    each_epoch = "\n".join(
        [
            "if epochs_done == 3:",
            "    import threading",
            "    import pathlib",
            f"    curves = pathlib.Path({str(cwd / 'curves')!r})",
            "    def wait():",
            "        while not any(",
            "            p.read_text().count('seconds') == 3 for p in curves.glob('*/curve.json')",
            "        ):",
            "            time.sleep(0.001)",
            "        os.kill(os.getpid(), 11)",
            "    threading.Thread(target=wait, daemon=True).start()",
        ]
    )

    summary = search(write_toy(cwd, each_epoch=each_epoch), 1, retries=0)

    assert summary.rows[0].outcome is Outcome.FINISHED


@pytest.mark.slow
def test_the_median_pruner_prunes(cwd):
    toy = write_toy(cwd, epochs=2, peak=2)
    search(toy, 1, pruner=PrunerName.MEDIAN)
    for units in (1, 2, 3, 5):
        enqueue({**TOY, "epochs": 2, "peak": 2, "units": units})
    enqueue({**TOY, "epochs": 6, "peak": 2, "level": 0.1})

    summary = search(toy, 6, pruner=PrunerName.MEDIAN)

    hopeless = next(row for row in summary.rows if row.params["level"] == 0.1)
    assert (hopeless.outcome, hopeless.epochs_trained) == (Outcome.PRUNED, 1)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (SamplerName.TPE, optuna.samplers.TPESampler),
        (SamplerName.RANDOM, optuna.samplers.RandomSampler),
        (SamplerName.QMC, optuna.samplers.QMCSampler),
        (SamplerName.GRID, optuna.samplers.BruteForceSampler),
    ],
)
def test_each_sampler_is_the_one_that_it_is_called(name, kind):
    rows = CurveRows(Goal("val_score", "maximize"))
    sampler = make_sampler(name, seed=0, n_trials=0, fixed={}, rows=rows)

    assert isinstance(sampler.sampler if isinstance(sampler, CurveSampler) else sampler, kind)


def test_an_error_of_another_kind_in_between_does_not_keep_three_alike_from_stopping(cwd):
    reason = 'ValueError("small" if params["units"] == 1 else "large")'
    toy = write_toy(cwd, in_build=f"raise {reason}")
    search(toy, 1)
    for units in (1, 5, 6, 7):
        enqueue({**TOY, "units": units})

    with pytest.raises(StudyFileError, match="3 trials in a row failed with ValueError: large"):
        search(toy, 10)

    assert read().counts[Outcome.FAILED] == 5


@pytest.mark.fault("F4")
def test_three_errors_alike_in_a_row_stop_the_study(cwd):
    toy = write_toy(cwd, in_build="1 / 0")

    with pytest.raises(StudyFileError, match="3 trials in a row failed with ZeroDivisionError"):
        search(toy, 10)

    assert read().counts[Outcome.FAILED] == 3


@pytest.mark.fault("F7")
def test_a_metric_that_keras_does_not_log_stops_the_search_at_the_first_epoch(cwd):
    toy = write_toy(cwd, metric="val_acc")

    with pytest.raises(StudyFileError, match=r"Keras logged \[.*\], not 'val_acc'"):
        search(toy, 10)

    assert len(read().rows) == 1
    assert MetricNotFound.exit_code == 2


def test_a_launcher_killed_before_it_wrote_the_record_leaves_a_name_that_can_be_used(cwd):
    """As earlier versions did it: the baseline first, the record last."""
    toy = write_toy(cwd)
    study = optuna.create_study(study_name="toy", storage=Storage(URL).optuna, direction="maximize")
    study.enqueue_trial(TOY, user_attrs={"baseline": True})

    summary = search(toy, 1)

    assert [row.is_baseline for row in summary.rows] == [True]


def test_a_launcher_killed_before_it_queued_the_baseline_does_so_the_next_time(cwd):
    text = write_toy(cwd).read_text()
    record = begin(text).user_attrs["hpsearch"]
    storage = Storage(URL).optuna
    optuna.delete_study(study_name="toy", storage=storage)
    bare = optuna.create_study(study_name="toy", storage=storage, direction="maximize")
    bare.set_user_attr("hpsearch", record)

    assert [trial.user_attrs for trial in begin(text).trials] == [{"baseline": True}]


def begin(text: str, *, seed: int = 0) -> optuna.Study:
    """Begin the study of a study file, or go on with it, as `run` does before it trains."""
    study_file = run_study_file(text, "toy.py")
    record = make_record(
        study_file, explore(study_file).as_json(), data="", seed=seed, sampler="tpe", pruner="none"
    )
    study, _, _ = create_or_continue(Storage(URL), "toy", record, TOY)
    return study


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        pytest.param(
            '"epochs", 1, 6',
            '"epochs", 1, 9',
            "- epochs: whole number 1 to 6\n  + epochs: whole number 1 to 9",
            id="space",
        ),
        pytest.param(
            "val_score",
            "val_accuracy",
            "- metric: val_score\n  + metric: val_accuracy",
            id="metric",
        ),
        pytest.param(
            "maximize", "minimize", "- direction: maximize\n  + direction: minimize", id="direction"
        ),
        pytest.param("units=4", "units=5", "± the baseline", id="baseline"),
        pytest.param('"relu"', '"tanh"', "± the network", id="network"),
        pytest.param("build=build,", "build=build, jit_compile=True,", "± the network", id="jit"),
        pytest.param(
            "build=build,", "build=build, gradient_norm=True,", "± the network", id="norm"
        ),
        pytest.param("build=build,", "build=build, also_log=dict,", "± the network", id="also_log"),
    ],
)
@pytest.mark.fault("F19")
def test_what_makes_trials_incomparable_is_refused_with_a_diff(cwd, old, new, lines):
    text = write_toy(cwd).read_text()
    study = begin(text)
    study.tell(study.ask(), 0.5)
    assert old in text

    with pytest.raises(StudyChanged) as refused:
        begin(text.replace(old, new))

    assert f"\n  {lines}" in str(refused.value)
    assert "hpsearch resume toy" in str(refused.value)


def test_another_seed_is_another_study(cwd):
    text = write_toy(cwd).read_text()
    begin(text, seed=1)

    with pytest.raises(Conflict, match="- seed: 1\n  \\+ seed: 2"):
        begin(text, seed=2)


@pytest.mark.slow
@pytest.mark.fault("F19")
def test_changed_data_are_refused(cwd):
    toy = write_toy(cwd)
    search(toy, 1)
    toy.write_text(toy.read_text().replace("default_rng(0)", "default_rng(1)"))

    with pytest.raises(StudyChanged, match="- data: "):
        search(toy, 2)


@pytest.mark.slow
def test_a_study_takes_over_what_may_change_in_its_study_file(cwd):
    toy = write_toy(cwd)
    search(toy, 1)
    text = toy.read_text().replace("return model", "return model  # as it is")
    toy.write_text(text.replace("n_trials=4", "n_trials=2"))

    search(toy, 1)
    resume("toy", Options(storage=URL, slots=1), View())

    assert read().n_trials == 2


@pytest.mark.slow
def test_a_network_that_never_got_through_an_epoch_may_be_mended(cwd):
    toy = write_toy(cwd, in_build="1 / 0")
    with pytest.raises(StudyFileError):
        search(toy, 3)

    summary = search(write_toy(cwd), 4)

    assert summary.counts[Outcome.FAILED] == 3
    assert summary.best is not None
    _, record = load_study(Storage(URL, read_only=True), "toy")
    assert "1 / 0" not in record.study_file


class Said(View):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


@pytest.mark.slow
@pytest.mark.fault("F20")
def test_other_versions_and_too_many_slots_are_remarked_on(cwd, monkeypatch):
    toy, view = write_toy(cwd), Said()
    search(toy, 1)
    monkeypatch.setattr("hpsearch.study.record.platform.python_version", lambda: "3.99.0")

    run(str(toy), Options(storage=URL, trials=1, slots=999), view)

    assert any("3.99.0 now)" in line for line in view.lines)
    assert any("999 slots on" in line for line in view.lines)


@pytest.mark.slow
def test_resume_needs_only_the_storage(cwd):
    toy = write_toy(cwd)
    search(toy, 1)
    toy.unlink()

    options = Options(storage=URL, trials=2, slots=1)
    _, stop = resume("toy", options, View())

    assert stop is Stop.BUDGET
    assert read().n_trials == 2


@pytest.mark.slow
def test_a_continued_search_does_not_draw_what_the_last_launcher_drew(cwd):
    toy = write_toy(cwd)
    for n_trials in range(1, 5):
        search(toy, n_trials, sampler=SamplerName.RANDOM)

    levels = [row.params["level"] for row in read().rows if row.read_off is None]
    assert len(set(levels)) == 4


@pytest.mark.slow
def test_stopping_and_continuing_with_one_slot_draws_what_one_launcher_draws(cwd):
    toy = write_toy(cwd)
    search(toy, 4, study="whole")
    search(toy, 2, study="parts")
    search(toy, 4, study="parts")

    assert [row.params for row in read("whole").rows] == [row.params for row in read("parts").rows]


@pytest.mark.slow
@pytest.mark.parametrize("sampler", [SamplerName.QMC, SamplerName.GRID])
def test_each_sampler_fills_its_budget(cwd, sampler):
    toy = write_toy(cwd)
    toy.write_text(toy.read_text().replace("0.0, 1.0)", "0.0, 1.0, step=0.5)"))

    assert search(toy, 3, sampler=sampler).n_trials == 3


@pytest.mark.slow
def test_a_grid_ends_when_every_combination_was_tried(cwd):
    fixed = {"epochs": "1", "level": "0.5", "peak": "1", "units": "1"}
    toy = write_toy(cwd, epochs=1, peak=1)
    toy.write_text(toy.read_text().replace("0.0, 1.0)", "0.0, 1.0, step=0.5)"))

    _, stop = run(
        str(toy),
        Options(storage=URL, trials=50, slots=1, sampler=SamplerName.GRID, fixed=fixed),
        View(),
    )

    assert stop is Stop.BUDGET  # which is never more than there are combinations
    assert sorted(row.params["mode"] for row in read().rows) == ["odd", "sound"]


def test_checkpoints_are_evicted_longest_unused_first(tmp_path):
    for name, used_s in (("b", 3), ("a", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        path = tmp_path / name / "epoch-00001.npz"
        path.write_bytes(bytes(10))
        os.utime(path, (used_s, used_s))
    (tmp_path / "b" / "epoch-00000.npz").symlink_to("gone")  # dropped just now, by its training

    CurveStore(tmp_path).evict(max_bytes=10)

    assert [path.parent.name for path in tmp_path.glob("*/epoch-00001.npz")] == ["b"]
    assert [path.parent.name for path in sorted(tmp_path.glob("*/evicted"))] == ["a", "c"]


@pytest.mark.slow
def test_curves_stay_where_checkpoints_were_evicted_and_train_anew(cwd):
    toy = write_toy(cwd, peak=6)
    search(toy, 1)
    CurveStore(cwd / "curves").evict(max_bytes=0)
    assert not list((cwd / "curves").glob("*/epoch-*"))

    enqueue({**TOY, "peak": 6, "epochs": 6})
    longer = search(toy, 2).rows[1]

    assert longer.value == pytest.approx(0.5)
    assert longer.epochs_done == 6

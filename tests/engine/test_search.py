"""A study's life: begun, continued, pruned, reused; never counted twice."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from hpsearch.choices import PrunerName, SamplerName
from hpsearch.curves import Curve, evict
from hpsearch.engine.invariants import violations
from hpsearch.engine.record import load_study
from hpsearch.engine.search import Stop
from hpsearch.engine.storage import Storage
from hpsearch.engine.summary import Summary, summarize
from hpsearch.engine.supervisor import Limits
from hpsearch.engine.trials import Outcome
from hpsearch.engine.view import View
from hpsearch.errors import (
    Conflict,
    MetricNotFound,
    SpaceError,
    StudyChanged,
    StudyFileError,
    UsageError,
)
from hpsearch.verbs.run import Options, resume, run
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


def enqueue(params: dict[str, object], name: str = "toy") -> None:
    study = optuna.load_study(study_name=name, storage=Storage(URL).optuna)
    study.enqueue_trial(params)


TOY = {"epochs": 3, "units": 4, "level": 0.5, "peak": 3, "mode": "sound"}


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


def test_two_slots_train_side_by_side_and_lose_nothing(cwd):
    summary = search(write_toy(cwd), 6, slots=2)

    assert summary.counts[Outcome.FINISHED] == 6


def test_a_trial_with_more_epochs_continues_the_stored_curve(cwd):
    toy = write_toy(cwd, peak=6)
    search(toy, 1)
    enqueue({**TOY, "peak": 6, "epochs": 6})

    longer = search(toy, 2).rows[1]

    assert (longer.epochs_reused, longer.epochs_trained) == (3, 3)
    assert longer.epochs_done == 6


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
    assert summary.best == read_off
    assert summary.n_trials == 1


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


def search_by_halving(toy: Path) -> Summary:
    """The baseline, of level 0.5, then trials of these levels; no epoch beats the last."""
    search(toy, 1, pruner=PrunerName.HALVING)
    for level in (0.1, 0.9, 0.3, 0.2):
        enqueue({**TOY, "epochs": 6, "peak": 6, "level": level})
    return search(toy, 5, pruner=PrunerName.HALVING)


def test_hopeless_trials_are_pruned_from_their_curve_and_their_epochs_counted_as_saved(cwd):
    summary = search_by_halving(write_toy(cwd, epochs=6, peak=6))

    hopeless = [row for row in summary.rows if row.params["level"] in {0.1, 0.2}]
    assert [row.outcome for row in hopeless] == [Outcome.PRUNED] * 2
    assert [(row.epochs_trained, row.epochs_pruned) for row in hopeless] == [(1, 5)] * 2
    assert summary.epochs_pruned == 10


def test_a_trial_pruned_too_early_is_promoted_and_goes_on_where_its_curve_ends(cwd):
    summary = search_by_halving(write_toy(cwd, epochs=6, peak=6))

    promoted = next(row for row in summary.rows if row.promoted_from == 2)
    assert promoted.outcome is Outcome.FINISHED
    assert (promoted.epochs_reused, promoted.epochs_trained) == (3, 3)
    assert promoted.value == pytest.approx(0.9)
    assert summary.best == promoted


def test_a_promoted_trial_takes_nothing_from_the_budget_and_is_no_reuse(cwd):
    summary = search_by_halving(write_toy(cwd, epochs=6, peak=6))

    origins = [row.promoted_from for row in summary.rows if row.read_off is None]
    assert origins == [None] * 5 + [2, 3]
    assert summary.n_trials == 5
    assert summary.epochs_trained == 6 + 1 + 6 + 6 + 1
    assert summary.epochs_reused == 0


def test_with_two_slots_one_waits_for_what_the_other_may_make_promotable(cwd):
    toy = write_toy(cwd, epochs=6, peak=6)

    summary = search(toy, 9, pruner=PrunerName.HALVING, slots=2)

    assert summary.n_trials == 9
    assert summary.counts[Outcome.FINISHED] >= 3
    assert summary.counts[Outcome.PRUNED] >= 3


def test_a_diverged_trial_is_pruned_with_its_reason_and_is_never_the_best(cwd):
    toy = write_toy(cwd, mode="odd", in_build="params['level'] = float('inf') if odd else 0.5")

    summary = search(toy, 2, fixed={})

    assert summary.rows[0].outcome is Outcome.DIVERGED
    assert summary.rows[0].reason == "loss or metric not finite in epoch 1"
    assert summary.best is None or summary.best.number != 0


@pytest.mark.parametrize(
    ("in_build", "limits", "outcome"),
    [
        pytest.param("time.sleep(odd * 99)", Limits(trial_s=8), Outcome.TIMED_OUT, id="hang"),
        pytest.param("odd and os.abort()", Limits(), Outcome.CRASHED, id="abort"),
        pytest.param("assert not odd", Limits(), Outcome.FAILED, id="exception"),
    ],
)
def test_a_bad_trial_ends_alone_and_the_search_goes_on(cwd, in_build, limits, outcome):
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


def test_a_trial_that_dies_again_and_again_is_given_up_after_its_retries(cwd):
    toy = write_toy(cwd, in_build="open('deaths', 'a').write('x'); os.kill(os.getpid(), 9)")

    summary = search(toy, 1, retries=2)

    assert (cwd / "deaths").read_text() == "xxx"
    assert summary.rows[0].outcome is Outcome.CRASHED


def test_three_errors_alike_in_a_row_stop_the_study(cwd):
    toy = write_toy(cwd, in_build="1 / 0")

    with pytest.raises(StudyFileError, match="3 trials in a row ended with ZeroDivisionError"):
        search(toy, 10)

    assert read().counts[Outcome.FAILED] == 3


def test_a_metric_that_keras_does_not_log_stops_the_search_at_the_first_epoch(cwd):
    toy = write_toy(cwd, metric="val_acc")

    with pytest.raises(StudyFileError, match=r"Keras logged \[.*\], not 'val_acc'"):
        search(toy, 10)

    assert len(read().rows) == 1
    assert MetricNotFound.exit_code == 2


def test_a_changed_space_is_refused_with_a_diff_before_anything_runs(cwd):
    search(write_toy(cwd, max_epochs=6), 1)

    with pytest.raises(StudyChanged) as refused:
        search(write_toy(cwd, max_epochs=9), 2)

    assert "- epochs: whole number 1 to 6\n  + epochs: whole number 1 to 9" in str(refused.value)
    assert "hpsearch resume toy" in str(refused.value)
    assert read().n_trials == 1


def test_changed_data_are_refused(cwd):
    toy = write_toy(cwd)
    search(toy, 1)
    toy.write_text(toy.read_text().replace("default_rng(0)", "default_rng(1)"))

    with pytest.raises(StudyChanged, match="- data: "):
        search(toy, 2)


def test_a_changed_network_is_refused_and_another_comment_is_not(cwd):
    toy = write_toy(cwd)
    search(toy, 1)
    text = toy.read_text()

    toy.write_text(text.replace('"relu"', '"tanh"'))
    with pytest.raises(StudyChanged, match="± the network: build, or what is logged"):
        search(toy, 2)
    toy.write_text(text.replace("return model", "return model  # as it is"))

    assert search(toy, 2).n_trials == 2


def test_a_study_takes_over_what_may_change_in_its_study_file(cwd):
    toy = write_toy(cwd)
    search(toy, 1)
    toy.write_text(toy.read_text().replace("n_trials=4", "n_trials=2"))

    search(toy, 1)
    resume("toy", Options(storage=URL, slots=1), View())

    assert read().n_trials == 2


def test_a_changed_baseline_is_refused(cwd):
    toy = write_toy(cwd)
    search(toy, 1)

    with pytest.raises(StudyChanged, match="± the baseline"):
        search(write_toy(cwd, epochs=4), 2)


def test_a_network_that_never_got_through_an_epoch_may_be_mended(cwd):
    toy = write_toy(cwd, in_build="1 / 0")
    with pytest.raises(StudyFileError):
        search(toy, 3)

    summary = search(write_toy(cwd), 4)

    assert summary.counts[Outcome.FAILED] == 3
    assert summary.best is not None
    _, record = load_study(Storage(URL, read_only=True), "toy")
    assert "1 / 0" not in record.study_file


def test_another_seed_is_another_study(cwd):
    toy = write_toy(cwd)
    search(toy, 1, seed=1)

    with pytest.raises(Conflict, match="- seed: 1\n  \\+ seed: 2"):
        search(toy, 2, seed=2)
    assert search(toy, 2).seed == 1


class Said(View):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def test_other_versions_and_too_many_slots_are_remarked_on(cwd, monkeypatch):
    toy, view = write_toy(cwd), Said()
    search(toy, 1)
    monkeypatch.setattr("hpsearch.engine.record.platform.python_version", lambda: "3.99.0")

    run(str(toy), Options(storage=URL, trials=1, slots=999), view)

    assert any("3.99.0 now)" in line for line in view.lines)
    assert any("999 slots on" in line for line in view.lines)


def test_resume_needs_only_the_storage(cwd):
    toy = write_toy(cwd)
    search(toy, 1)
    toy.unlink()

    options = Options(storage=URL, trials=2, slots=1)
    _, stop = resume("toy", options, View())

    assert stop is Stop.BUDGET
    assert read().n_trials == 2


def test_a_continued_search_does_not_draw_what_the_last_launcher_drew(cwd):
    toy = write_toy(cwd)
    for n_trials in range(1, 6):
        search(toy, n_trials, sampler=SamplerName.RANDOM)

    levels = [row.params["level"] for row in read().rows if row.read_off is None]
    assert len(set(levels)) == 5


def test_stopping_and_continuing_with_one_slot_draws_what_one_launcher_draws(cwd):
    toy = write_toy(cwd)
    search(toy, 4, study="whole")
    search(toy, 2, study="parts")
    search(toy, 4, study="parts")

    assert [row.params for row in read("whole").rows] == [row.params for row in read("parts").rows]


@pytest.mark.parametrize("sampler", [SamplerName.QMC, SamplerName.GRID])
def test_each_sampler_fills_its_budget(cwd, sampler):
    toy = write_toy(cwd)
    toy.write_text(toy.read_text().replace("0.0, 1.0)", "0.0, 1.0, step=0.5)"))

    assert search(toy, 5, sampler=sampler).n_trials == 5


def test_a_grid_ends_when_every_combination_was_tried(cwd):
    fixed = {"epochs": "1", "level": "0.5", "peak": "1", "units": "1"}
    toy = write_toy(cwd, epochs=1, peak=1)
    toy.write_text(toy.read_text().replace("0.0, 1.0)", "0.0, 1.0, step=0.5)"))

    _, stop = run(
        str(toy),
        Options(storage=URL, trials=50, slots=1, sampler=SamplerName.GRID, fixed=fixed),
        View(),
    )

    assert stop in {Stop.EXHAUSTED, Stop.BUDGET}
    assert sorted(row.params["mode"] for row in read().rows) == ["odd", "sound"]


def test_a_grid_over_a_continuous_space_is_refused(cwd):
    with pytest.raises(UsageError, match="level is continuous"):
        search(write_toy(cwd), 5, sampler=SamplerName.GRID)


def test_fixed_hyperparameters_must_lie_in_the_space(cwd):
    toy = write_toy(cwd)

    with pytest.raises(SpaceError, match="did you mean 'units'"):
        search(toy, 1, fixed={"unit": "3"})
    with pytest.raises(SpaceError, match="units=99, outside whole number 1 to 8"):
        search(toy, 1, fixed={"units": "99"})


def test_checkpoints_are_evicted_longest_unused_first_and_curves_stay(cwd):
    toy = write_toy(cwd, peak=6)
    search(toy, 1)
    (cwd / "curves" / "another").mkdir()
    (cwd / "curves" / "another" / "epoch-00001.npz").symlink_to("gone")  # as its study dropped it
    evict(cwd / "curves", max_bytes=0)
    (cwd / "curves" / "another" / "epoch-00001.npz").unlink()
    assert not list((cwd / "curves").glob("*/epoch-*"))

    enqueue({**TOY, "peak": 6, "epochs": 6})
    longer = search(toy, 2).rows[1]

    assert longer.value == pytest.approx(0.5)
    assert longer.epochs_done == 6

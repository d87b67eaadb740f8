"""One way to train: read off what is stored, train the rest, survive deaths, stop when asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import FileLock

from hpsearch.curves.curve import Curve
from hpsearch.curves.store import CurveStore
from hpsearch.errors import DataError
from hpsearch.goal import Logs
from hpsearch.messages import TRAIN_AND_VALID, Verdict
from hpsearch.processes.runner import LocalRunner
from hpsearch.processes.stop import Stop, StopRequest
from hpsearch.processes.supervisor import How, Limits
from hpsearch.processes.trainer import Trainer, UntilDiverged
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import read_study_file
from tests.toy import write_toy

pytestmark = pytest.mark.usefixtures("measured")

PARAMS = {"epochs": 3, "batch_size": 20, "units": 4, "level": 0.5, "peak": 3, "mode": "sound"}


class Listener:
    """Writes down what it is told; stops at an epoch."""

    def __init__(self, stop_at: int = 99, stop: StopRequest | None = None) -> None:
        self.stop_at, self.stop = stop_at, stop
        self.n_stored: int | None = None
        self.told: list[tuple[int, bool]] = []

    def begins(self, curve: Curve, n_stored: int) -> None:
        self.n_stored = n_stored

    def epoch_done(self, epoch: int, logs: Logs, *, is_stored: bool) -> Verdict:
        self.told.append((epoch, is_stored))
        if self.stop is not None:
            self.stop.after_epochs(Stop.INTERRUPTED)
        return Verdict.STOP if epoch == self.stop_at else Verdict.GO_ON


def trainer_of(toy: Path, **options) -> Trainer:
    study_file = read_study_file(str(toy))
    options = {"stop": StopRequest(), "versions": {}, **options}
    return Trainer(
        study_file,
        prepare_data(study_file, None),
        CurveStore(toy.parent / "curves"),
        LocalRunner(),
        **options,
    )


def test_each_epoch_is_told_once_as_it_is_trained(tmp_path):
    listener = Listener()

    taken = trainer_of(write_toy(tmp_path)).take(PARAMS, 0, listener, name="it")

    assert taken.ending.how is How.FINISHED
    assert listener.n_stored == 0
    assert listener.told == [(1, False), (2, False), (3, False)]
    assert [logs["val_score"] for logs in taken.logs] == pytest.approx([0.48, 0.49, 0.5])


def test_stored_epochs_are_told_first_and_the_rest_is_trained(tmp_path):
    trainer = trainer_of(write_toy(tmp_path))
    trainer.take({**PARAMS, "epochs": 2}, 0, Listener(), name="it")
    listener = Listener()

    taken = trainer.take(PARAMS, 0, listener, name="it")

    assert listener.n_stored == 2
    assert listener.told == [(1, True), (2, True), (3, False)]
    assert (len(taken.logs), taken.n_stored) == (3, 2)


def test_a_shorter_training_is_read_off_without_a_process(tmp_path):
    trainer = trainer_of(write_toy(tmp_path))
    trainer.take(PARAMS, 0, Listener(), name="it")
    (tmp_path / "toy.py").unlink()
    listener = Listener()

    taken = trainer.take({**PARAMS, "epochs": 2}, 0, listener, name="it")

    assert taken.ending.how is How.FINISHED
    assert listener.told == [(1, True), (2, True)]


def test_who_watches_may_stop_it_at_a_stored_epoch_too(tmp_path):
    trainer = trainer_of(write_toy(tmp_path))
    trainer.take({**PARAMS, "epochs": 2}, 0, Listener(), name="it")

    taken = trainer.take(PARAMS, 0, Listener(stop_at=2), name="it")

    assert taken.ending.how is How.STOPPED
    assert len(taken.logs) == 2


@pytest.mark.slow
def test_a_process_that_is_killed_is_started_again_where_its_curve_ends(tmp_path):
    died = tmp_path / "died"
    each_epoch = f"""
        if epochs_done == 1 and not os.path.exists({str(died)!r}):
            open({str(died)!r}, "w").close()
            os.kill(os.getpid(), 9)
        """
    said: list[str] = []
    listener = Listener()
    trainer = trainer_of(write_toy(tmp_path, each_epoch=each_epoch), say=said.append)

    taken = trainer.take(PARAMS, 0, listener, name="trial 7")

    assert taken.ending.how is How.FINISHED
    assert [epoch for epoch, _ in listener.told] == [1, 2, 3]
    assert any(line.startswith("trial 7: the process died of SIGKILL") for line in said)


def test_a_process_that_dies_without_progress_is_given_up_after_its_retries(tmp_path):
    in_build = f"open({str(tmp_path / 'deaths')!r}, 'a').write('x'); os.kill(os.getpid(), 9)"
    trainer = trainer_of(write_toy(tmp_path, in_build=in_build), retries=1)

    taken = trainer.take(PARAMS, 0, Listener(), name="it")

    assert (tmp_path / "deaths").read_text() == "xx"
    assert taken.ending.how is How.KILLED


def test_a_limit_that_is_passed_after_the_last_epoch_spoils_nothing(tmp_path):
    """All is trained and stored; the process itself hangs."""
    each_epoch = f"""
        import pathlib
        curves = pathlib.Path({str(tmp_path / "curves")!r})
        if epochs_done == 3:
            import atexit
            atexit.register(time.sleep, 1000)
        """
    trainer = trainer_of(write_toy(tmp_path, each_epoch=each_epoch), limits=Limits(trial_s=60))

    assert trainer.take(PARAMS, 0, Listener(), name="it").ending.how is How.FINISHED


def test_a_request_to_stop_begins_no_process(tmp_path):
    stop = StopRequest()
    stop.after_epochs(Stop.INTERRUPTED)
    in_build = f"open({str(tmp_path / 'begun')!r}, 'w').close()"
    trainer = trainer_of(write_toy(tmp_path, in_build=in_build), stop=stop)

    taken = trainer.take(PARAMS, 0, Listener(), name="it")

    assert taken.ending.how is How.INTERRUPTED
    assert not (tmp_path / "begun").exists()


def test_a_curve_that_another_holds_is_waited_for_until_a_stop(tmp_path):
    stop = StopRequest()
    said: list[str] = []

    def say(text: str) -> None:
        said.append(text)
        stop.at_once(Stop.INTERRUPTED)

    trainer = trainer_of(write_toy(tmp_path), stop=stop, say=say)
    curve = trainer.curve(PARAMS, 0)
    curve.folder.mkdir(parents=True)
    with ThreadPoolExecutor() as another, FileLock(curve.folder / ".lock"):
        taken = another.submit(trainer.take, PARAMS, 0, Listener(), name="trial 7").result()

    assert taken.ending.how is How.INTERRUPTED
    assert taken.logs == []
    assert said == [
        f"trial 7: the same network is being trained already: waiting for curve {curve.name}"
    ]


def test_a_full_disk_is_an_error_that_names_who_could_not_go_on(tmp_path):
    toy = write_toy(tmp_path, in_build="raise OSError(28, 'No space left on device')")

    with pytest.raises(DataError, match=r"^trial 7: .*No space left on device: free some space"):
        trainer_of(toy).take(PARAMS, 0, Listener(), name="trial 7")


def test_training_ends_where_loss_or_metric_is_no_longer_a_number(tmp_path):
    toy = write_toy(tmp_path, in_build="params['level'] = float('nan')")
    trainer = trainer_of(toy)

    taken = trainer.take(PARAMS, 0, UntilDiverged(trainer.study_file.task.goal), name="it")

    assert taken.ending.how is How.STOPPED
    assert len(taken.logs) == 1


def test_a_network_fitted_on_all_examples_has_a_curve_for_each_length(tmp_path):
    trainer = trainer_of(write_toy(tmp_path))
    longer = {**PARAMS, "epochs": 4}

    assert trainer.curve(PARAMS, 0).name == trainer.curve(longer, 0).name
    assert (
        trainer.curve(PARAMS, 0, TRAIN_AND_VALID).name
        != trainer.curve(longer, 0, TRAIN_AND_VALID).name
    )


def test_the_model_and_its_figure_on_test_come_after_the_last_epoch(tmp_path):
    trainer = trainer_of(write_toy(tmp_path))

    taken = trainer.take(PARAMS, 0, Listener(), name="it", export=tmp_path / "out")

    assert taken.test["score"] == pytest.approx(0.5)
    assert (tmp_path / "out" / "model.keras").exists()


def test_checkpoints_under_training_or_waited_for_are_not_evicted(tmp_path):
    store = CurveStore(tmp_path)
    for name in ("held", "kept", "free"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "epoch-00001.npz").write_bytes(b"x" * 9)

    with store.locked(store.curve("held"), lambda: False):
        store.evict(max_bytes=0, keep={"kept"})

    assert {path.parent.name for path in tmp_path.glob("*/epoch-*")} == {"held", "kept"}

"""TensorBoard's event files: each epoch once, whatever happened in between."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from hpsearch.study.trials import Outcome

pytest.importorskip("tensorboard", reason="the extra tensorboard is not installed")

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.tensorflow_stub.errors import OpError
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS

from hpsearch.tracking.tensorboard import TensorBoard

PARAMS = {"units": 8, "rate": 0.5, "act": "relu", "bias": True, "layer": None}
CURVE = "0123456789abcdef"


def logs(epoch: int) -> dict[str, float]:
    return {"loss": 1 / epoch, "val_loss": 2 / epoch, "seconds": 0.5}


def events(folder: Path) -> Iterator[Event]:
    for path in sorted(folder.glob("events.out.tfevents.*")):
        reader = PyRecordReader_New(os.fspath(path))
        try:
            while True:
                reader.GetNext()
                yield Event.FromString(reader.record())
        except OpError:
            pass


def scalars(folder: Path) -> list[tuple[int, str, float]]:
    return [
        (event.step, value.tag, round(value.simple_value, 4))
        for event in events(folder)
        for value in event.summary.value
    ]


@pytest.fixture
def launch(cwd: Path) -> Iterator[Callable[[], TensorBoard]]:
    """Opens the folder `tb` as each launcher does; all are closed in the end."""
    with ExitStack() as launched:
        yield lambda: launched.enter_context(closing(TensorBoard(Path("tb"), "toy")))


@pytest.fixture
def run(launch: Callable[[], TensorBoard]) -> Path:
    """Where the trial 7 of these tests is logged."""
    launch()
    (study,) = Path("tb").iterdir()
    return study / "trial-0007-01234567"


def test_curves_of_both_splits_have_the_same_names(run: Path, launch):
    board = launch()

    assert board.begin(7, PARAMS, CURVE) == 0
    board.log(7, 1, logs(1))
    board.log(7, 2, logs(2))

    # readable while the search runs
    assert scalars(run / "train") == [
        *((1, "loss", 1.0), (1, "seconds", 0.5), (2, "loss", 0.5), (2, "seconds", 0.5)),
    ]
    assert scalars(run / "valid") == [(1, "loss", 2.0), (2, "loss", 1.0)]


@pytest.mark.parametrize(
    ("outcome", "status"),
    [(Outcome.PRUNED, STATUS_SUCCESS), (Outcome.OUT_OF_MEMORY, STATUS_FAILURE)],
)
def test_the_hparams_plugin_reads_params_and_status(
    run: Path, launch, outcome: Outcome, status: int
):
    board = launch()
    board.begin(7, PARAMS, CURVE)
    board.end(7, outcome)

    start, end = [value for event in events(run) for value in event.summary.value]
    about = metadata.parse_session_start_info_plugin_data(start.metadata.plugin_data.content)
    found = {name: getattr(v, v.WhichOneof("kind")) for name, v in about.hparams.items()}
    assert found == {**PARAMS, "layer": "None"}
    assert about.group_name == "trial 7"
    ended = metadata.parse_session_end_info_plugin_data(end.metadata.plugin_data.content)
    assert ended.status == status


def test_a_trial_goes_on_after_its_last_whole_epoch(run: Path, launch):
    killed = launch()
    killed.begin(7, PARAMS, CURVE)
    killed.log(7, 1, logs(1))
    killed.log(7, 2, logs(2))
    (file,) = (run / "train").iterdir()
    file.write_bytes(file.read_bytes()[:-3])  # in the middle of epoch 2

    resumed = launch()
    assert resumed.begin(7, PARAMS, CURVE) == 1
    resumed.log(7, 2, logs(2))
    assert [step for step, *_ in scalars(run / "valid")] == [1, 2]
    assert [step for step, *_ in scalars(run / "train")] == [1, 1, 2, 2]


def test_a_paused_trial_has_no_end_yet(run: Path, launch):
    board = launch()
    board.begin(7, PARAMS, CURVE)
    board.log(7, 1, logs(1))
    board.end(7, None)

    assert len([value for event in events(run) for value in event.summary.value]) == 1
    assert board.begin(7, PARAMS, CURVE) == 1


def test_another_curve_under_the_same_number_is_another_run(run: Path, launch):
    board = launch()
    board.begin(7, PARAMS, CURVE)
    board.log(7, 1, logs(1))
    board.close()

    assert launch().begin(7, PARAMS, "fedcba9876543210") == 0


def test_a_loss_that_is_no_number_is_logged_as_it_is(run: Path, launch):
    board = launch()
    board.begin(7, PARAMS, CURVE)
    board.log(7, 1, {"loss": math.nan})

    ((_, _, value),) = scalars(run / "train")
    assert math.isnan(value)

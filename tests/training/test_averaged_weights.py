"""Optimizers that average weights: what is measured are the weights training ends with."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from hpsearch.curves.curve import Curve
from hpsearch.goal import Logs
from hpsearch.messages import EpochDone, Job, Verdict
from hpsearch.processes.runner import LocalRunner
from hpsearch.processes.supervisor import How, Limits, supervise
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import StudyFile, run_study_file
from hpsearch.training.loop import order

TEXT = '''"""Clouds: two clouds of points."""

import numpy as np

from hpsearch import Dataset, Split, Task
from hpsearch.data import Source


def load(folder):
    rng = np.random.default_rng(0)
    y = np.arange(120) % 2
    x = (rng.normal(size=(120, 2)) + y[:, None]).astype("float32")
    points = Split(x, y)
    return Dataset(points[:60], points[60:90], points[90:])


def build(params):
    import keras

    model = keras.Sequential([
        keras.Input((2,)),
        keras.layers.Dense(4, "relu"),
        keras.layers.Dropout(0.3),
        keras.layers.Dense(2, "softmax"),
    ])
    model.compile({optimizer}, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


TASK = Task(
    load=load,
    space=lambda trial: None,
    build=build,
    source=Source("clouds"),
    baseline=dict(epochs=3, batch_size=20),
)
'''
ADAM = "keras.optimizers.Adam(0.05, use_ema=True, ema_momentum=0.9{})"
SEED, EPOCHS = 1, 3

# Keras's own, where it reads a variable to save it
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def runner() -> LocalRunner:
    return LocalRunner()


@pytest.fixture(
    params=[
        ADAM.format(""),
        ADAM.format(", ema_overwrite_frequency=4"),
        f"keras.optimizers.LossScaleOptimizer({ADAM.format('')})",
    ],
    ids=["averaged", "overwritten", "scaled"],
)
def study_file(request: pytest.FixtureRequest) -> StudyFile:
    return run_study_file(TEXT.replace("{optimizer}", request.param), "clouds.py")


class InOrder(keras.utils.PyDataset):
    """What a user of Keras alone would write: batches in the order of each epoch."""

    def __init__(self, x, y, batch_size):
        super().__init__()
        self.x, self.y, self.batch_size, self.epoch = x, y, batch_size, 0

    def __len__(self):
        return len(self.y) // self.batch_size

    def __getitem__(self, i):
        places = order(SEED, self.epoch, len(self.y))[i * self.batch_size :][: self.batch_size]
        return self.x[places], self.y[places]


def plain_fit(study_file: StudyFile, epochs: int) -> keras.Model:
    """The baseline, trained by one call of Keras's `fit`."""
    train = study_file.task.load(Path()).train
    keras.utils.set_random_seed(SEED)
    model = study_file.task.build({})
    batches = InOrder(train.x, train.y, 20)
    take_order = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: setattr(batches, "epoch", epoch)
    )
    model.fit(batches, epochs=epochs, callbacks=[take_order], shuffle=False, verbose=0)
    return model


def take(runner: LocalRunner, study_file: StudyFile, folder: Path, epochs: int) -> Logs:
    """Take the curve to an epoch, and export the network; returns the logs on test."""
    job = Job(
        study_file=study_file.text,
        study_file_name="clouds.py",
        params={"epochs": epochs, "batch_size": 20},
        seed=SEED,
        data=str(prepare_data(study_file, None).folder),
        curve=str(folder / "curve"),
        export=str(folder),
    )
    ending = supervise(runner, job, answer=go_on, limits=Limits())
    assert ending.how is How.FINISHED, ending
    return ending.test


def go_on(_message: EpochDone) -> Verdict:
    return Verdict.GO_ON


def test_the_network_is_the_one_that_a_plain_fit_ends_with(runner, study_file, tmp_path):
    plain = plain_fit(study_file, EPOCHS)
    test = study_file.task.load(Path()).test
    expected = plain.evaluate(test.x, test.y, return_dict=True, verbose=0)

    def check(logs: Logs) -> None:
        assert logs == pytest.approx(expected, abs=1e-7)
        saved = keras.saving.load_model(tmp_path / "model.keras")
        for variable, other in zip(saved.weights, plain.weights, strict=True):
            np.testing.assert_array_equal(variable, other)

    trained = take(runner, study_file, tmp_path, EPOCHS)
    check(trained)
    assert take(runner, study_file, tmp_path, EPOCHS) == trained  # measured only
    (tmp_path / "curve" / "epoch-00003.npz").unlink()
    assert take(runner, study_file, tmp_path, EPOCHS) == trained  # continued after epoch 2
    check(trained)
    for checkpoint in (tmp_path / "curve").glob("epoch-*.npz"):
        checkpoint.unlink()
    assert take(runner, study_file, tmp_path, EPOCHS) == trained  # trained again
    check(trained)


def test_each_epoch_validates_the_weights_that_training_to_it_ends_with(
    runner, study_file, tmp_path
):
    take(runner, study_file, tmp_path, EPOCHS)
    valid = study_file.task.load(Path()).valid

    for epoch, logs in enumerate(Curve(tmp_path / "curve").logs, 1):
        ended = plain_fit(study_file, epoch)
        assert logs["val_loss"] == pytest.approx(
            ended.evaluate(valid.x, valid.y, return_dict=True, verbose=0)["loss"], abs=1e-7
        )

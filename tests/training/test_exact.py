"""What Keras users bring goes on bit for bit where training was cut: the table "What works"."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops

from hpsearch.curves.curve import Curve, State
from hpsearch.data import Split
from hpsearch.goal import Logs
from hpsearch.task import Task
from hpsearch.training.fit import build, callbacks_of, fit, get_state, set_state

RNG = np.random.default_rng(0)
LABELS = (np.arange(40) % 3 == 0).astype("int64")
IMAGES = Split(RNG.random((40, 6, 6, 1)).astype("float32"), LABELS)
POINTS = Split(RNG.normal(size=(40, 3)).astype("float32"), LABELS)
PARAMS = {"epochs": 3, "batch_size": 16}

# Keras's own, where it reads a variable
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]


@keras.saving.register_keras_serializable("exact")
class Noise(layers.Layer):
    """Noise that is drawn without a seed."""

    def call(self, x, training=False):
        return x + keras.random.normal(ops.shape(x)) if training else x


def augmented(params):
    """Images that are changed at random, and a learning rate that falls with each update."""
    model = keras.Sequential(
        [
            keras.Input((6, 6, 1)),
            layers.RandomFlip(),
            layers.RandomRotation(0.1),
            layers.RandomTranslation(0.1, 0.1),
            layers.RandomContrast(0.2),
            layers.GaussianNoise(0.1),
            Noise(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(2, "softmax"),
        ]
    )
    rate = keras.optimizers.schedules.CosineDecay(0.1, decay_steps=9)
    model.compile(keras.optimizers.SGD(rate, momentum=0.9), "sparse_categorical_crossentropy")
    return model


def mixed(params):
    """Weights in 32 bits, sums in 16, and a loss whose scale follows the gradients."""
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = keras.Sequential([layers.Dense(4, "relu"), layers.Dense(2, "softmax")])
        sgd = keras.optimizers.SGD(0.5)
        # so that the scale changes within the few steps of a test
        scaled = keras.optimizers.LossScaleOptimizer(sgd, dynamic_growth_steps=2)
        model.compile(scaled, "sparse_categorical_crossentropy", metrics=["accuracy"])
    finally:
        keras.config.set_dtype_policy("float32")
    return model


class Slower(keras.callbacks.Callback):
    """Trains more slowly with each epoch that it has seen."""

    def on_train_begin(self, logs=None):
        self.n_seen = 0

    def on_epoch_end(self, epoch, logs=None):
        self.n_seen += 1
        self.model.optimizer.learning_rate *= 1 / self.n_seen

    def get_state(self):
        return {"n_seen": self.n_seen}

    def set_state(self, state):
        self.n_seen = state["n_seen"]


def slowing(params):
    return [
        keras.callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.9),
        # no figure improves by 10: each epoch is one of waiting, then of cooling down
        keras.callbacks.ReduceLROnPlateau(patience=1, min_delta=10.0, cooldown=1),
        Slower(),
    ]


@keras.saving.register_keras_serializable("exact")
class OwnModel(keras.Model):
    """A training step, a loss and layers of its own, which only `call` puts together."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.hidden, self.out = layers.Dense(4, "relu"), layers.Dense(2, "softmax")
        self.dropout = layers.Dropout(0.3)

    def call(self, x, training=False):
        return self.out(self.dropout(self.hidden(x), training=training))

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        return loss + 0.1 * ops.mean(ops.square(self.hidden.kernel))

    def train_step(self, data):
        import tensorflow as tf

        x, y, weights = keras.utils.unpack_x_y_sample_weight(data)
        with tf.GradientTape() as tape:
            outputs = self(x, training=True)
            loss = self.compute_loss(x, y, outputs, weights)
        gradients = tape.gradient(loss, self.trainable_weights)
        self.optimizer.apply(gradients, self.trainable_weights)
        logs = self.compute_metrics(x, y, outputs, weights)
        return {**logs, "loss": loss, "size": tf.linalg.global_norm(gradients)}


def own_loss(y_true, y_pred):
    one_hot = ops.one_hot(ops.cast(ops.reshape(y_true, (-1,)), "int32"), 2)
    return ops.mean(ops.square(one_hot - y_pred), axis=-1)


def own(params):
    model = OwnModel()
    model.compile("adam", own_loss, metrics=[keras.metrics.SparseTopKCategoricalAccuracy(1)])
    return model


def train(
    task: Task, examples: Split, state: State | None = None, epochs_done: int = 0
) -> tuple[list[Logs], list[State]]:
    """Train to the third epoch; returns logs and state after each."""
    logs, states = [], []
    model = build(task, PARAMS, 1, examples)
    callbacks = callbacks_of(task, PARAMS)
    if state is not None:
        set_state(model, state)
        callbacks.set_state(state)

    def after_epoch(_epoch: int, of_epoch: Logs) -> bool:
        logs.append({name: value for name, value in of_epoch.items() if name != "seconds"})
        states.append({**get_state(model), **callbacks.get_state()})
        return True

    fit(
        task,
        model,
        examples,
        examples,
        params=PARAMS,
        epochs=3,
        epochs_done=epochs_done,
        seed=1,
        after_epoch=after_epoch,
        callbacks=callbacks,
    )
    return logs, states


def changes(name: str) -> Callable[[list[Logs], list[State]], bool]:
    """Whether a variable, or a text in its place, differs after each epoch."""
    return lambda logs, states: len({state[name].tobytes() for state in states}) == 3


@pytest.mark.parametrize(
    ("make", "examples", "fields", "is_at_work"),
    [
        pytest.param(
            augmented,
            IMAGES,
            {"class_weight": "balanced"},
            changes("random/unseeded"),
            id="augmentation, noise, a schedule over updates, class weights",
        ),
        pytest.param(
            mixed,
            POINTS,
            {"callbacks": slowing},
            lambda logs, states: (
                changes("callbacks")(logs, states)
                and [round(one["learning_rate"], 6) for one in logs] == [0.45, 0.405, 0.018225]
            ),
            id="mixed precision, callbacks",
        ),
        pytest.param(
            own,
            POINTS,
            {},
            lambda logs, states: all(one["size"] > 0 for one in logs),
            id="a model, a loss and a training step of one's own",
        ),
    ],
)
def test_training_goes_on_as_if_it_had_not_been_cut(
    tmp_path: Path,
    make: Callable[[Any], keras.Model],
    examples: Split,
    fields: dict[str, Any],
    is_at_work: Callable[[list[Logs], list[State]], bool],
):
    task = Task(load=len, space=len, build=make, baseline=PARAMS, **fields)
    logs, states = train(task, examples)
    curve = Curve(tmp_path)
    curve.append(1, logs[0], states[0], {})

    logs_after, states_after = train(task, examples, curve.state(1), 1)

    assert is_at_work(logs, states)
    assert logs_after == logs[1:]
    assert states_after[-1].keys() == states[-1].keys()
    for name, values in states[-1].items():
        np.testing.assert_array_equal(states_after[-1][name], values, err_msg=name)

"""Sparse examples: the same training as of the same numbers in full, in less memory."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from scipy.sparse import csr_array, random_array

from hpsearch.data import Split
from hpsearch.task import Task
from hpsearch.training import fit as fitting
from hpsearch.training.loop import PortableBatches, make_batches, order
from tests.training.letters import differences

N_FEATURES = 50
RNG = np.random.default_rng(0)
X = random_array((130, N_FEATURES), density=0.1, format="csr", rng=RNG).astype("float32")
Y = RNG.integers(2, size=130)
X.resize(131, N_FEATURES)  # a row without anything
Y = np.append(Y, 1)


def task(*, is_sparse: bool) -> Task:
    def build(params):
        model = keras.Sequential(
            [
                keras.Input((N_FEATURES,), sparse=is_sparse),
                keras.layers.Dense(8, "relu"),
                keras.layers.Dropout(0.3),
                keras.layers.Dense(1, "sigmoid"),
            ]
        )
        model.compile("rmsprop", "binary_crossentropy", metrics=["accuracy"])
        return model

    baseline = {"epochs": 3, "batch_size": 16}
    return Task(load=lambda _: None, space=lambda _: None, build=build, baseline=baseline)


def train(split: Split, *, epochs: int = 3, state=None, epochs_done: int = 0):
    of_task = task(is_sparse=not isinstance(split.x, np.ndarray))
    model = fitting.build(of_task, {}, 5, split)
    if state is not None:
        fitting.set_state(model, state)
    logs = []

    def after_epoch(_epoch, of_epoch):
        logs.append({name: value for name, value in of_epoch.items() if name != "seconds"})
        return True

    fitting.fit(
        of_task,
        model,
        split[:100],
        split[100:],
        params={"batch_size": 16},
        epochs=epochs,
        epochs_done=epochs_done,
        seed=5,
        after_epoch=after_epoch,
    )
    return fitting.get_state(model), logs, fitting.measure(of_task, model, split[100:])


@pytest.mark.slow
def test_training_equals_that_of_the_same_examples_in_full():
    state, logs, measured = train(Split(X, Y))
    dense_state, dense_logs, dense_measured = train(Split(X.toarray(), Y))

    for of_epoch, of_dense in zip([*logs, measured], [*dense_logs, dense_measured], strict=True):
        assert of_epoch == pytest.approx(of_dense, abs=1e-5)
    assert measured == pytest.approx(
        {"loss": logs[-1]["val_loss"], "accuracy": logs[-1]["val_accuracy"]}, abs=1e-6
    )
    for name, array in state.items():
        np.testing.assert_allclose(array, dense_state[name], atol=1e-5, err_msg=name)


@pytest.mark.slow
def test_training_that_continues_equals_training_in_one_go():
    whole, logs, _ = train(Split(X, Y))
    half, *_ = train(Split(X, Y), epochs=1)
    continued, last_logs, _ = train(Split(X, Y), state=half, epochs_done=1)

    assert differences(whole, continued) == {}
    assert last_logs == logs[1:]


@pytest.mark.parametrize("of_tensorflow", [True, False])
def test_batches_are_rows_in_the_order_of_seed_and_epoch(of_tensorflow):
    unsorted = csr_array((X.data, X.indices, X.indptr), shape=X.shape)
    for row in range(len(Y)):  # the same array, its columns in another order
        places = slice(unsorted.indptr[row], unsorted.indptr[row + 1])
        unsorted.data[places] = unsorted.data[places][::-1].copy()
        unsorted.indices[places] = unsorted.indices[places][::-1].copy()
    split = Split(unsorted, Y)
    batches = (
        make_batches((split.x, split.y), 50)
        if of_tensorflow
        else PortableBatches((split.x, split.y), 50)
    )
    now = order(0, 1, len(Y))
    batches.set_order(now)

    found = [(in_full(x), np.asarray(y)) for x, y in as_list(batches.for_keras())]

    assert [len(y) for _, y in found] == [50, 50, 31]
    np.testing.assert_array_equal(np.concatenate([x for x, _ in found]), X.toarray()[now])
    np.testing.assert_array_equal(np.concatenate([y for _, y in found]), Y[now])


def as_list(batches) -> list:
    """Keras stops a PyDataset by its length, Python does not."""
    if isinstance(batches, PortableBatches):
        return [batches[i] for i in range(len(batches))]
    return list(batches)


def in_full(x) -> np.ndarray:
    if hasattr(x, "toarray"):
        return x.toarray()
    import tensorflow as tf

    return tf.sparse.to_dense(x).numpy()

"""Networks with several inputs and outputs, and examples that count more or less."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers
from scipy.sparse import csr_array

from hpsearch.data import Split
from hpsearch.errors import StudyFileError
from hpsearch.task import Task
from hpsearch.training import fit as fitting
from hpsearch.training import loop
from tests.training.letters import differences

RNG = np.random.default_rng(0)
N = 90
NUMBERS = RNG.normal(size=(N, 3)).astype("float32")
WORDS = RNG.integers(0, 2, (N, 4)).astype("float32")
PRICE = NUMBERS @ np.array([1.0, 2.0, 3.0])
HOUSES = Split(
    {"words": csr_array(WORDS), "numbers": NUMBERS},
    {"price": PRICE, "kind": (PRICE > 0).astype("uint8")},
)


def network(*, by_name: bool = False, **changed: Any) -> keras.Model:
    """Reads numbers and words, tells price and kind; made of lists or of dicts."""
    numbers = keras.Input((3,), name=changed.get("numbers", "numbers"))
    words = keras.Input((4,), name="words", sparse=True)
    scaled = layers.Normalization()(numbers)
    both = layers.concatenate([scaled, layers.Dense(4)(words)])
    hidden = layers.Dropout(0.2)(layers.Dense(8, "relu")(both))
    price = layers.Dense(1, name=changed.get("price", "price"))(hidden)
    kind = layers.Dense(1, "sigmoid", name="kind")(hidden)
    inputs, outputs = [numbers, words], [price, kind]
    if by_name:
        inputs, outputs = ({one.name: one for one in inputs}, {"price": price, "kind": kind})
    model = keras.Model(inputs, outputs)
    model.compile(
        "adam",
        {"price": "mse", "kind": "binary_crossentropy"} if "price" not in changed else "mse",
        metrics=None if changed else {"kind": ["accuracy"]},
        weighted_metrics=None if changed else {"kind": ["accuracy"]},
    )
    return model


def task(make=network) -> Task:
    baseline = {"epochs": 3, "batch_size": 16}
    return Task(
        load=lambda _: None, space=lambda _: None, build=lambda _: make(), baseline=baseline
    )


def train(split: Split, make=network, *, epochs: int = 2, state=None, epochs_done: int = 0):
    of_task = task(make)
    model = fitting.build(of_task, {}, 5, split)
    if state is not None:
        fitting.set_state(model, state)
    logs = []
    fitting.fit(
        of_task,
        model,
        split[:60],
        split[60:],
        params={"batch_size": 16},
        epochs=epochs,
        epochs_done=epochs_done,
        seed=5,
        after_epoch=lambda _, one: bool(logs.append(one)) or True,
    )
    return fitting.get_state(model), logs


@pytest.mark.slow
def test_training_that_continues_equals_training_in_one_go_to_the_last_bit():
    def of_dicts():
        return network(by_name=True)

    whole, logs = train(HOUSES, of_dicts)
    half, _ = train(HOUSES, of_dicts, epochs=1)
    continued, last_logs = train(HOUSES, of_dicts, state=half, epochs_done=1)

    assert differences(whole, continued) == {}
    assert {"val_kind_accuracy", "val_price_loss"} <= logs[0].keys()
    without_time = [{k: v for k, v in one.items() if k != "seconds"} for one in (*logs, *last_logs)]
    assert without_time[1:2] == without_time[2:]


@pytest.mark.slow
def test_dicts_and_tuples_train_alike():
    in_order = Split(
        (HOUSES.x["numbers"], HOUSES.x["words"]), (HOUSES.y["price"], HOUSES.y["kind"])
    )
    expected, _ = train(HOUSES, epochs=1)

    found, _ = train(in_order, epochs=1)

    assert differences(expected, found) == {}


@pytest.mark.slow
def test_examples_that_weigh_nothing_teach_nothing():
    weights = np.tile([0.0, 1.0, 3.0], N // 3)
    wrong = np.where(weights == 0, 1 - HOUSES.y["kind"], HOUSES.y["kind"])
    per_output = {"price": np.ones(N), "kind": weights}
    by_weight = [
        Split(HOUSES.x, {**HOUSES.y, "kind": kind}, per_output)
        for kind in (HOUSES.y["kind"], wrong)
    ]

    (right, logs), (other, _), (unweighted, plain) = (
        train(split, epochs=1) for split in (*by_weight, HOUSES)
    )

    assert differences(right, other) == {}
    assert differences(right, unweighted) != {}
    # the loss of validation is weighted, as Keras does it, and so is only the second metric
    assert logs[0]["val_loss"] != plain[0]["val_loss"]
    assert logs[0]["val_kind_accuracy"] != logs[0]["val_kind_weighted_accuracy"]
    assert plain[0]["val_kind_accuracy"] == plain[0]["val_kind_weighted_accuracy"]


@pytest.mark.parametrize("kind", [loop.PortableBatches, loop.TensorFlowBatches])
def test_all_arrays_are_shuffled_alike(kind):
    places = np.arange(7)
    batches = kind(({"a": places, "b": 10 * places}, (20 * places, 30 * places), 40 * places), 3)
    batches.set_order(loop.order(0, 1, 7))

    found = batches.for_keras()
    found = [found[i] for i in range(3)] if kind is loop.PortableBatches else list(found)

    for x, y, weight in found:
        columns = [np.asarray(one) for one in (x["a"], x["b"], *y, weight)]
        for column, times in zip(columns[1:], (10, 20, 30, 40), strict=True):
            assert column.tolist() == (times * columns[0]).tolist()
    assert np.concatenate([x["a"] for x, *_ in found]).tolist() == loop.order(0, 1, 7).tolist()


def test_an_array_too_big_for_memory_gives_the_same_batches_from_its_file(tmp_path: Path):
    np.save(tmp_path / "x.npy", NUMBERS)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    places = loop.order(0, 0, N)[:10]

    found, expected = (rows(mapped)(places) for rows in (loop.rows_in_file, loop.dense_rows))

    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


@pytest.mark.slow
def test_how_big_an_array_is_makes_no_difference_to_training(tmp_path, monkeypatch):
    np.save(tmp_path / "x.npy", NUMBERS)
    mapped = Split({**HOUSES.x, "numbers": np.load(tmp_path / "x.npy", mmap_mode="r")}, HOUSES.y)
    expected, _ = train(HOUSES, epochs=1)
    monkeypatch.setattr(loop, "MAX_BYTES_IN_MEMORY", 0)

    found, _ = train(mapped, epochs=1)

    assert differences(expected, found) == {}


def test_a_layer_adapts_to_what_its_own_input_reads():
    model = fitting.build(task(), {}, 5, HOUSES)

    (layer,) = (one for one in model.layers if isinstance(one, layers.Normalization))
    np.testing.assert_allclose(np.ravel(layer.mean), NUMBERS.mean(axis=0), atol=1e-6)


def test_a_layer_adapts_to_what_several_inputs_make():
    a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    layer = layers.Normalization()
    model = keras.Model([b, a], layers.Dense(1)(layer(layers.subtract([a, b]))))

    loop.adapt(model, loop.arrange(model, {"a": NUMBERS, "b": 2 * NUMBERS})[0])

    np.testing.assert_allclose(np.ravel(layer.mean), -NUMBERS.mean(axis=0), atol=1e-6)


def test_a_layer_that_reads_sparse_examples_is_told():
    words = keras.Input((4,), name="words", sparse=True)
    model = keras.Model(words, layers.Dense(1)(layers.Normalization()(words)))

    with pytest.raises(loop.CannotAdapt, match="cannot adapt to sparse examples"):
        loop.adapt(model, HOUSES.x["words"])


@pytest.mark.parametrize(
    ("split", "changed", "words"),
    [
        pytest.param(
            HOUSES,
            {"numbers": "figures"},
            "^build.params. returned a network with the inputs 'figures', 'words', but x of the "
            "data has 'numbers', 'words': use the same names$",
            id="an input",
        ),
        pytest.param(
            HOUSES,
            {"price": "worth"},
            "with the outputs 'worth', 'kind', but y of the data has 'kind', 'price'",
            id="an output",
        ),
        pytest.param(
            Split((NUMBERS, NUMBERS, WORDS), HOUSES.y),
            {},
            "with the inputs 'numbers', 'words', but x of the data has a tuple of 3 arrays",
            id="one too many",
        ),
        pytest.param(
            Split((NUMBERS, WORDS), HOUSES.y),
            {"by_name": True},
            "with the inputs 'numbers', 'words', but x of the data has a tuple of 2 arrays",
            id="no names for a network of dicts",
        ),
        pytest.param(
            Split(NUMBERS, HOUSES.y),
            {},
            "with the inputs 'numbers', 'words', but x of the data has one array",
            id="one array",
        ),
    ],
)
def test_a_network_with_other_inputs_or_outputs_than_the_data_is_refused(split, changed, words):
    with pytest.raises(StudyFileError, match=words):
        fitting.build(task(lambda: network(**changed)), {}, 5, split)

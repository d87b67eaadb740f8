"""Layers that learn from data before training see the examples that are fitted."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from scipy.sparse import csr_array

from hpsearch.data import Split
from hpsearch.errors import StudyFileError
from hpsearch.messages import TRAIN_AND_VALID, EpochDone, Job, Verdict
from hpsearch.processes.runner import LocalRunner
from hpsearch.processes.supervisor import How, Limits, supervise
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import run_study_file
from hpsearch.task import Task
from hpsearch.training import fit as fitting
from tests.training.letters import differences

RNG = np.random.default_rng(0)
NUMBERS = (RNG.normal(size=(60, 3)) * [1, 10, 100] + [5, 0, -50]).astype("float32")
WHOLE = RNG.integers(20, 30, size=(60, 3))
TEXTS = np.array([[f"{RNG.choice(list('abc'))} {RNG.choice(list('xyz'))}"] for _ in range(60)])
Y = np.arange(60) % 2


def task(*before: keras.Layer, network: object = None) -> Task:
    """A task whose networks begin with some layers; `network` makes all of one."""

    def build(params):
        if network is not None:
            model = network()
        else:
            copies = [layer.from_config(layer.get_config()) for layer in before]
            model = keras.Sequential([*copies, layers.Dense(2, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    baseline = {"epochs": 3, "batch_size": 16}
    return Task(load=lambda _: None, space=lambda _: None, build=build, baseline=baseline)


def built(of_task: Task, x=NUMBERS) -> keras.Model:
    return fitting.build(of_task, {}, 1, Split(x, Y[: x.shape[0]]))


def functional() -> keras.Model:
    """Rescaled numbers, normalized."""
    inputs = keras.Input((3,))
    outputs = layers.Normalization(name="wanted")(layers.Rescaling(2.0)(inputs))
    return keras.Model(inputs, layers.Dense(2, "softmax")(outputs))


def nested() -> keras.Model:
    """The same, the normalization in a model of its own."""
    inner = keras.Sequential([keras.Input((3,)), layers.Normalization(name="wanted")])
    inputs = keras.Input((3,))
    outputs = inner(layers.Rescaling(2.0)(inputs))
    return keras.Model(inputs, layers.Dense(2, "softmax")(outputs))


@pytest.mark.parametrize(
    ("of_task", "factor"),
    [
        pytest.param(task(layers.Normalization(name="wanted")), 1, id="first"),
        pytest.param(
            task(layers.InputLayer((3,)), layers.Normalization(name="wanted")), 1, id="after Input"
        ),
        pytest.param(
            task(layers.Rescaling(2.0), layers.Normalization(name="wanted")), 2, id="after a layer"
        ),
        pytest.param(task(network=functional), 2, id="functional"),
        pytest.param(task(network=nested), 2, id="nested"),
    ],
)
def test_a_layer_adapts_to_what_reaches_it(of_task, factor):
    (wanted,) = [one for one in built(of_task)._flatten_layers() if one.name == "wanted"]

    np.testing.assert_allclose(wanted.mean[0], factor * NUMBERS.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(wanted.variance[0], factor**2 * NUMBERS.var(axis=0), rtol=1e-4)


def test_what_the_study_file_adapted_stays_as_it_is():
    def network():
        normalization = layers.Normalization()
        normalization.adapt(np.array([[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]]))
        fixed = layers.Normalization(mean=7.0, variance=4.0)
        return keras.Sequential([normalization, fixed, layers.Dense(2, "softmax")])

    adapted, fixed, _ = built(task(network=network)).layers

    assert np.asarray(adapted.mean).tolist() == [[2.0, 3.0, 4.0]]
    assert (np.asarray(fixed.mean) == 7.0).all()


def test_words_and_bins_are_those_of_the_examples():
    words, _, lookup, _ = built(
        task(
            layers.TextVectorization(output_sequence_length=2),
            layers.Reshape((2,)),
            layers.IntegerLookup(output_mode="multi_hot", max_tokens=9, pad_to_max_tokens=True),
        ),
        TEXTS,
    ).layers
    (bins, *_) = built(task(layers.Discretization(num_bins=4))).layers

    assert set(words.get_vocabulary()) == {"", "[UNK]", *"abcxyz"}
    assert set(lookup.get_vocabulary()) == {-1, *range(2, 8)}
    assert bins.bin_boundaries == sorted(bins.bin_boundaries)
    assert len(bins.bin_boundaries) == 3


def own_call() -> keras.Model:
    model = OwnCall()
    model(NUMBERS)
    return model


class OwnCall(keras.Model):
    """A model whose graph is in its code."""

    def __init__(self):
        super().__init__()
        self.normalization, self.dense = layers.Normalization(name="wanted"), layers.Dense(2)
        self.normalization.build((None, 3))

    def call(self, x):
        return self.dense(self.normalization(x))


@pytest.mark.parametrize(
    ("of_task", "x", "message"),
    [
        pytest.param(
            task(layers.Dense(3, name="d"), layers.Normalization(name="wanted")),
            NUMBERS,
            "Normalization layer 'wanted' cannot adapt after Dense layer 'd', which trains",
            id="after a layer that trains",
        ),
        pytest.param(
            task(network=own_call),
            NUMBERS,
            "Normalization layer 'wanted' cannot adapt where it is",
            id="a call of its own",
        ),
        pytest.param(
            task(layers.TimeDistributed(layers.Normalization(name="wanted")), layers.Flatten()),
            NUMBERS[:, :, None],
            "Normalization layer 'wanted' cannot adapt where it is",
            id="in a wrapper",
        ),
        pytest.param(
            task(layers.InputLayer((3,), sparse=True), layers.Normalization(name="wanted")),
            csr_array(NUMBERS),
            "Normalization layer 'wanted' cannot adapt to sparse examples",
            id="sparse",
        ),
    ],
)
def test_what_cannot_be_adapted_is_an_error_that_names_the_layer(of_task, x, message):
    with pytest.raises(StudyFileError, match=message):
        built(of_task, x)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("x", "of_task"),
    [
        (NUMBERS, task(layers.Normalization(), layers.Dropout(0.2))),
        (NUMBERS, task(layers.Discretization(num_bins=4, output_mode="multi_hot"))),
        (WHOLE, task(layers.IntegerLookup(), layers.Embedding(20, 2), layers.Flatten())),
        (TEXTS, task(layers.StringLookup(), layers.Embedding(20, 2), layers.Flatten())),
        (
            TEXTS,
            task(
                layers.TextVectorization(output_sequence_length=2),
                layers.Embedding(20, 2),
                layers.Flatten(),
            ),
        ),
    ],
    ids=lambda value: value.build({}).layers[0].name if isinstance(value, Task) else "",
)
def test_training_that_continues_equals_training_in_one_go(x, of_task):
    split = Split(x, Y)

    def train(epochs, state=None, epochs_done=0):
        model = built(of_task, x)
        if state is not None:
            fitting.set_state(model, state)
        fitting.fit(
            of_task,
            model,
            split,
            None,
            params={"batch_size": 16},
            epochs=epochs,
            epochs_done=epochs_done,
            seed=1,
            after_epoch=lambda epoch, logs: True,
        )
        return fitting.get_state(model)

    assert differences(train(3), train(3, state=train(1), epochs_done=1)) == {}


def test_a_state_brings_the_mean_it_was_trained_with():
    """Even where the examples are others now, or summed in another order."""
    of_task = task(layers.Normalization())
    before, after = built(of_task), built(of_task, NUMBERS[:30])

    fitting.set_state(after, fitting.get_state(before))

    np.testing.assert_array_equal(after(NUMBERS), before(NUMBERS))


STUDY_FILE = '''"""Clouds: two clouds of points, far off."""

import numpy as np

from hpsearch import Dataset, Split, Task
from hpsearch.data import Source


def load(folder):
    y = np.arange(80) % 2
    x = np.arange(80, dtype="float32").reshape(80, 1)
    points = Split(x, y)
    return Dataset(points[:40], points[40:60], points[60:])


def build(params):
    import keras

    model = keras.Sequential([keras.layers.Normalization(), keras.layers.Dense(2, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


TASK = Task(
    load=load,
    space=lambda trial: None,
    build=build,
    source=Source("far"),
    baseline=dict(epochs=1, batch_size=20),
)
'''


# Keras's own, where it reads a variable to save it
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_a_trial_adapts_to_the_training_split_and_a_retraining_to_all_it_fits(tmp_path: Path):
    study_file, runner = run_study_file(STUDY_FILE, "far.py"), LocalRunner()

    def mean_of(**fields: str) -> float:
        job = Job(
            study_file=STUDY_FILE,
            study_file_name="far.py",
            params=dict(study_file.task.baseline),
            seed=1,
            data=str(prepare_data(study_file, None).folder),
            curve=str(tmp_path / f"curve-{len(fields)}"),
            export=str(tmp_path),
            **fields,
        )
        ending = supervise(runner, job, answer=go_on, limits=Limits())
        assert ending.how is How.FINISHED, ending
        return float(keras.saving.load_model(tmp_path / "model.keras").layers[0].mean[0, 0])

    assert mean_of() == np.arange(40).mean()
    assert mean_of(fit_on=TRAIN_AND_VALID) == np.arange(60).mean()


def go_on(_message: EpochDone) -> Verdict:
    return Verdict.GO_ON

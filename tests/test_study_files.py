"""Every study file keeps the contract. A new file in studies/ is a new test here."""

from __future__ import annotations

import ast
import io
import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hpsearch.data import encode_characters, one_line
from hpsearch.data.arrays import classes_of, is_sparse
from hpsearch.data.sources import locate
from hpsearch.errors import DataCorrupt
from hpsearch.study.space import explore, params_of
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import StudyFile, read_study_file
from hpsearch.task import Factor, Params, ParamValue

pytestmark = pytest.mark.xdist_group("real data")  # which are read once a process

# What each lab varies: each level stands for all params that it sets or relies on.
LEVELS: dict[str, dict[str, list[ParamValue | Params]]] = {
    "digits": {},
    "fashion_mnist": {
        "epochs": [50, 75, 100, 125],
        "batch_size": [50, 100, 200, 400],
        "units_1": [500, 700, 800, 900, 1200],
        "hidden layer": [
            {"layers": 1},
            *({"layers": 2, "units_2": units} for units in (500, 600, 700, 900, 1200)),
        ],
    },
    "imdb_lstm": {
        "epochs": [5, 7, 10, 15],
        "units_1": [50, 100, 125, 150],
        "optimizer": ["adam", "sgd"],
    },
    "imdb_mlp": {
        "epochs": [4, 20],
        "layers": [1, 2, 3],
        "units_1": [4, 8, 16, 32, 64],
        "loss": ["binary_crossentropy", "mse"],
        "activation": ["relu", "tanh", "sigmoid"],
        "optimizer": ["rmsprop", "adam", "sgd"],
        "the lab's path": [
            {"layers": 3, "loss": "binary_crossentropy", "activation": "relu"},
            {"layers": 3, "loss": "mse", "activation": "relu"},
            {"layers": 3, "loss": "mse", "activation": "tanh"},
        ],
    },
    "imdb_lstm_regularized": {
        "dropout": [0.0, 0.1, 0.2, 0.3, 0.5],
        "bias_regularizer": [
            {"bias_regularizer": "none"},
            {"bias_regularizer": "l2", "regularization": 0.01},
            {"bias_regularizer": "l1_l2", "regularization": 0.01},
        ],
        "optimizer": [
            {"optimizer": "adam", "adam_learning_rate": 0.001},
            {"optimizer": "sgd", "sgd_learning_rate": 0.01, "momentum": 0.9},
            "rmsprop",
        ],
        "cell": ["SimpleRNN", "GRU", "LSTM"],
        "recurrent_initializer": ["orthogonal", "identity", "glorot_uniform"],
        "activation": ["tanh", "relu"],
        "layer_normalization": [False, True],
        "residual": [False, True],
        "clipnorm": [None, 1.0],
    },
    "alice_chars": {
        "cell": ["SimpleRNN", "GRU", "LSTM"],
        "units_1": [64, 128, 256],
        "dropout": [0.0, 0.1, 0.2],
        "window": [10, 20, 40],
        "bias_regularizer": ["none", {"bias_regularizer": "l1_l2", "regularization": 0.01}],
        "optimizer": ["rmsprop", "adam"],
    },
}
STUDY_FILES = sorted((Path(__file__).parent.parent / "studies").glob("*.py"))


@pytest.fixture(params=STUDY_FILES, ids=lambda path: path.stem)
def study_file(request: pytest.FixtureRequest) -> StudyFile:
    return read_study_file(str(request.param))


def test_it_says_what_the_task_is_and_where_the_data_come_from(study_file: StudyFile):
    assert study_file.title().endswith(".")
    assert "Data: " in study_file.description()


def test_its_top_level_is_declarations_that_do_no_work(study_file: StudyFile):
    kinds = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign, ast.FunctionDef)
    docstring, *statements = ast.parse(study_file.text).body

    assert isinstance(docstring, ast.Expr)
    assert [type(s).__name__ for s in statements if not isinstance(s, kinds)] == []


def test_its_baseline_and_factors_lie_inside_its_space(study_file: StudyFile):
    task = study_file.task
    space = explore(study_file)  # refuses a baseline outside

    baseline = params_of(study_file, space, Factor(name="none", levels=()), {})
    for factor in task.all_factors():
        levels = [params_of(study_file, space, factor, level) for level in factor.levels]
        # else the lab's own value would not be in the lab's own table
        assert baseline in levels or factor.name in task.paths


def test_its_factors_hold_every_level_of_the_lab(study_file: StudyFile):
    space = explore(study_file)
    factors = {factor.name: factor for factor in study_file.task.all_factors()}

    for name, levels in LEVELS[Path(study_file.filename).stem].items():
        factor = factors[name]
        found = [params_of(study_file, space, factor, level) for level in factor.levels]
        for level in levels:
            wanted = level if isinstance(level, dict) else {name: level}
            assert any(wanted.items() <= params.items() for params in found), level


def test_its_space_has_what_every_lab_is_to_search(study_file: StudyFile):
    names = explore(study_file).distributions

    assert {"epochs", "layers", "units_1", "batch_size", "activation", "optimizer"} <= names.keys()


def test_reading_it_imports_no_keras(study_file: StudyFile):
    code = (
        "import sys\n"
        "from hpsearch.study.space import explore\n"
        "from hpsearch.study_file import read_study_file\n"
        "explore(read_study_file(sys.argv[1]))\n"
        "print({'keras', 'tensorflow', 'sklearn'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, study_file.filename],
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == "set()\n"


@pytest.mark.slow
def test_its_data_are_sound_and_fit_its_classes(
    study_file: StudyFile, request: pytest.FixtureRequest
):
    task, folder = study_file.task, None
    if task.source is not None and task.source.files and locate(task.source, None) is None:
        folder = request.getfixturevalue("real_data")

    dataset = prepare_data(study_file, folder).open()

    labels = classes_of(dataset.train.y)
    if task.classes:
        assert labels is not None
        assert labels.tolist() == list(range(len(task.classes)))
    assert all(len(split) >= 10 for split in dataset.splits().values())


def test_its_baseline_builds_a_compiled_model(study_file: StudyFile):
    keras = pytest.importorskip("keras")

    model = study_file.task.build(dict(study_file.task.baseline))

    assert isinstance(model, keras.Model)
    assert model.compiled


def test_each_level_of_its_factors_builds(study_file: StudyFile):
    space = explore(study_file)
    for factor in study_file.task.all_factors():
        for level in factor.levels:
            assert study_file.task.build(params_of(study_file, space, factor, level)).compiled


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
def test_its_model_is_loaded_by_plain_keras_and_takes_raw_input(
    study_file: StudyFile, tmp_path: Path
):
    keras = pytest.importorskip("keras")
    model = study_file.task.build(dict(study_file.task.baseline))
    raw = np.ones((3, *model.input_shape[1:]), dtype="uint8")

    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", compile=False)

    np.testing.assert_array_equal(model.predict(raw, verbose=0), loaded.predict(raw, verbose=0))


@pytest.mark.parametrize(
    ("name", "scale"),
    [
        pytest.param("digits", 255 / 16, id="digits: 0 to 16"),
        pytest.param("fashion_mnist", 1, id="fashion_mnist: 0 to 255"),
    ],
)
def test_an_image_from_outside_is_encoded_as_those_of_the_data(name: str, scale: float):
    task = read_study_file(name).task
    side = {"digits": 8, "fashion_mnist": 28}[name]
    pixels = np.arange(side * side).reshape(side, side) % 17
    stream = io.BytesIO()
    Image.fromarray((pixels * scale).round().astype("uint8")).save(stream, "PNG")
    assert task.encode is not None

    encoded = task.encode(stream.getvalue(), ())

    assert encoded.x.dtype == np.uint8
    np.testing.assert_array_equal(encoded.x, pixels)


@pytest.mark.parametrize(
    ("name", "shares"),
    [
        pytest.param("imdb_lstm", (20_000, 5_000, 25_000), id="imdb_lstm"),
        pytest.param("imdb_lstm_regularized", (20_000, 5_000, 25_000), id="imdb_lstm_regularized"),
        pytest.param("imdb_mlp", (15_000, 10_000, 25_000), id="imdb_mlp"),
    ],
)
def test_film_reviews_are_held_out_as_the_lab_says(
    name: str, shares: tuple[int, ...], real_data: Path
):
    dataset = prepare_data(read_study_file(name), real_data).open()

    assert tuple(len(split) for split in dataset.splits().values()) == shares
    assert all(0.48 < split.y.mean() < 0.52 for split in dataset.splits().values())


@pytest.mark.parametrize("name", ["imdb_lstm", "imdb_lstm_regularized", "imdb_mlp"])
def test_a_review_from_outside_is_encoded_as_those_of_the_data(name: str, real_data: Path):
    study_file = read_study_file(name)
    dataset = prepare_data(study_file, real_data).open()
    row = dataset.test.x[:1]
    known = row.toarray()[0] if is_sparse(row) else row[0]
    numbers = np.flatnonzero(known) if is_sparse(row) else known
    text = " ".join(dataset.vocabulary[n] for n in numbers if n > 3)
    assert study_file.task.encode is not None

    encoded = study_file.task.encode(text.encode(), dataset.vocabulary)

    assert encoded.x.shape == known.shape
    assert encoded.n_words == (numbers > 3).sum()
    assert encoded.n_unknown == 0
    again = np.flatnonzero(encoded.x) if is_sparse(row) else encoded.x
    assert [n for n in again if n > 3] == [n for n in numbers if n > 3]


def test_dropout_of_words_drops_each_from_all_reviews_of_a_batch():
    """As Keras 1 did: a word is gone wherever it stands, the others weigh the more for it."""
    keras = pytest.importorskip("keras")
    task = read_study_file("imdb_lstm").task
    model = task.build({**task.baseline, "n_words": 2_500, "embedding_dropout": 0.4})
    (lstm,) = (layer for layer in model.layers if isinstance(layer, keras.layers.LSTM))
    (embedding,) = (layer for layer in model.layers if isinstance(layer, keras.layers.Embedding))
    before = keras.Model(model.input, [embedding.output, lstm.input])
    x = np.random.default_rng(0).integers(10, size=(8, *model.input_shape[1:]))

    embedded, entering = (np.asarray(output) for output in before(x, training=True))

    for word in range(10):
        at = x[:, -80:] == word
        weights = (entering[at] / embedded[at]).astype(float).round(2)
        assert np.unique(weights).tolist() in ([0.0], [1.67])
    assert 0 < (entering == 0).mean() < 1


def test_windows_of_the_book_never_straddle_the_parts(real_data: Path):
    dataset = prepare_data(read_study_file("alice_chars"), real_data).open()

    def text(part: str) -> list[int]:
        split = dataset.splits()[part]
        return [*split.x[0].tolist(), *split.y.tolist()]

    path = real_data / "alice" / "alice_in_wonderland.txt"
    book = encode_characters(one_line(path.read_bytes()), dataset.vocabulary).tolist()
    assert len(book) == 142_554
    assert len(set(book)) == len(dataset.vocabulary) == 42
    assert text("train") + text("valid") + text("test") == book


def test_the_book_of_project_gutenberg_is_the_same_without_its_frame(
    real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HPSEARCH_CACHE", str(tmp_path / "cache"))
    book = (real_data / "alice" / "alice_in_wonderland.txt").read_text("utf-8-sig")
    framed = (
        "The Project Gutenberg eBook of Alice\n*** START OF THE PROJECT GUTENBERG EBOOK ***\n"
        "Contents\n CHAPTER I.     Down the Rabbit-Hole\n\n"
        f"{book.replace(chr(39), '’')}\nTHE END\n*** END OF THE PROJECT GUTENBERG EBOOK ***\n"
    )
    (tmp_path / "pg11.txt").write_text(framed, encoding="utf-8")
    study_file = read_study_file("alice_chars")

    ours = prepare_data(study_file, tmp_path)

    assert ours.fingerprint == prepare_data(study_file, real_data).fingerprint
    (tmp_path / "pg11.txt").write_text(framed.replace("happy summer", "long winter"))
    with pytest.raises(DataCorrupt, match="lacks the first or the last words of the book"):
        prepare_data(study_file, tmp_path)


def test_bits_per_character_are_of_the_crossentropy_not_of_the_loss():
    also_log = read_study_file("alice_chars").task.also_log
    assert also_log is not None

    logs = also_log({"loss": 9.0, "crossentropy": 2 * math.log(2)})

    assert logs == {"bits_per_char": 2.0}


def test_hpsearch_ships_study_files():
    assert {path.stem for path in STUDY_FILES} >= {
        "alice_chars",
        "digits",
        "fashion_mnist",
        "imdb_lstm",
        "imdb_lstm_regularized",
        "imdb_mlp",
    }


@pytest.mark.parametrize(
    ("name", "curve"),
    [
        ("fashion_mnist", "baseline"),
        ("imdb_lstm", "baseline"),
        ("imdb_mlp", "baseline, 20 epochs"),
    ],
)
def test_what_a_lab_published_epoch_by_epoch_is_in_its_study_file(
    name: str, curve: str, real_data: Path
):
    lab = json.loads((real_data.parent / "labs-published.json").read_text())[name]
    printed = lab[curve]
    published = read_study_file(name).task.published
    assert published is not None

    assert list(published.logs) == printed.get("epochs", list(published.logs))
    for log in ("loss", "accuracy", "val_loss", "val_accuracy"):
        assert [logs[log] for logs in published.logs.values()] == printed[log]
    accuracies = {one["test_accuracy"] for one in lab.values() if "test_accuracy" in one}
    assert accuracies == {published.test_accuracy}


@pytest.mark.parametrize("name", [path.stem for path in STUDY_FILES])
def test_each_lab_asks_questions_that_figures_answer(name: str):
    questions = read_study_file(name).task.questions

    assert {"overfitting", "combination", "levels"} <= {one.evidence for one in questions}

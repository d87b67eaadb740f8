"""A plain Keras script becomes a study file: its literals the baseline, its code the network."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import numpy as np
import pytest

from hpsearch.adopt.script import read_script
from hpsearch.adopt.writing import Adopted, adopt_script
from hpsearch.errors import UsageError
from hpsearch.study.space import explore, params_of
from hpsearch.study_file import StudyFile, run_study_file

SCRIPTS = Path(__file__).parent / "scripts"
HEAD = """
import numpy as np
from keras import layers, models
data = np.load("numbers.npz")
x, y = data["x"], data["y"]
"""
SEQUENTIAL = """
model = models.Sequential([layers.Dense(32, activation="relu"), layers.Dense(3)])
"""
TAIL = """
model.compile(optimizer="adam", loss="mse", metrics=["mae"])
model.fit(x, y, epochs=12, batch_size=32)
"""


def adopted(folder: Path, code: str) -> Adopted:
    (folder / "mine.py").write_text(code)
    return adopt_script(folder / "mine.py")


def as_study_file(one: Adopted) -> StudyFile:
    """The study file as `run` reads it; its baseline and levels lie in its space."""
    study_file = run_study_file(one.text, "mine_study.py")
    space = explore(study_file)
    for factor in study_file.task.all_factors():
        levels = [params_of(study_file, space, factor, level) for level in factor.levels]
        assert study_file.task.baseline[factor.name] in [level[factor.name] for level in levels]
    return study_file


def build_code(one: Adopted) -> str:
    functions = [n for n in ast.parse(one.text).body if isinstance(n, ast.FunctionDef)]
    return ast.unparse(next(f for f in functions if f.name == "build"))


def load_code(one: Adopted) -> str:
    functions = [n for n in ast.parse(one.text).body if isinstance(n, ast.FunctionDef)]
    return ast.unparse(next(f for f in functions if f.name == "load"))


def words(one: Adopted) -> str:
    return "\n".join(f"{remark.line}: {remark.words}" for remark in one.remarks)


PUBLISHED = {
    "fashion_mnist": {
        "epochs": 100,
        "batch_size": 200,
        "units": 800,
        "activation": "relu",
        "optimizer": "sgd",
        "learning_rate": 0.01,
    },
    "imdb_lstm": {
        "epochs": 7,
        "batch_size": 64,
        "embedding": 32,
        "units": 100,
        "dropout": 0.2,
        "recurrent_dropout": 0.2,
        "optimizer": "adam",
        "learning_rate": 0.001,
    },
    "imdb_mlp": {
        "epochs": 20,
        "batch_size": 512,
        "units_1": 16,
        "activation": "relu",
        "units_2": 16,
        "optimizer": "rmsprop",
        "learning_rate": 0.001,
    },
    "imdb_lstm_regularized": {
        "epochs": 1,
        "batch_size": 16,
        "embedding": 128,
        "units": 64,
        "dropout": 0.2,
        "l1": 0.01,
        "l2": 0.01,
        "optimizer": "adam",
        "learning_rate": 0.001,
    },
    "alice_chars": {
        "epochs": 25,
        "batch_size": 128,
        "units": 128,
        "dropout": 0.1,
        "l1": 0.01,
        "l2": 0.01,
        "optimizer": "rmsprop",
        "learning_rate": 0.001,
    },
}


@pytest.mark.parametrize("lab", PUBLISHED)
def test_the_labs_own_scripts_become_study_files_with_their_values_as_the_baseline(lab: str):
    one = adopt_script(SCRIPTS / f"{lab}.py")

    assert as_study_file(one).task.baseline == PUBLISHED[lab]


def test_what_the_labs_scripts_need_by_hand_is_said():
    said = {lab: words(adopt_script(SCRIPTS / f"{lab}.py")) for lab in PUBLISHED}

    assert "one-hot" in said["fashion_mnist"]
    assert "Embedding has no dropout in Keras 3: dropout=0.2 is left out" in said["imdb_lstm"]
    assert "validates on its test data" in said["imdb_lstm_regularized"]
    assert "data code of your own" in said["imdb_mlp"]
    assert "write NB_CHARS" in said["alice_chars"]


def test_each_value_of_the_space_is_marked_with_its_line_in_the_script():
    text = adopt_script(SCRIPTS / "fashion_mnist.py").text

    suggested = [line for line in text.splitlines() if "trial.suggest" in line]
    assert all("# check: " in line for line in suggested)
    assert "# check: 800, line 38" in text
    assert "# check: 0.01, Keras's default" in text


def test_validation_split_is_cut_as_keras_cuts_it(tmp_path: Path):
    code = HEAD + SEQUENTIAL + TAIL.replace("epochs=12", "epochs=12, validation_split=0.25")

    text = load_code(adopted(tmp_path, code))

    assert "int(len(rest) * (1 - 0.25))" in text


def test_the_test_data_of_a_data_set_of_keras_stay_test_data_under_any_name(tmp_path: Path):
    one = adopted(
        tmp_path,
        """
from keras import Sequential, layers
from keras.datasets import mnist

(a, b), (c, d) = mnist.load_data()
a, c = a / 255, c / 255
model = Sequential([layers.Flatten(), layers.Dense(10, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(a, b, epochs=2, validation_data=(c, d))
""",
    )

    assert "validates on its test data" in words(one)
    assert "return Dataset(train, valid, Split(c, d))" in one.text


def test_validation_data_and_test_data_are_taken_as_they_are(tmp_path: Path):
    code = (
        HEAD
        + SEQUENTIAL
        + TAIL.replace("fit(x, y", "fit(x[:80], y[:80], validation_data=(x[80:90], y[80:90])")
        + "model.evaluate(x[90:], y[90:])\n"
    )

    text = load_code(adopted(tmp_path, code))

    assert (
        "return Dataset(Split(x[:80], y[:80]), Split(x[80:90], y[80:90]), Split(x[90:], y[90:]))"
        in text
    )


def test_a_list_of_layers_add_and_the_functional_api_give_the_same_baseline(tmp_path: Path):
    add = """
model = models.Sequential()
model.add(layers.Dense(32, activation="relu"))
model.add(layers.Dense(3))
"""
    functional = """
inputs = layers.Input((4,))
hidden = layers.Dense(32, activation="relu")(inputs)
model = models.Model(inputs, layers.Dense(3)(hidden))
"""
    function = """
def make(width=32):
    inner = models.Sequential()
    inner.add(layers.Dense(width, activation="relu"))
    inner.add(layers.Dense(3))
    return inner
model = make()
"""
    baselines = [
        as_study_file(adopted(tmp_path, HEAD + network + TAIL)).task.baseline
        for network in (SEQUENTIAL, add, functional, function)
    ]

    assert baselines[0]["units"] == 32
    assert all(baseline == baselines[0] for baseline in baselines)


def test_layers_that_have_to_fit_are_pointed_out(tmp_path: Path):
    network = """
inputs = layers.Input((4,))
a = layers.Dense(8)(inputs)
model = models.Model(inputs, layers.Dense(3)(layers.Add()([a, layers.Dense(8)(a)])))
"""
    one = adopted(tmp_path, HEAD + network + TAIL)

    assert "9: Add needs layers of fitting sizes: let them share a name" in words(one)


def test_several_inputs_and_weights_are_adopted(tmp_path: Path):
    network = """
a, b = layers.Input((2,)), layers.Input((2,))
joined = layers.Concatenate()([a, b])
model = models.Model([a, b], layers.Dense(1)(layers.Dense(5)(joined)))
"""
    code = HEAD + network + TAIL.replace("fit(x, y", "fit([x[:, :2], x[:, 2:]], y, sample_weight=w")
    code = code.replace("model.compile", "w = 1 + y\nmodel.compile")
    np.savez(tmp_path / "numbers.npz", x=np.ones((50, 4)), y=np.arange(50) % 2)

    dataset = as_study_file(adopted(tmp_path, code)).task.load(tmp_path)

    assert [part.shape for part in dataset.train.x] == [(30, 2), (30, 2)]
    assert dataset.train.sample_weight.tolist() == (1 + dataset.train.y).tolist()


def test_class_weights_that_are_written_out_become_the_tasks(tmp_path: Path):
    code = HEAD + SEQUENTIAL + TAIL.replace("epochs=12", "epochs=12, class_weight={0: 1, 1: 2.5}")
    drawn = code.replace("{0: 1, 1: 2.5}", "dict(enumerate(weights))")

    assert as_study_file(adopted(tmp_path, code)).task.class_weight == {0: 1, 1: 2.5}
    one = adopted(tmp_path, drawn)
    assert as_study_file(one).task.class_weight is None
    assert "class_weight is not a literal" in words(one)


def test_names_of_constants_count_as_literals_and_one_name_is_one_hyperparameter(tmp_path: Path):
    network = """
WIDTH = 24
model = models.Sequential()
model.add(layers.Dense(WIDTH))
model.add(layers.Dense(WIDTH))
model.add(layers.Dense(8))
model.add(layers.Dense(3))
"""
    baseline = as_study_file(adopted(tmp_path, HEAD + network + TAIL)).task.baseline

    assert baseline["units_1"] == 24
    assert baseline["units_2"] == 8
    assert "units_3" not in baseline


def test_convolutions_and_dropout_are_read(tmp_path: Path):
    network = """
model = models.Sequential()
model.add(layers.Conv2D(16, (3, 3), activation="relu"))
model.add(layers.Conv2D(32, kernel_size=3, activation="relu"))
model.add(layers.Dropout(0.25))
model.add(layers.Flatten())
model.add(layers.Dense(3, activation="softmax"))
"""
    baseline = as_study_file(adopted(tmp_path, HEAD + network + TAIL)).task.baseline

    assert baseline["filters_1"] == 16
    assert baseline["filters_2"] == 32
    assert baseline["kernel_size"] == 3
    assert baseline["dropout"] == 0.25
    assert baseline["activation"] == "relu"


def test_an_optimizer_with_more_than_a_learning_rate_stays_and_its_numbers_are_searched(
    tmp_path: Path,
):
    code = HEAD + SEQUENTIAL + TAIL.replace('"adam"', "keras.optimizers.SGD(lr=0.05, momentum=0.9)")
    one = adopted(tmp_path, "import keras\n" + code)

    assert as_study_file(one).task.baseline["momentum"] == 0.9
    assert "keras.optimizers.SGD(learning_rate=params['learning_rate']" in build_code(one)


def test_a_loop_that_builds_layers_is_kept_and_its_values_are_not_searched(tmp_path: Path):
    network = """
model = models.Sequential()
for _ in range(3):
    model.add(layers.Dense(64, activation="relu"))
model.add(layers.Dense(3))
"""
    one = adopted(tmp_path, HEAD + network + TAIL)

    assert "units" not in as_study_file(one).task.baseline
    assert "for _ in range(3):" in build_code(one)
    assert "8: a loop builds layers: it is kept, and its values are not searched" in words(one)
    assert "# check: a loop builds layers" in one.text


def test_data_that_need_keras_are_left_for_the_user_with_the_scripts_lines(tmp_path: Path):
    code = """
import keras
pixels = keras.utils.image_dataset_from_directory("photos", batch_size=32)
model = keras.Sequential([keras.layers.Dense(8), keras.layers.Dense(2)])
model.compile("adam", "mse")
model.fit(pixels, epochs=3)
"""
    one = adopted(tmp_path, code)

    assert as_study_file(one).task.baseline["units"] == 8
    assert "raise NotImplementedError" in load_code(one)
    assert '#     pixels = keras.utils.image_dataset_from_directory("photos"' in one.text
    assert "6: fit is not given x and y as arrays" in words(one)


def test_numbers_that_the_network_takes_from_the_data_become_constants_to_write(tmp_path: Path):
    network = """
n_classes = len(np.unique(y))
inputs = layers.Input((x.shape[1],))
model = models.Model(inputs, layers.Dense(n_classes)(layers.Dense(16)(inputs)))
"""
    one = adopted(tmp_path, HEAD + network + TAIL)

    assert "X_SHAPE_1 = 1  # check: write x.shape[1], line 8" in one.text
    assert "if X_SHAPE_1 != x.shape[1]:" in load_code(one)
    assert "keras.Input((X_SHAPE_1,))" in build_code(one)
    assert as_study_file(one).task.baseline["units"] == 16


def test_what_the_network_calls_like_the_data_is_the_networks_own(tmp_path: Path):
    code = """
def block(x, n=20):
    x = layers.Dense(n, activation="relu")(x)
    return layers.Lambda(lambda y: y * 2)(x)
class Net(models.Model):
    def call(self, x):
        return x
train_x, train_y = x[:80], y[:80]
inputs = layers.Input((x.shape[1],))
x = layers.Dense(32)(inputs)
x = Net()(block(x))
model = models.Model(inputs, x)
"""
    one = adopted(tmp_path, HEAD + code + TAIL.replace("fit(x, y", "fit(train_x, train_y"))

    built = build_code(one)
    assert "(X_SHAPE_1,)" in built  # that of the data, which are called x until here
    assert "(inputs)\n    x = Net()(block(x))\n" in built
    assert "lambda y: y * 2)(x)" in built
    assert "return x\n" in built
    assert [line for line in one.text.splitlines() if line.startswith("X_SHAPE_1 = 1")]


def test_a_script_as_tensorflows_tutorials_have_it(tmp_path: Path):
    code = """
import tensorflow as tf
mnist = tf.keras.datasets.mnist
(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train, x_test = x_train / 255.0, x_test / 255.0
model = tf.keras.models.Sequential([
    tf.keras.layers.Flatten(input_shape=(28, 28)),
    tf.keras.layers.Dense(128, activation="relu"),
    tf.keras.layers.Dropout(0.2),
    tf.keras.layers.Dense(10),
])
predictions = model(x_train[:1]).numpy()
loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
loss_fn(y_train[:1], predictions).numpy()
model.compile(optimizer="adam", loss=loss_fn, metrics=["accuracy"])
model.fit(x_train, y_train, epochs=5)
"""
    one = adopted(tmp_path, code)

    assert "load_mnist(folder)" in load_code(one)
    assert "Split(x_test, y_test)" in load_code(one)  # though never evaluated
    assert "predictions" not in build_code(one)
    assert "tensorflow" not in build_code(one)
    assert as_study_file(one).task.baseline["dropout"] == 0.2


def test_a_script_that_tests_on_its_training_data_gets_test_data(tmp_path: Path):
    one = adopted(tmp_path, HEAD + SEQUENTIAL + TAIL + "model.evaluate(x, y)\n")

    assert "the script has no test data of its own" in words(one)
    assert load_code(one).count("hold_out") == 2


def test_one_hot_labels_given_to_fit_become_class_numbers(tmp_path: Path):
    code = HEAD + SEQUENTIAL + TAIL.replace("mse", "categorical_crossentropy")
    code = code.replace("fit(x, y", "fit(x, to_categorical(y)")
    one = adopted(tmp_path, "from keras.utils import to_categorical\n" + code)

    assert "rest = Split(x, y)" in load_code(one)
    assert "sparse_categorical_crossentropy" in build_code(one)


def test_names_that_a_study_file_uses_may_be_the_scripts(tmp_path: Path):
    code = "folder = 3\nparams = 4\n" + HEAD + SEQUENTIAL + TAIL.replace("x, y", "x * folder, y")
    task = as_study_file(adopted(tmp_path, code)).task
    np.savez(tmp_path / "numbers.npz", x=np.ones((50, 4)), y=np.arange(50) % 2)

    assert task.load(tmp_path).train.x[0, 0] == 3


def test_of_several_trainings_the_one_that_validates_counts(tmp_path: Path):
    again = TAIL.replace("adam", "sgd").replace("epochs=12", "epochs=5, validation_split=0.2")
    one = adopted(tmp_path, HEAD + SEQUENTIAL + TAIL + again)

    baseline = as_study_file(one).task.baseline
    assert (baseline["optimizer"], baseline["epochs"]) == ("sgd", 5)
    assert build_code(one).count("compile(") == 1
    assert "another fit is left out" in words(one)


def test_what_stands_below_a_condition_that_trains_is_followed(tmp_path: Path):
    body = (SEQUENTIAL + TAIL).strip().replace("\n", "\n    ")
    one = adopted(tmp_path, HEAD + f"if not trained:\n    {body}\n")

    assert as_study_file(one).task.baseline["units"] == 32


def test_data_from_nowhere_are_left_for_the_user(tmp_path: Path):
    one = adopted(tmp_path, HEAD + SEQUENTIAL + TAIL.replace("fit(x, y", "fit(frames, y"))

    assert "frames comes from code that adopt does not follow" in words(one)
    assert "raise NotImplementedError" in load_code(one)


def test_split_functions_scalers_and_paths_are_kept_and_the_split_is_made_repeatable(
    tmp_path: Path,
):
    code = """
import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from tensorflow import keras
table = np.loadtxt("wine.csv", delimiter=",")
x_train, x_test, y_train, y_test = train_test_split(table[:, 1:], table[:, 0], test_size=0.2)
scaler = StandardScaler()
scaler.fit(x_train)
x_train = scaler.transform(x_train)
x_test = scaler.transform(x_test)
model = keras.Sequential([keras.layers.Dense(8, "tanh"), keras.layers.Dense(1)])
model.compile("adam", "mse", metrics=["mae"])
model.fit(x_train, y_train, epochs=3, validation_split=0.1)
model.evaluate(x_test, y_test)
"""
    one = adopted(tmp_path, code)
    text = load_code(one)

    assert "folder / 'wine.csv'" in text
    assert "test_size=0.2, random_state=0)" in text
    assert "scaler.fit(x_train)" in text
    task = as_study_file(one).task
    assert (task.metric, task.direction) == ("val_mae", "minimize")
    assert task.baseline["activation"] == "tanh"


def test_an_adopted_study_file_loads_its_data(tmp_path: Path):
    np.savez(tmp_path / "numbers.npz", x=np.ones((50, 4)), y=np.arange(50) % 2)
    task = as_study_file(adopted(tmp_path, HEAD + SEQUENTIAL + TAIL)).task

    dataset = task.load(tmp_path)

    assert [len(split) for split in dataset.splits().values()] == [30, 10, 10]


def test_a_main_function_and_callbacks(tmp_path: Path):
    body = (HEAD + SEQUENTIAL + TAIL.replace("epochs=12", "epochs=12, callbacks=[stop]")).strip()
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    one = adopted(tmp_path, f"def main():\n{indented}\n\nif __name__ == '__main__':\n    main()\n")

    assert as_study_file(one).task.baseline["epochs"] == 12
    assert "callbacks are left out" in words(one)


def test_a_main_function_may_have_constants_and_call_itself(tmp_path: Path):
    body = HEAD + "n = 12" + SEQUENTIAL + TAIL.replace("epochs=12", "epochs=n") + "main()"
    indented = "\n".join(f"    {line}" for line in body.strip().splitlines())
    one = adopted(tmp_path, f"def main():\n{indented}\n\nmain()\n")

    assert as_study_file(one).task.baseline["epochs"] == 12


def test_the_arguments_of_a_generators_fit_are_not_those_of_arrays(tmp_path: Path):
    fit = "model.compile('adam', 'mse')\nmodel.fit_generator(batches(x), 100, 7)"
    one = adopted(tmp_path, HEAD + SEQUENTIAL + fit)

    baseline = as_study_file(one).task.baseline
    assert (baseline["epochs"], baseline["batch_size"]) == (7, 32)
    assert "datasets and generators are not adopted" in words(one)


def notebook(path: Path, *cells: str) -> Path:
    content = [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    path.write_text(json.dumps({"cells": content, "nbformat": 4}))
    return path


def test_a_notebook_is_read_without_its_magics(tmp_path: Path):
    path = notebook(
        tmp_path / "lab 1.ipynb",
        "%matplotlib inline\n!pip install keras\n" + HEAD + "x.shape?\nfiles = !ls\n",
        "%%bash\nls",
        "%%time\n" + SEQUENTIAL,
        TAIL,
    )
    one = adopt_script(path)

    assert as_study_file(one).task.baseline["units"] == 32
    places = {one.script.place(remark.line) for remark in one.remarks}
    assert {"lab 1.ipynb, cell 1:1", "lab 1.ipynb, cell 1:2", "lab 1.ipynb, cell 2:1"} <= places
    assert "# check: 32, cell 3:3" in one.text
    assert "x.shape? is for IPython: left out" in words(one)
    assert "files = !ls is for IPython: left out" in words(one)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        pytest.param("print(1)", "mine.py has no network", id="no model"),
        pytest.param("x = (1,\n", "mine.py:1: not Python 3: ", id="a syntax error"),
        pytest.param("print 'hello'", "mine.py:1: not Python 3: ", id="Python 2"),
        pytest.param("", "mine.py has no network", id="empty"),
        pytest.param("model.compile('adam', 'mse')\n", "never calls its fit", id="no training"),
        pytest.param(
            HEAD
            + f"for units in (8, 16):\n    {SEQUENTIAL.strip()}\n    "
            + TAIL.strip().replace("\n", "\n    "),
            "mine.py:6: this loop builds and trains a network for each",
            id="a loop over networks",
        ),
        pytest.param(
            "def train(m, x, y):\n    m.compile('adam', 'mse')\n    m.fit(x, y, epochs=3)\n",
            "mine.py:3: fit stands in a function or class",
            id="fit in a function",
        ),
        pytest.param(
            "from keras.layers import *\n" + HEAD + SEQUENTIAL + TAIL,
            "mine.py:1: from keras.layers import * does not say what it imports",
            id="an import of everything",
        ),
        pytest.param(
            HEAD + "model = zoo[0]\n".replace("model", "other") + TAIL,
            "mine.py:9: adopt cannot follow where this network comes from",
            id="a network from nowhere",
        ),
        pytest.param(
            HEAD + SEQUENTIAL + "model.compile('adam')\nmodel.fit(**settings)",
            "write its arguments out",
            id="arguments in a dict",
        ),
    ],
)
def test_what_cannot_be_adopted_gets_one_line(tmp_path: Path, code: str, message: str):
    (tmp_path / "mine.py").write_text(code)

    with pytest.raises(UsageError) as error:
        adopt_script(tmp_path / "mine.py")

    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        pytest.param("mine.txt", b"", "neither a script nor a notebook", id="another suffix"),
        pytest.param("mine.ipynb", b"{}", "not a notebook of format 4", id="no notebook"),
        pytest.param("mine.ipynb", b'{"cells": []}', "has no code cells", id="no cells"),
        pytest.param("mine.py", b"\xff\xfe", "not UTF-8", id="other bytes"),
        pytest.param("mine.py", b"\0", "not Python 3", id="a zero byte"),
    ],
)
def test_files_that_are_no_scripts(tmp_path: Path, name: str, content: bytes, message: str):
    (tmp_path / name).write_bytes(content)

    with pytest.raises(UsageError, match=message):
        adopt_script(tmp_path / name)


def test_a_line_ends_where_pythons_does(tmp_path: Path):
    code = HEAD + "\f\nnote = 'one\u2028line'" + SEQUENTIAL + TAIL
    one = adopted(tmp_path, code)

    line = code[: code.index("model.fit")].count("\n") + 1
    assert f"# check: 12, line {line}\n" in one.text


def test_pieces_keep_comments_texts_of_several_lines_and_other_alphabets(tmp_path: Path):
    code = 'if True:\n    pass\nx = f(1,  # eins, größer\n      """a\n  b""",\n      2)  # end\n'
    (tmp_path / "mine.py").write_text(code, encoding="utf-8")
    script = read_script(tmp_path / "mine.py")
    statement = script.tree.body[1]
    assert isinstance(statement, ast.Assign)
    assert isinstance(statement.value, ast.Call)

    two = script.span(statement.value.args[2])
    text = script.render(statement, [(two, "params")], "    ")

    assert text == '    x = f(1,  # eins, größer\n          """a\n  b""",\n          params)  # end'

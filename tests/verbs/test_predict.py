"""Predicting: texts and files from outside, by a study's network or an export alone."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import shutil
import string
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from hpsearch.figures import show_figure
from hpsearch.questions import Predict
from hpsearch.study_file import read_study_file
from hpsearch.training.use import answer
from tests.conftest import Cli
from tests.evaluated import copy_study, hpsearch
from tests.several import copy_houses
from tests.used import copy_used

# the studies are made once a process
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("evaluated")]

STUDY_FILES = sorted((Path(__file__).parents[2] / "studies").glob("*.py"))
FINE = "a good film and it is fine"
DULL = "bad bad dull film"


@pytest.fixture
def reviews(cwd: Path) -> Path:
    """The current folder, with the evaluated study `reviews` and its export `out`."""
    copy_used("reviews", cwd, "runs")
    copy_used("reviews", cwd, "out")
    return cwd


def edit_exported(folder: Path, old: str, new: str) -> None:
    """Edit the study file of the export `out`, as if it had been exported so."""
    study = folder / "out" / "study.py"
    text = study.read_text()
    assert old in text
    study.write_text(text.replace(old, new))
    write_hash(study)


def write_hash(path: Path) -> None:
    """Let the manifest of an exported folder say that a file is as it should be."""
    manifest = json.loads((path.parent / "MANIFEST.json").read_text())
    manifest["sha256"][path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    (path.parent / "MANIFEST.json").write_text(json.dumps(manifest))


def predicted(done: subprocess.CompletedProcess[str]) -> list[dict]:
    assert done.returncode == 0, done.stderr
    content = json.loads(done.stdout)
    assert content["schema"] == "hpsearch.predict/1"
    return content["predictions"]


def test_texts_files_and_standard_input_get_a_label_and_its_probability(reviews: Path):
    (reviews / "dull.txt").write_text(DULL)
    command = hpsearch("predict", "reviews", FINE, "dull.txt", "-")

    done = subprocess.run(command, input="it is fine", capture_output=True, text=True, check=True)

    labels = re.findall(r"^  [01]\.\d{4}  (\w+)$", done.stdout, re.MULTILINE)
    assert labels == ["positive", "negative", "positive"]
    titles = [line for line in done.stdout.splitlines() if line and not line.startswith(" ")]
    assert titles == [
        f"{FINE}  (7 words, 3 unknown)",
        "dull.txt  (4 words, 0 unknown)",
        "standard input  (3 words, 1 unknown)",
    ]


def test_an_export_predicts_what_its_study_predicts_without_the_study(reviews: Path, inside: Cli):
    of_study = predicted(inside("predict", "reviews", FINE, DULL, "--json"))
    shutil.rmtree(reviews / "runs")

    of_export = predicted(inside("predict", "out", FINE, DULL, "--json"))

    assert of_export == of_study
    assert [one["n_unknown"] for one in of_export] == [3, 0]


def test_a_probability_is_what_the_model_file_says(reviews: Path, inside: Cli):
    (one,) = predicted(inside("predict", "out", DULL, "--json", "--top", "2"))
    model = keras.saving.load_model("out/model.keras")
    p = float(model.predict(np.array([[0, 0, 2, 1, 1, 0.0]]), verbose=0)[0, 0])

    assert one["outputs"] == [pytest.approx(p, abs=1e-6)]
    assert one["classes"] == [
        {"label": "negative", "probability": pytest.approx(1 - p, abs=1e-6)},
        {"label": "positive", "probability": pytest.approx(p, abs=1e-6)},
    ]


def test_examples_are_shown_from_an_export_alone(reviews: Path, inside: Cli):
    shutil.rmtree(reviews / "runs")

    done = inside("data", "show", "out", "--example", "0", "--json")

    example = json.loads(done.stdout)
    words = ["fine", "bad", "dull", "film", "it"]  # the first of a vocabulary is padding
    found = [word for word, n in zip(words, example["values"][1:], strict=True) if n]
    assert example["examples"] == 300
    assert example["class"] == ("positive" if example["label"] else "negative")
    assert example["text"].split() == found


@pytest.mark.parametrize(
    ("split", "code", "words"),
    [
        ("valid", 2, "the valid split is part of train"),
        ("train", 5, "has changed since the export"),
    ],
)
def test_what_an_export_cannot_show_is_one_line(
    reviews: Path, inside: Cli, split: str, code: int, words: str
):
    if split == "train":
        with (reviews / "out" / "data.npz").open("ab") as file:
            file.write(b" ")

    refused = inside("data", "show", "out", "--split", split)

    assert (refused.returncode, refused.stdout) == (code, "")
    assert words in refused.stderr


def test_many_classes_come_best_first_and_top_says_how_many(cwd: Path, inside: Cli):
    copy_study(cwd)

    everything = predicted(inside("predict", "clouds", "2.1 1.9", "--json"))
    (best,) = predicted(inside("predict", "clouds", "2.1 1.9", "--json", "--top", "1"))

    (usual,) = everything
    probabilities = [guess["probability"] for guess in usual["classes"]]
    assert len(probabilities) == 3
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1)
    assert best["classes"] == usual["classes"][:1]
    assert usual["classes"][0]["label"] == "right"


def test_an_export_needs_neither_storage_nor_data(reviews: Path, inside: Cli):
    shutil.rmtree(reviews / "runs")
    away = {"HPSEARCH_STORAGE": "sqlite:///gone/no.db", "HPSEARCH_CACHE": "/dev/null/no"}

    done = inside("predict", "out", FINE, **away)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["model.keras", "study.py", "vocabulary.json"])
def test_a_file_of_an_export_that_was_changed_is_refused(reviews: Path, inside: Cli, name: str):
    with (reviews / "out" / name).open("ab") as file:
        file.write(b" ")

    refused = inside("predict", "out", FINE)

    assert refused.returncode == 5
    assert refused.stderr == (
        f"Error: out/{name} has changed since the export: its SHA-256 is not the one in "
        "MANIFEST.json\n"
    )


@pytest.mark.parametrize("name", ["model.keras", "study.py", "vocabulary.json"])
def test_a_file_of_an_export_that_is_missing_is_refused(reviews: Path, inside: Cli, name: str):
    (reviews / "out" / name).unlink()

    refused = inside("predict", "out", FINE)

    assert refused.returncode == 5
    assert f"out/{name} is missing" in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras's own, as it saves
def test_a_model_that_brings_code_along_is_not_run(reviews: Path, inside: Cli):
    """Also where manifest and model agree: whoever made one could make the other."""
    layer = keras.layers.Lambda(lambda x: [x, Path("ran").touch()][0])
    keras.Sequential([keras.Input((6,)), layer]).save(reviews / "out" / "model.keras")
    (reviews / "ran").unlink()
    write_hash(reviews / "out" / "model.keras")

    refused = inside("predict", "out", FINE)

    assert refused.returncode == 2
    assert "the network cannot be used" in refused.stderr
    assert not (reviews / "ran").exists()


@pytest.mark.parametrize(
    ("argv", "code", "message"),
    [
        pytest.param(["reviews"], 2, "INPUT...", id="no input"),
        pytest.param(["reviews", "a", "--split", "test"], 2, "neither INPUT...", id="both"),
        pytest.param(["reviews", "a", "--csv"], 2, "--csv is for --split", id="--csv"),
        pytest.param(["reviews", "--split", "tset"], 2, "did you mean test?", id="no split"),
        pytest.param(["out", "--split", "valid"], 2, "is part of train", id="not exported"),
        pytest.param(["reviews", "boot.png"], 2, "no file boot.png", id="no file"),
        pytest.param(["reviews", "no/where"], 2, "no file no/where", id="a slash"),
        pytest.param(["reviews", ""], 5, "the text is empty", id="an empty text"),
        pytest.param(["reviews", "empty.txt"], 5, "empty.txt is empty", id="an empty file"),
        pytest.param(["reviews", "large.txt"], 5, "larger than 5 MB", id="10 MB"),
        pytest.param(["reviews", "latin.txt"], 5, "latin.txt is not UTF-8", id="not UTF-8"),
        pytest.param(["reviews", "-"], 5, "standard input is empty", id="empty standard input"),
        pytest.param(["reviews", FINE, "crash"], 2, "reviews.py:37: encode() of", id="encode"),
        pytest.param(["reviews", "refuse"], 5, "refuse cannot be encoded: no", id="ValueError"),
        pytest.param(["reviews", "list"], 2, "encode() returned list", id="no Encoded"),
        pytest.param(["reviews", "rows"], 2, "must be an array of numbers", id="no array"),
        pytest.param(["reviews", "nan"], 5, "nan has values that are not finite", id="NaN"),
        pytest.param(["reviews", "other"], 2, "other is a folder: name the files", id="a folder"),
        pytest.param(["w" * 300, FINE], 2, "no study", id="a name longer than any path"),
        pytest.param(["listed", FINE], 5, "MANIFEST.json is damaged", id="a list"),
        pytest.param(["wordless", FINE], 5, "does not list vocabulary.json", id="no words"),
        pytest.param(["reviews", FINE, "short"], 2, "all must be alike", id="shapes"),
        pytest.param(["reviews", "short"], 2, "takes examples of shape (6,)", id="a wrong shape"),
        pytest.param(["reviews", FINE, "--top", "0"], 2, "number of 1 or more", id="--top 0"),
        pytest.param(["review", FINE], 2, "studies there: 'reviews'", id="no study"),
        pytest.param(["no/folder", FINE], 2, "no/folder is not a folder that", id="no folder"),
        pytest.param(["texts", FINE], 2, "studies there: 'reviews'", id="a folder of data"),
        pytest.param(["out/model.keras", FINE], 2, "could run code", id="a bare model"),
        pytest.param(["other", FINE], 2, "was not written by hpsearch", id="another folder"),
        pytest.param(["kind", FINE], 2, "is of another kind", id="another manifest"),
        pytest.param(["old", FINE], 2, "by an older hpsearch", id="an old manifest"),
        pytest.param(["torn", FINE], 5, "torn/MANIFEST.json cannot be read", id="a torn manifest"),
    ],
)
def test_what_cannot_be_used_gets_one_line_and_an_exit_code(
    reviews: Path,
    inside: Cli,
    monkeypatch: pytest.MonkeyPatch,
    argv: list[str],
    code: int,
    message: str,
):
    write_bad_inputs(reviews)
    before = sorted(reviews.rglob("*"))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))

    done = inside("predict", *argv)

    errors = [line for line in done.stderr.splitlines() if line != "loading the network"]
    assert done.returncode == code, done.stderr
    assert len(errors) == 1
    assert message in errors[0]
    assert done.stdout == ""
    assert sorted(reviews.rglob("*")) == before


def write_bad_inputs(folder: Path) -> None:
    beginning = '{"schema": "hpsearch.manifest/1", "study": "reviews", "classes": []'
    (folder / "empty.txt").write_text(" \n")
    (folder / "large.txt").write_text("good " * 2_000_000)
    (folder / "latin.txt").write_bytes("très bad".encode("latin-1"))
    (folder / "other").mkdir()
    (folder / "texts").mkdir()
    shutil.copy(folder / "out" / "model.keras", folder / "other")
    for name, manifest in (
        ("kind", '{"schema": "something/1"}'),
        ("old", '{"schema": "hpsearch.manifest/1", "study": "reviews", "sha256": {}}'),
        ("torn", '{"schema": "hpsearch.man'),
        ("listed", f'{beginning}, "sha256": []}}'),
        ("wordless", f'{beginning}, "sha256": {{}}}}'),
    ):
        (folder / name).mkdir()
        (folder / name / "vocabulary.json").write_text("[]")
        (folder / name / "MANIFEST.json").write_text(manifest)


def test_a_task_that_cannot_encode_says_so(cwd: Path, inside: Cli):
    copy_used("reviews", cwd, "out")
    edit_exported(cwd, "    encode=encode,\n", "")

    refused = inside("predict", "out", FINE)

    assert refused.returncode == 2
    assert refused.stderr == (
        "Error: hpsearch predict needs encode= in the task of out/study.py, which has none\n"
    )


def test_the_launcher_does_not_import_keras(cwd: Path):
    copy_used("reviews", cwd, "out")
    code = (
        f"import sys; sys.argv = ['hpsearch', 'predict', 'out', {FINE!r}]\n"
        "from hpsearch.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: print('exit', end.code)\n"
        "print({'keras', 'tensorflow'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-2:] == ["exit 0", "set()"]


def test_a_module_of_the_current_folder_is_not_taken_for_keras(cwd: Path):
    copy_used("reviews", cwd, "out")
    (cwd / "keras.py").write_text("raise SystemExit('not Keras')")
    script = Path(sys.executable).with_name("hpsearch")

    done = subprocess.run([script, "predict", "out", FINE], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras's own, as it saves
def test_a_network_that_reads_strings_gets_strings(tmp_path: Path):
    words = keras.Input((1,), dtype="string")
    counts = keras.layers.TextVectorization(vocabulary=["good", "bad"], output_mode="count")(words)
    keras.Model(words, counts).save(tmp_path / "model.keras")

    question = Predict(
        model=str(tmp_path / "model.keras"), x={"": [["bad bad good"]]}, dtype={"": "<U12"}
    )

    assert list(answer(question)) == [{"": ""}, {"": [0, 1, 2]}]


def test_examples_of_several_kinds_of_number_all_arrive_as_they_are(reviews: Path, inside: Cli):
    old = 'for word in vocabulary], dtype="float32")'
    edit_exported(reviews, old, "for word in vocabulary]) + (0.5 if words[0] == 'bad' else 0)")
    (halves,) = predicted(inside("predict", "out", DULL, "--json"))

    _, found = predicted(inside("predict", "out", FINE, DULL, "--json"))

    assert found["outputs"] == pytest.approx(halves["outputs"], rel=1e-3)


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras's own, as it saves
def test_what_a_linear_layer_gives_is_no_probability(reviews: Path, inside: Cli):
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.save(reviews / "out" / "model.keras")
    write_hash(reviews / "out" / "model.keras")

    (one,) = predicted(inside("predict", "out", FINE, "--json"))

    assert (one["outputs"], one["classes"]) == ([0.0], [])


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras's own, as it saves
def test_the_activation_of_the_last_layer_comes_first(tmp_path: Path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.save(tmp_path / "model.keras")

    question = Predict(model=str(tmp_path / "model.keras"), x={"": [[1.0, 2.0]]}, dtype={"": "<f4"})

    assert next(answer(question)) == {"": "linear"}


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras's own, as it saves
@pytest.mark.parametrize("path", STUDY_FILES, ids=lambda path: path.stem)
def test_the_network_of_each_lab_is_loaded_and_takes_what_its_encode_makes(
    path: Path, tmp_path: Path
):
    task = read_study_file(str(path)).task
    model = task.build(task.complete(task.baseline))
    model.save(tmp_path / "model.keras")
    assert task.encode is not None
    if len(model.input_shape) == 3:
        image = io.BytesIO()
        Image.new("L", model.input_shape[:0:-1]).save(image, "png")
        encoded = task.encode(image.getvalue(), ())
    else:
        letters = tuple(" " + string.ascii_lowercase)
        words = tuple(f"word{i}" for i in range(10_000))
        encoded = task.encode(b"alice was good", words if task.writing is None else letters)

    question = Predict(
        model=str(tmp_path / "model.keras"),
        x={"": [encoded.x.tolist()]},
        dtype={"": encoded.x.dtype.str},
    )
    _, outputs = answer(question)

    assert len(outputs[""]) == model.output_shape[-1]


def test_several_inputs_give_several_outputs_of_a_study_and_of_its_export(cwd: Path, inside: Cli):
    copy_houses(cwd)
    texts = ["2 0 sunny quiet", "0 0 damp loud loud"]
    of_study = inside("predict", "houses", *texts, HPSEARCH_DATA="")
    assert of_study.returncode == 0, of_study.stderr
    shutil.rmtree(cwd / "runs")
    found = predicted(inside("predict", "out", "2 0 sunny quiet", "--json"))

    blocks = of_study.stdout.split("\n\n")
    assert [re.sub(r"[\d.]+", "#", block) for block in blocks] == [
        "# # sunny quiet\n  kind: #  cheap\n  price: #",
        "# # damp loud loud\n  kind: #  dear\n  price: -#\n",
    ]
    (guess,) = found[0]["classes"]["kind"]
    assert f"kind: {guess['probability']:.4f}  cheap" in blocks[0]
    assert found[0]["classes"]["price"] == []
    assert f"price: {show_figure(found[0]['outputs']['price'][0])}\n" in f"{blocks[0]}\n"


def test_each_of_several_outputs_has_its_columns(cwd: Path, inside: Cli):
    copy_houses(cwd)
    measured = json.loads((cwd / "out" / "metrics.json").read_text())["test"]["winner"]

    done = inside("predict", "out", "--split", "test", "--csv")

    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    kind = ["kind label", "kind predicted", "kind p(dear)", "kind p(cheap)"]
    assert list(rows[0]) == ["example", *kind, "price label", "price predicted"]
    off = [abs(float(row["price label"]) - float(row["price predicted"])) for row in rows]
    weights = np.where(np.load(cwd / "numbers.npy")[200:, 1] > 0, 2.0, 0.5)
    # the metric is among the `weighted_metrics`
    assert np.average(off, weights=weights) == pytest.approx(measured["values"][0], rel=1e-4)


def test_a_whole_split_is_predicted_as_the_evaluation_measured_it(reviews: Path, inside: Cli):
    measured = json.loads((reviews / "out" / "metrics.json").read_text())["test"]["winner"]

    of_study = inside("predict", "reviews", "--split", "test", "--csv")
    shutil.rmtree(reviews / "runs")
    of_export = inside("predict", "out", "--split", "test", "--csv")

    assert of_study.returncode == 0, of_study.stderr
    assert of_study.stdout == of_export.stdout
    rows = list(csv.DictReader(io.StringIO(of_study.stdout)))
    assert list(rows[0]) == ["example", "label", "predicted", "p(negative)", "p(positive)"]
    assert len(rows) == 100
    assert all(
        (float(row["p(positive)"]) > 0.5) == (row["predicted"] == "positive") for row in rows
    )
    right = sum(row["label"] == row["predicted"] for row in rows) / len(rows)
    assert right == pytest.approx(measured["values"][0])


def test_people_see_the_first_examples_of_a_split_and_are_told_what_flatters(
    reviews: Path, inside: Cli
):
    done = inside("predict", "reviews", "--split", "valid")

    head, *_, last = done.stdout.splitlines()
    assert re.fullmatch(r"reviews, valid: 100 examples, [01]\.\d{4} of them right", head)
    assert last == "the first 10; --csv and --json print all"
    assert "training used the valid split too" in done.stderr


def test_an_export_with_layers_of_its_own_predicts_also_the_split_that_callbacks_watched(
    cwd: Path, cli: Cli
):
    copy_used("tones", cwd, "out")

    done = cli("predict", "out", "--split", "valid", "--json")

    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)["predictions"]
    assert len(found) == 50
    right = sum((one["outputs"][0] > 0.5) == one["label"][0] for one in found)
    assert right > 40  # not those of a network with other weights


@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras's own, as it saves
def test_outputs_of_a_split_that_are_no_probabilities_are_printed_as_they_are(
    reviews: Path, inside: Cli
):
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(1, kernel_initializer="zeros")])
    model.save(reviews / "out" / "model.keras")
    write_hash(reviews / "out" / "model.keras")

    done = inside("predict", "out", "--split", "train", "--json")

    content = json.loads(done.stdout)
    assert content["schema"] == "hpsearch.predict_split/1"
    assert len(content["predictions"]) == 300
    label = content["predictions"][7]["label"]
    assert content["predictions"][7] == {
        "example": 7,
        "label": label,
        "guess": None,
        "outputs": [0.0],
    }


def test_the_test_split_of_a_study_that_was_not_evaluated_stays_sealed(cwd: Path, inside: Cli):
    copy_study(cwd, stage="searched")

    refused = inside("predict", "clouds", "--split", "test")

    assert refused.returncode == 3
    assert refused.stderr == (
        "Error: study 'clouds' was not evaluated yet: first run hpsearch evaluate clouds\n"
    )

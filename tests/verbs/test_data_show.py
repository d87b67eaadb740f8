"""`hpsearch data show`: an example as a person can read it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hpsearch.choices import SplitName
from hpsearch.errors import UsageError
from hpsearch.verbs.data_show import show, show_word
from tests.conftest import Cli
from tests.several import write_houses
from tests.study_texts import study_text


def write(folder: Path, **fields: str) -> str:
    path = folder / "mine.py"
    path.write_text(study_text(**fields))
    return str(path)


def shown(capsys: pytest.CaptureFixture[str], task: str, number: int = 0) -> list[str]:
    show(task, split=SplitName.TRAIN, number=number, data=None, as_json=False)
    return capsys.readouterr().out.splitlines()


def test_a_row_of_numbers_is_shown_as_numbers(cwd: Path, capsys: pytest.CaptureFixture[str]):
    task = write(cwd, classes="['odd', 'even']")

    assert shown(capsys, task, 1) == [
        f"{task}, train example 1 of 8, label 'even'",
        "shape of all (8, 3), largest number 0",
        "0 0 0",
    ]


def test_a_label_without_a_name_is_shown_as_it_is(cwd: Path, capsys: pytest.CaptureFixture[str]):
    loads = "p = Split(PART.x, PART.y - 1); return Dataset(p, p, p)"
    task = write(cwd, loads=loads, classes="['even', 'odd']")

    assert [shown(capsys, task, n)[0].split()[-1] for n in (0, 1)] == ["-1", "'even'"]


def test_a_row_of_strings_is_shown_as_they_are(cwd: Path, capsys: pytest.CaptureFixture[str]):
    loads = "p = Split(np.full((8, 2), 'dull'), PART.y); return Dataset(p, p, p)"

    assert shown(capsys, write(cwd, loads=loads))[1:] == ["shape of all (8, 2)", "dull dull"]


def test_an_image_is_shown_in_shades(cwd: Path, capsys: pytest.CaptureFixture[str]):
    task = write(
        cwd, loads="p = Split(np.tile(np.eye(2, 3), (8, 1, 1)), PART.y); return Dataset(p, p, p)"
    )

    assert shown(capsys, task)[2:] == ["@@    ", "  @@  "]


def test_what_each_input_gets_of_an_example_is_shown(cwd: Path, capsys: pytest.CaptureFixture[str]):
    task = str(write_houses(cwd))

    lines = shown(capsys, task)
    show(task, split=SplitName.TRAIN, number=0, data=None, as_json=True)
    found = json.loads(capsys.readouterr().out)

    assert lines == [
        f"{task}, train example 0 of 160, label 'kind dear'",
        "x['numbers']: shape of all (160, 2), largest number 3.066",
        "0.1257 -0.1321",
        "x['words']: shape of all (160, 4), largest number 1",
        "0 1 1 1",
    ]
    assert found["values"]["words"] == [0, 1, 1, 1]
    assert found["shape"] == {"numbers": [160, 2], "words": [160, 4]}
    assert found["label"]["kind"] == 0


@pytest.mark.parametrize(
    ("load", "words"),
    [
        pytest.param("x = np.full((8, 6), (0, 0, 1, 2, 5, 4))", "[start] [unknown] c b", id="text"),
        pytest.param(
            "from scipy.sparse import csr_array; x = csr_array(np.eye(8, 6)[::-1])",
            "",
            id="nothing in a bag",
        ),
        pytest.param(
            "from scipy.sparse import csr_array; x = csr_array(np.ones((8, 6)))",
            "[start] [unknown] [unused] b c",
            id="a bag",
        ),
    ],
)
def test_numbers_with_a_vocabulary_are_shown_as_words(
    cwd: Path, capsys: pytest.CaptureFixture[str], load: str, words: str
):
    vocabulary = "('[padding]', '[start]', '[unknown]', '[unused]', 'b', 'c')"
    returns = f"{load}; p = Split(x, PART.y); return Dataset(p, p, p, {vocabulary})"

    assert shown(capsys, write(cwd, loads=returns))[2:] == [words]


def test_programs_get_json(cwd: Path, capsys: pytest.CaptureFixture[str]):
    task = write(cwd, classes="['odd', 'even']")

    show(task, split=SplitName.VALID, number=3, data=None, as_json=True)

    assert json.loads(capsys.readouterr().out) == {
        "schema": "hpsearch.example/1",
        "name": task,
        "split": "valid",
        "example": 3,
        "examples": 8,
        "shape": [8, 3],
        "largest": 0.0,
        "label": 1,
        "class": "even",
        "text": None,
        "values": [0, 0, 0],
    }


def test_an_example_that_is_not_there_says_how_many_there_are(cwd: Path):
    with pytest.raises(UsageError, match="no example 8: valid numbers are 0 to 7"):
        show(write(cwd), split=SplitName.TRAIN, number=8, data=None, as_json=False)


def test_the_test_split_is_not_shown(inside: Cli):
    done = inside("data", "show", "digits", "--split", "test")

    assert done.returncode == 2
    assert "takes one of train, valid, got 'test'" in done.stderr


def test_a_data_set_is_shown_by_its_own_name_too(inside: Cli, cwd: Path):
    folder = cwd / "studies"
    folder.mkdir()
    (folder / "mine.py").write_text(study_text(source="Source('toys')"))

    done = inside("data", "show", "toys", "--example", "2")

    assert done.returncode == 0
    assert done.stdout.startswith("mine, train example 2 of 8, label 0\n")


def test_it_imports_no_keras():
    code = (
        "import sys\n"
        "from hpsearch.choices import SplitName\n"
        "from hpsearch.verbs.data_show import show\n"
        "show('digits', split=SplitName.TRAIN, number=0, data=None, as_json=False)\n"
        "print({'keras', 'tensorflow'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.endswith("set()\n")


def test_a_review_is_decoded_back_to_words(real_data: Path, capsys: pytest.CaptureFixture[str]):
    show("imdb", split=SplitName.TRAIN, number=14_001, data=real_data, as_json=False)

    head, whole, *lines = capsys.readouterr().out.splitlines()
    assert head == "imdb, train example 14001 of 25,000, label 'positive'"
    assert whole == "shape of all (25000,), largest number 88587"
    assert " ".join(lines).startswith("[start] this film was just brilliant casting location")
    with pytest.raises(UsageError, match="imdb has no valid split"):
        show("imdb", split=SplitName.VALID, number=0, data=real_data, as_json=False)


def test_a_window_of_a_book_is_shown_with_the_character_to_predict(
    real_data: Path, capsys: pytest.CaptureFixture[str]
):
    show("alice_chars", split=SplitName.TRAIN, number=27, data=real_data, as_json=False)

    assert capsys.readouterr().out.splitlines() == [
        "alice_chars, train example 27 of 114,003, label 'e'",
        "shape of all (114003, 40), largest number 41",
        "'hole alice was beginning to get very tir'",
    ]


def test_the_word_of_a_rank_is_the_one_of_keras_with_its_number_in_the_examples(
    real_data: Path, capsys: pytest.CaptureFixture[str]
):
    """The lab's `reverse_word_index[100]`; examples count from 3 higher, there as here."""
    (index,) = real_data.rglob("imdb_word_index.json")
    (word,) = (word for word, rank in json.loads(index.read_text()).items() if rank == 100)

    show_word("imdb", 100, data=real_data, as_json=False)

    assert capsys.readouterr().out.splitlines() == [
        f"imdb, word 100: {word!r}",
        "number 103 in the examples: 3 higher, as 0 to 3 stand for [padding], [start], [unknown], "
        "[unused]",
    ]


def test_a_word_of_a_task_is_told_to_programs_too(cwd: Path, capsys: pytest.CaptureFixture[str]):
    words = "('[padding]', '[start]', '[unknown]', '[unused]', 'b', 'c')"

    task = write(cwd, loads=f"return Dataset(PART, PART, PART, {words})")
    show_word(task, 2, data=None, as_json=True)

    word = {"schema": "hpsearch.word/1", "name": task, "word": "c", "rank": 2, "number": 5}
    assert json.loads(capsys.readouterr().out) == word
    with pytest.raises(UsageError, match="no word 3: there are words 1 to 2"):
        show_word(task, 3, data=None, as_json=True)
    with pytest.raises(UsageError, match="these data have no words"):
        show_word(write(cwd), 1, data=None, as_json=True)

"""`hpsearch data show`: one example of a data set, or a word, as people read it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from hpsearch.choices import SplitName
from hpsearch.data import IMDB, open_reviews
from hpsearch.data.sources import find_or_fetch
from hpsearch.data.words import SPECIAL
from hpsearch.errors import UsageError
from hpsearch.export.folder import is_export, open_folder
from hpsearch.study.data_sets import task_of
from hpsearch.study.examples import Example, example_of_reviews, example_of_task, word_of
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import read_study_file
from hpsearch.terminal.examples import draw_example
from hpsearch.terminal.printing import plain, print_json, say, show_cell


def show_word(task: str, rank: int, *, data: Path | None, as_json: bool) -> None:
    """Print the word of a rank, and its number in the examples.

    Args:
        task: As for `show`.
        rank: 1 for the most frequent word.
        data: The user's data folder.
        as_json: Print JSON.

    Raises:
        StudyFileError: There is no such study file.
        UsageError: The data have no words, or none of that rank.
        DataError: The data cannot be found or used.
    """
    if task == IMDB.name:
        vocabulary = open_reviews(find_or_fetch(IMDB, data, say).folder).vocabulary
    elif is_export(Path(task)):
        vocabulary = open_folder(Path(task)).vocabulary()
    else:
        task = task_of(task, say)
        vocabulary = prepare_data(read_study_file(task), data, say).open().vocabulary
    found = word_of(vocabulary, rank)
    if as_json:
        print_json({"schema": "hpsearch.word/1", "name": task, **asdict(found)})
        return
    print(plain(f"{task}, word {rank}: {found.word!r}"))
    offset = found.number - rank
    print(
        f"number {found.number} in the examples: {offset} higher, as 0 to {offset} stand for "
        f"{', '.join(SPECIAL)}"
    )


def show(task: str, *, split: SplitName, number: int, data: Path | None, as_json: bool) -> None:
    """Print an example: words for a text, shades for an image, else numbers.

    Args:
        task: A study file, an exported folder, or the name of a data set; `imdb` has its
            reviews in full.
        split: Never test, which is opened once, at the end.
        number: Which example, from 0.
        data: The user's data folder.
        as_json: Print JSON.

    Raises:
        StudyFileError: There is no such study file.
        UsageError: There is no such split, or no such example.
        DataError: The data cannot be found or used.
    """
    if task == IMDB.name:
        example = _review(split, number, data)
    elif is_export(Path(task)):
        example = _exported(Path(task), split, number)
    else:
        task = task_of(task, say)
        study_file = read_study_file(task)
        dataset = prepare_data(study_file, data, say).open()
        part = dataset.splits()[split]
        example = example_of_task(study_file.task, part, dataset.vocabulary, number)
    if as_json:
        print_json({
            "schema": "hpsearch.example/1",
            "name": task,
            "split": split,
            "example": number,
            "examples": example.n_examples,
            "shape": example.shape,
            "largest": example.largest,
            "label": example.label,
            "class": example.name,
            "text": example.text,
            "values": example.x.tolist(),
        })  # fmt: skip
        return
    label = example.label if example.name is None else repr(example.name)
    print(plain(f"{task}, {split} example {number} of {example.n_examples:,}, label {label}"))
    largest = "" if example.largest is None else f", largest number {show_cell(example.largest)}"
    print(f"shape of all {example.shape}{largest}")
    print(plain(draw_example(example)))


def _review(split: SplitName, number: int, data: Path | None) -> Example:
    if split is not SplitName.TRAIN:
        raise UsageError(
            f"{IMDB.name} has no {split} split of its own, as each task holds out another: "
            "name a task, such as imdb_lstm"
        )
    reviews = open_reviews(find_or_fetch(IMDB, data, say).folder)
    return example_of_reviews(reviews, number)


def _exported(folder: Path, split: SplitName, number: int) -> Example:
    exported = open_folder(folder)
    task = exported.study_file().task
    return example_of_task(task, exported.split(split), exported.vocabulary(), number)

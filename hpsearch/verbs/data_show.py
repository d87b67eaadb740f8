"""`hpsearch data show`: one example of a data set, or a word, as people read it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from hpsearch.choices import SplitName
from hpsearch.data import IMDB, open_reviews
from hpsearch.data.arrays import Split
from hpsearch.data.sources import find_or_fetch
from hpsearch.data.structure import named, of_named, place_in
from hpsearch.data.words import SPECIAL
from hpsearch.errors import UsageError
from hpsearch.export.folder import is_export, open_folder
from hpsearch.study.data_sets import task_of
from hpsearch.study.examples import Example, example_of_reviews, example_of_task, word_of
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import read_study_file
from hpsearch.task import Task
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
        examples = {"": _review(split, number, data)}
    elif is_export(Path(task)):
        examples = _exported(Path(task), split, number)
    else:
        task = task_of(task, say)
        study_file = read_study_file(task)
        dataset = prepare_data(study_file, data, say).open()
        part = dataset.named_split(split)
        examples = _of_task(study_file.task, part, dataset.vocabulary, number)
    first = next(iter(examples.values()))
    if as_json:
        print_json({
            "schema": "hpsearch.example/1",
            "name": task,
            "split": split,
            "example": number,
            "examples": first.n_examples,
            "shape": of_named({name: one.shape for name, one in examples.items()}),
            "largest": of_named({name: one.largest for name, one in examples.items()}),
            "label": first.label,
            "class": first.name,
            "text": of_named({name: one.text for name, one in examples.items()}),
            "values": of_named({name: one.x.tolist() for name, one in examples.items()}),
        })  # fmt: skip
        return
    label = first.label if first.name is None else repr(first.name)
    print(plain(f"{task}, {split} example {number} of {first.n_examples:,}, label {label}"))
    for name, one in examples.items():
        largest = "" if one.largest is None else f", largest number {show_cell(one.largest)}"
        print(plain(f"{place_in('x', name)}: " if name else ""), end="")
        print(f"shape of all {one.shape}{largest}")
        print(plain(draw_example(one)))


def _of_task(
    task: Task, split: Split, vocabulary: tuple[str, ...], number: int
) -> dict[str, Example]:
    """What each input gets of an example, by its name; that of a single input is empty."""
    return {name: example_of_task(task, split, vocabulary, number, name) for name in named(split.x)}


def _review(split: SplitName, number: int, data: Path | None) -> Example:
    if split is not SplitName.TRAIN:
        raise UsageError(
            f"{IMDB.name} has no {split} split of its own, as each task holds out another: "
            "name a task, such as imdb_lstm"
        )
    reviews = open_reviews(find_or_fetch(IMDB, data, say).folder)
    return example_of_reviews(reviews, number)


def _exported(folder: Path, split: SplitName, number: int) -> dict[str, Example]:
    exported = open_folder(folder)
    task = exported.study_file().task
    return _of_task(task, exported.split(split), exported.vocabulary(), number)

"""The winner of a study's evaluation: what is known of it, and the model that was kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hpsearch.curves.curve import Curve
from hpsearch.data.arrays import Array, Dataset, Prepared, classes_of
from hpsearch.data.structure import Structure, named, of_named
from hpsearch.errors import DataCorrupt, DataError, NothingFinished
from hpsearch.evaluation.opening import Opening, model_folder, read_openings
from hpsearch.files import sha256_of
from hpsearch.goal import Logs
from hpsearch.questions import OwnCode
from hpsearch.study.record import Record, load_study
from hpsearch.study.storage import Storage
from hpsearch.study.task_data import data_of_study
from hpsearch.study_file import StudyFile, registers_own
from hpsearch.task import Params, epochs_of


@dataclass(frozen=True, kw_only=True)
class Winner:
    """The network that won a study's evaluation."""

    study: str
    """The study's name."""
    record: Record
    study_file: StudyFile
    openings: list[Opening]
    """Of the test split, oldest first; at least one."""
    model: Path
    """The file that Keras wrote."""

    @property
    def opening(self) -> Opening:
        """The latest, which is the one that counts."""
        return self.openings[-1]

    @property
    def logs(self) -> list[Logs]:
        """Keras's logs of each epoch of the kept model's training."""
        # those of a network fitted on train may go on: its curve is shared with longer ones
        return Curve(self.model.parent).logs[: epochs_of(self.opening.winner.params)]

    @property
    def code(self) -> OwnCode | None:
        """What the model's file cannot be loaded without; None where all of it is Keras's."""
        return own_code(self.study_file, self.opening.winner.params)

    def load_data(self, folder: Path | None) -> Dataset:
        """The data that the study was made with.

        Args:
            folder: The user's data folder.

        Raises:
            StudyChanged: They have changed.
            DataError: They cannot be found or used.
        """
        return self.prepare_data(folder).open()

    def prepare_data(self, folder: Path | None) -> Prepared:
        """The same as prepared arrays, which other processes can open; raises the same."""
        return data_of_study(self.study, self.record, self.study_file, folder)


def find_winner(storage: Storage, study_name: str) -> Winner:
    """The winner of a study's latest evaluation.

    Raises:
        StudyNotFound: There is no such study.
        NothingFinished: The study was not evaluated yet.
        DataError: The kept model is gone or damaged.
    """
    study, record = load_study(storage, study_name)
    openings = read_openings(study)
    if not openings:
        raise NothingFinished(
            f"study {study_name!r} was not evaluated yet: first run hpsearch evaluate {study_name}"
        )
    model = model_folder(storage, openings[-1]) / "model.keras"
    cure = f"hpsearch evaluate {study_name} --again makes a new one"
    try:
        found = sha256_of(model)
    except OSError as error:
        raise DataError(f"the evaluated model is gone from {model}: {cure}") from error
    if found != openings[-1].model_sha256:
        raise DataCorrupt(f"{model} has changed since the evaluation saved it: {cure}")
    return Winner(
        study=study_name,
        record=record,
        study_file=record.load(),
        openings=openings,
        model=model,
    )


def own_code(study_file: StudyFile, params: Params) -> OwnCode | None:
    """The code that a network's file cannot be loaded without, if there is any."""
    if not registers_own(study_file):
        return None
    return OwnCode(study_file=study_file.text, study_file_name=study_file.filename, params=params)


def name_classes(study_file: StudyFile, dataset: Dataset) -> Structure[list[str]]:
    """A name for each label: the task's own, a character of the vocabulary, or the number.

    Returns:
        A list; for several outputs, a structure of lists, as the labels are one.
    """

    def names(labels: Array, own: Sequence[str]) -> list[str]:
        if own:
            return list(own)
        if study_file.task.writing is not None:
            return list(dataset.vocabulary)
        # with more than two labels, the outputs are counted themselves
        classes = classes_of(labels)
        return ["0", "1"] if classes is not None and classes.tolist() == [0, 1] else []

    found: Structure[list[str]] = of_named({
        name: names(labels, study_file.task.classes_of(name))
        for name, labels in named(dataset.train.y).items()
    })  # fmt: skip
    return found

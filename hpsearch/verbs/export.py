"""`hpsearch export`: the winner of an evaluation in a folder that stands alone."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from hpsearch.choices import Form
from hpsearch.errors import UsageError
from hpsearch.export.folder import write_folder
from hpsearch.export.forms import require_packages
from hpsearch.export.winner import find_winner
from hpsearch.study.storage import Storage
from hpsearch.terminal.printing import plain, say


def export(
    storage_url: str,
    study_name: str,
    output: Path,
    *,
    data: Path | None,
    forms: Sequence[Form] = (),
) -> None:
    """Write the winner of a study's evaluation into a new folder, whole or not at all.

    Args:
        storage_url: Where the study is.
        study_name: The study.
        output: The folder; it must not exist, its parent must.
        data: The user's data folder.
        forms: For other programs than Keras.

    Raises:
        UsageError: `output` exists, or a form needs a package that is not installed.
        NothingFinished: The study was not evaluated yet.
        StudyFileError: The code of the network cannot stand alone, or a form cannot hold it.
        DataError: The folder cannot be written, or the kept model is gone or damaged.
        StudyChanged: The data are not those of the study.
    """
    if os.path.lexists(output):
        raise UsageError(f"{output} exists: export writes a new folder, name another")
    require_packages(forms)
    winner = find_winner(Storage(storage_url, read_only=True), study_name)
    write_folder(output, winner, winner.load_data(data), forms)
    print(plain(f"exported {winner.opening.winner.name} of {study_name} to {output}"))
    say(f"next: cd {shlex.quote(str(output))} && python train.py")

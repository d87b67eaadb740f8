"""`%%study NAME`: a cell of a notebook is a study file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hpsearch.errors import HpsearchError
from hpsearch.own_file import marked, require_name, require_own, write_own
from hpsearch.study_file import run_study_file

WRITER = "%%study in a notebook"


def register(shell: Any) -> None:
    """Give a shell of IPython the magic."""
    shell.register_magic_function(study, "cell", "study")


def study(line: str, cell: str) -> None:
    """Save the cell as NAME.py in the notebook's folder, once it is known to declare a task.

    Args:
        line: The name.
        cell: A whole study file.
    """
    from IPython.core.error import UsageError  # shown without a traceback

    try:
        path = write_cell(line.strip().removesuffix(".py"), cell)
    except HpsearchError as error:
        raise UsageError(str(error)) from None
    print(f"wrote {path}; next: hpsearch.search('{path}')")  # noqa: T201  # what a magic does


def write_cell(name: str, cell: str) -> Path:
    """Save a cell as a study file in the current folder, over nothing but an older cell.

    Raises:
        UsageError: The name cannot be that of a file, or the file is somebody else's.
        StudyFileError: The cell does not run, or declares no task.
        HpsearchError: The cell raised one of another type.
    """
    require_name(name)
    path = Path(f"{name}.py")
    require_own(path)
    run_study_file(cell, f"the cell %%study {name}")
    write_own(path, marked(cell, WRITER))
    return path

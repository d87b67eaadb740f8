"""`hpsearch init`: write a study file to start from."""

from __future__ import annotations

import keyword
from importlib import resources
from pathlib import Path

from hpsearch.choices import Kind
from hpsearch.errors import DataError, UsageError
from hpsearch.study_file import study_files
from hpsearch.terminal.printing import say

PLACEHOLDER = "my_task"  # what templates call the task


def init(name: str, kind: Kind) -> None:
    """Write `NAME.py` into the current folder.

    Args:
        name: The name of the task and its data.
        kind: What an example of the data is.

    Raises:
        UsageError: The name cannot be used, or the file exists.
        DataError: The file cannot be written.
    """
    _require_name(name)
    template = resources.files("hpsearch").joinpath("templates", f"{kind.value}.py")
    text = template.read_text("utf-8").replace(PLACEHOLDER, name)
    path = Path(f"{name}.py")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise UsageError(f"{path} already exists: choose another name") from error
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror}") from error
    print(f"wrote {path}, a task of kind {kind.value}; its docstring says which data it reads")
    say(f"next: hpsearch check {path} --train")


def _require_name(name: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name):
        raise UsageError(
            f"{name!r} cannot name a task: use letters, digits and _, as in my_task; the file "
            "goes into the current folder"
        )
    known = study_files()
    if name in known and not Path(f"{name}.py").exists():
        raise UsageError(f"{name} is already a task, {known[name]}: choose another name")

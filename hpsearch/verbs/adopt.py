"""`hpsearch adopt`: make a study file of a plain Keras script or notebook."""

from __future__ import annotations

import os
import re
from pathlib import Path

from hpsearch.adopt.writing import Adopted, adopt_script
from hpsearch.errors import DataError, UsageError
from hpsearch.files import atomic_file
from hpsearch.terminal.printing import plain, say


def adopt(path: Path, output: Path | None) -> None:
    """Read a script by its syntax tree and write the study file that it becomes.

    Args:
        path: A `.py` or `.ipynb` file; nothing of it is run.
        output: The file to write; None for one in the current folder, named after the script.

    Raises:
        UsageError: The script cannot be read or followed, or the file exists.
        DataError: The file cannot be written.
    """
    target = output or Path(re.sub(r"\W+", "_", path.stem) + "_study.py")
    if target.suffix != ".py":
        raise UsageError(f"--output takes a file that ends in .py, not {target}")
    adopted = adopt_script(path)
    if os.path.lexists(target):
        raise UsageError(f"{target} already exists: choose another name with --output")
    try:
        with atomic_file(target) as scratch:
            scratch.write_text(adopted.text, encoding="utf-8")
            scratch.chmod(0o644)  # temporary files are private
    except OSError as error:
        raise DataError(f"cannot write {target}: {error.strerror}") from error
    print(plain("\n".join([f"wrote {target}", *_lines(adopted)])))
    say(f"next: read the lines marked check:, then hpsearch check {target} --train")


def _lines(adopted: Adopted) -> list[str]:
    said = [one for one in adopted.hyperparameters if one.is_said]
    values = ", ".join(f"{one.name}={one.value}" for one in said)
    lines = [f"searched      {values}"] if said else []
    if defaults := [one for one in adopted.hyperparameters if not one.is_said]:
        values = ", ".join(f"{one.name}={one.value}" for one in defaults)
        lines.append(f"and           {values}, which are Keras's defaults")
    if adopted.remarks:
        lines.append("to check, besides the ranges:")
    places = (f"  {adopted.script.place(r.line)}: {r.words}" for r in adopted.remarks)
    return [*lines, *places]

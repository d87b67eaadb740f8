"""A study file that a script or a notebook cell writes, and may write again.

Its last line says who wrote it and what it then contained. So a file of somebody else's, or one
that was edited since, is never written over.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from hpsearch.errors import DataError, UsageError
from hpsearch.files import atomic_file

MARK = re.compile(r"# written by (?P<writer>.+), which may write it again; (?P<digest>\w{16})\n\Z")


def marked(text: str, writer: str) -> str:
    """A text with the line that says who wrote it at its end.

    Args:
        text: Of a study file.
        writer: `hpsearch.tune` or the like.
    """
    text = text.rstrip() + "\n"
    return f"{text}\n# written by {writer}, which may write it again; {_digest(text)}\n"


def is_marked(text: str) -> bool:
    """Whether a text is as `marked` made it."""
    found = MARK.search(text)
    return found is not None and found["digest"] == _digest(text[: found.start() - 1])


def require_own(path: Path) -> None:
    """Refuse to write over a file of somebody else's.

    Raises:
        UsageError: It exists and was not written this way, or was edited since.
    """
    try:
        text = path.read_bytes().decode(errors="replace")
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"cannot read {path} ({error.strerror}): name another study") from error
    if not is_marked(text):
        raise UsageError(
            f"{path} is not as hpsearch wrote it, if it did: name another study, or move that file"
        )


def write_own(path: Path, text: str) -> None:
    """Write a marked text over nothing, or over an older one of its kind.

    Raises:
        UsageError: As `require_own`.
        DataError: The file cannot be written.
    """
    require_own(path)
    try:
        if path.exists() and path.read_text("utf-8") == text:
            return
        with atomic_file(path) as scratch:
            scratch.write_text(text, "utf-8")
            scratch.chmod(0o644)  # temporary files are private
    except OSError as error:
        raise DataError(f"cannot write {path}: {error.strerror or error}") from error


def require_name(name: str) -> None:
    """Refuse a study's name that cannot be that of a file, too.

    Raises:
        UsageError: It has a folder in it, or is not a name at all.
    """
    if not isinstance(name, str) or not re.fullmatch(r"\w[\w .-]*", name):
        raise UsageError(
            f"the study {name!r} cannot have a file of that name: use letters, digits, _, - and "
            ". only; its file comes into the current folder"
        )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]

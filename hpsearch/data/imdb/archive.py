"""Reviews streamed from a `.tar.gz`: nothing is extracted, nothing is trusted."""

from __future__ import annotations

import gzip
import re
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from hpsearch.errors import DataCorrupt, DataError

NAME = re.compile(r"aclImdb/(train|test)/(pos|neg)/\d+_\d+\.txt")
MAX_REVIEW = 1 << 20  # bytes; the longest review has 14 thousand
MAX_MEMBERS = 250_000  # the original archive has 100 thousand
MAX_BYTES = 1 << 30  # unpacked; the original has a third of it


def read_archive(path: Path) -> Iterator[tuple[str, str, bytes]]:
    """Read the labelled reviews of an archive; its other members are skipped.

    Yields:
        `train` or `test`, `pos` or `neg`, and the text.

    Raises:
        DataCorrupt: The archive is cut off, or has members that the original never had.
        DataError: It cannot be read.
    """
    try:
        with _Capped(path) as unpacked, tarfile.open(fileobj=unpacked, mode="r|") as tar:
            for i, member in enumerate(tar):
                if i >= MAX_MEMBERS:
                    raise DataCorrupt(f"has more than {MAX_MEMBERS} members")
                if match := _review(member):
                    stream = tar.extractfile(member)
                    yield match[1], match[2], stream.read() if stream else b""
    except DataCorrupt as error:
        raise DataCorrupt(f"{path} {error}: delete or replace it") from error
    except (EOFError, zlib.error, gzip.BadGzipFile, tarfile.TarError, ValueError) as error:
        raise DataCorrupt(f"{path} is not a whole .tar.gz archive: {error}") from error
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error


def _review(member: tarfile.TarInfo) -> re.Match[str] | None:
    """Match a review's name; None if the member is something else.

    Raises:
        DataCorrupt: It only pretends to be a review, or lies outside the archive's folder.
    """
    place = PurePosixPath(member.name)
    if place.is_absolute() or ".." in place.parts:
        raise DataCorrupt(f"has a member that lies outside of it, {member.name!r}")
    match = NAME.fullmatch(member.name)
    if match and not member.isreg():
        raise DataCorrupt(f"has a review that is not a regular file, {member.name!r}")
    if match and member.size > MAX_REVIEW:
        raise DataCorrupt(f"has a review of {member.size} bytes, {member.name!r}")
    return match


class _Capped(gzip.GzipFile):
    """A stream that raises an error once it is longer than any archive of reviews."""

    n_read = 0

    def read(self, size: int | None = -1) -> bytes:
        chunk = super().read(size)
        self.n_read += len(chunk)
        if self.n_read > MAX_BYTES:
            raise DataCorrupt(f"unpacks to more than {MAX_BYTES >> 20} MiB")
        return chunk

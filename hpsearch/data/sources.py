"""Where the files of a data set come from: places to look, a place to download from."""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from filelock import FileLock

from hpsearch.errors import DataCorrupt, DataError, DataNotFound

DEBIAN = Path("/usr/share/datasets")


@dataclass(frozen=True)
class File:
    """A file of a data set."""

    name: str
    sha256: str
    """Of the payload: of what is inside, where the name ends in .gz, since gzip wrappers
    differ from mirror to mirror."""
    url: str


@dataclass(frozen=True)
class Source:
    """A data set as published files; without files, one that a package carries."""

    name: str
    """The folder that Keras's cache and Debian's packages keep it in."""
    files: tuple[File, ...] = ()


def cache_folder() -> Path:
    """hpsearch's own cache: `HPSEARCH_CACHE`, or where the system keeps caches."""
    set_by_user = os.environ.get("HPSEARCH_CACHE")
    return Path(set_by_user) if set_by_user else platformdirs.user_cache_path("hpsearch")


def places(source: Source, data: Path | None) -> Iterator[tuple[str, Path]]:
    """The folders a data set may be in, in the order they are looked at.

    Args:
        source: The data set.
        data: The user's folder; the data set may lie in it or in a folder of its name.

    Yields:
        What to call the place, and its folder.
    """
    if data is not None:
        yield "the data folder", data / source.name
        yield "the data folder", data
    yield "hpsearch's cache", cache_folder() / "datasets" / source.name
    keras_home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    yield "Keras's cache", keras_home / "datasets" / source.name
    yield "Debian's package", DEBIAN / source.name


def find(source: Source, data: Path | None) -> Path | None:
    """The first folder that holds every file of a data set, each verified.

    Raises:
        DataCorrupt: A file is there and is not what it should be. A damaged file is
            never passed over: the user should know.
    """
    for _, folder in places(source, data):
        if all((folder / file.name).is_file() for file in source.files):
            for file in source.files:
                verify(folder / file.name, file)
            return folder
    return None


def find_or_fetch(source: Source, data: Path | None) -> Path:
    """The folder that holds a data set, downloaded to hpsearch's cache if need be.

    Raises:
        DataCorrupt: A file is there and is not what it should be.
        DataNotFound: The data set is nowhere, and could not be downloaded.
    """
    if data is not None and not data.is_dir():
        raise DataNotFound(f"there is no data folder {data}: --data takes an existing folder")
    return find(source, data) or fetch(source)


def fetch(source: Source) -> Path:
    """Download a data set into hpsearch's cache; what is there already stays.

    Returns:
        Its folder. Each file gets its name only after it was verified.

    Raises:
        DataNotFound: A file could not be downloaded; says where to put it by hand.
        DataCorrupt: What came is not the file.
        DataError: The cache cannot be written.
    """
    folder = cache_folder() / "datasets" / source.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):  # one downloads, others wait for it
            for file in source.files:
                if not (folder / file.name).exists():
                    _download(file, folder, source)
                verify(folder / file.name, file)
    except OSError as error:
        raise DataError(f"cannot write the data cache {folder}: {error}") from error
    return folder


def verify(path: Path, file: File) -> None:
    """Check a file's payload against its SHA-256.

    Raises:
        DataCorrupt: It is another one, or the file is cut off.
    """
    digest = hashlib.sha256()
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    except (OSError, EOFError, zlib.error) as error:
        reason = "it is cut off" if isinstance(error, EOFError) else str(error)
        raise DataCorrupt(f"{path} is damaged: {reason}; delete or replace it") from error
    if digest.hexdigest() != file.sha256:
        raise DataCorrupt(
            f"{path} is not the published file: its content has SHA-256 "
            f"{digest.hexdigest()[:12]}…, expected {file.sha256[:12]}…; delete or replace it"
        )


def _download(file: File, folder: Path, source: Source) -> None:
    if os.environ.get("HPSEARCH_OFFLINE"):
        raise _not_found(source, "HPSEARCH_OFFLINE is set")
    import pooch

    partial = f"{file.name}.tmp-{os.getpid()}"
    try:
        pooch.retrieve(file.url, known_hash=None, fname=partial, path=folder, progressbar=False)
        verify(folder / partial, file)
        (folder / partial).replace(folder / file.name)
    except DataCorrupt as error:
        start = (folder / partial).read_bytes()[:80]
        if start.lstrip()[:1] == b"<":
            raise DataCorrupt(
                f"{file.url} sent a web page instead of the file (a login or proxy page?): "
                f"{start.decode(errors='replace').strip()[:60]!r}"
            ) from error
        raise DataCorrupt(f"what {file.url} sent is not the published file; try again") from error
    except Exception as error:  # whatever the network and its libraries raise
        reason = str(error).partition("\n")[0][:200] or type(error).__name__
        raise _not_found(source, reason) from error
    finally:
        (folder / partial).unlink(missing_ok=True)


def _not_found(source: Source, reason: str) -> DataNotFound:
    names = ", ".join(file.name for file in source.files)
    return DataNotFound(
        f"cannot download {source.name} ({reason}): put {names} into a folder and name it "
        "with --data or HPSEARCH_DATA"
    )

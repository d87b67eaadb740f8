"""Where the files of a data set come from: folders to look in, servers to download from."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import platformdirs
from filelock import FileLock

from hpsearch.errors import DataCorrupt, DataError, DataNotFound

OWN_CACHE = "hpsearch's cache"
DEBIAN = Path("/usr/share/datasets")
TIMEOUT_S = 20.0  # of silence from the server
N_ATTEMPTS = 3
PAUSE_S = 1.0  # between two attempts
CHUNK = 1 << 16
# Otherwise some servers unpack a .gz on the way, and the file is not the published one.
HEADERS = {"Accept-Encoding": "identity"}


@dataclass(frozen=True)
class File:
    """A file of a data set."""

    name: str
    sha256: str | None
    """Of the payload: of what a single gzipped file contains, as gzip wrappers differ from
    mirror to mirror. None if the publisher edits the file now and then: then `load` has to
    check what it contains."""
    url: str = ""
    """Empty if the file is no longer published: it is used where it is found."""


Files = tuple[File, ...]


@dataclass(frozen=True)
class Source:
    """A data set as published files; without files, one that comes with a package."""

    name: str
    """Also the name of its folder in Keras's cache and Debian's packages."""
    files: Files = ()
    alternatives: tuple[Files, ...] = ()
    """Other files that hold the same data, used if the earlier ones are missing."""

    def sets(self) -> tuple[Files, ...]:
        """The sets of files, any of which will do, in order of preference."""
        return (self.files, *self.alternatives)

    def published(self) -> Files:
        """The first set that can be downloaded."""
        return next((files for files in self.sets() if all(file.url for file in files)), ())


class Found(NamedTuple):
    """The files of a data set in one folder, verified or not."""

    place: str
    """What messages call the folder."""
    folder: Path
    files: Files


def cache_folder() -> Path:
    """The cache of hpsearch itself: `HPSEARCH_CACHE`, or where the system keeps caches."""
    set_by_user = os.environ.get("HPSEARCH_CACHE")
    folder = Path(set_by_user) if set_by_user else platformdirs.user_cache_path("hpsearch")
    return folder.absolute()


def places(source: Source, data: Path | None) -> Iterator[tuple[str, Path]]:
    """The folders to look for a data set in, in order.

    Args:
        source: The data set.
        data: The user's folder; the data set may lie in it or in a folder of its name.

    Yields:
        What messages call the folder, and the folder.
    """
    if data is not None:
        yield "the data folder", data / source.name
        yield "the data folder", data
    yield OWN_CACHE, _own_folder(source)
    # Path's own expanduser raises where nobody has a home
    keras_home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")  # noqa: PTH111
    yield "Keras's cache", Path(keras_home) / "datasets" / source.name
    yield "Keras's cache", Path(keras_home) / "datasets"
    yield "Debian's package", DEBIAN / source.name


def locate(source: Source, data: Path | None) -> Found | None:
    """Find the first folder that holds a complete set of a data set's files; verify none.

    Raises:
        DataNotFound: There is no such data folder.
    """
    require_folder(data)
    for place, folder in places(source, data):
        files = files_in(folder, source)
        if files is not None:
            return Found(place, folder, files)
    return None


def files_in(folder: Path, source: Source) -> Files | None:
    """The first set of a data set's files that a folder holds completely, not verified."""
    for files in source.sets():
        if all(os.path.isfile(folder / file.name) for file in files):  # noqa: PTH113  # may not look
            return files
    return None


def require_folder(data: Path | None) -> None:
    """Refuse a data folder that does not exist.

    Raises:
        DataNotFound: It does not.
    """
    if data is not None and not os.path.isdir(data):  # noqa: PTH112  # Path's own may raise
        raise DataNotFound(
            f"no data folder {data}: --data and HPSEARCH_DATA take an existing folder"
        )


def find(source: Source, data: Path | None) -> Found | None:
    """Do as `locate`, and verify each file.

    Raises:
        DataNotFound: There is no such data folder.
        DataCorrupt: A file is not the published one. hpsearch never skips it silently: the
            user should know.
    """
    found = locate(source, data)
    if found is not None:
        for file in found.files:
            verify(found.folder / file.name, file)
    return found


def find_or_fetch(
    source: Source, data: Path | None, say: Callable[[str], object] = lambda text: None
) -> Found:
    """Find the files of a data set, or download them into hpsearch's cache.

    Args:
        source: The data set.
        data: The user's data folder.
        say: Told of each download.

    Raises:
        DataCorrupt: A file is not the published one.
        DataNotFound: The data set was not found, and could not be downloaded.
    """
    return find(source, data) or fetch(source, say)


def fetch(source: Source, say: Callable[[str], object] = lambda text: None) -> Found:
    """Download the files of a data set that hpsearch's cache lacks.

    Returns:
        All its files. Each gets its name only after it was verified.

    Raises:
        DataNotFound: A file could not be downloaded; the message says where to put it by hand.
        DataCorrupt: The server sent something else.
        DataError: The cache cannot be written.
    """
    folder, files = _own_folder(source), source.published()
    if not files:
        raise DataNotFound(f"{source.name} is no longer published: {_by_hand(source)}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):  # one process downloads, others wait
            for leftover in folder.glob("*.tmp-*"):  # from a process that was killed
                leftover.unlink()
            for file in files:
                if (folder / file.name).exists():
                    verify(folder / file.name, file)
                else:
                    say(f"downloading {file.url}")
                    _download(file, folder, source)
    except OSError as error:
        raise DataError(
            f"cannot write the data cache {folder}: {error.strerror or error}"
        ) from error
    return Found(OWN_CACHE, folder, files)


def verify(path: Path, file: File) -> None:
    """Check a file's payload against its SHA-256, if that is fixed.

    Raises:
        DataCorrupt: It differs, or the file is cut off.
        DataError: It cannot be read.
    """
    if reason := fault(path, file):
        own = path.is_relative_to(cache_folder())
        cure = "delete it, and hpsearch downloads it again" if own else "delete or replace it"
        raise DataCorrupt(f"{path} {reason}: {cure}")


def fault(path: Path, file: File) -> str:
    """Say what is wrong with a file, as the end of a sentence; empty if nothing is.

    Raises:
        DataError: It cannot be read.
    """
    digest = hashlib.sha256()
    is_zipped = file.name.endswith(".gz") and not file.name.endswith(".tar.gz")
    opener = gzip.open if is_zipped else open
    try:
        with opener(path, "rb") as stream:
            while chunk := stream.read(1 << 20):
                digest.update(chunk)
    except EOFError:
        return f"is cut off after {path.stat().st_size} bytes"
    except (gzip.BadGzipFile, zlib.error) as error:
        return _web_page(path) or f"is damaged ({error})"
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}") from error
    if digest.hexdigest() == file.sha256:
        return ""
    if file.sha256 is None:
        return _web_page(path) or ("" if path.stat().st_size else "is empty")
    return _web_page(path) or (
        f"is not the published file (SHA-256 of its content {digest.hexdigest()[:12]}…, "
        f"expected {file.sha256[:12]}…)"
    )


def _own_folder(source: Source) -> Path:
    return cache_folder() / "datasets" / source.name


def _web_page(path: Path) -> str:
    """Recognise a login or proxy page, which servers send instead of a file with status 200."""
    with path.open("rb") as stream:
        start = stream.read(80).lstrip()
    if not start.startswith(b"<"):
        return ""
    words = " ".join(start.decode(errors="replace").split())
    return f"is a web page (a login or a proxy?) that starts {words!r}"


def _download(file: File, folder: Path, source: Source) -> None:
    partial = folder / f"{file.name}.tmp-{os.getpid()}"
    try:
        _receive(file, partial, source)
        if reason := fault(partial, file):
            raise DataCorrupt(f"what {file.url} sent {reason}: try again, or {_by_hand(source)}")
        partial.replace(folder / file.name)
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _receive(file: File, partial: Path, source: Source) -> None:
    """Save what the server sends; try again if it stops half-way."""
    reason = "HPSEARCH_OFFLINE is set"
    if not os.environ.get("HPSEARCH_OFFLINE"):
        import pooch
        from requests import RequestException

        download = pooch.HTTPDownloader(timeout=TIMEOUT_S, chunk_size=CHUNK, headers=HEADERS)
        for attempt in range(N_ATTEMPTS):
            time.sleep(PAUSE_S if attempt else 0)
            try:
                download(file.url, os.fspath(partial), None)
                return
            except RequestException as error:
                reason = _in_words(error)
                if error.response is not None and error.response.status_code < 500:
                    break  # another try would get the same answer
    raise DataNotFound(f"cannot download {source.name} ({reason}): {_by_hand(source)}")


def _in_words(error: Exception) -> str:
    from requests import exceptions

    match error:
        case exceptions.HTTPError(response=response) if response is not None:
            return f"the server answered {response.status_code} {response.reason}"
        case exceptions.Timeout():
            return f"no answer within {TIMEOUT_S:g} s"
        case exceptions.ChunkedEncodingError():
            return "the connection was cut"
        case exceptions.SSLError():
            return "the server's certificate is not trusted"
        case exceptions.ConnectionError() if "timed out" in str(error).lower():
            return f"the server sent nothing more for {TIMEOUT_S:g} s"
        case exceptions.ConnectionError():
            return "no connection to the server"
    return str(error).partition("\n")[0][:200] or type(error).__name__


def _by_hand(source: Source) -> str:
    names = ", or ".join(", ".join(file.name for file in files) for files in source.sets())
    return f"put {names} into a folder and pass it with --data or HPSEARCH_DATA"

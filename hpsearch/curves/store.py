"""The store of curves: their names, and the space they take."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from hpsearch.curves.curve import Curve
from hpsearch.messages import TRAIN
from hpsearch.study_file import StudyFile
from hpsearch.task import Params, without_epochs

MAX_BYTES = 2 * 2**30
NO_PART_IN_TRAINING = ("python", "optuna")


def network_of(study_file: StudyFile) -> str:
    """The fingerprint of all in a study file that has a say in the logs of a curve."""
    task = study_file.task
    build = study_file.fingerprint_of("build")
    more: dict[str, object] = {}
    if task.also_log is not None:
        # a function without a name of its own is not to be found among the others
        more["also_log"] = study_file.code_of("also_log") or study_file.text
    for name in ("gradient_norm", "jit_compile"):
        if getattr(task, name):
            more[name] = True
    if not more:
        return build
    return hashlib.sha256(json.dumps([build, more], sort_keys=True).encode()).hexdigest()


def key_of(
    params: Params,
    *,
    seed: int,
    data: str,
    network: str,
    versions: Mapping[str, str],
    fit_on: str = TRAIN,
) -> str:
    """Name the curve that some params belong to.

    Curves on the training part do not depend on `epochs`: a shorter trial reads off a
    longer one's logs. Of a network fitted on train + valid its weights are wanted, and
    a curve keeps those of its last epochs only, so there each length has its own.

    Args:
        params: Complete: `epochs` and `batch_size` included.
        seed: That it trains with.
        data: The fingerprint of the data.
        network: `network_of` the study file.
        versions: Of the libraries.
        fit_on: `TRAIN` or `TRAIN_AND_VALID`.

    Returns:
        32 hex digits.
    """
    identity: dict[str, object] = {
        "params": without_epochs(params),
        "seed": seed,
        "data": data,
        "network": network,
        "versions": {n: v for n, v in versions.items() if n not in NO_PART_IN_TRAINING},
        "fit_on": fit_on,
    }
    if fit_on != TRAIN:
        identity["epochs"] = params["epochs"]
    text = json.dumps(identity, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class CurveStore:
    """All curves of a storage.

    Args:
        folder: Of all curves; it need not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def curve(self, key: str) -> Curve:
        """The curve of a name; it need not exist yet."""
        return Curve(self.folder / key)

    @contextmanager
    def locked(
        self,
        curve: Curve,
        is_cancelled: Callable[[], bool],
        say: Callable[[str], object] = lambda text: None,
    ) -> Iterator[bool]:
        """Hold a curve while it is trained: trials of two studies may want the same one.

        Args:
            curve: Of this store.
            is_cancelled: Asked while another process holds it; ends the wait.
            say: Told if there is a wait.

        Yields:
            Whether the curve is held; False if the wait was cancelled.
        """
        curve.folder.mkdir(parents=True, exist_ok=True)
        lock = _lock(curve)
        try:
            try:
                lock.acquire(timeout=0)
            except Timeout:
                say(f"another study trains the same network: waiting for curve {curve.name}")
                with suppress(Timeout):
                    lock.acquire(cancel_check=is_cancelled)
            yield lock.is_locked
        finally:
            lock.release()

    def evict(self, max_bytes: int = MAX_BYTES, *, keep: Collection[str] = ()) -> None:
        """Delete checkpoints, longest unused first, until the rest fit; logs stay.

        Args:
            max_bytes: What the checkpoints may take together.
            keep: Names of curves that a waiting trial goes on with. They are spared, and so
                are those under training.
        """
        files: list[tuple[float, int, Path]] = []
        for path in self.folder.glob("*/epoch-*.npz"):
            with suppress(FileNotFoundError):  # another study's training drops its older ones
                found = path.stat()
                files.append((found.st_mtime, found.st_size, path))
        total = sum(size for _, size, _ in files)
        for _, size, path in sorted(files):
            if total <= max_bytes:
                break
            if path.parent.name in keep:
                continue
            with suppress(Timeout), _lock(Curve(path.parent)).acquire(timeout=0):
                path.with_name("evicted").touch()
                path.unlink(missing_ok=True)
                total -= size


def _lock(curve: Curve) -> FileLock:
    return FileLock(curve.folder / ".lock")

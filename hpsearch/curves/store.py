"""The store of curves: their names, locks and disk space."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from hpsearch.curves.curve import Curve
from hpsearch.files import within
from hpsearch.messages import TRAIN
from hpsearch.study_file import StudyFile
from hpsearch.task import Params, without_epochs

MAX_BYTES = 2 * 2**30
NO_PART_IN_TRAINING = ("python", "optuna")


def network_of(study_file: StudyFile) -> str:
    """The fingerprint of everything in a study file that affects a curve's logs."""
    task = study_file.task
    build = study_file.fingerprint_of("build")
    more: dict[str, object] = {}
    if task.also_log is not None:
        # an anonymous function has no code of its own: take the whole text
        more["also_log"] = study_file.code_of("also_log") or study_file.text
    for name in ("gradient_norm", "jit_compile"):
        if getattr(task, name):
            more[name] = True
    if task.callbacks is not None:
        more["callbacks"] = study_file.fingerprint_of("callbacks")
    if callable(task.class_weight):
        more["class_weight"] = study_file.fingerprint_of("class_weight")
    elif isinstance(task.class_weight, Mapping):
        weights = task.class_weight.items()
        more["class_weight"] = sorted((int(label), float(weight)) for label, weight in weights)
    elif task.class_weight is not None:
        more["class_weight"] = task.class_weight
    if not task.continues:
        more["continues"] = False
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
    fold: tuple[int, int] | None = None,
) -> str:
    """Name the curve that some params belong to.

    Curves on the training split do not depend on `epochs`: shorter trials are read off a
    longer one's logs. For networks fitted on train + valid the weights matter, and a curve
    keeps only those of its last epochs, so each length has its own curve.

    Args:
        params: Complete: `epochs` and `batch_size` included.
        seed: The training seed.
        data: The fingerprint of the data.
        network: `network_of` the study file.
        versions: Library versions.
        fit_on: `TRAIN`, `TRAIN_AND_VALID` or `ALL_FOLDS`.
        fold: Which fold is held out, and of how many.

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
    if fold is not None:
        identity["fold"] = fold
    if fit_on != TRAIN:
        identity["epochs"] = params["epochs"]
    text = json.dumps(identity, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class CurveStore:
    """All curves of a storage.

    Args:
        folder: Holds all curves; it need not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def curve(self, key: str) -> Curve:
        """The curve of a key; it need not exist yet."""
        return Curve(within(self.folder, key))

    @contextmanager
    def locked(
        self,
        curve: Curve,
        is_cancelled: Callable[[], bool],
        say: Callable[[str], object] = lambda text: None,
    ) -> Iterator[bool]:
        """Lock a curve for training: trials of two studies may share it.

        Args:
            curve: A curve of this store.
            is_cancelled: Polled while another process holds it; ends the wait.
            say: Called if there is a wait.

        Yields:
            Whether the curve is held; False if the wait was cancelled.
        """
        curve.folder.mkdir(parents=True, exist_ok=True)
        lock = _lock(curve)
        try:
            try:
                lock.acquire(timeout=0)
            except Timeout:
                say(f"the same network is being trained already: waiting for curve {curve.name}")
                with suppress(Timeout):
                    lock.acquire(cancel_check=is_cancelled)
            yield lock.is_locked
        finally:
            lock.release()

    def evict(self, max_bytes: int = MAX_BYTES, *, keep: Collection[str] = ()) -> None:
        """Delete least recently used checkpoints until the rest fit; logs stay.

        Args:
            max_bytes: Maximum total size of the checkpoints.
            keep: Names of curves that waiting trials will continue; kept, like those in
                training.
        """
        files: list[tuple[float, int, Path]] = []
        for path in self.folder.glob("*/epoch-*.npz"):
            with suppress(FileNotFoundError):  # another study deletes its old ones
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

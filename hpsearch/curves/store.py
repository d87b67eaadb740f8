"""The store of curves: their names, and the space they take."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from hpsearch.messages import TRAIN
from hpsearch.study_file import StudyFile
from hpsearch.task import Params, without_epochs

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


def evict(curves: Path, max_bytes: int = 2 * 2**30) -> None:
    """Delete checkpoints, longest unused first, until the rest fit; logs stay.

    Args:
        curves: The folder of all curves.
        max_bytes: What the checkpoints may take together.
    """
    files: list[tuple[float, int, Path]] = []
    for path in curves.glob("*/epoch-*.npz"):
        with suppress(FileNotFoundError):  # another study's training drops its older ones
            found = path.stat()
            files.append((found.st_mtime, found.st_size, path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= max_bytes:
            break
        total -= size
        path.with_name("evicted").touch()
        path.unlink(missing_ok=True)

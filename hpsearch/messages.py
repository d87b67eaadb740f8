"""What launcher and trial process say to each other: one JSON object a message.

launcher ── Surroundings ───▶ trial process
         ── Job ────────────▶
         ◀──── EpochDone ────  after each epoch, once its checkpoint is on disk
         ───── Reply ───────▶  awaited before the next epoch
         ◀──── Finished ─────  or Failed; end of file means it died

`hpsearch.codec` encodes and decodes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from hpsearch.goal import Logs
from hpsearch.task import Params

TRAIN = "train"
TRAIN_AND_VALID = "train+valid"
ALL_FOLDS = "all folds"


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a trial process shares with its launcher."""

    folder: str
    """The current folder."""
    path: list[str]
    """Where Python looks for modules."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """Take one learning curve to an epoch."""

    study_file: str
    """The text of the study file, as the study stores it."""
    study_file_name: str
    """What tracebacks call it."""
    params: Params
    """Complete: `epochs` and `batch_size` included."""
    seed: int
    data: str
    """The folder of the prepared arrays."""
    curve: str
    """The folder of the curve: what is there is continued, what comes is added."""
    process_name: str = "hpsearch"
    """What `ps` shows, at most 15 characters; it tells orphans from other processes."""
    n_threads: int = 1
    fit_on: str = TRAIN
    """`TRAIN`, with validation after each epoch, or `TRAIN_AND_VALID` or `ALL_FOLDS`, without."""
    fold: int | None = None
    """Which fold to hold out for validation, where the task has folds."""
    export: str | None = None
    """After the last epoch, measure on test and save the model in this folder."""


@dataclass(frozen=True, kw_only=True)
class EpochDone:
    """An epoch is trained and its checkpoint on disk."""

    epoch: int
    """Epochs done so far: 1 after the first."""
    logs: Logs
    """Keras's, what the task adds, and `seconds`, what that epoch took."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The job is done, or was stopped by a verdict."""

    test: Logs = field(default_factory=dict)
    """Keras's logs on the test split, where the job asked for them."""


@dataclass(frozen=True, kw_only=True)
class Failed:
    """An exception ended the job."""

    error: str
    """One line: the kind of exception and what it says."""
    traceback: str
    is_fatal: bool = False
    """The study file cannot be used: no other trial would fare better."""
    is_machine_fault: bool = False
    """The disk takes no more, or a file of the data was changed: neither the network nor the
    study file is to blame, and `error` says what to do."""


Message = EpochDone | Finished | Failed


class Verdict(StrEnum):
    """Whether training continues after an epoch."""

    GO_ON = "go on"
    STOP = "stop"


@dataclass(frozen=True, kw_only=True)
class Reply:
    """The launcher has judged the epoch."""

    verdict: Verdict

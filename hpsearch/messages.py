"""What launcher and trial process say to each other: one JSON object a message.

launcher ── Job ────────────▶ trial process
         ◀──── EpochDone ────  after each epoch, once its checkpoint is on disk
         ───── Verdict ─────▶  awaited before the next epoch
         ◀──── Finished ─────  or Failed; end of file means it died
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, ClassVar

from hpsearch.goal import Logs
from hpsearch.task import Params

TRAIN = "train"
TRAIN_AND_VALID = "train+valid"


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
    """`TRAIN`, with validation after each epoch, or `TRAIN_AND_VALID`, without."""
    export: str | None = None
    """After the last epoch, measure on test and save the model in this folder."""


@dataclass(frozen=True, kw_only=True)
class EpochDone:
    """An epoch is trained and its checkpoint on disk."""

    kind: ClassVar[str] = "epoch done"
    epoch: int
    """Epochs done so far: 1 after the first."""
    logs: Logs
    """Keras's, what the task adds, and `seconds`, what that epoch took."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """The job is done, or was stopped by a verdict."""

    kind: ClassVar[str] = "finished"
    test: Logs = field(default_factory=dict)
    """Keras's logs on the test split, where the job asked for them."""


@dataclass(frozen=True, kw_only=True)
class Failed:
    """An exception ended the job."""

    kind: ClassVar[str] = "failed"
    error: str
    """One line: the kind of exception and what it says."""
    traceback: str
    is_fatal: bool = False
    """The study file cannot be used: no other trial would fare better."""
    is_machine_fault: bool = False
    """The disk takes no more: neither the network nor the study file is to blame."""


Message = EpochDone | Finished | Failed


class Verdict(StrEnum):
    """What the launcher answers after an epoch."""

    GO_ON = "go on"
    STOP = "stop"


def encode(message: Message) -> bytes:
    return json.dumps({"kind": message.kind, **asdict(message)}).encode()


def decode(line: bytes) -> Message:
    """The message in a line.

    Raises:
        ValueError: The line is not a message of this version.
    """
    content: dict[str, Any] = json.loads(line)
    kind = content.pop("kind", None)
    for message_type in (EpochDone, Finished, Failed):
        if kind == message_type.kind:
            try:
                return message_type(**content)
            except TypeError as error:
                raise ValueError(f"not a {kind!r} message: {error}") from error
    raise ValueError(f"no message has the kind {kind!r}")


def encode_job(job: Job) -> str:
    return json.dumps(asdict(job))


def decode_job(line: str) -> Job:
    return Job(**json.loads(line))

"""What launcher and agent say to each other: one JSON object a message, some with bytes after it.

agent ── Hello ───────▶ launcher      who I am; the launcher answers Refused, or at a study's turn
      ◀─ Assignment ───               the study file, and which data it needs
      ── Ready ───────▶               the data are here; or Unfit
      ◀─ Piece ... Start              an attempt: first the files of its curve, then the job
      ── Begun ───────▶               its process exists
      ── Piece ... Said ▶             what the process said, after the files that it promises
      ◀─ Said ─────────               the answer to it
      ◀─ End ──────────               hang up on it
      ── Ended ───────▶               the place is free again
      ◀▶ Beat                         I am alive
      ◀─ Bye ──────────               the launcher has ended

The bytes of `Piece` are those of a file, those of `Said` a message of `hpsearch.messages`.
An attempt has a number that no other of this launcher has: what comes late is known by it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hpsearch.messages import Job


@dataclass(frozen=True, kw_only=True)
class Hello:
    """An agent introduces itself."""

    agent: str
    """The same again when it dials anew."""
    node: str
    """The name of its machine."""
    slots: int
    """How many trials it runs at a time."""
    versions: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Refused:
    """The agent is of no use."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """A study to train for."""

    number: int
    study_file: str
    study_file_name: str
    fingerprint: str
    """Of the data."""
    data: str
    """The launcher's folder of prepared arrays."""
    curves: str
    """The launcher's folder of curves."""
    token: str
    """The name of a file beside the arrays and among the curves: who can read it shares them."""


@dataclass(frozen=True, kw_only=True)
class Ready:
    """The data are here."""

    number: int
    """Of the assignment."""
    fingerprint: str
    """Of the data found or made here."""
    token: str = ""
    """What the file among the curves says, where it can be read: the folder is shared."""


@dataclass(frozen=True, kw_only=True)
class Unfit:
    """The agent cannot train, and leaves."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A part of a file of an attempt, in order."""

    attempt: int
    name: str
    is_last: bool


@dataclass(frozen=True, kw_only=True)
class Start:
    """Train; paths in the job are the launcher's."""

    attempt: int
    job: Job
    shares_curves: bool
    """Both sides see the folder of the curve: nothing needs to travel."""


@dataclass(frozen=True, kw_only=True)
class Begun:
    """The trial process exists."""

    attempt: int


@dataclass(frozen=True, kw_only=True)
class Said:
    """A message from, or to, the trial process."""

    attempt: int


@dataclass(frozen=True, kw_only=True)
class End:
    """End the trial process."""

    attempt: int
    patience_s: float


@dataclass(frozen=True, kw_only=True)
class Ended:
    """The trial process has ended."""

    attempt: int
    exit_code: int | None
    printed: str


@dataclass(frozen=True, kw_only=True)
class Beat:
    """Nothing else was to be said."""

    memory: dict[str, int] = field(default_factory=dict)
    """Resident bytes of each attempt's process."""


@dataclass(frozen=True, kw_only=True)
class Bye:
    """The launcher has ended."""


FROM_AGENT = (Hello, Ready, Unfit, Piece, Begun, Said, Ended, Beat)
FROM_LAUNCHER = (Refused, Assignment, Piece, Start, Said, End, Beat, Bye)

"""Learning curves on disk: what a configuration has been trained for so far.

    curves/<key>/
        curve.json          what was trained, and the logs of every epoch so far; of a
                            language model also what it wrote after each
        epoch-00007.npz     the state of model and optimizer after epoch 7
        epoch-00006.npz     and after the epoch before, should the newest be damaged
        evicted             where checkpoints were deleted to save space
        NAME.bad-TIME       a file that could not be read, set aside

The trial process writes, the launcher reads. Each file is written under a temporary
name, synced and renamed, so what bears its final name is whole. The checkpoint of an
epoch comes before its logs: logs up to epoch 7 promise a checkpoint of epoch 7. Logs only
ever grow: when a checkpoint is lost, epochs are trained again, and their logs stay.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any, TypeVar

import msgspec
import numpy as np
import numpy.typing as npt

from hpsearch.files import atomic_file, within
from hpsearch.goal import Logs

Kind = TypeVar("Kind")

State = dict[str, npt.NDArray[Any]]
"""Every variable of a model and its optimizer, by its place in their lists."""

N_CHECKPOINTS = 2


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a network wrote after an epoch."""

    window: str
    """The piece of the training text that it went on from."""
    temperatures: list[float]
    texts: list[str]
    """One for each temperature."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A layer as Keras's summary shows it."""

    kind: str
    """Its class."""
    name: str
    shape: str
    """Of its output, `(None, 10)`; empty if Keras cannot tell."""
    n_weights: int


class Curve:
    """One curve's folder, read and written.

    Args:
        folder: `curves/<key>`; it need not exist yet.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = folder.name
        self._start: tuple[int, int] | None = None

    @property
    def logs(self) -> list[Logs]:
        """Keras's logs of the epochs so far; what cannot be read was never there."""
        return self._field("logs", list[Logs]) or []

    @property
    def texts(self) -> list[Written | None]:
        """What was written after each epoch of `logs`; None where nothing was."""
        n_logs = len(self.logs)
        read = (self._field("texts", list[Written | None]) or [])[:n_logs]
        return [*read, *[None] * (n_logs - len(read))]

    @property
    def starts(self) -> list[list[int]]:
        """Where each process that trained began: after which epoch, and how many had logs
        then. The two differ where a checkpoint was lost.
        """
        return self._field("starts", list[list[int]]) or []

    @property
    def n_weights(self) -> int | None:
        """The size of the network; None where no epoch, or an older hpsearch, stored it."""
        return self._field("n_weights", int)

    @property
    def layers(self) -> list[Layer]:
        """The network, layer by layer; empty where no epoch, or an older hpsearch, stored it."""
        return self._field("layers", list[Layer]) or []

    def _field(self, name: str, kind: type[Kind]) -> Kind | None:
        """A field of `curve.json`; None where it is not there, or of another kind."""
        try:
            content = json.loads((self.folder / "curve.json").read_text("utf-8"))
            return msgspec.convert(content[name], kind)
        except (OSError, ValueError, RecursionError, KeyError, TypeError):
            return None

    @property
    def is_evicted(self) -> bool:
        """Whether checkpoints of it were deleted to save space."""
        return (self.folder / "evicted").exists()

    @property
    def damaged(self) -> list[Path]:
        """Its files that are there and cannot be read."""
        logs = self.folder / "curve.json"
        checkpoints = sorted(self.folder.glob("epoch-*.npz"))
        return [
            *([logs] if logs.exists() and not self.logs else []),
            *(path for path in checkpoints if self.state(_epoch_of(path)) is None),
        ]

    @property
    def had_damage(self) -> bool:
        """Whether a file of it was set aside."""
        return any(self.folder.glob("*.bad-*"))

    def set_aside(self, path: Path) -> None:
        """Rename a file that cannot be read: nobody takes it for whole, and it is not lost."""
        path.rename(path.with_name(f"{path.name}.bad-{time.strftime('%Y%m%dT%H%M%S')}"))

    def state(self, epoch: int) -> State | None:
        """The checkpoint after `epoch`, or None if there is no whole one."""
        try:
            with (
                self.checkpoint(epoch).open("rb") as file,
                np.load(file, allow_pickle=False) as arrays,
            ):
                return {name: arrays[name] for name in arrays.files}
        except Exception:  # a damaged one can raise anything
            return None

    def resume_point(self, epochs: int, *, continues: bool = True) -> tuple[int, State | None]:
        """Where training towards `epochs` starts; whoever trains holds the curve's lock.

        Args:
            epochs: Where training is to end.
            continues: Whether training can go on from a checkpoint; if not, only one after
                the last epoch is of use.

        Returns:
            The last epoch, at most `epochs`, with logs and a whole checkpoint, and that
            checkpoint; `(0, None)` where there is none.
        """
        for unfinished in self.folder.glob("*.tmp-*"):  # of a process that was killed
            unfinished.unlink(missing_ok=True)
        n_logs = len(self.logs)
        if n_logs == 0 and (logs := self.folder / "curve.json").exists():
            self.set_aside(logs)
        first = 1 if continues else epochs
        for epoch in range(min(n_logs, epochs), first - 1, -1):
            if (state := self.state(epoch)) is not None:
                self._start = epoch, n_logs
                return epoch, state
            if (checkpoint := self.checkpoint(epoch)).exists():
                self.set_aside(checkpoint)
        self._start = 0, n_logs
        return 0, None

    def append(
        self,
        epoch: int,
        logs: Logs,
        state: State,
        identity: Mapping[str, object],
        written: Written | None = None,
    ) -> Logs:
        """Keep an epoch: its checkpoint first, then its logs, then drop older checkpoints.

        Logs are never taken back: trials may have finished by them. An epoch that had to be
        trained again, as its checkpoint was lost, keeps the logs it has, also where sums came
        out differently this time.

        Returns:
            The logs that the curve has of this epoch.

        Raises:
            OSError: The disk is full or not writable; what was there before still is.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with atomic_file(self.checkpoint(epoch)) as path, path.open("wb") as file:
            np.savez(file, **state)  # type: ignore[arg-type]  # a name is not allow_pickle
        all_logs, starts, texts = self.logs, self.starts, self.texts
        if epoch > len(all_logs):
            all_logs.append(logs)
        if self._start is not None:
            starts.append(list(self._start))
            self._start = None
        content = {
            "schema": "hpsearch.curve/1",
            **identity,
            "starts": starts,
            "logs": all_logs,
        }
        texts += [None] * (epoch - len(texts))
        texts[epoch - 1] = texts[epoch - 1] or written
        if any(texts):
            content["texts"] = [None if one is None else asdict(one) for one in texts]
        with atomic_file(self.folder / "curve.json") as path:
            path.write_text(json.dumps(content))
        self.drop_older(epoch)
        return all_logs[epoch - 1]

    def drop_older(self, epoch: int) -> None:
        """Drop checkpoints that the one after `epoch` makes superfluous."""
        for checkpoint in self.folder.glob("epoch-*.npz"):
            if _epoch_of(checkpoint) <= epoch - N_CHECKPOINTS:
                checkpoint.unlink(missing_ok=True)

    def checkpoint(self, epoch: int) -> Path:
        """The file of the checkpoint after an epoch."""
        return self.folder / f"epoch-{epoch:05d}.npz"


def _epoch_of(checkpoint: Path) -> int:
    number = checkpoint.stem.removeprefix("epoch-")
    return int(number) if number.isdecimal() else 0


def mean_logs(curves: Sequence[Sequence[Logs]]) -> list[Logs]:
    """The logs of several curves, as means of what all have: up to the end of the shortest."""
    return [
        {
            name: fmean(one[name] for one in of_epoch)
            for name in of_epoch[0]
            if all(name in one for one in of_epoch)
        }
        for of_epoch in zip(*curves, strict=False)
    ]


def read_mean_logs(folder: Path, names: Sequence[str]) -> list[Logs]:
    """`mean_logs` of stored curves, by their names in the folder of all."""
    return mean_logs([Curve(within(folder, name)).logs for name in names])

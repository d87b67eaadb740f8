"""Files that travel over a link: a curve's to a node and back, an export's back."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path
from typing import IO

from hpsearch.agents.link import Link
from hpsearch.agents.messages import Piece
from hpsearch.curves.curve import Curve

PIECE_BYTES = 2**16  # a beat waits no longer than this takes
MAX_FILE_BYTES = 2**34
OF_CURVE = re.compile(r"curve\.json|epoch-\d{5}\.npz")
MODEL = "model.keras"


def send_file(link: Link, attempt: int, path: Path) -> None:
    """Send a file.

    Raises:
        OSError: It cannot be read.
        Gone: The other side is.
    """
    with path.open("rb") as file:
        piece = file.read(PIECE_BYTES)
        while True:
            following = file.read(PIECE_BYTES)
            link.send(Piece(attempt=attempt, name=path.name, is_last=not following), piece)
            if not following:
                return
            piece = following


def send_curve(link: Link, attempt: int, curve: Curve, epoch: int) -> None:
    """Send what training after an epoch needs: the checkpoint first, as it was written.

    Raises:
        OSError: A file cannot be read.
        Gone: The other side is.
    """
    for path in (curve.checkpoint(epoch), curve.folder / "curve.json"):
        if path.exists():
            send_file(link, attempt, path)


class Incoming:
    """Files of one attempt as they come in: whole ones get their names, others never do.

    Args:
        curve: Where files of the curve go; None to refuse them.
        export: Where a model goes; None to refuse one.
    """

    def __init__(self, curve: Path | None, export: Path | None) -> None:
        self._curve, self._export = curve, export
        self._name, self._epoch = "", 0
        self._scratch: IO[bytes] | None = None

    def take(self, piece: Piece, content: bytes) -> None:
        """Take the next piece of a file.

        Raises:
            ValueError: No such file may come, or it is none.
            OSError: It cannot be written.
        """
        folder = self._folder_of(piece.name)
        if self._scratch is None:
            folder.mkdir(parents=True, exist_ok=True)
            self._name = piece.name
            self._scratch = tempfile.NamedTemporaryFile(  # noqa: SIM115  # closed by `_keep`
                prefix=f"{piece.name}.tmp-", dir=folder, delete=False
            )
        if piece.name != self._name:
            raise ValueError(f"pieces of {piece.name} and {self._name} are mixed up")
        self._scratch.write(content)
        if self._scratch.tell() > MAX_FILE_BYTES:
            raise ValueError(f"{piece.name} is larger than {MAX_FILE_BYTES / 2**30:g} GiB")
        if piece.is_last:
            self._keep(folder)

    def close(self) -> None:
        """Drop a file that is not whole."""
        if self._scratch is not None:
            self._scratch.close()
            Path(self._scratch.name).unlink(missing_ok=True)
            self._scratch = None

    def _folder_of(self, name: str) -> Path:
        if self._curve is not None and OF_CURVE.fullmatch(name):
            return self._curve
        if self._export is not None and name == MODEL:
            return self._export
        raise ValueError(f"a file {name!r} that nobody asked for")

    def _keep(self, folder: Path) -> None:
        assert self._scratch is not None
        path = Path(self._scratch.name)
        if self._name == "curve.json":
            self._require_longer(path, folder)
        self._scratch.flush()
        os.fsync(self._scratch.fileno())
        self._scratch.close()
        self._scratch = None
        path.replace(folder / self._name)
        if self._name == "curve.json":
            Curve(folder).drop_older(self._epoch)
        elif folder == self._curve:
            self._epoch = int(self._name[len("epoch-") : -len(".npz")])

    def _require_longer(self, path: Path, folder: Path) -> None:
        """Logs are never taken back."""
        assert self._scratch is not None
        self._scratch.flush()
        try:
            content = json.loads(path.read_bytes())
        except RecursionError as error:
            raise ValueError("a curve that is nested too deep") from error
        logs = content.get("logs") if isinstance(content, dict) else None
        if not isinstance(logs, list) or len(logs) < len(Curve(folder).logs):
            raise ValueError("a curve that is shorter than before")

"""TensorBoard: event files with each trial's curves, and its params for the HParams plugin.

    DIR/STUDY/trial-0007-CURVE/          params, and how the trial ended
    DIR/STUDY/trial-0007-CURVE/train/    its logs on the training split
    DIR/STUDY/trial-0007-CURVE/valid/    its logs on the validation split, under the same names

The event files are written with TensorBoard's own protocol buffers and record writer: its
higher functions import TensorFlow, which a launcher must not.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path

from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.tensorflow_stub.errors import OpError
from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import PyRecordReader_New
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS
from tensorboard.plugins.hparams.plugin_data_pb2 import (
    HParamsPluginData,
    SessionEndInfo,
    SessionStartInfo,
)
from tensorboard.summary.writer.record_writer import RecordWriter

from hpsearch.files import slug
from hpsearch.goal import Logs
from hpsearch.study.trials import Outcome
from hpsearch.task import Params
from hpsearch.tracking.tracker import FAILURES

ABOUT, TRAIN, VALID = "", "train", "valid"  # folders of a run
START, END = metadata.SESSION_START_INFO_TAG, metadata.SESSION_END_INFO_TAG


class TensorBoard:
    """Writes a folder that `tensorboard --logdir DIR` shows.

    Args:
        folder: DIR, which is made.
        study: The study's name.

    Raises:
        OSError: It cannot be written.
    """

    def __init__(self, folder: Path, study: str) -> None:
        self._folder = folder / slug(study)
        self._folder.mkdir(parents=True, exist_ok=True)
        self._runs: dict[int, dict[str, EventFile]] = {}  # by trial, then folder
        self._done: dict[int, dict[str, int]] = {}  # the last epoch of earlier searches

    def begin(self, number: int, params: Params, curve: str) -> int:
        info = SessionStartInfo(group_name=f"trial {number}", start_time_secs=time.time())
        for name, value in params.items():
            if isinstance(value, bool):
                info.hparams[name].bool_value = value
            elif isinstance(value, int | float):
                info.hparams[name].number_value = value
            else:
                info.hparams[name].string_value = str(value)
        run = self._folder / f"trial-{number:04}-{curve[:8]}"
        # a search may have been killed when only one of them had the last epoch
        self._done[number] = {part: last_step(run / part) for part in (TRAIN, VALID)}
        files = {part: EventFile(run / part) for part in (ABOUT, TRAIN, VALID)}
        files[ABOUT].add(_about(START, HParamsPluginData(session_start_info=info)))
        self._runs[number] = files
        return min(self._done[number].values())

    def log(self, number: int, epoch: int, logs: Logs) -> None:
        valid = {name.removeprefix("val_"): logs[name] for name in logs if name.startswith("val_")}
        train = {name: value for name, value in logs.items() if not name.startswith("val_")}
        for part, values in ((TRAIN, train), (VALID, valid)):
            if epoch > self._done[number][part]:
                self._runs[number][part].add(_scalars(values), epoch)

    def end(self, number: int, outcome: Outcome | None) -> None:
        files = self._runs.pop(number)
        if outcome is not None:
            status = STATUS_FAILURE if outcome in FAILURES else STATUS_SUCCESS
            info = SessionEndInfo(status=status, end_time_secs=time.time())
            files[ABOUT].add(_about(END, HParamsPluginData(session_end_info=info)))
        for file in files.values():
            file.close()

    def close(self) -> None:
        for number in list(self._runs):
            self.end(number, None)


class EventFile:
    """A new event file in a folder, which is made; each event is on the disk once added."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard reads them in the order of their names
        name = f"events.out.tfevents.{time.time_ns():020}.{socket.gethostname()}.{os.getpid()}"
        self._records = RecordWriter((folder / name).open("xb"))
        self._write(Event(wall_time=time.time(), file_version="brain.Event:2"))

    def add(self, summary: Summary, step: int = 0) -> None:
        self._write(Event(wall_time=time.time(), step=step, summary=summary))

    def close(self) -> None:
        self._records.close()

    def _write(self, event: Event) -> None:
        self._records.write(event.SerializeToString())
        self._records.flush()


def last_step(folder: Path) -> int:
    """The last step in the event files of a folder, which may be torn; 0 if there is none."""
    steps = [0]
    for path in folder.glob("events.out.tfevents.*"):
        reader = PyRecordReader_New(os.fspath(path))
        try:
            while True:
                reader.GetNext()
                steps.append(Event.FromString(reader.record()).step)
        except OpError:  # the end, or the record that was being written when the search was killed
            pass
    return max(steps)


def _scalars(values: Mapping[str, float]) -> Summary:
    return Summary(
        value=[Summary.Value(tag=tag, simple_value=value) for tag, value in values.items()]
    )


def _about(tag: str, data: HParamsPluginData) -> Summary:
    about = metadata.create_summary_metadata(data)
    return Summary(value=[Summary.Value(tag=tag, metadata=about, tensor=metadata.NULL_TENSOR)])

"""The trial process: what runs in it, from its first line to its last.

It is forked from a server in which this module, and with it Keras, was imported before,
but in which no operation of Keras's backend ever ran. It knows the launcher only by the
pipe: when the pipe ends, so does the process.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import queue
import signal
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

import keras

from hpsearch.codec import decode, encode
from hpsearch.curves.curve import Curve
from hpsearch.data.arrays import Prepared
from hpsearch.data.folds import train_and_valid
from hpsearch.errors import DataError, StudyFileError
from hpsearch.goal import Logs
from hpsearch.messages import (
    TRAIN,
    EpochDone,
    Failed,
    Finished,
    Job,
    Message,
    Reply,
    Surroundings,
    Verdict,
)
from hpsearch.study_file import describe, run_study_file
from hpsearch.task import epochs_of, without_epochs
from hpsearch.training.fit import (
    build,
    callbacks_of,
    fit,
    get_state,
    layers_of,
    measure,
    set_state,
)
from hpsearch.training.loadable import require_loadable
from hpsearch.training.loop import finish, finished
from hpsearch.training.writing import require_windows, write_after

PR_SET_PDEATHSIG = 1
PR_SET_NAME = 15

# A full disk, a spent quota, a limit on the size of files, a disk that failed: any other
# network would come to the same end.
DISK_FAULTS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO}


def main(connection: Connection, output: int) -> None:
    """Train one curve as a job says: all that a process does.

    Args:
        connection: The pipe to the launcher.
        output: The descriptor of a file that takes what is printed, by Python or below it.
    """
    _stand_alone(output)
    surroundings = decode(connection.recv_bytes(), Surroundings)
    os.chdir(surroundings.folder)
    sys.path[:] = surroundings.path
    job = decode(connection.recv_bytes(), Job)
    launcher = Launcher(connection)
    try:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_NAME, job.process_name.encode())
        _share_the_machine(job.n_threads)
        test = run(job, launcher)
    except (Exception, SystemExit) as error:
        is_disk_fault = _is_disk_fault(error)
        cure = ": free some space; the same command continues" if is_disk_fault else ""
        is_data_fault = isinstance(error, DataError)
        launcher.send(
            Failed(
                error=str(error) if is_data_fault else f"{describe(error)}{cure}",
                traceback=traceback.format_exc(limit=-12),
                is_fatal=isinstance(error, StudyFileError),
                is_machine_fault=is_disk_fault or is_data_fault,
            )
        )
    else:
        launcher.send(Finished(test=test))


class Launcher:
    """The launcher, seen from the trial process."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.verdicts: queue.Queue[Verdict] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, message: Message) -> None:
        self.connection.send_bytes(encode(message).encode())

    def verdict(self) -> Verdict:
        """Wait for what the launcher says to the epoch just sent."""
        return self.verdicts.get()

    def _listen(self) -> None:
        try:
            while True:
                self.verdicts.put(decode(self.connection.recv_bytes(), Reply).verdict)
        except (EOFError, OSError):
            os._exit(1)  # the launcher is gone, also in the middle of an epoch


def run(job: Job, launcher: Launcher) -> Logs:
    """Take the job's curve to its epoch.

    Returns:
        The logs on the test split, where the job wants an export; else nothing.
    """
    task = run_study_file(job.study_file, job.study_file_name).task
    data = Prepared(Path(job.data), "").open()
    train, valid = (
        train_and_valid(data, job.fold, task.folds)
        if job.fit_on == TRAIN
        else (data.train_and_valid, None)
    )
    epochs = epochs_of(job.params)

    curve = Curve(Path(job.curve))
    identity: dict[str, object] = {
        "params": without_epochs(job.params),
        "seed": job.seed,
        "fit_on": job.fit_on,
        **({} if job.fold is None else {"fold": job.fold}),
    }
    # what is trained on all there is has no epoch that anybody would choose by its text
    writing = task.writing if valid is not None else None
    if writing is not None:
        require_windows(train, data.vocabulary)
    model = build(task, job.params, job.seed, train)
    require_loadable(model)
    identity["n_weights"] = model.count_params()
    identity["layers"] = layers_of(model)
    callbacks = callbacks_of(task, job.params)
    epochs_done, state = curve.resume_point(epochs, continues=task.continues)
    if state is not None:
        set_state(model, state)
        callbacks.set_state(state)

    def after_epoch(epoch: int, logs: Logs) -> bool:
        if valid is not None:
            task.goal.value(logs)  # or it is told at the first epoch
        written = None
        if writing is not None:
            with finished(model):
                written = write_after(epoch, model, train, data.vocabulary, writing, job.seed)
        state = {**get_state(model), **callbacks.get_state()}
        stored = curve.append(epoch, logs, state, identity, written)
        launcher.send(EpochDone(epoch=epoch, logs=stored))
        return launcher.verdict() is Verdict.GO_ON

    if epochs_done < epochs:
        fit(
            task,
            model,
            train,
            valid,
            params=job.params,
            epochs=epochs,
            epochs_done=epochs_done,
            seed=job.seed,
            callbacks=callbacks,
            after_epoch=after_epoch,
        )
    if job.export is None:
        return {}
    finish(model)  # `fit` has done it, unless the last epoch's state was found
    test = measure(task, model, data.unseen())
    _save(model, Path(job.export))
    return test


def _save(model: keras.Model, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    scratch = folder / "model.tmp.keras"
    model.save(scratch)
    scratch.replace(folder / "model.keras")


def _stand_alone(output: int) -> None:
    """Lead a process group, print into the trial's file, and end with the fork server."""
    for standard in (1, 2):
        os.dup2(output, standard)
    os.close(output)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the launcher to handle
    os.setsid()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # short of memory, the kernel should end a trial, never the launcher
        with contextlib.suppress(OSError):
            Path("/proc/self/oom_score_adj").write_text("1000")


def _share_the_machine(n_threads: int) -> None:
    """Read by the backends at their first operation, which is still to come."""
    for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = str(n_threads)
    os.environ["TF_NUM_INTEROP_THREADS"] = "1"
    if keras.backend.backend() == "torch":  # which has read its variable already
        import torch

        torch.set_num_threads(n_threads)
    # of a GPU's memory take what is needed, not all: other slots train there too
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")


def _is_disk_fault(error: BaseException | None) -> bool:
    """Whether an exception, or what led to it, says that a disk takes no more."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in DISK_FAULTS:
            return True
        error = error.__cause__ or error.__context__
    return False

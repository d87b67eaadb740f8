"""Trial processes without Keras, and launchers that start in milliseconds.

A toy trial is a real process, forked by the real fork server's code, that talks through a real
pipe and keeps real curves; only its network is a sum. So a search of hundreds of trials, and
its launcher killed hundreds of times, take a test seconds.

    python -m tests.toy_runner     is the server that launchers are forked from
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import gc
import hashlib
import json
import math
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from hpsearch.choices import PrunerName, Replicates, SamplerName
from hpsearch.codec import decode, encode
from hpsearch.curves.curve import Curve
from hpsearch.errors import HpsearchError
from hpsearch.evaluation.evaluate import Evaluation
from hpsearch.evaluation.opening import read_openings
from hpsearch.messages import EpochDone, Failed, Finished, Job, Reply, Surroundings, Verdict
from hpsearch.processes.runner import LocalProcess
from hpsearch.processes.stop import StopRequest
from hpsearch.searching import launch as launch_module
from hpsearch.searching.launch import Options, run
from hpsearch.searching.view import View
from hpsearch.study.lock import study_lock
from hpsearch.study.record import load_study
from hpsearch.study.storage import Storage
from hpsearch.study.task_data import data_of_study
from hpsearch.task import Params, epochs_of, without_epochs
from hpsearch.training.fork_server import serve
from tests.inside import exit_code_of
from tests.waiting import HANG_S

ROOT = Path(__file__).parent.parent
PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
OK, BUG = 0, 70


class ForkedServer:
    """A server of toy trials, forked from this process before it has threads."""

    def __init__(self) -> None:
        self._scratch = tempfile.mkdtemp(prefix="toy-trials-")
        self._requests, theirs = socket.socketpair()
        launcher = os.getpid()
        self.pid = os.fork()
        if self.pid == 0:
            self._requests.close()
            _serve_trials(theirs, self._scratch)
        theirs.close()
        atexit.register(self._end, launcher)

    @property
    def is_dead(self) -> bool:
        """As the real one says."""
        return False

    def ask(self, *descriptors: int) -> None:
        """Ask for a trial process."""
        with contextlib.suppress(OSError):
            socket.send_fds(self._requests, [b"\0"], descriptors)

    def cause_of_death(self) -> str:
        """Why it died."""
        return "killed"

    def _end(self, launcher: int) -> None:
        if os.getpid() == launcher:
            self._requests.close()
            os.waitpid(self.pid, 0)
            shutil.rmtree(self._scratch, ignore_errors=True)


class ToyRunner:
    """Starts toy trials.

    Args:
        server: Forks them; by default, one of its own.
    """

    def __init__(self, server: Any = None) -> None:
        self.server = server or ForkedServer()

    def start(self, job: Job) -> LocalProcess:
        """Ask for a toy trial, as `LocalRunner` asks for a real one."""
        process = LocalProcess(self.server, lambda has_begun: None)
        with contextlib.suppress(OSError):
            for message in (Surroundings(folder=str(Path.cwd()), path=[]), job):
                process.connection.send_bytes(encode(message).encode())
        return process


def _serve_trials(requests: socket.socket, scratch: str) -> None:
    code = 1
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.environ["TMPDIR"] = scratch
        if (trial := serve(requests)) is not None:
            _train(*trial)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def _train(connection: Connection, output: int) -> None:
    """A toy trial process, from its first line to its last."""
    for standard in (1, 2):
        os.dup2(output, standard)
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    decode(connection.recv_bytes(), Surroundings)
    job = decode(connection.recv_bytes(), Job)
    ctypes.CDLL(None).prctl(PR_SET_NAME, job.process_name.encode())
    verdicts: queue.Queue[Verdict] = queue.Queue()
    threading.Thread(target=_listen, args=(connection, verdicts), daemon=True).start()
    try:
        for message in epochs_to_come(job):
            connection.send_bytes(encode(message).encode())
            if verdicts.get() is Verdict.STOP:
                break
        test = {}
        if job.export is not None:
            Path(job.export).mkdir(parents=True, exist_ok=True)
            (Path(job.export) / "model.keras").write_bytes(b"toy")
            test = {"loss": 0.5, "score": job.params["level"]}
    except Exception as error:
        is_full = isinstance(error, OSError)
        failed = Failed(
            error=str(error), traceback=traceback.format_exc(), is_machine_fault=is_full
        )
        connection.send_bytes(encode(failed).encode())
    else:
        connection.send_bytes(encode(Finished(test=test)).encode())


def _listen(connection: Connection, verdicts: queue.Queue[Verdict]) -> None:
    try:
        while True:
            verdicts.put(decode(connection.recv_bytes(), Reply).verdict)
    except (EOFError, OSError):
        os._exit(1)


def epochs_to_come(job: Job, diverges: Callable[[], bool] = lambda: False) -> Iterator[EpochDone]:
    """Train the missing epochs of a job, one each time the next message is asked for."""
    curve, epochs = Curve(Path(job.curve)), epochs_of(job.params)
    epoch_s = float(os.environ.get("TOY_EPOCH_S", "0"))
    identity = {"params": without_epochs(job.params), "seed": job.seed, "n_weights": 7}
    done, state = curve.resume_point(epochs)
    weights = None if state is None else state["weights"].tobytes()
    for epoch in range(done + 1, epochs + 1):
        time.sleep(epoch_s)
        weights = trained(weights, job.params, job.seed)
        logs = toy_logs(job.params, epoch, weights)
        if diverges():
            logs["val_score"] = math.nan
        stored = curve.append(
            epoch, logs, {"weights": np.frombuffer(weights, dtype=np.uint8)}, identity
        )
        yield EpochDone(epoch=epoch, logs=stored)


def trained(weights: bytes | None, params: Params, seed: int) -> bytes:
    """The weights after an epoch: they tell which epochs came before, and with what params."""
    begin = json.dumps([without_epochs(params), seed], sort_keys=True).encode()
    return hashlib.sha256(begin if weights is None else weights).digest()


def toy_logs(params: Params, epoch: int, weights: bytes) -> dict[str, float]:
    """Of an epoch: the score of `tests/toy.py`, and a number that its weights give."""
    score = float(params["level"]) - 0.01 * abs(epoch - int(params["peak"]))
    noise = int.from_bytes(weights[:4]) / 2**40
    if params["mode"] == "odd" and epoch == 2:
        score = math.nan
    return {
        "loss": 1 / epoch,
        "val_loss": 1.0 + noise,
        "val_score": score + noise,
        "seconds": 0.001,
    }


class Said(View):
    """Writes what a launcher says of its trials, each line at once."""

    def say(self, text: str) -> None:
        """A line."""
        print(text, file=sys.stderr, flush=True)

    def trial_ended(self, row: Any, best: Any) -> None:
        """A promise: this trial counts."""
        self.say(f"trial {row.number} {row.outcome}: {row.value!r}")


class ByHand:
    """A server whose trials are played by whoever started this launcher.

    Args:
        connection: To them; file descriptors go through it.
    """

    is_dead = False

    def __init__(self, connection: Connection) -> None:
        self._requests = socket.socket(fileno=os.dup(connection.fileno()))

    def ask(self, *descriptors: int) -> None:
        """Ask for a trial."""
        socket.send_fds(self._requests, [b"\0"], descriptors)


def launch(
    kind: str = "search",
    storage: str = "",
    study: str = "toy",
    by_hand: Connection | None = None,
    **options: Any,
) -> int:
    """What a launcher does, with the exit code of the command."""
    server = None if by_hand is None else ByHand(by_hand)
    try:
        match kind:
            case "search":
                names = {"pruner": PrunerName, "sampler": SamplerName, "replicates": Replicates}
                chosen = {k: names.get(k, lambda v: v)(v) for k, v in options.items()}
                run(
                    f"{study}.py",
                    Options(
                        storage=storage, study=study, runner=lambda say: ToyRunner(server), **chosen
                    ),
                    Said(),
                )
            case "evaluate":
                _evaluate(storage, study, **options)
            case "command":
                return exit_code_of(*options["words"])
    except HpsearchError as error:
        print(f"Error: {error}", file=sys.stderr, flush=True)
        return error.exit_code
    except BaseException:
        traceback.print_exc()
        return BUG
    return OK


def _evaluate(url: str, name: str, **options: Any) -> None:
    storage = Storage(url)
    with study_lock(storage, name):
        study, record = load_study(storage, name)
        if read_openings(study):  # as the command does
            return
        Evaluation(
            storage,
            study,
            record,
            data_of_study(name, record, record.load(), None),
            ToyRunner(),
            n_slots=1,
            stop=StopRequest(),
            say=Said().say,
        ).run(**options)


class Launchers:
    """A server that launchers are forked from: they start in milliseconds, and may be killed."""

    def __init__(self) -> None:
        self._scratch = tempfile.mkdtemp(prefix="toy-launchers-")
        self._requests, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.toy_runner"],
                stdin=theirs.fileno(),
                env={**os.environ, "TMPDIR": self._scratch},
                cwd=ROOT,
                start_new_session=True,
            )

    is_dead = False

    def ask(self, *descriptors: int) -> None:
        """Ask for a launcher."""
        socket.send_fds(self._requests, [b"\0"], descriptors)

    def cause_of_death(self) -> str:
        """Why the server died."""
        return str(self._process.wait())

    def start(self, env: dict[str, str] | None = None, **options: Any) -> Launcher:
        """Start a launcher in the current folder.

        Args:
            env: Variables of its environment.
            options: Those of `launch`.
        """
        return Launcher(self, env or {}, options)

    def end(self) -> None:
        """End the server."""
        self._requests.close()
        self._process.wait()
        shutil.rmtree(self._scratch, ignore_errors=True)


class Launcher(LocalProcess):
    """A launcher process, from outside."""

    def __init__(self, server: Any, env: dict[str, str], options: dict[str, Any]) -> None:
        super().__init__(server, lambda has_begun: None)
        order = {"folder": str(Path.cwd()), "env": env, "options": options}
        self.connection.send_bytes(json.dumps(order).encode())
        while self.pid is None:
            self.wait(HANG_S)

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send it a signal, unless it has ended."""
        if not self.has_ended:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def join(self) -> tuple[int, str]:
        """Its exit code and what it said, once it has ended by itself or was killed."""
        deadline_s = time.monotonic() + HANG_S
        while not self.has_ended:
            assert time.monotonic() < deadline_s, "the launcher hangs"
            self.wait(1)
        code, said = self.end()
        return code, said

    @property
    def said(self) -> str:
        """What it has said so far."""
        return os.pread(self._output.fileno(), 2**20, 0).decode()

    @property
    def has_ended_by_now(self) -> bool:
        """Whether it has ended, looked up now."""
        self.wait(0)
        return self.has_ended


def main() -> None:
    """Fork launchers for whoever holds the other end of standard input."""
    gc.disable()
    with socket.socket(fileno=os.dup(0)) as requests:
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        _warm_up()
        gc.freeze()
        launcher = serve(requests)
    if launcher is None:
        return
    code = BUG
    try:
        connection, output = launcher
        for standard in (1, 2):
            os.dup2(output, standard)
        order = json.loads(connection.recv_bytes())
        os.chdir(order["folder"])
        os.environ.update(order["env"])
        if "TOY_AWAY_S" in os.environ:  # how long a storage is waited for
            launch_module.AWAY_S = float(os.environ["TOY_AWAY_S"])
        options = order["options"]
        by_hand = connection if options.pop("by_hand", False) else None
        code = launch(by_hand=by_hand, **options)
        atexit._run_exitfuncs()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _warm_up() -> None:
    """Import and compile what each launcher would, in a folder that goes again."""
    from alembic import util as alembic

    from tests.toy import write_toy

    # Optuna reads all its migrations at each start, which takes half of a launcher's time
    alembic.load_python_file = functools.cache(alembic.load_python_file)

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        write_toy(Path(folder))
        pid = os.fork()  # threads must not come before a fork
        if pid == 0:
            os.dup2(0, 2)
            os._exit(launch(storage="sqlite:///s.db", trials=1, slots=1))
        os.waitpid(pid, 0)
        Storage("sqlite:///s.db").close()
        Storage("sqlite:///s.db", read_only=True).close()


@functools.cache
def launchers() -> Launchers:
    """The server that all tests of this process share."""
    server = Launchers()
    atexit.register(server.end)
    return server


Start = Callable[..., Launcher]

if __name__ == "__main__":
    main()

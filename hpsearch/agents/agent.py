"""The agent: runs trials on its machine for a launcher elsewhere.

It keeps nothing: an attempt's curve comes from the launcher, and each new checkpoint goes
there before the epoch is reported, unless both see the same folder. Whatever happens to
the link, all trial processes end with it.
"""

from __future__ import annotations

import contextlib
import platform
import queue
import secrets
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing import AuthenticationError
from pathlib import Path

from hpsearch.agents.join import Join
from hpsearch.agents.link import Gone, Link
from hpsearch.agents.messages import (
    FROM_LAUNCHER,
    Assignment,
    Begun,
    Bye,
    End,
    Ended,
    Hello,
    Piece,
    Ready,
    Refused,
    Said,
    Start,
    Unfit,
)
from hpsearch.agents.pieces import MODEL, Incoming, send_curve, send_file
from hpsearch.codec import decode
from hpsearch.curves.curve import Curve
from hpsearch.errors import Conflict, DataError, HpsearchError, LauncherNotFound, NothingFinished
from hpsearch.messages import EpochDone, Failed, Finished, Job
from hpsearch.processes.runner import Runner, TrialProcess
from hpsearch.processes.slots import threads_of
from hpsearch.processes.supervisor import LAST_WORDS_S, MAX_MESSAGE_BYTES, TICK_S
from hpsearch.study.record import versions
from hpsearch.study.task_data import prepare_data
from hpsearch.study_file import run_study_file

DIAL_S = 10.0
AGAIN_S = 1.0  # between two attempts to dial


class Agent:
    """Runs trials for a launcher until that ends, or cannot be heard any more.

    Args:
        slots: How many trials at a time.
        runner: Starts them.
        data: The user's data folder.
        say: Called with each line.
        node: What to call this machine; its own name if empty.
        may_share: Whether to use the launcher's folders where both see them; if not, all
            files travel.
    """

    def __init__(
        self,
        slots: int,
        runner: Runner,
        data: Path | None,
        say: Callable[[str], object],
        *,
        node: str = "",
        may_share: bool = True,
    ) -> None:
        self.may_share = may_share
        self.slots, self.runner, self.data, self.say = slots, runner, data, say
        self.name = secrets.token_hex(8)
        self.node = node or platform.node()

    def dial(self, find: Callable[[], Join | None], wait_s: float) -> None:
        """Dial a launcher, and work for it; dial again if the link is lost.

        Args:
            find: Says how to join, as of now; None while that is not known yet.
            wait_s: How long to try, each time.

        Raises:
            LauncherNotFound: Nobody answered in that time.
            Conflict: The launcher refused this machine, or the key.
            DataError: The data are not here, or the disk is full.
        """
        why, began_s = "its join file is not there", time.monotonic()
        while True:
            try:
                if (join := find()) is not None:
                    link = self._dialed(join, min(wait_s, DIAL_S))
                    self.say(f"joined the launcher at {join.host}, port {join.port}")
                    self.work(link)
                    return
            except _NoAnswer as error:
                why = str(error)
            except Gone as gone:
                self.say(f"lost the launcher ({gone}): all trials here were ended; dialing again")
                why, began_s = str(gone), time.monotonic()
            if time.monotonic() - began_s > wait_s:
                raise LauncherNotFound(f"no launcher answered in {wait_s:g} s: {why}")
            time.sleep(AGAIN_S)

    def work(self, link: Link) -> None:
        """Work over a link until the launcher says that it has ended.

        Raises:
            Gone: The launcher is.
            Conflict: It refused this machine.
            DataError: The data are not here, or the disk is full.
        """
        with tempfile.TemporaryDirectory(prefix="hpsearch-agent-") as scratch:
            session = _Session(self, link, Path(scratch))
            try:
                session.run()
            finally:
                session.end()

    def _dialed(self, join: Join, timeout_s: float) -> Link:
        try:
            sock = socket.create_connection((join.host, join.port), timeout_s)
        except OSError as error:
            raise _NoAnswer(f"{join.host}, port {join.port}: {error}") from error
        link = Link(sock, join.beat_s)
        try:
            link.authenticate(bytes.fromhex(join.key), dialed=True)
        except AuthenticationError:
            link.close()
            raise Conflict(
                f"the launcher at {join.host}, port {join.port} has another key: take the join "
                "file that it wrote"
            ) from None
        except Gone as gone:
            link.close()
            raise _NoAnswer(str(gone)) from gone
        return link


class _NoAnswer(Exception):
    """Dialing failed."""


class _Session:
    """What an agent does over one link.

    Args:
        agent: Whose.
        link: To the launcher.
        scratch: For curves and models on their way.
    """

    def __init__(self, agent: Agent, link: Link, scratch: Path) -> None:
        self.agent, self.link, self.scratch = agent, link, scratch
        self.data = Path()
        self.fault: HpsearchError | None = None
        self._attempts: dict[int, _Attempt] = {}
        self._assigned = 0
        self._preparing = threading.Lock()  # Python 3.11 fails at times if threads parse at once

    def run(self) -> None:
        """Take messages until the launcher says that it has ended."""
        agent = self.agent
        self.link.send(
            Hello(agent=agent.name, node=agent.node, slots=agent.slots, versions=versions())
        )
        self.link.keep_alive(self._memory)
        while True:
            try:
                message, body = self.link.receive(FROM_LAUNCHER)
            except Gone:
                if self.fault is not None:
                    raise self.fault from None
                raise
            match message:
                case Refused(reason=reason):
                    raise Conflict(f"the launcher refused this machine: {reason}")
                case Bye():
                    agent.say("the launcher has ended")
                    return
                case Assignment(number=number):
                    self._assigned = number
                    threading.Thread(target=self._prepare, args=(message,), daemon=True).start()
                case Piece(attempt=number):
                    self._attempt(number).take(message, body)
                case Start(attempt=number):
                    self._attempt(number).start(message)
                case Said(attempt=number):
                    if (attempt := self._attempts.get(number)) is not None:
                        attempt.answers.put(body)
                case End(attempt=number):
                    if (attempt := self._attempts.get(number)) is not None:
                        attempt.hang_up(message.patience_s)

    def end(self) -> None:
        """End all trial processes."""
        self.link.close()
        for attempt in list(self._attempts.values()):
            attempt.hang_up(0)
        for attempt in list(self._attempts.values()):
            attempt.join()

    def leave(self, fault: HpsearchError) -> None:
        """Tell the launcher why this machine is of no use, and hang up."""
        self.fault = self.fault or fault
        with contextlib.suppress(Gone):
            self.link.send(Unfit(reason=str(fault)))
        self.link.close()

    def forget(self, number: int) -> None:
        """An attempt has ended."""
        self._attempts.pop(number, None)

    def _attempt(self, number: int) -> _Attempt:
        if number not in self._attempts:
            self._attempts[number] = _Attempt(self, number)
        return self._attempts[number]

    def _memory(self) -> dict[str, int]:
        return {str(number): one.memory() for number, one in list(self._attempts.items())}

    def _prepare(self, assignment: Assignment) -> None:
        """Find the data, here or in a folder that the launcher shares."""
        agent, folder = self.agent, Path(assignment.data)
        token = _read_token(Path(assignment.curves) / assignment.token) if agent.may_share else ""
        fingerprint = assignment.fingerprint
        try:
            with self._preparing:
                if assignment.number != self._assigned:  # another study came meanwhile
                    return
                if not token or token != _read_token(folder.parent / assignment.token):
                    study_file = run_study_file(assignment.study_file, assignment.study_file_name)
                    prepared = prepare_data(study_file, agent.data, agent.say)
                    folder, fingerprint = prepared.folder, prepared.fingerprint
                self.data = folder
            self.link.send(Ready(number=assignment.number, fingerprint=fingerprint, token=token))
        except HpsearchError as error:
            self.leave(error)
        except Gone:
            pass  # whoever receives tells


class _Attempt:
    """A trial process of this agent.

    Args:
        session: Of which link.
        number: The launcher's.
    """

    def __init__(self, session: _Session, number: int) -> None:
        self.session, self.number = session, number
        self.answers: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self._folder = session.scratch / str(number)
        self._incoming = Incoming(self._folder / "curve", None)
        self._process: TrialProcess | None = None
        self._thread: threading.Thread | None = None
        self._is_hung_up = threading.Event()
        self._patience_s = 0.0
        self._shares = False

    def take(self, piece: Piece, content: bytes) -> None:
        """Take a part of the curve."""
        try:
            self._incoming.take(piece, content)
        except OSError as error:
            self.session.leave(DataError(f"cannot write the curve: {error}"))

    def start(self, start: Start) -> None:
        """Begin."""
        session, job = self.session, start.job
        self._shares = start.shares_curves
        ours = replace(
            job,
            data=str(session.data),
            curve=job.curve if self._shares else str(self._folder / "curve"),
            export=None if job.export is None else str(self._folder / "export"),
            n_threads=job.n_threads or threads_of(session.agent.slots),
        )
        self._thread = threading.Thread(target=self._run, args=(ours,), daemon=True)
        self._thread.start()

    def hang_up(self, patience_s: float) -> None:
        """End the process, which may not exist yet."""
        self._patience_s = patience_s
        self._is_hung_up.set()
        if self._thread is None:
            self._over(None, "")

    def join(self) -> None:
        """Wait until it has ended."""
        if self._thread is not None:
            self._thread.join()

    def memory(self) -> int:
        """Resident bytes of the process."""
        return 0 if self._process is None else self._process.memory()

    def _run(self, job: Job) -> None:
        exit_code, printed = None, ""
        try:
            self._process = process = self.session.agent.runner.start(job)
            try:
                self._watch(process, job)
            finally:
                exit_code, printed = process.end(self._patience_s)
            self._over(exit_code, printed)
        except Gone:
            pass  # whoever receives tells
        except NothingFinished as error:
            self.session.leave(error)
        except OSError as error:
            self.session.leave(DataError(f"cannot read what was trained: {error}"))

    def _over(self, exit_code: int | None, printed: str) -> None:
        self._incoming.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        self.session.forget(self.number)
        with contextlib.suppress(Gone):  # whoever receives tells
            ended = Ended(attempt=self.number, exit_code=exit_code, printed=printed)
            self.session.link.send(ended)

    def _watch(self, process: TrialProcess, job: Job) -> None:
        """Pass on what the process says, and the answers, until it ends."""
        link, number, has_told = self.session.link, self.number, False
        while not self._is_hung_up.is_set():
            process.wait(TICK_S)
            if process.has_begun and not has_told:
                has_told = True
                link.send(Begun(attempt=number))
            if process.has_begun and process.connection.poll():
                try:
                    content = process.connection.recv_bytes(MAX_MESSAGE_BYTES)
                except (EOFError, OSError):
                    self._patience_s = LAST_WORDS_S
                    if process.connection.readable:
                        return
                    content = b""  # a length that is none: the launcher says what that means
                expects_answer = self._send_files(content, job)
                link.send(Said(attempt=number), content)
                if not expects_answer or not self._answer(process):
                    return
            elif process.has_ended:
                return

    def _send_files(self, content: bytes, job: Job) -> bool:
        """Send what a message promises.

        Returns:
            Whether the process waits for an answer to it.
        """
        link, folder = self.session.link, Path(job.curve)
        try:
            message = decode(content, EpochDone, Finished, Failed)
        except ValueError:
            return False
        match message:
            case EpochDone():
                if not self._shares:
                    send_curve(link, self.number, Curve(folder), message.epoch)
                return True
            case Finished() if job.export is not None:
                send_file(link, self.number, Path(job.export) / MODEL)
            case Failed(is_machine_fault=True):
                raise OSError(message.error)
        self._patience_s = LAST_WORDS_S
        return False

    def _answer(self, process: TrialProcess) -> bool:
        """Pass on the launcher's answer.

        Returns:
            Whether there was one.
        """
        while not self._is_hung_up.is_set():
            with contextlib.suppress(queue.Empty):
                answer = self.answers.get(timeout=TICK_S)
                with contextlib.suppress(OSError):  # it died meanwhile: seen in the next round
                    process.connection.send_bytes(answer)
                return True
            if process.has_ended:
                return True
        return False


def _read_token(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")[:64]
    except (OSError, ValueError):
        return ""

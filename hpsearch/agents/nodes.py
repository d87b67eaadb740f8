"""The launcher's side: nodes that come and go, and the places that they offer."""

from __future__ import annotations

import contextlib
import itertools
import re
import secrets
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing import Pipe
from pathlib import Path

from hpsearch.agents.link import Gone, Link
from hpsearch.agents.messages import (
    FROM_AGENT,
    Assignment,
    Beat,
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
from hpsearch.agents.pieces import Incoming, send_curve
from hpsearch.codec import encode
from hpsearch.curves.curve import Curve
from hpsearch.curves.store import NO_PART_IN_TRAINING
from hpsearch.data.arrays import Prepared
from hpsearch.errors import DataError
from hpsearch.messages import Failed, Job
from hpsearch.study.record import versions
from hpsearch.study_file import StudyFile
from hpsearch.task import epochs_of

END_S = 5.0  # for an agent to say that a trial process has ended
TOKEN = ".hpsearch-shared-"
MAX_SLOTS = 1024  # of a node: each is a thread here


@dataclass(frozen=True)
class Work:
    """What agents train for."""

    assignment: Assignment
    continues: bool
    """Whether training goes on from a checkpoint in the middle."""
    token: str
    """What the file named in the assignment says."""


@dataclass(eq=False)
class Node:
    """A machine with an agent that has dialed."""

    name: str
    agent: str
    link: Link
    n_offered: int
    has_joined: bool = False
    """Whether the user was told."""
    is_ready: bool = False
    """Whether it can train for the present study."""
    shares: bool = False
    """Whether it sees the launcher's own folder of curves."""
    attempts: dict[int, RemoteProcess] = field(default_factory=dict)

    @property
    def n_slots(self) -> int:
        """How many trials it may run at a time, now."""
        return self.n_offered if self.is_ready else 0

    @property
    def n_free(self) -> int:
        """How many of these places are free."""
        return self.n_slots - len(self.attempts)


class Nodes:
    """The nodes of a launcher; a `Runner` whose trial processes run on them.

    A trial process that finds no place free has not begun yet: it waits for one.

    Args:
        how_to_join: What to tell the user while there is no node at all.
        say: Called with each line about nodes that come and go.
    """

    def __init__(self, how_to_join: str, say: Callable[[str], object]) -> None:
        self.how_to_join, self.say = how_to_join, say
        self._changed: Callable[[int], object] = lambda n_slots: None
        self._nodes: list[Node] = []
        self._waiting: deque[RemoteProcess] = deque()
        self._numbers = itertools.count(1)
        self._work: Work | None = None
        self._tokens: list[Path] = []
        self._has_told = False
        self._lock = threading.RLock()

    @property
    def n_slots(self) -> int:
        """How many trials can run now."""
        with self._lock:
            return sum(node.n_slots for node in self._nodes)

    def offers(self) -> dict[str, int]:
        """How many trials each node offers to run at a time, by its name."""
        with self._lock:
            return {node.name: node.n_offered for node in self._nodes}

    def serve(
        self,
        study_file: StudyFile,
        data: Prepared,
        curves: Path,
        say: Callable[[str], object],
        changed: Callable[[int], object] = lambda n_slots: None,
    ) -> None:
        """Have all agents train for a study from now on, those that join later too.

        Args:
            study_file: The study's.
            data: Its data, which each agent must have too.
            curves: The launcher's folder of curves.
            say: Called with each line about nodes from now on.
            changed: Called with the number of places whenever it changes.

        Raises:
            DataError: A folder cannot be written to.
        """
        token = secrets.token_hex(16)
        name = TOKEN + secrets.token_hex(8)
        with self._lock:
            self._remove_tokens()
            self._write_tokens(name, token, curves, data.folder.parent)
            assignment = Assignment(
                number=next(self._numbers),
                study_file=study_file.text,
                study_file_name=str(Path(study_file.filename).resolve()),
                fingerprint=data.fingerprint,
                data=str(data.folder.resolve()),
                curves=str(curves.resolve()),
                token=name,
            )
            self.say, self._changed = say, changed
            self._work = Work(assignment, study_file.task.continues, token)
            for node in self._nodes:
                node.is_ready = False
                self._assign_to(node)

    def start(self, job: Job) -> RemoteProcess:
        """Ask for a trial process on whatever node has a free place, now or later."""
        with self._lock:
            process = RemoteProcess(self, next(self._numbers), job)
            self._waiting.append(process)
            self._fill_places()
            if not self._nodes and not self._has_told:
                self._has_told = True
                self.say(self.how_to_join)
        return process

    def welcome(self, link: Link) -> None:
        """Speak with an agent until it is gone."""
        node, why = None, "an error here"
        try:
            hello, _ = link.receive((Hello,))
            node = self._join(link, hello)
            while node is not None:
                self._take(node, *link.receive(FROM_AGENT))
        except Gone as gone:
            why = str(gone)
        finally:
            link.close()
            if node is not None:
                self._lose(node, why)

    def close(self) -> None:
        """Send all agents home."""
        with self._lock:
            self._remove_tokens()
            for node in self._nodes:
                with contextlib.suppress(Gone):
                    node.link.send(Bye())
            self._nodes.clear()

    def release(self, process: RemoteProcess) -> None:
        """Forget a trial process that waits for a place, or free its place once it has ended."""
        with self._lock:
            with contextlib.suppress(ValueError):
                self._waiting.remove(process)
            if process.has_ended and process.place is not None:
                process.place.attempts.pop(process.number, None)
            self._fill_places()

    def work(self) -> Work:
        """What agents train for at present."""
        assert self._work is not None
        return self._work

    def sees(self, node: Node, curve: Path) -> bool:
        """Whether a node sees the folder of a curve as the launcher does."""
        return node.shares and curve.resolve().is_relative_to(self.work().assignment.curves)

    def _join(self, link: Link, hello: Hello) -> Node | None:
        """Take in an agent, unless it would train something else."""
        name = re.sub(r"[^\w.@-]", "?", hello.node)[:40]
        if reason := _difference(hello.versions, versions()):
            self._refuse(link, name, reason)
            return None
        with self._lock:
            for old in [one for one in self._nodes if one.agent == hello.agent]:
                self._lose(old, "it dials again")
            names = {one.name for one in self._nodes}
            several = (f"{name}-{n}" for n in itertools.count(2))
            node = Node(
                name if name not in names else next(one for one in several if one not in names),
                hello.agent,
                link,
                min(max(1, hello.slots), MAX_SLOTS),
            )
            self._nodes.append(node)
            link.keep_alive()
            self._assign_to(node)
        return node

    def _assign_to(self, node: Node) -> None:
        if self._work is not None:
            with contextlib.suppress(Gone):  # told by who receives
                node.link.send(self._work.assignment)

    def _take(self, node: Node, message: object, body: bytes) -> None:
        """Take a message of an agent.

        Raises:
            Gone: The agent is of no use any more.
        """
        match message:
            case Ready():
                self._admit(node, message)
            case Unfit(reason=reason):
                raise Gone(reason)
            case Piece(attempt=number) | Begun(attempt=number) | Said(attempt=number):
                if (process := node.attempts.get(number)) is not None:  # else it comes late
                    process.take(message, body)
            case Ended(attempt=number):
                if (process := node.attempts.get(number)) is not None:
                    process.ended(message)
                    self.release(process)
            case Beat(memory=memory):
                for process in list(node.attempts.values()):
                    process.resident = memory.get(str(process.number), 0)

    def _admit(self, node: Node, ready: Ready) -> None:
        with self._lock:
            work = self.work()
            if ready.number != work.assignment.number:  # for a study that is over
                return
            if ready.fingerprint != work.assignment.fingerprint:
                self._nodes.remove(node)
                self._refuse(
                    node.link,
                    node.name,
                    f"its data differ from the launcher's ({ready.fingerprint[:12]} there, "
                    f"{work.assignment.fingerprint[:12]} here): give it the same files, by "
                    "HPSEARCH_DATA or --data",
                )
                raise Gone("it was refused")
            node.shares = secrets.compare_digest(ready.token.encode(), work.token.encode())
            node.is_ready, self._has_told = True, True
            self._changed(self.n_slots)
            if not node.has_joined:
                node.has_joined = True
                self._say_slots(f"node {node.name} joins with {_slots(node.n_offered)}")
            self._fill_places()

    def _lose(self, node: Node, why: str) -> None:
        """Drop a node: its trials go elsewhere."""
        with self._lock:
            if node not in self._nodes:
                return
            self._nodes.remove(node)
            node.link.close()
            n_trials = len(node.attempts)
            for process in list(node.attempts.values()):
                process.lose(f"node {node.name} is gone")
            fate = {0: "", 1: ": its trial goes on elsewhere from its last epoch"}.get(
                n_trials, f": its {n_trials} trials go on elsewhere from their last epoch"
            )
            verb = "is gone" if node.has_joined else "cannot join"
            self._changed(self.n_slots)
            self._say_slots(f"node {node.name} {verb} ({why}){fate}")
            if not self._nodes:
                self._has_told = False

    def _refuse(self, link: Link, name: str, reason: str) -> None:
        self.say(f"node {name} is refused: {reason}")
        with contextlib.suppress(Gone):
            link.send(Refused(reason=reason))

    def _say_slots(self, what: str) -> None:
        self.say(f"{what}; {_slots(self.n_slots)} in all")

    def _fill_places(self) -> None:
        """Give waiting trial processes the places that are free, on the emptiest node first."""
        while self._waiting and self._nodes:
            node = max(self._nodes, key=lambda one: one.n_free)
            if node.n_free <= 0:
                return
            process = self._waiting.popleft()
            node.attempts[process.number] = process
            process.placed(node)

    def _write_tokens(self, name: str, token: str, *folders: Path) -> None:
        for folder in folders:
            self._tokens.append(folder / name)
            try:
                folder.mkdir(parents=True, exist_ok=True)
                (folder / name).write_text(token)
            except OSError as error:
                raise DataError(f"cannot write into {folder}: {error.strerror}") from error

    def _remove_tokens(self) -> None:
        while self._tokens:
            self._tokens.pop().unlink(missing_ok=True)


class RemoteProcess:
    """A trial process on some node, or one that waits for a place there.

    Args:
        nodes: Who has places.
        number: No other attempt of this launcher has it.
        job: What to train; the caller holds the lock of its curve.
    """

    def __init__(self, nodes: Nodes, number: int, job: Job) -> None:
        self.nodes, self.number, self.job = nodes, number, job
        self.place: Node | None = None
        self.has_begun = self.has_ended = False
        self.resident = 0
        self.lost = ""
        self.connection, self._theirs = Pipe()
        self._exit_code: int | None = None
        self._printed = ""
        self._incoming: Incoming | None = None
        self._is_hung_up = self._is_shared = False
        self._patience_s = 0.0
        self._something = threading.Event()
        self._end = threading.Event()
        self._lock = threading.Lock()

    @property
    def node(self) -> str:
        """The name of its machine."""
        return "" if self.place is None else self.place.name

    def wait(self, timeout_s: float) -> None:
        self._something.wait(timeout_s)
        self._something.clear()

    def memory(self) -> int:
        return 0 if self.has_ended else self.resident

    def end(self, patience_s: float = 0) -> tuple[int | None, str]:
        self._patience_s = patience_s
        self.connection.close()  # `_speak` hears it
        self.nodes.release(self)
        if self.place is not None:
            self._end.wait(patience_s + END_S)
        with self._lock:  # whatever comes now comes late
            self._is_hung_up = True
            if self._incoming is not None:
                self._incoming.close()
            if self.place is None:
                self._theirs.close()
        return self._exit_code, self._printed

    def placed(self, node: Node) -> None:
        """Begin on a node."""
        self.place = node
        self._is_shared = self.nodes.sees(node, Path(self.job.curve))
        curve = None if self._is_shared else Path(self.job.curve)
        export = None if self.job.export is None else Path(self.job.export)
        self._incoming = Incoming(curve, export)
        threading.Thread(target=self._speak, name=f"attempt {self.number}", daemon=True).start()

    def take(self, message: Piece | Begun | Said, body: bytes) -> None:
        """Take what the agent says of it.

        Raises:
            Gone: The agent sends what nobody asked for.
        """
        with self._lock:
            if self._is_hung_up or self._incoming is None:
                return
            try:
                match message:
                    case Begun():
                        self.has_begun = True
                    case Piece():
                        self._incoming.take(message, body)
                    case Said():
                        self._theirs.send_bytes(body)
            except ValueError as error:
                raise Gone(f"it sent {error}") from error
            except OSError as error:
                self._fail(error)
        self._something.set()

    def ended(self, how: Ended) -> None:
        """The agent says that the process has ended."""
        self._exit_code, self._printed = how.exit_code, how.printed
        self.has_begun = self.has_ended = True
        self._something.set()
        self._end.set()

    def lose(self, why: str) -> None:
        """The node is gone."""
        self.lost = why
        self.has_begun = self.has_ended = True
        self._something.set()
        self._end.set()

    def _speak(self) -> None:
        """Send the curve, the job, then what the launcher answers, until it hangs up."""
        assert self.place is not None
        link, job = self.place.link, self.job
        try:
            if not self._is_shared:
                curve = Curve(Path(job.curve))
                continues = self.nodes.work().continues
                epoch, _ = curve.resume_point(epochs_of(job.params), continues=continues)
                send_curve(link, self.number, curve, epoch)
            start = Start(attempt=self.number, job=job, shares_curves=self._is_shared)
            link.send(start)
            while True:
                link.send(Said(attempt=self.number), self._theirs.recv_bytes())
        except (EOFError, Gone):
            pass  # the launcher has hung up, or the node is gone: whoever receives tells
        except OSError as error:
            with self._lock:
                self._fail(error)
        finally:
            with contextlib.suppress(Gone):
                if not self.has_ended:
                    link.send(End(attempt=self.number, patience_s=self._patience_s))
            with self._lock:
                self._is_hung_up = True
                self._theirs.close()

    def _fail(self, error: OSError) -> None:
        """Tell whoever supervises that this machine's disk is at fault."""
        failed = Failed(
            error=f"{error}: free some space; the same command continues",
            traceback="",
            is_machine_fault=True,
        )
        self._is_hung_up = self.has_begun = True
        with contextlib.suppress(OSError):  # or it has hung up
            self._theirs.send_bytes(encode(failed).encode())
        self._something.set()


def _difference(theirs: dict[str, str], ours: dict[str, str]) -> str:
    """What would train another curve there; empty if nothing would."""
    names = [name for name in {**ours, **theirs} if name not in NO_PART_IN_TRAINING]
    different = [
        f"{name} {theirs.get(name, 'default')} there, {ours.get(name, 'default')} here"
        for name in names
        if theirs.get(name) != ours.get(name)
    ]
    return f"{', '.join(different)}: have the same there" if different else ""


def _slots(n: int) -> str:
    return "1 slot" if n == 1 else f"{n} slots"

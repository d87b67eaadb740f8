"""A link between launcher and agent: messages both ways over one connection, and beats.

The connection is one of `multiprocessing`, of which only bytes are used: nothing is ever
unpickled. Who dials and who listens prove to each other that they know the key.

The kernel tells silence from death: a socket gives up when nothing, not even a beat, came for
three beats. So a slow link lives as long as bytes move.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection, answer_challenge, deliver_challenge
from typing import TYPE_CHECKING, Any

from hpsearch.agents.messages import Beat
from hpsearch.codec import decode, encode
from hpsearch.processes.supervisor import MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

BEAT_S = 5.0
N_BEATS = 3
"""So many may be missed."""


class Gone(Exception):
    """The other side cannot be heard any more; the message says why."""


class Link:
    """One side of a connection that both sides trust.

    Args:
        sock: Connected; it belongs to the link now.
        beat_s: Seconds between two beats, the same on both sides.
    """

    def __init__(self, sock: socket.socket, beat_s: float = BEAT_S) -> None:
        self.beat_s, self.silence_s = beat_s, N_BEATS * beat_s
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        whole_s = int(self.silence_s)
        timeout = struct.pack("ll", whole_s, round((self.silence_s - whole_s) * 1e6))
        sock.setblocking(True)
        # for receiving alone: who receives hangs up, which ends sending too, and how long that
        # may take on a slow link depends on how much is under way
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, timeout)
        self._sock = sock.dup()  # to hang up with, whoever waits for the other one
        self.connection = Connection(sock.detach())
        self._lock = threading.Lock()
        self._has_ended = threading.Event()

    def authenticate(self, key: bytes, *, dialed: bool) -> None:
        """Prove the key to the other side, and have it proved.

        Args:
            key: Both sides know it.
            dialed: Whether this side dialed.

        Raises:
            AuthenticationError: The other side has another key.
            Gone: It hung up, or says nothing.
        """
        order = (answer_challenge, deliver_challenge)
        try:
            for step in order if dialed else reversed(order):
                step(self.connection, key)
        except (EOFError, OSError) as error:
            raise _gone(error, self.silence_s) from error

    def send(self, message: DataclassInstance, body: bytes = b"") -> None:
        """Send a message, from any thread.

        Raises:
            Gone: The other side is.
        """
        line = encode(message).encode()
        try:
            with self._lock:
                self.connection.send_bytes(line + b"\n" + body)
        except OSError as error:
            self.close()
            raise _gone(error, self.silence_s) from error

    def receive(self, kinds: tuple[type[Any], ...]) -> tuple[Any, bytes]:
        """Wait for a message, in one thread only.

        Args:
            kinds: What it may be.

        Raises:
            Gone: The other side is, or does not keep to the protocol.
        """
        try:
            line, _, body = self.connection.recv_bytes(MAX_MESSAGE_BYTES).partition(b"\n")
            return decode(line, *kinds), body
        except (EOFError, OSError) as error:
            raise _gone(error, self.silence_s) from error
        except ValueError as error:
            raise Gone(f"it does not keep to the protocol: {error}") from error

    def keep_alive(self, memory: Callable[[], dict[str, int]] = dict) -> None:
        """Send a beat now and then, until the link is closed.

        Args:
            memory: What a beat tells.
        """

        def beat() -> None:
            with contextlib.suppress(Gone):
                while not self._has_ended.wait(self.beat_s):
                    self.send(Beat(memory=memory()))

        threading.Thread(target=beat, name="beat", daemon=True).start()

    def close(self) -> None:
        """Hang up, also under threads that send or receive."""
        self._has_ended.set()
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()


def _gone(error: Exception, silence_s: float) -> Gone:
    match error:
        case BlockingIOError():
            return Gone(f"silent for {silence_s:g} s")
        case EOFError() | ConnectionResetError() | BrokenPipeError():
            return Gone("it hung up")
    return Gone(str(error))

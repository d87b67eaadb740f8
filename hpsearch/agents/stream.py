"""An agent's link over its standard input and output, as ssh carries them."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading

GREETING = b"\n--- hpsearch agent ---\n"
MAX_NOISE = 2**16  # of what shells print when one logs in


def skip_greeting(sock: socket.socket) -> None:
    """Read whatever a shell prints, up to the agent's greeting.

    Raises:
        EOFError: It never came.
    """
    seen = b""
    while not seen.endswith(GREETING):
        byte = sock.recv(1)
        if not byte or len(seen) > MAX_NOISE:
            raise EOFError
        seen += byte


def read_line() -> bytes:
    """A line of standard input, and not a byte more."""
    line = b""
    while not line.endswith(b"\n") and len(line) < MAX_NOISE and (byte := os.read(0, 1)):
        line += byte
    return line


def standard_streams() -> socket.socket:
    """A socket whose bytes come from standard input and go to standard output.

    What is printed from now on goes to standard error.
    """
    source, sink = os.dup(0), os.dup(1)
    sys.stdout.flush()
    os.dup2(2, 1)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    ours, theirs = socket.socketpair()
    os.write(sink, GREETING)

    def receive() -> None:
        with contextlib.suppress(OSError):
            while piece := os.read(source, 2**16):
                theirs.sendall(piece)
        with contextlib.suppress(OSError):
            theirs.shutdown(socket.SHUT_RDWR)

    def send() -> None:
        with contextlib.suppress(OSError):
            while piece := theirs.recv(2**16):
                while piece:
                    piece = piece[os.write(sink, piece) :]
        os.close(sink)

    for pump in (receive, send):
        threading.Thread(target=pump, name=pump.__name__, daemon=True).start()
    return ours

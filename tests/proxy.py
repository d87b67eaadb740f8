"""A TCP proxy that can be cut: what a broken network does to whoever goes through it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Proxy:
    """Forwards connections to a port of this machine.

    Args:
        target: The port.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._is_cut = False
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break all connections, and refuse new ones."""
        with self._lock:
            self._is_cut = True
            for one in self._open:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        """Forward again."""
        with self._lock:
            self._is_cut = False

    def close(self) -> None:
        """Forward nothing any more."""
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                here, _ = self._listener.accept()
                with self._lock:
                    if self._is_cut:
                        here.close()
                        continue
                    there = socket.create_connection(("127.0.0.1", self._target))
                    self._open |= {here, there}
                threading.Thread(target=self._join, args=(here, there), daemon=True).start()

    def _join(self, here: socket.socket, there: socket.socket) -> None:
        with here, there:
            back = threading.Thread(target=_forward, args=(there, here), daemon=True)
            back.start()
            _forward(here, there)
            back.join()
            with self._lock:
                self._open -= {here, there}


def _forward(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(65536):
            other.sendall(data)
    with contextlib.suppress(OSError):
        other.shutdown(socket.SHUT_WR)


@contextmanager
def proxy_to(port: int) -> Iterator[Proxy]:
    """A proxy to a port of this machine."""
    proxy = Proxy(port)
    try:
        yield proxy
    finally:
        proxy.close()

"""Listening for agents: nobody who says nothing, or the wrong thing, keeps anyone out."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from multiprocessing import AuthenticationError

from hpsearch.agents.link import BEAT_S, Gone, Link
from hpsearch.errors import UsageError

HANDSHAKE_S = 10.0
MAX_STRANGERS = 64  # at a time; more hang up on the oldest
FULL_S = 1.0  # until it is tried again, where this process has too many files open


class Listener:
    """Takes connections, and proves each in a thread of its own.

    Args:
        host: A name or address of this machine; all of them if empty.
        port: 0 for any.
        key: What who dials must know.
        welcome: Called in a thread of its own with each link that is proved.
        say: Called once for each address that does not know the key.
        beat_s: Seconds between two beats.
        handshake_s: Time for a proof.

    Raises:
        UsageError: It is not possible to listen there.
    """

    def __init__(
        self,
        host: str,
        port: int,
        key: bytes,
        welcome: Callable[[Link], object],
        say: Callable[[str], object],
        *,
        beat_s: float = BEAT_S,
        handshake_s: float = HANDSHAKE_S,
    ) -> None:
        self._key, self._welcome, self.say = key, welcome, say
        self._beat_s, self._handshake_s = beat_s, handshake_s
        try:
            found = socket.getaddrinfo(
                host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
            family, _, _, _, address = found[0]
            self._sock = socket.create_server(address[:2], family=family, backlog=128)
        except OSError as error:
            raise UsageError(
                f"cannot listen on {host or 'all addresses'}, port {port}: "
                f"{error.strerror or error}; name an address of this machine and a free port"
            ) from error
        self.host, self.port = self._sock.getsockname()[:2]
        self._strangers: dict[Link, None] = {}
        self._refused: set[str] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._listen, name="listener", daemon=True).start()

    def close(self) -> None:
        """Listen no more; links that are proved stay."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self._sock.close()
        with self._lock:
            strangers = list(self._strangers)
        for link in strangers:
            link.close()

    def _listen(self) -> None:
        while True:
            try:
                sock, address = self._sock.accept()
            except OSError:
                if self._sock.fileno() == -1:
                    return
                time.sleep(FULL_S)
                continue
            link = Link(sock, self._beat_s)
            with self._lock:
                while len(self._strangers) >= MAX_STRANGERS:
                    oldest = next(iter(self._strangers))
                    del self._strangers[oldest]
                    oldest.close()
                self._strangers[link] = None
            threading.Thread(
                target=self._meet, args=(link, str(address[0])), name="link", daemon=True
            ).start()

    def _meet(self, link: Link, address: str) -> None:
        timer = threading.Timer(self._handshake_s, link.close)
        timer.daemon = True
        timer.start()
        try:
            link.authenticate(self._key, dialed=False)
        except AuthenticationError:
            self._refuse(address)
            link.close()
            return
        except Gone:
            link.close()
            return
        finally:
            timer.cancel()
            with self._lock:
                self._strangers.pop(link, None)
        self._welcome(link)

    def _refuse(self, address: str) -> None:
        with self._lock:
            is_known = address in self._refused
            self._refused.add(address)
        if not is_known:
            self.say(f"refused {address}: whoever dials from there does not know the key")

"""Several hosts on this machine: network namespaces around a switch.

Each host has one cable to the switch. A cable that is unplugged there drops what is sent over
it, and neither side is told: no reset, no loss of carrier.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from tests.needed import lacks

Result = TypeVar("Result")
CLONE_NEWNET = 0x40000000


class Hosts:
    """Hosts named by a test, at 10.99.0.1, .2, ...

    Args:
        names: Of the hosts.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.prefix = f"hps{os.getpid()}"
        self.addresses = {name: f"10.99.0.{n}" for n, name in enumerate(names, 1)}
        self._made: list[str] = []

    def build(self) -> None:
        """Make namespaces and cables.

        Raises:
            PermissionError: This is not allowed here; the message says what was refused.
        """
        switch = self._namespace("switch")
        self._ip("-n", switch, "link", "add", "br0", "type", "bridge")
        self._ip("-n", switch, "link", "set", "br0", "up")
        for name, address in self.addresses.items():
            host = self._namespace(name)
            peer = ["peer", "name", "eth0", "netns", host]
            self._ip("-n", switch, "link", "add", name, "type", "veth", *peer)
            self._ip("-n", host, "addr", "add", f"{address}/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                self._ip("-n", host, "link", "set", device, "up")
            self._ip("-n", switch, "link", "set", name, "up")
            self.plug(name)

    def destroy(self) -> None:
        """Remove all of it."""
        for name in self._made:
            subprocess.run(["ip", "netns", "del", name], check=False)

    def plug(self, name: str) -> None:
        """Plug a host's cable in."""
        self._ip("-n", f"{self.prefix}-switch", "link", "set", name, "master", "br0")

    def unplug(self, name: str) -> None:
        """Pull a host's cable out at the switch."""
        self._ip("-n", f"{self.prefix}-switch", "link", "set", name, "nomaster")

    @contextmanager
    def slowed(self, name: str, rate: str) -> Iterator[None]:
        """A slow cable for what a host sends, such as `16kbit`, in small packets."""
        self._ip("-n", f"{self.prefix}-{name}", "link", "set", "eth0", "mtu", "500")
        inside = ["ip", "netns", "exec", f"{self.prefix}-{name}", "tc", "qdisc"]
        limits = ["tbf", "rate", rate, "burst", "1600", "latency", "20s"]
        subprocess.run([*inside, "add", "dev", "eth0", "root", *limits], check=True)
        yield
        subprocess.run([*inside, "del", "dev", "eth0", "root"], check=True)

    def command(self, name: str, *command: str) -> list[str]:
        """A command on a host."""
        return ["ip", "netns", "exec", f"{self.prefix}-{name}", *command]

    def run_on(self, name: str, act: Callable[[], Result]) -> Result:
        """Call a function on a host; sockets that it makes stay there."""
        results: list[Result] = []

        def work() -> None:
            with open(f"/run/netns/{self.prefix}-{name}") as namespace:  # noqa: PTH123
                if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
            results.append(act())

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        return results[0]

    def _namespace(self, name: str) -> str:
        whole = f"{self.prefix}-{name}"
        self._ip("netns", "add", whole)
        self._made.append(whole)
        return whole

    def _ip(self, *arguments: str) -> None:
        try:
            subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
        except FileNotFoundError as error:
            raise PermissionError("there is no ip here: install iproute2") from error
        except subprocess.CalledProcessError as error:
            raise PermissionError(f"ip {' '.join(arguments)}: {error.stderr.strip()}") from error


@contextmanager
def built(names: Sequence[str]) -> Iterator[Hosts]:
    """Hosts for as long as the block runs."""
    hosts = Hosts(names)
    try:
        try:
            hosts.build()
        except PermissionError as error:
            lacks(f"no network namespaces here: {error}")
        yield hosts
    finally:
        hosts.destroy()

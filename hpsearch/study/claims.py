"""Claims: which launcher works on a trial, and in which attempt.

A launcher that was cut off for a while may find its trials taken over by others. It must not
write into them any more: each write of a claimed trial looks first whether the claim stands.
"""

from __future__ import annotations

from collections.abc import Callable

from hpsearch.errors import Conflict


class TrialTaken(Conflict):
    """Another launcher has taken over a trial, or has finished it.

    Args:
        by: The claim that stands now; empty if nobody has claimed it again.
    """

    def __init__(self, by: str = "") -> None:
        launcher = by.rpartition(":")[0]
        who = f" by {describe(launcher)}" if launcher else ""
        super().__init__(f"taken over{who}, as this launcher was cut off from the storage")


class Claims:
    """The claims of this launcher.

    Args:
        read: By the ID of a trial: the claim that is stored with it, and whether it runs.
    """

    def __init__(self, read: Callable[[int], tuple[str, bool]]) -> None:
        self._read = read
        self._held: dict[int, str] = {}

    def hold(self, trial_id: int, claim: str) -> None:
        """Watch over a trial from now on."""
        self._held[trial_id] = claim

    def release(self, trial_id: int) -> None:
        """Watch over it no longer."""
        self._held.pop(trial_id, None)

    def holds(self, trial_id: int) -> bool:
        """Whether this launcher watches over a trial."""
        return trial_id in self._held

    def require(self, trial_id: int) -> None:
        """Look whether a claim still stands, before a write; others' trials are not looked at.

        Raises:
            TrialTaken: It does not.
        """
        claim = self._held.get(trial_id)
        if claim is None:
            return
        stored, runs = self._read(trial_id)
        if stored != claim or not runs:
            raise TrialTaken(stored if stored != claim else "")


def describe(launcher: str) -> str:
    """A launcher's name as messages show it: `process 4711 on lab3`."""
    host, pid, _token = launcher.rsplit(":", 2)
    return f"process {pid} on {host}"

"""The state of a data set on this machine: where it is, and whether its files are sound."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hpsearch.data.sources import Found, Source, fault, locate
from hpsearch.errors import DataCorrupt, DataNotFound

# A file that its publisher edits now and then; the task's `load` checks what it contains.
UNVERIFIED = "present, with no fixed SHA-256 to verify"


@dataclass(frozen=True)
class Status:
    """Where a data set is, and what is wrong with its files."""

    source: Source
    found: Found | None
    """None if no place has every file."""
    faults: dict[str, str]
    """By file; empty text where nothing is wrong."""

    @property
    def files(self) -> dict[str, str]:
        """The state of each file in a word, or what is wrong with it."""
        if self.found is None:
            return {file.name: "absent" for file in self.source.files}
        return {
            file.name: self.faults[file.name] or ("verified" if file.sha256 else UNVERIFIED)
            for file in self.found.files
        }

    @property
    def is_usable(self) -> bool:
        """Whether a search could start without a download."""
        is_there = self.found is not None or not self.source.files
        return is_there and not any(self.faults.values())

    def require_usable(self) -> None:
        """Refuse a data set that is absent or damaged.

        Raises:
            DataNotFound: No place has every file.
            DataCorrupt: Some files are damaged.
        """
        if self.is_usable:
            return
        name = self.source.name
        if self.found is None:
            raise DataNotFound(f"{name} is not on this machine: hpsearch data fetch {name}")
        damaged = [file for file, reason in self.faults.items() if reason]
        raise DataCorrupt(
            f"{len(damaged)} of the {len(self.found.files)} files of {name} cannot be used: "
            f"delete or replace {', '.join(damaged)}"
        )


def look_at(source: Source, data: Path | None) -> Status:
    """Find a data set and verify each of its files.

    Args:
        source: The data set.
        data: The user's data folder.

    Raises:
        DataError: There is no such data folder, or a file cannot be read.
    """
    found = locate(source, data) if source.files else None
    if found is None:
        return Status(source, None, {})
    faults = {file.name: fault(found.folder / file.name, file) for file in found.files}
    return Status(source, found, faults)

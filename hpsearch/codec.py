"""One codec for what is stored and what is said: dataclasses to plain JSON and back.

Records outlive the program that wrote them, so each names its schema, `hpsearch.study/1`:

- A new field has a default, so older content is still read.
- A field that this program does not know is ignored, so newer content is read too.
- A change that would break either raises the number, and a higher number is refused.

Messages are read within seconds, by the same version as a rule: each names its class. The
first two rules hold for them too; one whose meaning changes gets another name.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import msgspec

from hpsearch.errors import StorageError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

T = TypeVar("T")
U = TypeVar("U")
V = TypeVar("V")
Stored = TypeVar("Stored", bound="DataclassInstance")


@dataclass(frozen=True)
class Schema(Generic[Stored]):
    """A kind of stored record, up to the version that this program knows."""

    name: str
    version: int
    """Of what is written now; all from 1 up to it are read."""
    record: type[Stored]

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"

    def encode(self, record: Stored) -> dict[str, Any]:
        """The content to store, in which all values are JSON's."""
        return {"schema": str(self), **asdict(record)}

    def decode(self, content: object, called: str) -> Stored:
        """Read stored content.

        Args:
            content: What `encode` returned once, here or in another version of hpsearch.
            called: What messages call it, such as `study 'digits'`.

        Raises:
            StorageError: A newer hpsearch wrote it, or it is damaged.
        """
        try:
            version = self._version_of(content)
            if version <= self.version:
                return _structure(content, self.record)
        except ValueError as error:
            raise StorageError(
                f"{called} is damaged in the storage: {error}; restore the storage from a backup; "
                "nothing was changed"
            ) from error
        raise StorageError(
            f"{called} was written by a newer hpsearch (schema {version}, this one reads up to "
            f"{self.version}): upgrade hpsearch; nothing was changed"
        )

    def _version_of(self, content: object) -> int:
        """The version of the schema that some content names.

        Raises:
            ValueError: It names none of this kind.
        """
        schema = content.get("schema") if isinstance(content, dict) else None
        name, _, version = str(schema).rpartition("/")
        if name != self.name:
            raise ValueError(f"its schema is {schema!r}, not {str(self)!r}")
        return int(version)


def encode(message: DataclassInstance) -> str:
    """A message as a line of JSON."""
    return json.dumps({"kind": type(message).__name__, **asdict(message)})


@overload
def decode(line: str | bytes, one: type[T], /) -> T: ...
@overload
def decode(line: str | bytes, one: type[T], two: type[U], /) -> T | U: ...
@overload
def decode(line: str | bytes, one: type[T], two: type[U], three: type[V], /) -> T | U | V: ...
@overload
def decode(line: str | bytes, /, *kinds: type[Any]) -> Any: ...
def decode(line: str | bytes, *kinds: type[T]) -> T:
    """The message in a line.

    Args:
        line: What `encode` returned.
        kinds: The classes that it may be of.

    Raises:
        ValueError: It is no message of these kinds.
    """
    try:
        content = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not a line of JSON: {error}") from error
    kind = content.get("kind") if isinstance(content, dict) else None
    for known in kinds:
        if kind == known.__name__:
            return _structure(content, known)
    expected = " or ".join(known.__name__ for known in kinds)
    raise ValueError(f"the line is no message of the kind {expected}")


def _structure(content: object, kind: type[T]) -> T:
    """Plain values as an instance of a dataclass, each field's type checked.

    Raises:
        ValueError: A field is missing, or has the wrong type; one line says which.
    """
    return msgspec.convert(content, kind)

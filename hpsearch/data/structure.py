"""One array, or several by name: the form in which Keras takes data.

    structure                    named
    array                        {"": array}
    {"image": a, "text": b}      {"image": a, "text": b}
    (a, b)                       {"0": a, "1": b}
    None                         {}

Whatever is done to data is done to each named array, so one array is not a special case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias, TypeVar

from hpsearch.errors import DataError

Leaf = TypeVar("Leaf")
Structure: TypeAlias = "Leaf | dict[str, Leaf] | tuple[Leaf, ...]"
"""One thing, several by name, or several by place."""


def named(structure: Structure[Any] | None) -> dict[str, Any]:
    """What a structure consists of by name, in an order that does not depend on the dict's."""
    match structure:
        case None:
            return {}
        case dict():
            return {name: structure[name] for name in sorted(structure)}
        case tuple():
            return {str(place): one for place, one in enumerate(structure)}
    return {"": structure}


def of_named(parts: Mapping[str, Any]) -> Any:
    """The structure that `named` made this of."""
    if not parts:
        return None
    if "" in parts:
        return parts[""]
    if all(name.isdecimal() for name in parts):
        return tuple(parts[str(place)] for place in range(len(parts)))
    return dict(parts)


def mapped(function: Callable[..., Any], *structures: Any) -> Any:
    """A structure of what a function makes of the parts of others, which are all alike."""
    first, *others = map(named, structures)
    return of_named({
        name: function(part, *(other[name] for other in others)) for name, part in first.items()
    })  # fmt: skip


def place_in(whole: str, name: str) -> str:
    """How Python code gets at a part of a structure: `x`, `x['image']` or `x[0]`."""
    if not name:
        return whole
    return f"{whole}[{name if name.isdecimal() else repr(name)}]"


def require_names(structure: Any, whole: str) -> None:
    """Refuse a structure whose parts cannot be named in messages, files and tables.

    Args:
        structure: As a study file made it.
        whole: What the file calls it, `x`.

    Raises:
        DataError: It is empty, or a name is no text, a number, or cannot be part of a path.
    """
    if isinstance(structure, dict | tuple) and not structure:
        raise DataError(f"{whole} is an empty {type(structure).__name__}: give it an array")
    for name in structure if isinstance(structure, dict) else ():
        is_text = isinstance(name, str) and name.isprintable() and not set(name) & {"/", "\\"}
        if not is_text or not name or name.isdecimal():
            raise DataError(
                f"{whole} has the name {name!r}: use the name of an input or output of the "
                "network, or a tuple in their order"
            )

"""A trial's params, which a KerasTuner `build(hp)` can ask like its own `hp`.

Python's own modules only: an exported folder holds this file as it stands.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any


class HyperParameters(dict[str, Any]):
    """Params by name, and KerasTuner's methods to ask for them.

    Args:
        params: All that the search space suggested.
    """

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params)
        self._names: list[str] = []
        self._is_active = [True]

    def Int(  # noqa: N802  # KerasTuner's name
        self,
        name: str,
        min_value: int,
        max_value: int,
        step: int | None = None,
        sampling: str = "linear",
        default: int | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """A whole number; None in a scope that is not active."""
        return self._ask(name, parent_name, parent_values, self._int, min_value, max_value, step,
                         sampling, default)  # fmt: skip

    def Float(  # noqa: N802
        self,
        name: str,
        min_value: float,
        max_value: float,
        step: float | None = None,
        sampling: str = "linear",
        default: float | None = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """A number; None in a scope that is not active."""
        return self._ask(name, parent_name, parent_values, self._float, min_value, max_value, step,
                         sampling, default)  # fmt: skip

    def Choice(  # noqa: N802
        self,
        name: str,
        values: Sequence[Any],
        ordered: bool | None = None,
        default: Any = None,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """One of some values; None in a scope that is not active."""
        return self._ask(name, parent_name, parent_values, self._choice, values, default)

    def Boolean(  # noqa: N802
        self,
        name: str,
        default: bool = False,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """True or False; None in a scope that is not active."""
        return self._ask(name, parent_name, parent_values, self._choice, [False, True], default)

    def Fixed(  # noqa: N802
        self,
        name: str,
        value: Any,
        parent_name: str | None = None,
        parent_values: Any = None,
    ) -> Any:
        """A value that is not searched; None in a scope that is not active."""
        with self._scope(parent_name, parent_values):
            if not self._is_active[-1]:
                return None
            self[self._full(name)] = value
            return value

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a hyperparameter; `default` if it has none."""
        return super().get(self._full(name), default)

    @contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """What is asked for inside has `name/` before its own name."""
        self._names.append(name)
        try:
            yield
        finally:
            self._names.pop()

    @contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Any) -> Iterator[None]:
        """What is asked for inside has a value only while the parent has one of these."""
        values = parent_values if isinstance(parent_values, list | tuple) else [parent_values]
        full = self._full(parent_name)
        if full not in self and self._is_active[-1]:
            raise ValueError(f"conditional_scope({parent_name!r}, ...): nothing has that name yet")
        self._is_active.append(self._is_active[-1] and super().get(full) in values)
        try:
            yield
        finally:
            self._is_active.pop()

    @contextmanager
    def _scope(self, parent_name: str | None, parent_values: Any) -> Iterator[None]:
        if parent_name is None:
            yield
            return
        with self.conditional_scope(parent_name, parent_values):
            yield

    def _ask(
        self, name: str, parent_name: str | None, parent_values: Any, kind: Any, *range_: Any
    ) -> Any:
        with self._scope(parent_name, parent_values):
            return kind(self._full(name), *range_) if self._is_active[-1] else None

    def _full(self, name: str) -> str:
        return "/".join([*self._names, name])

    def _int(self, name: str, *range_: Any) -> Any:
        return self[name]

    def _float(self, name: str, *range_: Any) -> Any:
        return self[name]

    def _choice(self, name: str, *range_: Any) -> Any:
        return self[name]

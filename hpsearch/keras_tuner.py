"""The search space of a KerasTuner `build(hp)`: what it asks `hp` for, with Keras left out.

The launcher must not import Keras, and a space has to be known before a network is built. So
`build` is run with a stand-in for everything that belongs to Keras or its backend: it takes any
call and is good for nothing. What remains of `build` is what decides the space: `hp`, loops and
conditions.
"""

from __future__ import annotations

import builtins
import types
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from hpsearch.errors import StudyFileError
from hpsearch.hyperparameters import HyperParameters
from hpsearch.task import Params

if TYPE_CHECKING:
    from optuna import Trial

LEFT_OUT = {"keras", "tensorflow", "tf_keras", "jax", "torch"}
Build = Callable[[Any], Any]


def keras_tuner_space(build: Build) -> Callable[[Trial], None]:
    """The space that a KerasTuner `build(hp)` asks for, as a task's `space`.

    Args:
        build: A function of the study file.

    Returns:
        Raises `StudyFileError` when called if `build` asks for a range that Optuna does not
        have, or if a loop or condition depends on something of Keras's.
    """

    def space(trial: Trial) -> None:
        _without_keras(build)(_Suggested(trial))

    return space


def keras_tuner_defaults(build: Build) -> Params:
    """The default of each hyperparameter that a KerasTuner `build(hp)` asks for.

    Without `default=`, it is the lowest number, the first choice, or False.

    Args:
        build: A function of the study file.

    Raises:
        StudyFileError: A loop or condition depends on something of Keras's.
    """
    asked = _Defaults({})
    _without_keras(build)(asked)
    return asked.searched


class _Suggested(HyperParameters):
    """Asks a trial for each value."""

    def __init__(self, trial: Trial) -> None:
        super().__init__({})
        self.trial = trial

    def _int(self, name: str, *range_: Any) -> Any:
        low, high, step, sampling, _ = range_
        if _is_log(name, sampling) and step is not None:
            return self._of(name, _powers(name, low, high, step))
        by = step or 1
        high = low + (high - low) // by * by  # KerasTuner leaves the rest out, too
        is_log = sampling == "log"
        self[name] = self.trial.suggest_int(name, low, high, step=by, log=is_log)
        return self[name]

    def _float(self, name: str, *range_: Any) -> Any:
        low, high, step, sampling, _ = range_
        if _is_log(name, sampling) and step is not None:
            return self._of(name, _powers(name, low, high, step))
        if step is not None:
            high = low + int((high - low) / step + 1e-8) * step
        is_log = sampling == "log"
        self[name] = self.trial.suggest_float(name, low, high, step=step, log=is_log)
        return self[name]

    def _choice(self, name: str, *range_: Any) -> Any:
        return self._of(name, list(range_[0]))

    def _of(self, name: str, choices: list[Any]) -> Any:
        self[name] = self.trial.suggest_categorical(name, choices)
        return self[name]


class _Defaults(HyperParameters):
    """Answers with defaults."""

    def __init__(self, params: Mapping[str, Any]) -> None:
        super().__init__(params)
        self.searched: Params = {}

    def _int(self, name: str, *range_: Any) -> Any:
        low, _high, _step, _sampling, default = range_
        return self._answer(name, low if default is None else default)

    def _float(self, name: str, *range_: Any) -> Any:
        low, _high, _step, _sampling, default = range_
        return self._answer(name, float(low if default is None else default))

    def _choice(self, name: str, *range_: Any) -> Any:
        values, default = range_
        first = None if None in values else values[0]
        return self._answer(name, first if default is None else default)

    def _answer(self, name: str, value: Any) -> Any:
        value = self.setdefault(name, value)  # who asks again gets the same
        self.searched[name] = value
        return value


def _is_log(name: str, sampling: str | None) -> bool:
    if sampling not in (None, "linear", "log"):
        raise StudyFileError(
            f"hp {name!r}: Optuna has no sampling={sampling!r}: use 'log' or 'linear'"
        )
    return sampling == "log"


def _powers(name: str, low: float, high: float, factor: float) -> list[float]:
    """With `sampling="log"`, a step multiplies."""
    if low <= 0 or factor <= 1:
        raise StudyFileError(f"hp {name!r}: sampling='log' needs min_value > 0 and step > 1")
    values = [low]
    while values[-1] * factor <= high * (1 + 1e-9):
        values.append(values[-1] * factor)
    return values


class _Absent:
    """Stands for anything of Keras's: takes all that is done to it, and decides nothing."""

    def __init__(self, name: str) -> None:
        self.__dict__["_name"] = name

    def __getattr__(self, name: str) -> _Absent:
        if name.startswith("__"):
            raise AttributeError(name)
        return _Absent(f"{self._name}.{name}")

    def __setattr__(self, name: str, value: object) -> None:
        pass

    def __setitem__(self, key: object, value: object) -> None:
        pass

    def __call__(self, *args: object, **kwargs: object) -> _Absent:
        return _Absent(f"{self._name}(...)")

    def __getitem__(self, key: object) -> _Absent:
        return _Absent(f"{self._name}[...]")

    def __enter__(self) -> _Absent:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def __mro_entries__(self, bases: object) -> tuple[type, ...]:
        return ()

    def _same(self, *other: object) -> _Absent:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __neg__ = _same
    __truediv__ = __rtruediv__ = __floordiv__ = __pow__ = __mod__ = __matmul__ = _same
    __lt__ = __le__ = __gt__ = __ge__ = _same
    __eq__ = __ne__ = _same  # type: ignore[assignment]
    __hash__ = object.__hash__

    def _refuse(self, *args: object) -> NoReturn:
        raise StudyFileError(
            f"the search space depends on {self._name}, but it has to be known without Keras: let "
            "hp alone decide loops and conditions"
        )

    __bool__ = __iter__ = __len__ = __index__ = __int__ = __float__ = __contains__ = _refuse


def _without_keras(build: Build) -> Build:
    """The same function, with stand-ins for all that its module has of Keras.

    Raises:
        StudyFileError: It is no function.
    """
    if not isinstance(build, types.FunctionType):
        raise StudyFileError(f"a KerasTuner build(hp) has to be a function, not {build!r}")
    module = build.__globals__
    own = {**module, "__builtins__": {**vars(builtins), "__import__": _import}}
    for name, value in module.items():
        if isinstance(value, types.FunctionType) and value.__globals__ is module:
            own[name] = _in(value, own)
        elif _home(value) in LEFT_OUT:
            own[name] = _Absent(name)
    return _in(build, own)


def _in(function: types.FunctionType, module: dict[str, Any]) -> types.FunctionType:
    """A function with other globals."""
    copy = types.FunctionType(
        function.__code__, module, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__kwdefaults__ = function.__kwdefaults__
    return copy


def _import(name: str, *args: Any) -> Any:
    if name.partition(".")[0] not in LEFT_OUT:
        return builtins.__import__(name, *args)
    return _Absent(name)


def _home(value: object) -> str:
    """The package that something comes from."""
    where = value.__name__ if isinstance(value, types.ModuleType) else type(value).__module__
    if isinstance(value, type | types.FunctionType):
        where = value.__module__
    return str(where).partition(".")[0]

"""The logs of an epoch, and of a measurement on test: Keras's, and what a task adds to them."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real
from typing import Any

from hpsearch.errors import StudyFileError
from hpsearch.goal import Logs
from hpsearch.study_file import calling
from hpsearch.task import Task


def complete(task: Task, keras_logs: Mapping[str, Any]) -> Logs:
    """Keras's logs as plain numbers, and what `also_log` makes of them.

    Raises:
        StudyFileError: `also_log` raised, or returned something else than more logs; or
            would do so on test, which is better told after the first epoch than after a search.
    """
    logs = {name: float(value) for name, value in keras_logs.items()}
    if task.also_log is None:
        return logs
    code = getattr(task.also_log, "__code__", None)
    filename = "the study file" if code is None else code.co_filename
    with calling(f"also_log, given Keras's logs {sorted(logs)},", filename):
        more = task.also_log(dict(logs))
    if not isinstance(more, Mapping):
        raise StudyFileError(f"also_log= returned {more!r}, not a dict of more logs")
    for name, value in more.items():
        if not isinstance(name, str) or not isinstance(value, Real):
            raise StudyFileError(
                f"also_log= returned {value!r} for {name!r}: a name and a number make a log"
            )
        if name in logs:
            raise StudyFileError(
                f"also_log= returned {name!r}, which Keras logs already: return new ones only"
            )
    found = {**logs, **{name: float(value) for name, value in more.items()}}
    on_test = {name: value for name, value in logs.items() if not name.startswith("val_")}
    if on_test != logs:
        metric = task.metric.removeprefix("val_")
        if metric not in complete(task, on_test) and task.metric in found:
            raise StudyFileError(
                f"also_log= returned {task.metric!r}, but no {metric!r} where it got logs without "
                f"validation, as those on test are: {sorted(on_test)}"
            )
    return found

"""Writes the study file that a call of `hpsearch.tune` stands for."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from hpsearch.own_file import marked
from hpsearch.study.space import Probe
from hpsearch.study_file import calling
from hpsearch.task import TRAINER_PARAMS, Params, ParamValue, Task
from hpsearch.tuning.source import Sources, sorted_imports

WRITER = "hpsearch.tune"
TEMPLATE = '''\
"""{title}

hpsearch.tune wrote this file for {script}, and writes it again when that runs.
"""

from __future__ import annotations

from pathlib import Path

{imports}from hpsearch import {public}
from hpsearch.data import open_arrays
{constants}

def load(_folder):
    """The arrays that tune was given: train, valid{and_test}."""
    return open_arrays(Path(__file__).with_name("{data[0]}") / "{data[1]}")


{definitions}


TASK = Task(
{task})
'''


def study_text(
    task: Task,
    *,
    functions: Mapping[str, Callable[..., Any]],
    script: str,
    data: tuple[str, str],
    has_test: bool,
) -> str:
    """The text of the study file.

    Args:
        task: What it declares.
        functions: The task's, by field, whose source is copied; without `space`, it is what
            `build` asks for, as KerasTuner has it.
        script: Who called `tune`.
        data: The folder of the arrays, below a folder beside the study file.
        has_test: Whether there is a test split.

    Raises:
        UsageError: A function cannot stand in a file of its own.
    """
    sources = Sources()
    for field, function in functions.items():
        sources.add(function, field)
    fields = ["load=load,", *(f"{name}={one.__name__}," for name, one in functions.items())]
    public = ["Budget", "Task"]
    if "space" not in functions:
        public.append("keras_tuner_space")
        fields.append(f"space=keras_tuner_space({functions['build'].__name__}),")
    fields += ["baseline={", *(f"    {_code(n)}: {_code(v)}," for n, v in task.baseline.items())]
    fields += ["},", f"metric={_code(task.metric)},", f"direction={_code(task.direction)},"]
    if task.unit:
        fields.append(f"unit={_code(task.unit)},")
    if (weights := task.class_weight_of({})) is not None:
        fields.append(f"class_weight={_code(weights)},")
    fields.append(f"budget=Budget(n_trials={task.budget.n_trials}),")
    imports = sorted_imports(sources.imports.values())
    return marked(
        TEMPLATE.format(
            title=f"{functions['build'].__name__} of {script}, tuned.",
            script=script,
            imports="".join(f"{line}\n" for line in imports) + ("\n" if imports else ""),
            constants="".join(f"\n{line}" for line in sources.constants.values())
            + ("\n" if sources.constants else ""),
            public=", ".join(public),
            and_test=", test" if has_test else "",
            data=data,
            definitions="\n\n\n".join(sources.definitions.values()),
            task="".join(f"    {line}\n" for line in fields),
        ),
        WRITER,
    )


def complete_baseline(
    space: Callable[[Any], object], given: Mapping[str, ParamValue], filename: str
) -> Params:
    """A value for each hyperparameter that a space suggests first.

    Args:
        space: The user's function.
        given: Values to keep; the others are in the middle of their ranges, or the first choice.
        filename: Of the script, for messages.

    Raises:
        StudyFileError: The space raised, or suggests an invalid range.
    """

    def choose(name: str, distribution: BaseDistribution) -> ParamValue:
        return given[name] if name in given else middle(distribution)

    probe = Probe({}, choose)
    with calling("space(trial)", filename):
        space(probe)
    trained = {name: given[name] for name in TRAINER_PARAMS if name in given}
    return {**trained, **probe.chosen, **given}


def middle(distribution: BaseDistribution) -> ParamValue:
    """The value in the middle of a range, on its own scale; of choices the first."""
    match distribution:
        case IntDistribution(low=low, high=high, step=step, log=log):
            between = math.sqrt(low * high) if log else (low + high) / 2
            return low + step * int((between - low) / step)
        case FloatDistribution(low=low, high=high, step=float() as step):
            return min(high, low + step * round((high - low) / 2 / step))
        case FloatDistribution(low=low, high=high, log=log):
            between = math.sqrt(low * high) if log else (low + high) / 2
            return min(high, max(low, float(f"{between:.3g}")))
        case CategoricalDistribution(choices=choices):
            return choices[0]
    raise TypeError(f"unknown distribution: {distribution}")


def _code(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) and repr(value) == f"'{value}'" else repr(value)

"""`hpsearch.tune`: from arrays and two functions to the best network."""

from __future__ import annotations

import linecache
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from hpsearch.agents.on import opened
from hpsearch.choices import DEFAULT_STORAGE
from hpsearch.data.arrays import Dataset, write_dataset
from hpsearch.errors import DataError, StudyFileError, UsageError
from hpsearch.export.network_code import network_code
from hpsearch.files import atomic_folder
from hpsearch.goal import Direction
from hpsearch.keras_tuner import keras_tuner_defaults, keras_tuner_space
from hpsearch.notebook.kernel import kernel_shell
from hpsearch.notebook.live import open_view
from hpsearch.own_file import require_name, require_own, write_own
from hpsearch.processes.stop import Stop
from hpsearch.searching.launch import options_of, run_declared
from hpsearch.study.space import explore
from hpsearch.study_file import StudyFile, calling, run_study_file
from hpsearch.task import TRAINER_PARAMS, Budget, ClassWeight, ParamValue, Task
from hpsearch.terminal.closing import print_closing
from hpsearch.tuning.given import dataset_of
from hpsearch.tuning.result import Tuned
from hpsearch.tuning.source import require_argument, require_function
from hpsearch.tuning.writing import complete_baseline, study_text

EPOCHS, BATCH_SIZE = 10, 32
"""Unless the space or the user says otherwise; the batch size is Keras's own default."""
WITHOUT_A_FILE = "tuned"
"""The study of a notebook, or of what is typed into Python."""


def tune(
    build: Callable[[Any], Any],
    space: Callable[[Any], object] | None = None,
    x: Any = None,
    y: Any = None,
    *,
    sample_weight: Any = None,
    validation_data: Sequence[Any] | None = None,
    validation_split: float = 0.2,
    test_data: Sequence[Any] | None = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    trials: int = 20,
    metric: str = "val_accuracy",
    direction: Direction = "maximize",
    unit: str = "",
    baseline: Mapping[str, ParamValue] | None = None,
    class_weight: ClassWeight = None,
    callbacks: Callable[[Any], Sequence[Any]] | None = None,
    study: str | None = None,
    storage: str = DEFAULT_STORAGE,
    timeout_s: float | None = None,
    slots: int | None = None,
    on: str | None = None,
    seed: int | None = None,
    sampler: str | None = None,
    pruner: str | None = None,
    replicates: str | None = None,
) -> Tuned:
    """Search for the best hyperparameters of a network, and continue where that was stopped.

    It writes the study file that the call stands for, `NAME.py`, and the arrays beside it, into
    the current folder. So all of hpsearch works on the study: run the script again to resume,
    or use `hpsearch show`, `dashboard`, `evaluate` and `export` with its name.

    Args:
        build: Params but `epochs` -> a compiled model. Like all functions here, defined with
            `def` in a script, a module or a cell; it is copied, with what it needs.
        space: Suggests each hyperparameter, with `trial.suggest_int`, `suggest_float` or
            `suggest_categorical`. None for what a `build(hp)` of KerasTuner asks for.
        x: Examples, of shape (n, ...): an array, or a dict or tuple of arrays. Those that are
            mapped from a file, `np.load("x.npy", mmap_mode="r")`, are used there.
        y: Their labels, of shape (n, ...), likewise.
        sample_weight: How much each example counts in the loss, of shape (n,).
        validation_data: `(x, y)` or `(x, y, sample_weight)` to compare trials on.
        validation_split: Without `validation_data`, the share of the examples that is held out
            for that: each class keeps its share.
        test_data: As `validation_data`. No trial sees them; `evaluate` opens them once.
        epochs: Of each trial, 10 by default; leave it out if the space suggests `epochs`.
        batch_size: Likewise; 32 by default.
        trials: The study's total number of trials.
        metric: A key of Keras's logs on validation.
        direction: `maximize` or `minimize`.
        unit: For regression: of the numbers that the network predicts, such as `EUR`.
        baseline: Values of trial 0; by default each is in the middle of its range.
        class_weight: As Keras's `fit` takes it, or `balanced`.
        callbacks: Params but `epochs` -> Keras callbacks.
        study: The study's name and that of its file; by default `SCRIPT_study`, or `tuned`
            where there is no script.
        storage: A storage URL.
        timeout_s: Seconds after which no new epoch starts.
        slots: Trials run in parallel; by default one per core, on each node.
        on: Where trials run, as `hpsearch run --on` takes it; by default on this machine.
        seed: Base of all randomness.
        sampler: As `hpsearch.search` takes it.
        pruner: Likewise.
        replicates: Likewise.

    Returns:
        The best params and their value, the trials, the network.

    Raises:
        UsageError: An argument cannot be used; nothing was written.
        HpsearchError: Of other kinds; what is stored stays intact.
        KeyboardInterrupt: Ctrl-C stopped the search; running the script again continues it.
    """
    given = {"build": build, "space": space, "callbacks": callbacks}
    functions = {role: function for role, function in given.items() if function is not None}
    for role, function in functions.items():
        require_function(function, role)
        require_argument(function, role, "trial" if role == "space" else "params")
    if callable(class_weight):
        raise UsageError(
            "class_weight= takes a dict of weights by label, or 'balanced': a function of the "
            "params belongs into a study file, which hpsearch init writes"
        )
    name = _name(study)
    options = options_of(
        storage=storage,
        trials=trials,
        timeout_s=timeout_s,
        slots=slots,
        seed=seed,
        sampler=sampler,
        pruner=pruner,
        replicates=replicates,
    )
    dataset = dataset_of(
        x,
        y,
        sample_weight,
        validation_data=validation_data,
        validation_split=validation_split,
        test_data=test_data,
        seed=seed or 0,
    )
    fixed = {"epochs": epochs, "batch_size": batch_size}
    task = _task(
        functions,
        {name: value for name, value in fixed.items() if value is not None},
        baseline or {},
        metric=metric,
        direction=direction,
        unit=unit,
        class_weight=class_weight,
        budget=Budget(n_trials=trials),
    )
    path = Path(f"{name}.py")
    folder = Path(f"{name}_data"), dataset.identity()[:8]
    text = study_text(
        task,
        functions=functions,
        script=_script(),
        data=(str(folder[0]), folder[1]),
        has_test=dataset.test is not None,
    )
    study_file = run_study_file(text, str(path.resolve()))
    network_code(study_file)  # raises what `export` would raise
    require_own(path)
    is_notebook = kernel_shell() is not None
    with (
        _arrays_kept(dataset, Path(*folder)) as keep,
        open_view() as view,
        opened(on, slots, view.say) as nodes,
    ):
        options = replace(options, nodes=nodes)

        def accepted() -> None:
            write_own(path, text)
            keep()

        found, stop = run_declared(study_file, options, view, accepted)
        if is_notebook:  # whose cell shows what is returned
            view.say(f"stopped: {stop.value}")
    if not is_notebook:
        print_closing(found, stop)
    if stop is Stop.INTERRUPTED:
        raise KeyboardInterrupt("run it again to continue")
    if stop is Stop.TERMINATED:
        raise SystemExit(143)
    return Tuned(name, storage, path)


def _task(
    functions: Mapping[str, Any],
    fixed: Mapping[str, int],
    baseline: Mapping[str, ParamValue],
    **fields: Any,
) -> Task:
    """The task, once its space is known to be sound."""
    own = functions.get("space", functions["build"])
    filename, namespace = own.__code__.co_filename, own.__globals__
    if "space" not in functions:
        with calling("build(hp), asked for the space since there is no space=,", filename):
            baseline = {**keras_tuner_defaults(own), **baseline}
        functions = {**functions, "space": keras_tuner_space(own)}
    suggested = complete_baseline(functions["space"], baseline, filename)
    for name, default in zip(TRAINER_PARAMS, (EPOCHS, BATCH_SIZE), strict=True):
        if name in suggested and name in fixed:
            raise UsageError(
                f"the space suggests {name!r}, or the baseline has it: leave {name}= out"
            )
        suggested.setdefault(name, fixed.get(name, default))
    first = {name: suggested.pop(name) for name in TRAINER_PARAMS}
    task = Task(load=_never, baseline={**first, **suggested}, **functions, **fields)
    text = "".join(linecache.getlines(filename, namespace))
    try:
        explore(StudyFile("", filename, text, task))
    except SyntaxError as error:  # the script has changed since it was started
        raise StudyFileError(f"{filename} is not Python: {error.msg}") from error
    return task


def _never(folder: Path) -> Dataset:
    raise AssertionError("the study file has a load of its own")


@contextmanager
def _arrays_kept(dataset: Dataset, folder: Path) -> Iterator[Callable[[], object]]:
    """The arrays, in a folder that is named after what they are.

    Yields:
        Says that they are to stay; without it, a folder that was not there before goes again.
    """
    is_new = not folder.exists()
    kept: list[bool] = []
    try:
        if is_new:
            _write_arrays(dataset, folder)
        yield partial(kept.append, True)
    finally:
        if is_new and not kept:
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):  # others are in it
                folder.parent.rmdir()


def _write_arrays(dataset: Dataset, folder: Path) -> None:
    try:
        folder.parent.mkdir(exist_ok=True)
        with atomic_folder(folder) as scratch:
            write_dataset(dataset, scratch)
            scratch.chmod(0o755)  # temporary folders are private
    except OSError as error:
        raise DataError(f"cannot write {folder}: {error.strerror or error}") from error


def _name(study: str | None) -> str:
    script = getattr(sys.modules["__main__"], "__file__", None)
    if study is None:
        study = f"{Path(script).stem}_study" if script else WITHOUT_A_FILE
    require_name(study)
    return study


def _script() -> str:
    script = getattr(sys.modules["__main__"], "__file__", None)
    name = Path(script).name if script else "a notebook"
    return name.replace("\\", "/").replace('"', "'")  # it goes into a docstring
